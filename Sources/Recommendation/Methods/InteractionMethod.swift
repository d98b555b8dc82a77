public import Corpora
import Evaluation
public import Foundation
import Layers
public import Tensors
public import Training

/// Settings of a method that learns from who met what.
public struct InteractionRecipe<Model: ModelSettings>: Recipe, Equatable {
    public var data = InteractionDataRecipe()
    public var model = Model()
    public var fitting = FittingOptions()
    public var search = false
    /// Lengths of lists that are measured.
    public var cutoffs = [10]
    public var seed = 0

    public init() {}

    public static var fields: [RecipeField] {
        [
            FittingOptions.searchField,
            RecipeField(
                "cutoffs", "Lengths of the lists that `evaluate` measures; training watches nDCG@10.",
                range: .between(1, 1_000)),
            RecipeField("seed", "Of weights, order and negatives.", range: .atLeast(0)),
        ]
            + InteractionDataRecipe.fields.nested(in: "data") + Model.fields.nested(in: "model")
            + FittingOptions.fields.nested(in: "fitting")
    }

    public func problems() -> [RecipeProblem] {
        data.problems(at: "data")
            + (cutoffs.isEmpty ? [RecipeProblem("cutoffs", found: "none", allowed: "at least one length")] : [])
    }
}

/// A model of identities or sequences as a method: what differs between them.
public protocol InteractionMethod: RecommendationMethod where Settings == InteractionRecipe<Configuration> {
    associatedtype Configuration: ModelSettings
    associatedtype Network: Recommender & TrainableModel where Network.Batch == InteractionBatch

    static func network(
        _ configuration: Configuration, userCount: Int, itemCount: Int, from source: RandomSource
    ) throws -> Network
    /// What a training row is, and whether it has a negative.
    static func rows(_ configuration: Configuration) -> (layout: InteractionSource.Layout, hasNegatives: Bool)
}

/// The names and counts that are kept with a trained model.
struct StoredNames: Codable {
    var users: [String]
    var items: [String]
    var itemCounts: [Double]
}

extension InteractionMethod {
    private static var watched: WatchedMetric { WatchedMetric("nDCG@10", isHigherBetter: true) }

    @TensorActor
    public static func train(_ settings: Settings, in session: TrainingSession) throws -> TrainedArtefact {
        var settings = settings
        settings.data = settings.data.located
        let seed = UInt64(settings.seed)
        let (split, name) = try settings.data.interactions(seed: seed)
        session.say(
            "data: \(name), \(split.log.userCount) users, \(split.log.itemCount) items, \(split.log.rowCount) "
                + "interactions, \(split.name)")
        func new() throws -> Network {
            try network(
                settings.model, userCount: split.log.userCount, itemCount: split.log.itemCount,
                from: RandomSource(seed: seed))
        }
        let (layout, hasNegatives) = rows(settings.model)
        func batches() throws -> InteractionSource {
            try InteractionSource(
                split, layout: layout, rowsPerBatch: settings.fitting.rowsPerBatch,
                sampler: hasNegatives ? NegativeSampler(split, exclusion: .trainOnly) : nil, seed: seed)
        }
        // Said before the training, not after its first pass.
        guard split.rowCount(.validation) > 0 else {
            throw RecommendationDataError.noRows(source: name, part: InteractionSplit.Part.validation.rawValue)
        }
        let validation = RankingMeasurement(split, part: .validation, data: name)
        let job = try settings.fitting.job(
            searching: settings.search, watching: watched, source: batches,
            measure: { try validation.metrics($0) }, say: session.say, model: new)
        if job.source.usersWithoutNegatives > 0 {
            session.say("\(job.source.usersWithoutNegatives) users met every item and are not learnt from")
        }
        let recipe = try RecipeText.plain(settings, method: Self.name)
        let names = StoredNames(
            users: split.log.users.tokens, items: split.log.items.tokens,
            itemCounts: split.trainItemCounts.map(Double.init))
        return try session.run(Self.self, settings, base: nil, precision: "f32", job: job) { folder in
            job.learner.restoreBestBuffers()
            try RecommenderFiles.write(job.learner.model, names: names, recipe: recipe, to: folder)
        }
    }

