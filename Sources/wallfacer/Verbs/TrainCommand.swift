import ArgumentParser
import Corpora
import Experiments
import Foundation
import Layers
import Studies
import Tensors
import Training

struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a model with a published method.",
        discussion: """
              wallfacer train sft --set data.train=chats.jsonl
              wallfacer train sft --recipe mine.yaml --set optimizer.learningRate=1e-4
              wallfacer train pretrain --set data.0.source=book.txt --name tales
              wallfacer train sft --name support --resume

            Methods: \(MethodList.names.joined(separator: ", ")). `wallfacer recipe copy METHOD` shows every setting. \
            Ctrl-C saves and leaves; --resume goes on bit for bit. The path of what was trained is printed; its name \
            works as --model.
            """)

    @Argument(help: ArgumentHelp("What to train.", valueName: "method"))
    var method: String

    @OptionGroup var recipe: RecipeOptions

    @Option(help: ArgumentHelp("The model to start from; short for --set model=…", valueName: "model"))
    var model: String?

    @Option(help: ArgumentHelp("What to call the result; the method and a number if not said.", valueName: "name"))
    var name: String?

    @Flag(help: "Go on from where the training was interrupted.")
    var resume = false

    @Option(help: "Short for --set precision=…")
    var precision: Precision?

    @OptionGroup var threads: ThreadOptions

    @Flag(help: "Print JSON, for scripts.")
    var json = false

    func validate() throws {
        if let name, name.isEmpty || name.contains("/") || name.hasPrefix(".") {
            throw ValidationError(
                "--name is \(name.debugDescription); allowed: a name without / that begins with no dot")
        }
    }

    func run() async throws {
        let method = try MethodList.named(method)
        var document = try recipe.document()
        if let model { try document.set("model=\(model)") }
        if let precision { try document.set("precision=\(precision.rawValue)") }
        threads.apply()
        if let used = try method.precision(document) {
            StandardError.write("\(method.name), \(used.rawValue), threads: \(Runtime.threadCount)")
        }
        var session = TrainingSession(output: try place(method.name), store: try RunStore())
        session.resumes = resume
        session.name = name
        session.locateModel = { try ModelDirectory().locate($0.isEmpty ? PublishedModel.standard : $0) }
        session.say = { StandardError.write($0) }
        Interruption.install()
        let trained = try await Self.train(method, document, session)
        if trained.wasInterrupted {
            StandardError.write(
                "saved; `wallfacer train \(method.name) --name \(session.output.lastPathComponent) --resume` with the "
                    + "same recipe goes on")
            throw CancellationError()
        }
        if json {
            let result = TrainedRow(
                artefact: trained.folder.path, run: trained.runID, metrics: trained.metrics.filter(\.value.isFinite))
            return print(try StableJSON.text(result), terminator: "")
        }
        for (name, value) in trained.metrics.sorted(by: { $0.key < $1.key }) {
            StandardError.write("\(name): \(Numbers.short(value))")
        }
        print(trained.folder.path)
    }

    @TensorActor
    private static func train(
        _ method: any Method.Type, _ document: RecipeDocument, _ session: TrainingSession
    ) throws -> TrainedArtefact { try method.train(recipe: document, in: session) }

    /// The folder of the result: the name's own, or the first number that is free. Resuming takes the newest checkpoint.
    private func place(_ method: String) throws -> URL {
        let artefacts = ModelDirectory().artefacts
        func folder(_ name: String) -> URL { artefacts.appending(path: name, directoryHint: .isDirectory) }
        func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
        func checkpoint(_ name: String) -> URL { TrainingSession(output: folder(name)).checkpoint }
        let names = [method] + (2...10_000).map { "\(method)-\($0)" }
        if resume {
            let found = name.map { [$0] } ?? names.prefix { exists(folder($0)) || exists(checkpoint($0)) }
            guard let name = found.last(where: { exists(checkpoint($0)) }) else {
                throw Failure("nothing to resume: no checkpoint of \(name ?? method) in \(artefacts.path)")
            }
            return folder(name)
        }
        if let name {
            if exists(folder(name)) || exists(checkpoint(name)) {
                throw Failure("\(folder(name).path): is there already; choose another --name, or --resume")
            }
            return folder(name)
        }
        guard let free = names.first(where: { !exists(folder($0)) && !exists(checkpoint($0)) }) else {
            throw Failure("\(artefacts.path): no number is free for \(method); give a --name")
        }
        return folder(free)
    }
}

/// What `train --json` prints.
private struct TrainedRow: Encodable {
    let artefact: String
    let run: String?
    let metrics: [String: Double]
}
