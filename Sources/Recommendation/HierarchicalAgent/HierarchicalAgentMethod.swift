import Evaluation
public import Foundation
import Layers
import Tensors
public import Training
import Worlds

/// Settings of `hierarchical-agent`.
public struct HierarchicalAgentRecipe: Recipe, Equatable {
    /// The feed that is served.
    public enum Preset: String, Codable, Sendable, CaseIterable {
        case longTerm, null, twoTopics
    }

    public var world = Preset.longTerm
    public var items = 300
    public var agent = HierarchicalAgentConfiguration()
    public var training = FeedTrainingBudget()
    /// ℓ: the upper level sees sessions at least so many before the current one.
    public var lag = 1
    /// Without a source the agent learns in the feed world.
    public var data = InteractionDataRecipe.none
    public var log = LogSettings()
    public var search = false
    public var seed = 0

    public init() {}

    public static let fields =
        [
            RecipeField(
                "world",
                "longTerm: what is shown decides who comes back; null: it does not; twoTopics: it does, and which of two "
                    + "topics is best is known."),
            RecipeField("items", "The catalogue.", range: .between(20, 100_000)),
            RecipeField("lag", "Sessions by which the upper level is late.", range: .between(0, 1_000_000)),
            RecipeField(
                "search",
                "On a log: first tries eight settings of agent.warmUpRate, agent.lowerFreedom and log.imitation, each with "
                    + "a third of the updates, and trains with the best."),
            RecipeField("seed", "Of the world, the luck and the networks.", range: .atLeast(0)),
        ] + HierarchicalAgentConfiguration.fields.nested(in: "agent") + FeedTrainingBudget.fields.nested(in: "training")
        + [
            RecipeField(
                "data.source",
                "\"\" for the feed world; otherwise a log to learn from, for which world, items and the users of training do "
                    + "not matter: built-in (views of the feed world, data.rating=click); atomic files (FOLDER/NAME or "
                    + "FOLDER), a .csv, .tsv or .jsonl file, or a set below WALLFACER_DATA.")
        ] + InteractionDataRecipe.fields.filter { $0.path != "source" }.nested(in: "data")
        + LogSettings.fields.nested(in: "log")

    var configuration: FeedConfiguration {
        var configuration = world.configuration
        configuration.itemCount = items
        configuration.userCount = training.trainingUsers + training.measuredUsers
        return configuration
    }

    public func problems() -> [RecipeProblem] {
        var problems: [RecipeProblem] = []
        guard data.source.isEmpty else { return data.problems(at: "data") }
        if search {
            problems.append(
                RecipeProblem("search", found: "true", allowed: "false in the feed world (data.source is empty)"))
        }
        let least = max(training.episodeUsers, training.logUsers)
        if training.trainingUsers < least {
            problems.append(
                RecipeProblem(
                    "training.trainingUsers", found: "\(training.trainingUsers)",
                    allowed: "at least episodeUsers and logUsers, \(least)"))
        }
        return problems
    }
}

/// Trains the two-level agent in the feed world and measures it on users it has not learned from; or on a log, and measures
/// it on what was clicked next.
public enum HierarchicalAgentMethod: Method {
    public static let name = "hierarchical-agent"
    public static let summary =
        "Learns to serve a feed on two levels: a preference for each session, an item for each view."
    public static let studies = ["hierarchical-agent"]

    private static let file = "model.safetensors"

    @TensorActor
    public static func train(_ settings: HierarchicalAgentRecipe, in session: TrainingSession) throws
        -> TrainedArtefact
    {
        guard settings.data.source.isEmpty else { return try trainOnLog(settings, in: session) }
        let ground = try FeedTrainingGround(
            settings.configuration, budget: settings.training, seed: UInt64(settings.seed))
        let agent = agent(settings, ground)
        return try session.run(
            Self.self, settings, precision: "f32",
            train: { recorder in try serve(agent, ground, settings.agent.option.exploration, recorder, session) },
            writeFiles: { folder in
                try TensorArchive.write(
                    agent.namedParameters.map { ($0.name, $0.tensor) }, to: folder.appending(path: file).path)
            })
    }

