public import Corpora
import Evaluation
public import Foundation
import Layers
public import Tensors
public import Training

/// Settings of a method whose lists are measured.
public protocol RankedRecipe: Recipe {
    var data: InteractionDataRecipe { get }
    /// Lengths of lists.
    var cutoffs: [Int] { get }
    /// Candidates that a test item is ranked among; 0: all.
    var sampledCandidates: Int { get }
    var seed: Int { get }
}

extension RankedRecipe {
    static var rankedFields: [RecipeField] {
        [
            RecipeField(
                "cutoffs", "Lengths of the lists that `evaluate` measures; training watches nDCG@10.",
                range: .between(1, 1_000)),
            RecipeField(
                "sampledCandidates",
                "`evaluate` ranks each test item among so many items drawn uniformly from those that the user has not met "
                    + "(100: RecBole's uni100), which is not comparable with 0: among all.",
                range: .between(0, 1_000_000)),
        ]
    }

    public func problems() -> [RecipeProblem] {
        data.problems(at: "data")
            + (cutoffs.isEmpty ? [RecipeProblem("cutoffs", found: "none", allowed: "at least one length")] : [])
    }
}

/// Settings of a method that learns from who met what.
public struct InteractionRecipe<Model: ModelSettings>: RankedRecipe, Equatable {
    public var data = Model.data
    public var model = Model()
    public var fitting = Model.fitting
    public var search = false
    /// Lengths of lists that are measured.
    public var cutoffs = [10]
    public var sampledCandidates = 0
    public var seed = 0

    public init() {}

    public static var fields: [RecipeField] {
        [
            FittingOptions.searchField,
            RecipeField("seed", "Of weights, order, negatives and sampled candidates.", range: .atLeast(0)),
        ] + rankedFields + InteractionDataRecipe.fields.nested(in: "data") + Model.fields.nested(in: "model")
            + FittingOptions.fields.nested(in: "fitting")
    }
}

/// A method whose models rank the items of one catalogue, measured by full ranking.
public protocol RankedMethod: RecommendationMethod where Settings: RankedRecipe {
    /// Opens a trained model.
    static func saved(_ artefact: URL, _ settings: Settings) throws -> SavedRecommender
}

/// The users and items that a model is made for.
public struct KnownEntities {
    public let userCount: Int
    public let itemCount: Int
    /// Vectors that a model takes as they are, where its method has some; nil where a file fills them in.
    public let vectors: ItemVectors?
}

/// A model of identities, of sequences or of decisions as a method: what differs between them.
public protocol InteractionMethod: RankedMethod where Settings == InteractionRecipe<Configuration> {
    associatedtype Configuration: ModelSettings
    associatedtype Network: Recommender & TrainableModel
    associatedtype Source: PassSource where Source.Batch == Network.Batch

    static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> Network
    /// Batches of the rows that may be learned from.
    static func source(
        _ configuration: Configuration, data: FeedbackData, rowsPerBatch: Int, seed: UInt64
    ) throws -> Source
    /// Vectors that are learned before the model; nil where it has none.
    static func vectors(_ configuration: Configuration, data: FeedbackData, seed: UInt64) throws -> ItemVectors?
}

extension InteractionMethod {
    public static func vectors(
        _ configuration: Configuration, data: FeedbackData, seed: UInt64
    ) throws -> ItemVectors? { nil }
}

/// The names and counts that are kept with a trained model.
struct StoredNames: Codable {
    var users: [String]
    var items: [String]
    var itemCounts: [Double]

    init(_ split: InteractionSplit) {
        users = split.log.users.tokens
        items = split.log.items.tokens
        itemCounts = split.trainItemCounts.map(Double.init)
    }
}

extension RankedMethod {
    /// What a search and early stopping go by.
    static var watched: WatchedMetric { WatchedMetric("nDCG@10", isHigherBetter: true) }
}

extension InteractionMethod {
    @TensorActor
    public static func train(_ settings: Settings, in session: TrainingSession) throws -> TrainedArtefact {
        var settings = settings
        settings.data = settings.data.located
        let seed = UInt64(settings.seed)
        let data = try settings.data.feedback(seed: seed)
        let (split, name) = (data.split, data.name)
        session.say(
            "data: \(name), \(split.log.userCount) users, \(split.log.itemCount) items, \(split.log.rowCount) "
                + "interactions, \(split.name)")
        // Said before the training, not after its first pass.
        guard split.rowCount(.validation) > 0 else {
            throw RecommendationDataError.noRows(source: name, part: InteractionSplit.Part.validation.rawValue)
        }
        let validation = RankingMeasurement(split, part: .validation, data: name)
        let known = KnownEntities(
            userCount: split.log.userCount, itemCount: split.log.itemCount,
            vectors: try naming(name) { try vectors(settings.model, data: data, seed: seed) })
        func new() throws -> Network { try network(settings.model, known: known, from: RandomSource(seed: seed)) }
        func batches() throws -> Source {
            try naming(name) {
                try source(settings.model, data: data, rowsPerBatch: settings.fitting.rowsPerBatch, seed: seed)
            }
        }
        let job = try settings.fitting.job(
            searching: settings.search, stored: session.storedChoice(), watching: watched,
            source: batches,
            measure: { try validation.metrics($0) }, say: session.say, model: new)
        if let remark = job.source.remark { session.say(remark) }
        let recipe = try RecipeText.plain(settings, method: Self.name)
        let names = StoredNames(split)
        return try session.run(Self.self, settings, base: nil, precision: "f32", job: job) { folder in
            job.learner.restoreBestBuffers()
            try RecommenderFiles.write(job.learner.model, names: names, recipe: recipe, to: folder)
        }
    }

