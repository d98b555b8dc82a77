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

    /// Called before the work, which should not be lost at its end.
    /// - Throws: `Failure` where the file cannot be written.
    func check() throws {
        if let output { try OutputFile.check(output) }
    }

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
        guard let output else { return try StandardOutput.write(text) }
        try OutputFile.write(Data(text.utf8), to: output)
    }

    /// Tables fit the terminal; files and pipes get every word.
    private var tableWidth: Int? {
        output == nil && Terminal.showsOutput ? Terminal.width(of: STDOUT_FILENO) : nil
    }
}