    /// Full ranking of the test part, beside popularity under the same protocol.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: Settings, in session: TrainingSession
    ) throws -> MethodEvaluation {
        let (split, name) = try settings.data.interactions(seed: UInt64(settings.seed))
        let model = try saved(artefact, settings)
        try requireSame("users", split.log.users, model.users, name)
        try requireSame("items", split.log.items, model.items, name)
        let test = RankingMeasurement(
            split, part: .test, cutoffs: settings.cutoffs, data: name, seeds: [UInt64(settings.seed)])
        let report = try measure(test, model.recommender)
        let popular = try test.metrics(Popularity(split))
        var metrics: [String: Double] = [:]
        var intervals: [String: ClosedRange<Double>] = [:]
        for k in settings.cutoffs {
            for metric in [RankingReport.Metric.hitRate, .discountedGain, .recall, .reciprocalRank] {
                guard let value = report.value(metric, k: k) else { continue }
                metrics[value.metric] = value.value
                let interval = try ConfidenceInterval.mean(report.perUser(metric, k: k).map(Double.init))
                intervals[value.metric] = interval.low...interval.high
            }
            for name in ["HR@\(k)", "nDCG@\(k)"] { metrics["popularity.\(name)"] = popular[name] }
        }
        return MethodEvaluation(
            description: report.protocol.description, metrics: metrics, count: report.evaluatedUsers,
            intervals: intervals)
    }

    private static func measure(_ test: RankingMeasurement, _ model: any Recommender) throws -> RankingReport {
        func open(_ model: some Recommender) throws -> RankingReport { try test(model) }
        return try open(model)
    }

    public static func open(_ artefact: URL, recipe: RecipeDocument) throws -> SavedRecommender {
        try saved(artefact, try settings(recipe))
    }

    public static func liked(_ recipe: RecipeDocument) throws -> InteractionLog {
        let settings = try settings(recipe)
        return try settings.data.interactions(seed: UInt64(settings.seed)).split.log
    }

    private static func saved(_ artefact: URL, _ settings: Settings) throws -> SavedRecommender {
        let names = try RecommenderFiles.readNames(StoredNames.self, from: artefact)
        let model = try network(
            settings.model, userCount: names.users.count, itemCount: names.items.count, from: RandomSource(seed: 0))
        try RecommenderFiles.load(model, from: artefact)
        return SavedRecommender(
            method: name, recommender: model, users: IdentifierMap(names.users), items: IdentifierMap(names.items),
            domains: IdentifierMap(), itemCounts: names.itemCounts)
    }
}

extension FittingOptions {
    /// A job of a training session with these options.
    /// - Parameter searching: whether rate and decay are searched first (``searched(watching:source:measure:say:model:)``,
    ///   whose the other parameters are).
    func job<Model: TrainableModel, Source: PassSource>(
        searching: Bool, watching watched: WatchedMetric, source: () throws -> Source,
        measure: @escaping (Model) throws -> [String: Double], say: (String) -> Void, model: () throws -> Model
    ) throws -> TrainingSession.Job<RecommendationLearner<Model>, Source> where Source.Batch == Model.Batch {
        let options =
            try searching
            ? searched(watching: watched, source: source, measure: measure, say: say, model: model) : self
        let model = try model()
        model.train()
        let source = try source()
        let learner = RecommendationLearner(model, watched: watched, measure: measure)
        var limits = options.limits(batchesPerPass: source.batchesPerPass, watching: watched)
        // A killed process loses minutes, and short trainings write nothing on the way.
        limits.checkpointSeconds = 300
        return TrainingSession.Job(
            learner: learner, source: source, optimizer: options.optimizer(for: learner.trainedParameters),
            schedule: LearningRateSchedule(peak: options.learningRate, totalSteps: limits.steps, decay: .constant),
            limits: limits)
    }
}
