import Evaluation
public import Foundation
import Layers
import Reinforcement
import Tensors
public import Training
import Worlds

/// Settings of `lifetime-value`.
public struct LifetimeValueRecipe: Recipe, Equatable {
    public var model = LifetimeValueConfiguration()
    public var horizonInDays = 60
    public var launchesPerDay = 10.0
    public var dailyImpressions = 50_000
    public var growth = 1.5
    public var evaluationMarkets = 4
    public var seed = 0

    public init() {}

    public static let fields: [RecipeField] =
        [
            RecipeField("horizonInDays", "Of the item-life world.", unit: "days", range: .between(10, 10_000)),
            RecipeField("launchesPerDay", "New items.", range: .above(0, to: 10_000)),
            RecipeField("dailyImpressions", "That the ranking hands out.", range: .between(0, 1_000_000_000)),
            RecipeField(
                "growth",
                "Lift of an item's click rate by its clicks; 0 for none. The study's null world has no saturation and no "
                    + "growth of other channels either.", range: .atLeast(0)),
            RecipeField("evaluationMarkets", "New markets that `evaluate` ranks.", range: .between(1, 10_000)),
            RecipeField("seed", "Of markets, weights and exploration.", range: .atLeast(0)),
        ] + LifetimeValueConfiguration.fields.nested(in: "model")

    var world: ItemLifeConfiguration {
        var world = ItemLifeConfiguration()
        world.horizonInDays = horizonInDays
        world.launchesPerDay = launchesPerDay
        world.dailyImpressions = dailyImpressions
        world.growth = growth
        return world
    }
}

extension LifetimeValueConfiguration {
    static let fields: [RecipeField] = {
        let ours = "ours"
        return [
            RecipeField(
                "reward", "ratio, sharedRatio or difference.",
                source: "the paper: clicks relative to invested impressions"),
            RecipeField("ratioUnit", "A ratio that makes a reward of 1.", range: .above(0), source: ours),
            RecipeField("ratioFloor", "Impressions added to a ratio's denominator.", range: .above(0), source: ours),
            RecipeField("ratioLimit", "The largest ratio that counts.", range: .above(0), source: ours),
            RecipeField("differenceUnit", "Clicks that make a reward of 1.", range: .above(0), source: ours),
            RecipeField("discount", "Of a day.", range: .from(0, below: 1), source: ours),
            RecipeField("hiddenDimensions", "Of the memories.", range: .between(1, 4096), source: ours),
            RecipeField("isRecurrent", "Off: no memory, the paper's ablation."),
            RecipeField(
                "windowDays", "Replayed of an item.", unit: "days", range: .between(1, 1_000_000), source: ours),
            RecipeField(
                "burnInDays", "Of a window inside a life, not learned from.", unit: "days", range: .atLeast(0),
                source: ours),
            RecipeField("episodesPerBatch", "Items in an update.", range: .between(1, 65_536), source: ours),
            RecipeField("updatesPerMarket", "Between explored markets.", range: .between(1, 1_000_000), source: ours),
            RecipeField("markets", "Lived through while learning.", range: .between(1, 10_000), source: ours),
            RecipeField("actorLearningRate", "Adam's.", range: .above(0), source: ours),
            RecipeField("criticLearningRate", "Adam's.", range: .above(0), source: ours),
            RecipeField("followRate", "Of the target networks.", range: .above(0, to: 1), source: ours),
            RecipeField("explorationDeviation", "Noise on actions.", range: .atLeast(0), source: ours),
            RecipeField("explorationWeight", "α while exploring.", range: .between(0, 1), source: ours),
            RecipeField(
                "maximumWeight", "α_max of the ranking.", range: .between(0, 1), source: "the live test's bound"),
        ]
    }()
}

/// Trains the lifetime-value agent in item-life markets and measures its ranking in new ones.
public enum LifetimeValueMethod: Method {
    public static let name = "lifetime-value"
    public static let summary = "Learns what an item's future is worth and mixes it into a click-rate ranking."
    public static let studies = ["lifetime-value"]

    private static let parameterFile = "parameters.safetensors"

    @TensorActor
    public static func train(_ settings: LifetimeValueRecipe, in session: TrainingSession) throws -> TrainedArtefact {
        let seed = UInt64(settings.seed)
        session.say("data: item-life world, \(settings.model.markets) logged markets")
        let learning = try LifetimeLearning(settings.world, markets: settings.model.markets, seed: seed)
        let agent = learning.newAgent(settings.model)
        var limits = learning.limits(settings.model)
        limits.checkpointInterval = settings.model.updatesPerMarket
        let job = TrainingSession.Job(
            learner: agent, source: learning.source(for: agent), optimizer: agent.optimizer(),
            schedule: learning.schedule(settings.model), limits: limits)
        return try session.run(Self.self, settings, base: nil, precision: "f32", job: job) { folder in
            let clickRates = learning.clickRates.parameters.map { (name: "clickRates.\($0.name)", tensor: $0.tensor) }
            try TensorArchive.write(
                agent.trainedParameters.map { (name: $0.name, tensor: $0.tensor) } + clickRates,
                to: folder.appending(path: parameterFile).path)
        }
    }

    /// Clicks and revenue of all items and of cold ones, relative to ranking new markets by click rate alone.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: LifetimeValueRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        let world = settings.world
        let agent = LifetimeValueAgent(
            inputs: ItemObservation.count(world), statics: ItemObservation.staticCount(world), settings.model, seed: 0)
        let clickRates = ClickRateModel(inputs: ItemObservation.count(world), seed: 0)
        let file = artefact.appending(path: parameterFile).path
        let saved = try TensorArchive.read(file)
        func part(_ prefix: String) -> [String: Tensor] {
            Dictionary(
                uniqueKeysWithValues: saved.filter { $0.key.hasPrefix(prefix) }.map {
                    (String($0.key.dropFirst(prefix.count)), $0.value)
                })
        }
        try agent.actor.online.restore(part("actor."), file: file)
        try agent.critic.online.restore(part("critic."), file: file)
        try clickRates.restore(part("clickRates."), file: file)
        var sums: [String: (own: Double, plain: Double)] = [:]
        for index in 0..<UInt64(settings.evaluationMarkets) {
            let market = try ItemLifeWorld(world, seed: 700_000_000 &+ UInt64(settings.seed) &* 100 &+ index)
            let ranker = LifetimeRanker(market, clickRates: clickRates, judge: agent)
            let own = try market.run { ranker.scores($0, maximumWeight: settings.model.maximumWeight) }
            let plain = try market.run { clickRates.rates($0.observations) }
            for (name, value) in MarketOutcome.measures {
                sums[name, default: (0, 0)].own += value(own)
                sums[name, default: (0, 0)].plain += value(plain)
            }
        }
        return MethodEvaluation(
            description: "new item-life markets, by true rates, relative to ranking by click rate",
            metrics: sums.mapValues { $0.own / max(1e-9, $0.plain) }, count: settings.evaluationMarkets)
    }
}
