import Evaluation
import Tensors
import Worlds

/// What every feed agent may use to learn: the same users, views and updates for all.
public struct FeedTrainingBudget: Sendable, Equatable, Codable {
    /// Users whose logged runs warm an agent up.
    public var logUsers = 256
    /// Updates on the log.
    public var warmUpdates = 300
    /// Rounds of serving and learning.
    public var episodes = 8
    /// Users served in a round; rounds go through the training users in turn.
    public var episodeUsers = 256
    public var updatesPerEpisode = 150
    /// Sessions of an update.
    public var batchSessions = 64
    /// Users `0 ..< trainingUsers` are learned from, the others are measured.
    public var trainingUsers = 512
    public var measuredUsers = 512

    public init() {}

    /// Of the worlds of two topics: seconds an agent.
    package static var small: FeedTrainingBudget {
        var budget = FeedTrainingBudget()
        budget.logUsers = 128
        budget.warmUpdates = 100
        budget.episodes = 4
        budget.episodeUsers = 128
        budget.updatesPerEpisode = 60
        budget.trainingUsers = 256
        budget.measuredUsers = 256
        return budget
    }

    /// Updates of one agent.
    var updates: Int { warmUpdates + episodes * updatesPerEpisode }
}

/// One world with its log, on which agents are trained and measured under the same luck.
package struct FeedTrainingGround {
    package let world: FeedWorld
    package let catalogue: FeedCatalogue
    package let budget: FeedTrainingBudget
    package let seed: UInt64
    /// Runs of a popular ranking with half of the views uniform.
    package let logRuns: [[FeedSession]]

    /// - Throws: `WorldError`.
    package init(_ configuration: FeedConfiguration, budget: FeedTrainingBudget, seed: UInt64) throws {
        world = try FeedWorld(configuration, seed: seed)
        catalogue = FeedCatalogue(world: world)
        self.budget = budget
        self.seed = seed
        let users = 0..<budget.logUsers
        var recorder = FeedRecorder(
            catalogue, optionWidth: 0,
            demographics: users.map { [world] in world.users.demographics[$0] })
        let logging = MixedFeedPolicy(base: PopularFeedPolicy(world: world), exploration: 0.5, seed: seed)
        _ = try FeedRollout(world: world, users: users, luckSeed: Self.luck(seed, 0)).run(logging) { _, outcomes in
            for outcome in outcomes { recorder.observe(outcome) }
        }
        logRuns = recorder.runs
    }

    private static func luck(_ seed: UInt64, _ episode: Int) -> UInt64 {
        var generator = SeededGenerator(seed: seed).split("luck").split(UInt64(episode))
        return generator.next()
    }

    /// Warms an agent up, lets it serve and learn, round after round.
    /// - Parameter onEpisode: told the round and its expected clicks per user; may throw to stop.
    package func train(
        _ agent: any FeedAgent, exploration: FeedExploration, onEpisode: (Int, FeedReport) throws -> Void = { _, _ in }
    ) throws {
        var generator = SeededGenerator(seed: seed).split("training")
        var log = FeedReplay(catalogue, optionWidth: agent.optionWidth)
        for run in logRuns { log.append(run: run) }
        for update in 0..<budget.warmUpdates {
            try agent.warmUp(
                log, sessions: budget.batchSessions, using: &generator,
                progress: Double(update) / Double(budget.warmUpdates))
        }
        // The log stays among the experience: what an agent serves is a narrow part of the catalogue.
        var replay = log
        for episode in 0..<budget.episodes {
            let groups = max(1, budget.trainingUsers / budget.episodeUsers)
            let first = episode % groups * budget.episodeUsers
            let rollout = FeedRollout(
                world: world, users: first..<(first + budget.episodeUsers), luckSeed: Self.luck(seed, episode + 1))
            let (report, runs) = try FeedDriver.run(
                agent, in: rollout, exploration: exploration, generator: generator.split(UInt64(episode)))
            for run in runs { replay.append(run: run) }
            try onEpisode(episode, report)
            for update in 0..<budget.updatesPerEpisode {
                let progress =
                    (Double(episode) + Double(update) / Double(budget.updatesPerEpisode)) / Double(budget.episodes)
                try agent.learn(replay, sessions: budget.batchSessions, using: &generator, progress: progress)
            }
        }
    }

    /// The users and the luck that everything is measured with.
    package var measurement: FeedRollout {
        let first = budget.trainingUsers
        return FeedRollout(
            world: world, users: first..<(first + budget.measuredUsers), luckSeed: Self.luck(seed, 1 << 20))
    }

    package func measure(_ agent: any FeedAgent) throws -> FeedReport {
        try FeedDriver.run(agent, in: measurement, generator: SeededGenerator(seed: seed)).report
    }
}
