public import Corpora
import Evaluation
public import Foundation
import Layers
public import Tensors
public import Training

/// Settings of a method that learns from rows of features.
public struct FeatureRecipe<Model: ModelSettings>: Recipe, Equatable {
    public var data = FeatureDataRecipe()
    public var model = Model()
    public var fitting = FittingOptions()
    public var search = false
    public var seed = 0

    public init() {}

    public static var fields: [RecipeField] {
        [FittingOptions.searchField, RecipeField("seed", "Of weights and order.", range: .atLeast(0))]
            + FeatureDataRecipe.fields.nested(in: "data") + Model.fields.nested(in: "model")
            + FittingOptions.fields.nested(in: "fitting")
    }

    public func problems() -> [RecipeProblem] {
        data.interactions.problems(at: "data.interactions")
            + (data.labels.isEmpty
                ? [RecipeProblem("data.labels", found: "none", allowed: "at least one column")] : [])
            + (Set(data.labels).count < data.labels.count
                ? [RecipeProblem("data.labels", found: "\(data.labels)", allowed: "each column once")] : [])
    }
}

/// A model of features as a method: what differs between them.
public protocol FeatureMethod: RecommendationMethod where Settings == FeatureRecipe<Configuration> {
    associatedtype Configuration: ModelSettings
    associatedtype Network: FeatureModel

    static func network(
        _ configuration: Configuration, schema: FeatureSchema, from source: RandomSource
    ) throws -> Network
    /// Whether a training batch holds rows of one domain.
    static var separatesDomains: Bool { get }
}

/// The encoder and counts that are kept with a trained model.
private struct StoredEncoder: Codable {
    var encoder: FeatureEncoder
    var itemCounts: [Double]
}

extension FeatureMethod {
    public static var separatesDomains: Bool { false }

    private static var watched: WatchedMetric { WatchedMetric("AUC", isHigherBetter: true) }

    @TensorActor
    public static func train(_ settings: Settings, in session: TrainingSession) throws -> TrainedArtefact {
        var settings = settings
        settings.data.interactions = settings.data.interactions.located
        let seed = UInt64(settings.seed)
        let data = try settings.data.data(seed: seed)
        let schema = data.encoder.schema
        session.say(
            "data: \(data.name), \(data.train.count) rows to train on, \(data.validation.count) to validate, "
                + "\(data.test.count) to test; fields: \(schema.fieldNames.joined(separator: ", "))"
                + (data.unread.isEmpty ? "" : "; not read: \(data.unread.joined(separator: ", "))"))
        func new() throws -> Network { try network(settings.model, schema: schema, from: RandomSource(seed: seed)) }
        func batches() throws -> FeatureRowSource {
            try FeatureRowSource(
                data.train, rowsPerBatch: settings.fitting.rowsPerBatch,
                separatesDomains: separatesDomains && schema.domainCount > 1, seed: seed)
        }
        let validation = try PredictionMeasurement(data.validation, groups: data.validationUsers)
        if !validation.hasBothClasses {
            session.say(
                "validation: all labels are alike, so AUC is not defined; nothing is searched for, and the parameters of the "
                    + "last pass are kept")
        }
        let job = try settings.fitting.job(
            searching: settings.search && validation.hasBothClasses, stored: session.storedChoice(), watching: watched,
            source: batches,
            measure: { try validation.metrics($0) }, say: session.say, model: new)
        let recipe = try RecipeText.plain(settings, method: Self.name)
        var counts = [Double](repeating: 0, count: data.encoder.items.count + 1)
        let fields = schema.categories.count
        for row in 0..<data.train.count where (data.train.label(row, task: 0) ?? 0) > 0.5 {
            counts[Int(data.train.categories[row * fields + 1])] += 1
        }
        let stored = StoredEncoder(encoder: data.encoder, itemCounts: Array(counts.dropFirst()))
        return try session.run(Self.self, settings, base: nil, precision: "f32", job: job) { folder in
            job.learner.restoreBestBuffers()
            try RecommenderFiles.write(job.learner.model, names: stored, recipe: recipe, to: folder)
        }
    }

