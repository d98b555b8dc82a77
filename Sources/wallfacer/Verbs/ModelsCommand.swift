import ArgumentParser
import Corpora
import Experiments
import Foundation

struct ModelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models",
        abstract: "Language models: which there are, which are here, and how to get them.",
        discussion: """
              wallfacer models list
              wallfacer models get Qwen2.5-0.5B-Instruct
              wallfacer chat --model Qwen2.5-0.5B-Instruct

            Any folder with config.json, tokenizer.json and safetensors works as --model, and any GGUF file.
            """,
        subcommands: [List.self, Get.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Published models with licence and size.")

        @OptionGroup var output: OutputOptions

        func run() throws {
            let directory = ModelDirectory()
            let rows = PublishedModel.all.map { ModelRow($0, directory) }
            var table = Table(
                "", columns: ["model", "parameters", "format", "size", "licence", "here", "note"],
                note: "Models are kept in \(directory.models.path)")
            for row in rows {
                table.append([
                    .text(row.name), .text("\(Numbers.grouped((row.parameters + 500_000) / 1_000_000)) M"),
                    .text(row.format),
                    row.bytes.map { .text(Numbers.bytes($0)) } ?? .empty, .text(row.licence),
                    row.path == nil ? .empty : "yes", .text(row.note),
                ])
            }
            try output.write(rows, tables: [table])
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Download a published model.",
            discussion: """
                A broken download is taken up where it stopped; checksums are compared where they are known. \
                HTTPS_PROXY is respected.
                """)

        @Argument(help: "A name from `wallfacer models list`.")
        var name: String

        func run() async throws {
            guard let model = PublishedModel.named(name) else {
                let names = PublishedModel.all.map(\.name)
                throw Failure.badUsage("model \(name): not published; there are \(names.joined(separator: ", "))")
            }
            let directory = ModelDirectory()
            let folder = directory.folder(of: model)
            if directory.isPresent(model) {
                StandardError.write("\(model.name) is here already")
                return try StandardOutput.line(directory.locate(model.name).path)
            }
            guard case .files(let files) = model.origin else {
                throw ModelLookupError.notHere(model, folder: folder.path)
            }
            StandardError.write("\(model.title): licence \(model.licence)")
            let display = DownloadDisplay()
            defer { display.finish() }
            try await Downloader().fetch(files, into: folder, progress: display.update)
            try StandardOutput.line(folder.path)
        }
    }
}

/// A row of `models list --json`.
private struct ModelRow: Encodable {
    let name: String
    let title: String
    let family: String
    let format: String
    let parameters: Int
    let bytes: Int?
    let licence: String
    let note: String
    /// Where it is, if it is here.
    let path: String?

    init(_ model: PublishedModel, _ directory: ModelDirectory) {
        name = model.name
        title = model.title
        family = model.family
        format = model.format
        parameters = model.parameters
        bytes = model.byteCount
        licence = model.licence
        note = model.note
        path = directory.isPresent(model) ? try? directory.locate(model.name).path : nil
    }
}
