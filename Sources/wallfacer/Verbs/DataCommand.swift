import ArgumentParser
import Corpora
import Experiments
import Foundation

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Data sets: which there are, on which terms, and how to get them.",
        discussion: """
              wallfacer data list
              wallfacer data get esconv

            WALLFACER_DATA names a folder that is searched first, with one folder for each set.
            """,
        subcommands: [List.self, Get.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Data sets with licence and size.")

        @OptionGroup var output: OutputOptions

        func run() throws {
            let directory = DataDirectory()
            let rows = DataSet.all.map { DataRow($0, directory) }
            var table = Table(
                "", columns: ["data set", "size", "licence", "here", "what"],
                note: "Searched: " + directory.folders.map(\.path).joined(separator: ", "))
            for row in rows {
                table.append([
                    .text(row.name), .text(Numbers.bytes(row.bytes)), .text(row.licence),
                    row.path == nil ? .empty : "yes", .text(row.title),
                ])
            }
            try output.write(rows, tables: [table])
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Download a data set from its public origin.",
            discussion: "The licence is shown first; every file's sha256 is checked where it is known.")

        @Argument(help: "A name from `wallfacer data list`.")
        var name: String

        func run() async throws {
            guard let dataSet = DataSet.named(name) else {
                throw Failure.badUsage(
                    "data set \(name): unknown; there are " + DataSet.all.map(\.name).joined(separator: ", "))
            }
            let folder = WallfacerHome.current.dataSets
            let advice = dataSet.isRestricted ? " (check that your use is allowed)" : ""
            StandardError.write("\(dataSet.title)\nlicence: \(dataSet.licence)\(advice)")
            let display = DownloadDisplay()
            defer { display.finish() }
            try await Downloader().fetch(dataSet, into: folder, progress: display.update)
            try StandardOutput.line(folder.appending(path: dataSet.name).path)
        }
    }
}

/// A row of `data list --json`.
private struct DataRow: Encodable {
    let name: String
    let title: String
    let licence: String
    let isRestricted: Bool
    let note: String
    let bytes: Int
    /// Where it is, if it is here.
    let path: String?

    init(_ dataSet: DataSet, _ directory: DataDirectory) {
        name = dataSet.name
        title = dataSet.title
        licence = dataSet.licence
        isRestricted = dataSet.isRestricted
        note = dataSet.note
        bytes = dataSet.byteCount
        path = directory.folder(dataSet: dataSet.name)?.path
    }
}