    /// AUC, AUC by user and log loss of every task on the test part, beside the base rate; for the first task also on the
    /// rows of users and of items that the training did not meet, where identities help nobody.
    /// The file of the training must be divided as it was for the training.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: Settings, in session: TrainingSession
    ) throws -> MethodEvaluation {
        if settings.data.interactions.located.source == (try trainedSettings(artefact)).data.interactions.source {
            try requireSameSplit(artefact, settings) { $0.data.interactions.splitSettings }
        }
        let stored = try RecommenderFiles.readNames(StoredEncoder.self, from: artefact)
        let model = try load(artefact, settings, stored.encoder)
        let data = try settings.data.data(seed: UInt64(settings.seed), stored: stored.encoder)
        var metrics: [String: Double] = [:]
        for (task, name) in settings.data.labels.enumerated() {
            let measurement = try PredictionMeasurement(data.test, task: task, groups: data.testUsers)
            let prefix = task == 0 ? "" : "\(name)."
            for (metric, value) in try measurement.metrics(model) { metrics[prefix + metric] = value }
            let rates = [data.train, data.test].map { rows in
                let known = (0..<rows.count).compactMap { rows.label($0, task: task).map(Double.init) }
                return known.isEmpty ? 0 : known.reduce(0, +) / Double(known.count)
            }
            let outcomes = (0..<data.test.count).compactMap { data.test.label($0, task: task).map { $0 > 0.5 } }
            metrics["\(prefix)baseRate.logLoss"] = try Likelihood.logLoss(
                probabilities: outcomes.map { _ in rates[0] }, outcomes: outcomes)
            metrics["\(prefix)positiveShare"] = rates[1]
        }
        let fields = stored.encoder.schema.categories.count
        for (place, slice) in ["newUsers", "newItems"].enumerated() {
            let isNew = { (row: Int) in data.test.categories[row * fields + place] == 0 }
            let rows = (0..<data.test.count).count(where: isNew)
            metrics["\(slice).share"] = Double(rows) / Double(data.test.count)
            guard rows > 0, let part = try? PredictionMeasurement(data.test, includes: isNew) else { continue }
            let found = try part.metrics(model)
            for name in ["AUC", "logLoss"] { metrics["\(slice).\(name)"] = found[name] }
        }
        if let writeRow = session.writeRow { try MeasuredRows.write(data, model, to: writeRow) }
        let split = settings.data.interactions.split.rawValue
        return MethodEvaluation(
            description: "\(data.name), \(split), test rows; GAUC over users by impressions", metrics: metrics,
            count: data.test.count)
    }

    public static func open(_ artefact: URL, recipe: RecipeDocument) throws -> SavedRecommender {
        let settings = try settings(recipe)
        let stored = try RecommenderFiles.readNames(StoredEncoder.self, from: artefact)
        let model = try load(artefact, settings, stored.encoder)
        return SavedRecommender(
            method: name, recommender: FeatureRecommender(model, encoder: stored.encoder),
            users: IdentifierMap(stored.encoder.users), items: IdentifierMap(stored.encoder.items),
            domains: IdentifierMap(stored.encoder.domains), itemCounts: stored.itemCounts)
    }

    public static func liked(_ recipe: RecipeDocument) throws -> InteractionLog {
        let settings = try settings(recipe)
        return try settings.data.liked(seed: UInt64(settings.seed))
    }

    private static func load(_ artefact: URL, _ settings: Settings, _ encoder: FeatureEncoder) throws -> Network {
        let model = try network(settings.model, schema: encoder.schema, from: RandomSource(seed: 0))
        try RecommenderFiles.load(model, from: artefact)
        return model
    }
}