    /// The rounds of training with their numbers in the run store, then the measurement.
    @TensorActor
    private static func serve(
        _ agent: HierarchicalAgent, _ ground: FeedTrainingGround, _ exploration: FeedExploration,
        _ recorder: RunRecorder?, _ session: TrainingSession
    ) throws -> TrainingProgress {
        let start = ContinuousClock.now
        var progress = TrainingProgress()
        let bar =
            session.showsProgress
            ? ProgressBar(title: name, steps: ground.budget.episodes, lineSeconds: session.progressLineSeconds) : nil
        defer { bar?.finish() }
        try ground.train(agent, exploration: exploration) { round, report in
            if Interruption.isRequested { throw CancellationError() }
            progress.tokens += report.views
            try recorder?.record(
                step: round + 1, tokens: progress.tokens,
                [
                    "clicksPerUser": report.expectedClicksPerUser, "sessionsPerUser": report.sessionsPerUser,
                    "viewsPerSession": report.viewsPerSession,
                ])
            bar?.update(
                step: round + 1, note: "\((100 * report.expectedClicksPerUser).rounded() / 100) clicks per user")
        }
        progress.step = ground.budget.updates
        progress.seconds = (ContinuousClock.now - start) / .seconds(1)
        progress.evaluation = metrics(try ground.measure(agent))
        return progress
    }

    /// The trained agent beside the random floor and the popular ranking, on users it has not learned from.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: HierarchicalAgentRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        guard settings.data.source.isEmpty else { return try evaluateOnLog(artefact, with: settings, in: session) }
        try requireSameSplit(artefact, settings) { ["data.source \($0.data.source.debugDescription)"] }
        let (agent, ground) = try load(artefact, settings)
        let report = try ground.measure(agent)
        let random = try ground.measurement.run(RandomFeedPolicy(seed: ground.seed))
        let popular = try ground.measurement.run(PopularFeedPolicy(world: ground.world))
        var found = metrics(report)
        found["clicksPerUser.random"] = random.expectedClicksPerUser
        found["clicksPerUser.popular"] = popular.expectedClicksPerUser
        let interval = try ConfidenceInterval.mean(report.expectedClicksByUser)
        return MethodEvaluation(
            description: "feed world (\(settings.world.rawValue)), 30 days, true click probabilities", metrics: found,
            count: report.users, intervals: ["clicksPerUser": interval.low...interval.high])
    }

    /// Serves users of a trained agent's own world.
    ///
    /// - Throws: ``RecommendationError/mismatch(reason:)`` where the file holds other parameters, `WorldError`.
    @TensorActor
    static func simulate(
        _ artefact: URL, with settings: HierarchicalAgentRecipe, rollout: FeedRollout,
        observe: @escaping (FeedBatch, [FeedOutcome]) throws -> Void
    ) throws -> FeedReport {
        let (agent, ground) = try load(artefact, settings)
        return try FeedDriver.run(
            agent, in: rollout, generator: SeededGenerator(seed: ground.seed), observe: observe
        ).report
    }

    @TensorActor
    private static func load(
        _ artefact: URL, _ settings: HierarchicalAgentRecipe
    ) throws -> (HierarchicalAgent, FeedTrainingGround) {
        let ground = try FeedTrainingGround(
            settings.configuration, budget: settings.training, seed: UInt64(settings.seed))
        let agent = agent(settings, ground)
        let path = artefact.appending(path: file).path
        let stored = try TensorArchive.read(path)
        for parameter in agent.namedParameters {
            guard let tensor = stored[parameter.name], tensor.shape == parameter.tensor.shape else {
                throw RecommendationError.mismatch(
                    reason: "\(path): tensor \(parameter.name) has shape "
                        + "\(stored[parameter.name].map { "\($0.shape)" } ?? "none"), "
                        + "but the recipe needs \(parameter.tensor.shape)")
            }
            parameter.tensor.assign(tensor)
        }
        return (agent, ground)
    }

    private static func agent(_ settings: HierarchicalAgentRecipe, _ ground: FeedTrainingGround) -> HierarchicalAgent {
        HierarchicalAgent(ground.catalogue, configuration: settings.agent, lag: settings.lag, seed: ground.seed)
    }

    private static func metrics(_ report: FeedReport) -> [String: Double] {
        [
            "clicksPerUser": report.expectedClicksPerUser, "sessionsPerUser": report.sessionsPerUser,
            "viewsPerSession": report.viewsPerSession, "clickThroughRate": report.clickThroughRate,
        ]
    }
}

