import ArgumentParser
import Experiments
import Foundation
import Training

/// Where a result goes, and in which form.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON, for scripts.")
    var json = false

    @Option(help: ArgumentHelp("Write the result to a file instead of standard output.", valueName: "file"))
    var output: String?

    /// Hands over a result: as JSON where asked for, else as text for people.
    func write(_ value: some Encodable, text: () throws -> String) throws {
        try writeText(json ? StableJSON.text(value) : text())
    }

    /// The tables below each other, or the value as JSON.
    func write(_ value: some Encodable, tables: [Table]) throws {
        try write(value) { tables.map { $0.terminalText(width: tableWidth) }.joined(separator: "\n") }
    }

    /// Hands over a finished text, which ends with a line end.
    func writeText(_ text: String) throws {
        guard let output else { return print(text, terminator: "") }
        try OutputFile.write(Data(text.utf8), to: output)
    }

    /// Tables fit the terminal; files and pipes get every word.
    private var tableWidth: Int? {
        output == nil && Terminal.showsOutput ? Terminal.width(of: STDOUT_FILENO) : nil
    }
}

/// Files that the user names.
enum OutputFile {
    /// Writes beside the final name, then renames.
    static func write(_ data: Data, to path: String) throws {
        let url = URL(fileURLWithPath: (path as NSString).expandingTildeInPath)
        do {
            try data.write(to: url, options: .atomic)
        } catch {
            throw Failure("\(path): cannot be written: \(error.localizedDescription)")
        }
    }
}