    public static func saved(_ artefact: URL, _ settings: Settings) throws -> SavedRecommender {
        let names = try RecommenderFiles.readNames(StoredNames.self, from: artefact)
        let known = KnownEntities(userCount: names.users.count, itemCount: names.items.count, vectors: nil)
        let model = try network(settings.model, known: known, from: RandomSource(seed: 0))
        try RecommenderFiles.load(model, from: artefact)
        return SavedRecommender(
            method: name, recommender: model, users: IdentifierMap(names.users), items: IdentifierMap(names.items),
            domains: IdentifierMap(), itemCounts: names.itemCounts)
    }
}

extension RankedMethod {
    /// Ranking of the test part, beside popularity under the same protocol: of the file of the training, or of another one
    /// whose items the model knows. Users without an answer (whom a model of identities does not know, or without history)
    /// count as misses.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: Settings, in session: TrainingSession
    ) throws -> MethodEvaluation {
        let model = try saved(artefact, settings)
        let (split, name) = try measured(artefact, settings, model)
        let test = RankingMeasurement(
            split, part: .test, cutoffs: settings.cutoffs, data: name, seeds: [UInt64(settings.seed)],
            candidates: settings.sampledCandidates > 0 ? .uniform(count: settings.sampledCandidates) : .full)
        let report = try measure(
            test, model.recommender, eachList: session.writeRow.map { try MeasuredRows.lists(split.log, to: $0) })
        let popular = try test.metrics(Popularity(scores: model.itemCounts))
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
        let silent = test.usersWithoutAnswer(model.recommender)
        return MethodEvaluation(
            description: report.protocol.description
                + (silent > 0 ? "; \(silent) users without an answer count as misses" : ""), metrics: metrics,
            count: report.evaluatedUsers,
            intervals: intervals)
    }

    private static func measure(
        _ test: RankingMeasurement, _ model: any Recommender, eachList: ((Int, [RankedItem]) throws -> Void)?
    ) throws -> RankingReport {
        func open(_ model: some Recommender) throws -> RankingReport { try test(model, eachList: eachList) }
        return try open(model)
    }

    public static func open(_ artefact: URL, recipe: RecipeDocument) throws -> SavedRecommender {
        try saved(artefact, try settings(recipe))
    }

    public static func liked(_ recipe: RecipeDocument) throws -> InteractionLog {
        let settings = try settings(recipe)
        return try settings.data.feedback(seed: UInt64(settings.seed)).split.log
    }
}

/// Data without anything to learn from are named in the error that says so.
/// - Throws: what `body` throws, `BatchSourceError.empty` with the name of the data.
func naming<Result>(_ data: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch BatchSourceError.empty(let what) {
        throw BatchSourceError.empty(what: "\(data): \(what)")
    }
}

extension FittingOptions {
    /// A job of a training session with these options.
    /// - Parameters:
    ///   - searching: whether rate and decay are searched first (``searched(watching:source:measure:say:model:)``, whose the
    ///     other parameters are).
    ///   - stored: what the search of an interrupted training chose, which is taken in place of another search.
    func job<Model: TrainableModel, Source: PassSource>(
        searching: Bool, stored: [String: Double]? = nil, watching watched: WatchedMetric, source: () throws -> Source,
        measure: @escaping (Model) throws -> [String: Double], say: (String) -> Void, model: () throws -> Model
    ) throws -> TrainingSession.Job<RecommendationLearner<Model>, Source> where Source.Batch == Model.Batch {
        var options = self
        if searching, let found = stored.flatMap(options.with(choice:)) {
            options = found
            say("search: \(options.choiceText), as chosen before the interruption")
        } else if searching {
            options = try searched(watching: watched, source: source, measure: measure, say: say, model: model)
        }
        let model = try model()
        model.train()
        let source = try source()
        let learner = RecommendationLearner(model, watched: watched, measure: measure)
        var limits = options.limits(batchesPerPass: source.batchesPerPass, watching: watched)
        // A killed process loses minutes, and short trainings write nothing on the way.
        limits.checkpointSeconds = 300
        var job = TrainingSession.Job(
            learner: learner, source: source, optimizer: options.optimizer(for: model),
            schedule: LearningRateSchedule(peak: options.learningRate, totalSteps: limits.steps, decay: .constant),
            limits: limits)
        if searching { job.chosen = options.choice }
        return job
    }
}