extension HierarchicalAgentConfiguration {
    static let fields = [
        RecipeField("option", "learned, or constant: the lower level alone."),
        RecipeField("hidden", "Units of both GRUs.", range: .between(1, 4096), source: "earlier code: 100 and 12"),
        RecipeField("headHidden", "Units of heads.", range: .between(1, 4096)),
        RecipeField("warmUpRate", "Learning rate on the log.", range: .above(0)),
        RecipeField("lowerCriticRate", "Learning rate.", range: .above(0), source: "earlier code: 1e-3"),
        RecipeField("lowerActorRate", "Learning rate.", range: .above(0), source: "earlier code: 1e-4"),
        RecipeField("upperCriticRate", "Learning rate.", range: .above(0)),
        RecipeField("upperActorRate", "Learning rate.", range: .above(0)),
        RecipeField("followRate", "τ of target networks.", range: .above(0, to: 1), source: "earlier code: 0.001"),
        RecipeField("lowerDiscount", "γ_L, from view to view.", range: .between(0, 1)),
        RecipeField("dailyDiscount", "γ_H, for every day between sessions.", range: .above(0, to: 1)),
        RecipeField("trace", "λ of returns within a session.", range: .between(0, 1)),
        RecipeField("sessionsAhead", "Session ends that returns are read across.", range: .between(1, 1_000)),
        RecipeField("returnReward", "β, clicks that a return is worth.", range: .atLeast(0)),
        RecipeField("lowerAnchor", "Pull of proto-items to executed items.", range: .atLeast(0)),
        RecipeField("upperAnchor", "Pull of options to played ones.", range: .atLeast(0)),
        RecipeField("lowerFreedom", "How far the lower level may leave the option.", range: .atLeast(0)),
        RecipeField("lowerUpdatesPerUpper", "n_L / n_H.", range: .between(1, 1_000)),
        RecipeField("actorDelay", "Critic steps for one of the lower actor.", range: .between(1, 1_000)),
        RecipeField("frozenShare", "Share of rounds with a frozen upper actor.", range: .between(0, 1)),
    ]
}

extension FeedTrainingBudget {
    static let fields = [
        RecipeField("logUsers", "Users of the log.", range: .between(1, 1_000_000)),
        RecipeField("warmUpdates", "Updates on the log, from clicks alone.", range: .between(0, 1_000_000)),
        RecipeField("episodes", "Rounds of serving and learning, or of learning alone.", range: .between(0, 1_000_000)),
        RecipeField("episodeUsers", "Users of a round.", range: .between(1, 1_000_000)),
        RecipeField("updatesPerEpisode", "Updates of a round.", range: .between(0, 1_000_000)),
        RecipeField("batchSessions", "Sessions of an update.", range: .between(1, 100_000)),
        RecipeField("trainingUsers", "Users that are learned from.", range: .between(1, 1_000_000)),
        RecipeField("measuredUsers", "Users that are measured.", range: .between(2, 1_000_000)),
    ]
}
