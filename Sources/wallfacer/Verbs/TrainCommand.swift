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
            Ctrl-C saves and leaves; --resume goes on bit for bit with the same recipe, of which only limits and \
            intervals may change. The path of what was trained is printed; its name works as --model.
            """)

    @Argument(help: ArgumentHelp("What to train.", valueName: "method"))
    var method: String

    @OptionGroup var recipe: RecipeOptions

    @Option(help: ArgumentHelp("The model to start from; short for --set model=…", valueName: "model"))
    var model: String?

    @Option(help: ArgumentHelp("What to call the result; its run, such as sft-2, if not said.", valueName: "name"))
    var name: String?

    @Flag(help: "Go on from where the training was interrupted.")
    var resume = false

    @Option(help: "Short for --set precision=…")
    var precision: Precision?

    @OptionGroup var threads: ThreadOptions

    @Flag(help: "Print JSON, for scripts.")
    var json = false

    func validate() throws {
        if let name {
            guard !name.isEmpty, !name.contains("/"), !name.hasPrefix("."), !name.hasSuffix(".checkpoint") else {
                throw ValidationError(
                    "--name is \(name.debugDescription); allowed: a name without / that begins with no dot")
            }
            // What is written first has a longer name, and file systems end at 255 bytes.
            guard name.utf8.count <= 128 else {
                throw ValidationError("--name has \(name.utf8.count) bytes; allowed: up to 128")
            }
            if !resume, TrainingPlace.isNumbered(name) {
                throw ValidationError("--name is \(name); a method and a number is what runs without a name are called")
            }
        }
        if model?.isEmpty == true { throw ValidationError("--model is empty; a model is needed") }
    }

    func run() async throws {
        let method = try MethodList.named(method)
        let interrupted = try resume ? TrainingPlace.interrupted(method.name, name: name) : nil
        var document = try recipe.document(stored: interrupted.map { try stored($0) } ?? RecipeDocument())
        if let model { try document.set("model=\(model)") }
        if let precision { try document.set("precision=\(precision.rawValue)") }
        let used = try method.precision(document)
        threads.apply()
        if let used {
            StandardError.write("\(method.name), \(used.rawValue), threads: \(Runtime.threadCount)")
        }
        let store = try RunStore()
        let place = try interrupted ?? TrainingPlace.new(method.name, name: name, store: store)
        defer { withExtendedLifetime(place.claim) {} }
        var session = TrainingSession(output: place.folder, store: store)
        session.resumes = resume
        session.name = name
        session.runID = place.runID
        session.locateModel = { try ModelPlace.locate($0.isEmpty ? nil : $0) }
        session.say = { StandardError.write($0) }
        session.willTrain = { Interruption.install() }
        let trained = try await Self.train(method, document, session)
        if trained.wasInterrupted {
            StandardError.write(
                "saved; `wallfacer train \(method.name) --name \(session.output.lastPathComponent) --resume` goes on")
            throw CancellationError()
        }
        if json {
            let result = TrainedRow(
                artefact: trained.folder.path, run: trained.runID, metrics: trained.metrics.filter(\.value.isFinite))
            return try StandardOutput.write(StableJSON.text(result))
        }
        for (name, value) in trained.metrics.sorted(by: { $0.key < $1.key }) {
            let isCount = value == value.rounded() && abs(value) < 1e15
            StandardError.write("\(name): \(isCount ? Numbers.grouped(Int(value)) : Numbers.short(value))")
        }
        try StandardOutput.line(trained.folder.path)
    }

    /// What an interrupted training was begun with, over which single values may be laid.
    private func stored(_ place: TrainingPlace) throws -> RecipeDocument {
        let checkpoint = TrainingSession(output: place.folder)
        return try checkpoint.storedRecipe().map { try RecipeDocument(yaml: $0, source: checkpoint.checkpoint.path) }
            ?? RecipeDocument()
    }

    @TensorActor
    private static func train(
        _ method: any Method.Type, _ document: RecipeDocument, _ session: TrainingSession
    ) throws -> TrainedArtefact { try method.train(recipe: document, in: session) }
}

/// What `train --json` prints.
private struct TrainedRow: Encodable {
    let artefact: String
    let run: String?
    let metrics: [String: Double]
}
