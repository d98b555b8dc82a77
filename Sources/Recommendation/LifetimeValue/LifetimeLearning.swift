import Evaluation
import Layers
import Training
import Worlds

/// Learning in markets: first a log of each without the actor, from which the click-rate model and the first updates
/// come, then one market after the other with the actor exploring.
struct LifetimeLearning {
    let clickRates: ClickRateModel
    let worlds: [ItemLifeWorld]
    /// What happened in each of them, and the actions in use.
    private let logs: [(histories: [[ItemDay]], actions: [[Float]])]
    private let seed: UInt64

    /// - Parameters:
    ///   - world: of the markets; their seeds follow from `seed`.
    ///   - markets: how many are logged.
    init(
        _ world: ItemLifeConfiguration, markets: Int,
        clickRates settings: ClickRateModel.Settings = ClickRateModel.Settings(), seed: UInt64
    ) throws {
        self.seed = seed
        worlds = try (0..<UInt64(markets)).map { try ItemLifeWorld(world, seed: (seed &+ 1) &* 1_000 &+ $0) }
        logs = try worlds.enumerated().map { place, world in
            let (outcome, actions) = try Self.logged(world, seed: seed &+ UInt64(place))
            return (outcome.histories, actions)
        }
        clickRates = ClickRateModel(inputs: ItemObservation.count(world), seed: seed)
        try clickRates.fit(
            zip(worlds, logs).flatMap { DayRecord.log($0, $1.histories) }, settings, seed: seed)
    }

    /// Item episodes of the logged markets, with the rewards that a configuration asks for.
    func log(_ configuration: LifetimeValueConfiguration) -> EpisodeReplay {
        var log = EpisodeReplay(staticCount: ItemObservation.staticCount(worlds[0].configuration))
        for (world, logged) in zip(worlds, logs) {
            log.append(EpisodeLog.episodes(world, logged.histories, actions: logged.actions, configuration))
        }
        return log
    }

    /// A market ranked half by smoothed click rates and half by uniform actions, which the log keeps.
    private static func logged(_ world: ItemLifeWorld, seed: UInt64) throws -> (MarketOutcome, [[Float]]) {
        var policy = ClickRateRanking()
        var generator = SeededGenerator(seed: seed).split("logged actions")
        var actions = [[Float]](repeating: [], count: world.items.count)
        let outcome = try world.run { market in
            let rates = policy.scores(market)
            let own = market.live.map { item in
                let action = Float(generator.uniform(in: -1..<1))
                actions[Int(item)].append(action)
                return Double(action)
            }
            return DualRank.scores(clickRates: rates, scores: own, values: rates.map { _ in 0 }, maximumWeight: 0.5)
        }
        return (outcome, actions)
    }

    /// An untrained agent for these markets.
    func newAgent(_ configuration: LifetimeValueConfiguration) -> LifetimeValueAgent {
        LifetimeValueAgent(
            inputs: ItemObservation.count(worlds[0].configuration),
            statics: ItemObservation.staticCount(worlds[0].configuration), configuration, seed: seed)
    }

    /// The batches of an agent, which explores the markets as they are drawn.
    func source(for agent: LifetimeValueAgent) -> MarketSource {
        MarketSource(self, agent: agent, seed: seed)
    }

    func limits(_ configuration: LifetimeValueConfiguration) -> TrainingLimits {
        var limits = TrainingLimits(steps: configuration.markets * configuration.updatesPerMarket)
        limits.maximumGradientNorm = 10
        return limits
    }

    func schedule(_ configuration: LifetimeValueConfiguration) -> LearningRateSchedule {
        LearningRateSchedule(
            peak: configuration.criticLearningRate,
            totalSteps: configuration.markets * configuration.updatesPerMarket, decay: .constant)
    }

    /// Trains an agent to its end.
    func agent(
        _ configuration: LifetimeValueConfiguration, isInterrupted: @escaping () -> Bool = { false }
    ) throws -> LifetimeValueAgent {
        let agent = newAgent(configuration)
        let loop = TrainingLoop(
            learner: agent, source: source(for: agent), optimizer: agent.optimizer(),
            schedule: schedule(configuration), limits: limits(configuration))
        loop.isInterrupted = isInterrupted
        if try loop.run().reason == .interrupted { throw CancellationError() }
        return agent
    }

    /// The supervised comparison with as many updates.
    func regression(_ configuration: LifetimeValueConfiguration) throws -> LifetimeRegression {
        try LifetimeRegression(
            log(configuration), inputs: ItemObservation.count(worlds[0].configuration), configuration,
            steps: configuration.updatesPerMarket * worlds.count, seed: seed)
    }
}

/// Draws batches of item episodes; whenever a market's updates are done, the agent lives through the next market and its
/// episodes join the others.
final class MarketSource: BatchSource {
    struct Position: Codable, Sendable {
        var batches = 0
        /// Episodes that the agent explored.
        var explored: [ItemEpisode] = []
    }

    private let learning: LifetimeLearning
    private let agent: LifetimeValueAgent
    private let generator: SeededGenerator
    private let logged: EpisodeReplay
    private var replay: EpisodeReplay
    private(set) var position = Position()

    init(_ learning: LifetimeLearning, agent: LifetimeValueAgent, seed: UInt64) {
        self.learning = learning
        self.agent = agent
        generator = SeededGenerator(seed: seed).split("markets")
        logged = learning.log(agent.configuration)
        replay = logged
    }

    func next() throws -> EpisodeBatch? {
        let configuration = agent.configuration
        if position.batches > 0, position.batches % configuration.updatesPerMarket == 0 {
            let place = position.batches / configuration.updatesPerMarket - 1
            if place < learning.worlds.count { try explore(learning.worlds[place], place: UInt64(place)) }
        }
        var draw = generator.split("batch").split(UInt64(position.batches))
        position.batches += 1
        return replay.sample(
            configuration.episodesPerBatch, windowDays: configuration.windowDays, burnInDays: configuration.burnInDays,
            using: &draw)
    }

    private func explore(_ world: ItemLifeWorld, place: UInt64) throws {
        let configuration = agent.configuration
        var noise = generator.split("noise").split(place)
        let ranker = LifetimeRanker(world, clickRates: learning.clickRates, judge: agent)
        let outcome = try world.run { market in
            ranker.scores(market, maximumWeight: configuration.explorationWeight, fixedWeight: true) {
                Float(configuration.explorationDeviation * noise.normal())
            }
        }
        let episodes = EpisodeLog.episodes(world, outcome.histories, actions: ranker.actions, configuration)
        replay.append(episodes)
        position.explored += episodes
    }

    func restore(_ position: Position) throws {
        let width = logged.episodes.first?.observations.first?.count
        guard position.batches >= 0, position.explored.allSatisfy({ $0.observations.first?.count == width }) else {
            throw BatchSourceError.position(reason: "item episodes of another market")
        }
        replay = logged
        replay.append(position.explored)
        self.position = position
    }
}
