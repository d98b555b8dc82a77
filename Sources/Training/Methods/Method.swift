public import Foundation

/// One system that can be trained, with the same name in `train`, `evaluate`, `study`, recipes and PAPERS.
public protocol Method: Sendable {
    /// Its settings; the initial values are the published defaults.
    associatedtype Settings: Recipe

    /// As it is typed, for example `sft`.
    static var name: String { get }
    /// What it does, in one sentence.
    static var summary: String { get }
    /// The studies that measure it.
    static var studies: [String] { get }

    /// Trains on the data that the settings name and writes an artefact to ``TrainingSession/output``.
    @TensorActor
    static func train(_ settings: Settings, in session: TrainingSession) throws -> TrainedArtefact

    /// Measures an artefact, or the base model it was made from, on held-out data.
    @TensorActor
    static func evaluate(_ artefact: URL, with settings: Settings, in session: TrainingSession) throws
        -> MethodEvaluation
}

extension Method {
    public static var studies: [String] { [] }

    /// The settings of a recipe file with values laid over it.
    /// - Throws: ``RecipeError`` with everything that is wrong.
    public static func settings(_ document: RecipeDocument) throws -> Settings {
        try document.recipe(Settings.self, method: name)
    }

    /// Reads the recipe and trains: what the command line calls for a method it knows by name only.
    @TensorActor
    public static func train(recipe document: RecipeDocument, in session: TrainingSession) throws -> TrainedArtefact {
        let settings = try settings(document)
        // Before data are read for an hour.
        try session.requireOrigin(recipe: RecipeText.plain(settings, method: name))
        return try train(settings, in: session)
    }

    /// Evaluates with the recipe that the artefact was trained with, and `document` laid over nothing else.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, recipe document: RecipeDocument?, in session: TrainingSession
    ) throws -> MethodEvaluation {
        let manifest = try ArtefactManifest.read(from: artefact)
        let stored = try RecipeDocument(yaml: manifest.recipe, source: "\(artefact.lastPathComponent)/manifest.json")
        return try evaluate(artefact, with: try settings(document ?? stored), in: session)
    }

    /// The recipe for a person to edit.
    public static func commentedRecipe() throws -> String {
        try RecipeText.commented(Settings(), method: name, title: summary)
    }

    /// Checks a recipe file without training.
    public static func validate(_ document: RecipeDocument) throws { _ = try settings(document) }
}

/// What a training made.
public struct TrainedArtefact: Sendable {
    /// The folder with the manifest; the checkpoint's where the run was interrupted.
    public let folder: URL
    public let outcome: TrainingOutcome
    public let metrics: [String: Double]
    public let runID: String?

    public var wasInterrupted: Bool { outcome.reason == .interrupted }
}

/// What an evaluation measured.
public struct MethodEvaluation: Sendable {
    /// The data and the protocol in a phrase.
    public let description: String
    public let metrics: [String: Double]
    /// How many units (conversations, documents) were measured.
    public let count: Int
    /// 95 % intervals of some metrics; one unit alone has none.
    public let intervals: [String: ClosedRange<Double>]

    public init(
        description: String, metrics: [String: Double], count: Int, intervals: [String: ClosedRange<Double>] = [:]
    ) {
        self.description = description
        self.metrics = metrics
        self.count = count
        self.intervals = intervals.filter { $0.value.lowerBound.isFinite && $0.value.upperBound.isFinite }
    }
}
