import ArgumentParser
import Corpora
import Experiments
import Foundation
import Layers
import Recommendation
import Studies
import Tensors
import Training

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure what was trained, or the model it was made from, on held-out data.",
        discussion: """
              wallfacer evaluate sft sft-2
              wallfacer evaluate sft sft-2 --set data.heldOut=mine.jsonl
              wallfacer evaluate sft SmolLM2-135M-Instruct --set data.train=esconv
              wallfacer evaluate recommend recommend-sasrec-1
              wallfacer evaluate recommend recommend-sasrec-1 --predictions lists.csv

            A trained model is measured with the recipe that it was trained with; other models need the data named.
            """)

    @Argument(help: ArgumentHelp("How to measure; recommend for any recommender.", valueName: "method"))
    var method: String

    @Argument(help: "A trained model by its name or folder, or any other model.")
    var model: String

    @OptionGroup var recipe: RecipeOptions

    @Option(help: "Short for --set precision=…")
    var precision: Precision?

    @Option(
        help: ArgumentHelp(
            "Write what a recommender is measured by to a CSV file: user, item, label and probability of each test row, or "
                + "user, place, item, score and hit of each list.",
            valueName: "file"))
    var predictions: String?

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if predictions?.isEmpty == true { throw ValidationError("--predictions is empty; a file is needed") }
        if let predictions, predictions == output.output {
            throw ValidationError("--predictions and --output are one file; two are needed")
        }
    }

    func run() async throws {
        let named = method == Self.anyRecommender ? nil : try MethodList.named(method)
        try output.check()
        let isRecommender = named == nil || named is any RecommendationMethod.Type
        let folder = try isRecommender ? ModelPlace.locateRecommender(model) : ModelPlace.locate(model)
        try ArtefactManifest.verifyOpening(folder)
        let method = try named ?? Self.recommender(folder)
        let rows = try predictions.map { file in
            guard method is any RecommendationMethod.Type else {
                throw Failure.badUsage(
                    "--predictions: \(method.name) is not measured by rows; allowed for "
                        + RecommendationMethods.opened.map { $0.name }.joined(separator: ", "))
            }
            return try RowFile(file)
        }
        var document = try recipe.document(stored: stored(folder, method.name))
        if let precision { try document.set("precision=\(precision.rawValue)") }
        threads.apply()
        if let used = try method.precision(document) {
            StandardError.write("\(method.name), \(used.rawValue), threads: \(Runtime.threadCount)")
        }
        var session = TrainingSession(output: folder)
        session.locateModel = { try ModelPlace.locate($0.isEmpty ? nil : $0) }
        session.say = { StandardError.write($0) }
        if let rows { session.writeRow = { try rows.append($0) } }
        let measured = try await Self.evaluate(method, folder, document, session)
        try rows?.finish()
        let result = EvaluationRow(measured, method: method.name, model: folder.path)
        var table = Table(measured.description, columns: ["metric", "value", "95 %"])
        for (name, value) in measured.metrics.sorted(by: { $0.key < $1.key }) {
            let interval = measured.intervals[name].map {
                Table.Cell.text("\(Numbers.short($0.lowerBound)) to \(Numbers.short($0.upperBound))")
            }
            table.append([.text(name), .number(value), interval ?? .empty])
        }
        table.note = "n = \(Numbers.grouped(measured.count))"
        try output.write(result, tables: [table])
    }

    /// Stands for the method of whichever recommender is measured.
    private static let anyRecommender = "recommend"

    private static func recommender(_ folder: URL) throws -> any Method.Type {
        let kind = try ArtefactManifest.read(from: folder).kind
        guard RecommendationMethods.opened.contains(where: { $0.name == kind }) else {
            throw SavedRecommenderError.notARecommender(folder: folder.path, kind: kind)
        }
        return try MethodList.named(kind)
    }

    @TensorActor
    private static func evaluate(
        _ method: any Method.Type, _ folder: URL, _ document: RecipeDocument, _ session: TrainingSession
    ) throws -> MethodEvaluation {
        func measure<M: Method>(_ method: M.Type) throws -> MethodEvaluation {
            try method.evaluate(folder, with: method.settings(document), in: session)
        }
        return try measure(method)
    }

    /// The recipe in a trained model's manifest; all defaults for a model that was not trained here.
    private func stored(_ folder: URL, _ method: String) throws -> RecipeDocument {
        let file = folder.appending(path: ArtefactManifest.fileName)
        guard FileManager.default.fileExists(atPath: file.path) else { return RecipeDocument() }
        let manifest = try ArtefactManifest.read(from: folder)
        guard manifest.kind == method else {
            throw Failure("\(model): was trained by \(manifest.kind); evaluate it with that method")
        }
        return try RecipeDocument(yaml: manifest.recipe, source: file.path)
    }
}

/// What `evaluate --json` prints.
private struct EvaluationRow: Encodable {
    let method: String
    let model: String
    let description: String
    let count: Int
    let metrics: [String: Double]
    /// The ends of 95 % intervals.
    let intervals: [String: [Double]]

    init(_ measured: MethodEvaluation, method: String, model: String) {
        self.method = method
        self.model = model
        description = measured.description
        count = measured.count
        metrics = measured.metrics.filter(\.value.isFinite)
        intervals = measured.intervals.mapValues { [$0.lowerBound, $0.upperBound] }
    }
}
