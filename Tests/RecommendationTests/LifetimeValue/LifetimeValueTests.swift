import Evaluation
import Experiments
import Foundation
import Layers
import Recommendation
import Reinforcement
import Tensors
import Testing
import Training
import Worlds

@Suite("Lifetime value: learning", .serialized)
struct LifetimeValueTests {
    private static let inputs = 4
    private static let statics = 2

    private func agent(_ change: (inout LifetimeValueConfiguration) -> Void = { _ in }) -> LifetimeValueAgent {
        var configuration = LifetimeValueConfiguration()
        configuration.hiddenDimensions = 8
        (configuration.actorLearningRate, configuration.criticLearningRate) = (3e-4, 3e-3)
        change(&configuration)
        return LifetimeValueAgent(inputs: Self.inputs, statics: Self.statics, configuration, seed: 3)
    }

    private func episode(days: Int, isTerminal: Bool, seed: UInt64) -> ItemEpisode {
        var generator = SeededGenerator(seed: seed)
        var episode = ItemEpisode()
        episode.observations = (0...days).map { _ in (0..<Self.inputs).map { _ in Float(generator.normal()) } }
        episode.actions = (0..<days).map { _ in Float(generator.uniform(in: -1..<1)) }
        episode.rewards = (0..<days).map { _ in Float(generator.uniform()) }
        episode.isTerminal = isTerminal
        return episode
    }

    private func batch(_ episodes: [ItemEpisode]) -> EpisodeBatch {
        EpisodeBatch(
            episodes.map { .init(episode: $0, days: 0..<$0.days, burnIn: 0) }, staticCount: Self.statics)
    }

    @Test("A delisted item ends; one cut off by the log is bootstrapped; both by the target networks")
    func targets() {
        let agent = agent()
        let ended = episode(days: 3, isTerminal: true, seed: 1)
        let cut = episode(days: 2, isTerminal: false, seed: 2)
        let batch = batch([ended, cut])
        let found = agent.targets(batch)
        let values = withoutGradients {
            agent.critic.target(batch.days, actions: agent.actor.target(batch.days))
        }.floats
        let targets = found.floats
        // Four days of values each; three of targets.
        #expect(abs(targets[0] - (ended.rewards[0] + 0.9 * values[1])) < 1e-5)
        #expect(abs(targets[2] - ended.rewards[2]) < 1e-6)
        #expect(abs(targets[3 + 1] - (cut.rewards[1] + 0.9 * values[4 + 2])) < 1e-5)
        #expect(abs(0.9 * values[4 + 2]) > 1e-3)
        #expect(batch.mask.floats == [1, 1, 1, 1, 1, 0])
    }

    @Test("Padding changes neither loss")
    func padding() throws {
        let agent = agent()
        let short = episode(days: 2, isTerminal: false, seed: 5)
        let alone = batch([short])
        let long = episode(days: 5, isTerminal: true, seed: 6)
        let both = batch([short, long])
        let other = batch([long])
        // Means over days: 2 of one, 5 of the other.
        let expected = (2 * agent.criticLoss(alone).item + 5 * agent.criticLoss(other).item) / 7
        #expect(abs(agent.criticLoss(both).item - expected) < 1e-5)
        let slopes = try [alone, other, both].map { try agent.actorLoss($0).item }
        #expect(abs(slopes[2] - (2 * slopes[0] + 5 * slopes[1]) / 7) < 1e-5)
    }

    @Test("What stands at a day depends on no later day, and with memory on the days before")
    func causal() {
        var changed = episode(days: 4, isTerminal: false, seed: 7)
        let plain = batch([changed])
        changed.observations[3] = [9, 9, 9, 9]
        let later = batch([changed])
        changed.observations[3] = plain.days.observations.select(0, along: 0).select(3, along: 0).floats
        changed.observations[0] = [9, 9, 9, 9]
        let earlier = batch([changed])
        for isRecurrent in [true, false] {
            let agent = agent { $0.isRecurrent = isRecurrent }
            func actions(_ batch: EpisodeBatch) -> [Float] { agent.actor.online(batch.days).floats }
            #expect(actions(plain)[..<3] == actions(later)[..<3])
            #expect(actions(plain)[3] != actions(later)[3])
            #expect((actions(plain)[2] != actions(earlier)[2]) == isRecurrent)
        }
    }

    @Test("Windows inside a life burn in; windows from the launch do not; the action before a window is known")
    func windows() {
        var replay = EpisodeReplay(staticCount: Self.statics)
        let life = episode(days: 12, isTerminal: true, seed: 9)
        replay.append([life, ItemEpisode()])
        #expect(replay.episodes.count == 1)
        var generator = SeededGenerator(seed: 1)
        let drawn = replay.sample(40, windowDays: 6, burnInDays: 2, using: &generator)
        let masks = drawn.mask.floats
        let previous = drawn.days.previousActions.floats
        var starts = Set<Bool>()
        for row in 0..<40 {
            let mask = Array(masks[(row * 6)..<(row * 6 + 6)])
            let isLaunch = previous[row * 7] == 0
            starts.insert(isLaunch)
            #expect(mask == (isLaunch ? [1, 1, 1, 1, 1, 1] : [0, 0, 1, 1, 1, 1]))
        }
        #expect(starts.count == 2)
    }

    @Test("The actor's gradient is the critic's slope at its actions, less near bounds; the critic has none of it")
    func actorGradient() throws {
        let agent = agent()
        let batch = batch([episode(days: 3, isTerminal: false, seed: 11)])
        let days = batch.days.days(0..<3)
        try agent.actorLoss(batch).backward()
        #expect(agent.critic.online.parameters.allSatisfy { $0.tensor.gradient == nil })
        let found = agent.actor.online.parameters.compactMap { $0.tensor.gradient?.floats }
        for parameter in agent.actor.online.parameters { parameter.tensor.gradient = nil }
        // The young actor's actions lie well inside the bounds, so its own chain rule is that of -Q with each day's share.
        let actions = agent.actor.online(days)
        #expect(actions.floats.allSatisfy { abs($0) < 0.9 })
        let slope = try slope(agent, days, actions)
        let shares = withoutGradients { BoundedActions.inverted(slope: slope, actions: actions) / slope }
        try (-(agent.critic.online(days, actions: actions) * shares).mean()).backward()
        let expected = agent.actor.online.parameters.compactMap { $0.tensor.gradient?.floats }
        #expect(found.count == expected.count && found.count > 4)
        for (one, other) in zip(found.joined(), expected.joined()) { #expect(abs(one - other) < 1e-5) }
    }

    /// ∂Q/∂a.
    private func slope(_ agent: LifetimeValueAgent, _ days: ItemDays, _ actions: Tensor) throws -> Tensor {
        let leaf = actions.detached().copy().requiringGradient()
        return try #require(
            try agent.critic.online(days, actions: leaf).sum().gradients(withRespectTo: [leaf])[0])
    }

    /// Lives of one day whose best action is known: `r = 1 - (a - 0.6 x)²`.
    private func solvable(_ count: Int, seed: UInt64) -> [ItemEpisode] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            var episode = ItemEpisode()
            episode.observations = (0...1).map { _ in
                (0..<Self.inputs).map { _ in Float(generator.uniform(in: -1..<1)) }
            }
            let action = Float(generator.uniform(in: -1..<1))
            let best = 0.6 * episode.observations[0][3]
            episode.actions = [action]
            episode.rewards = [1 - (action - best) * (action - best)]
            episode.clicks = [0]
            episode.isTerminal = true
            return episode
        }
    }

    /// Learns from episodes and returns the actor's actions on others.
    private func learned(
        _ agent: LifetimeValueAgent, _ episodes: [ItemEpisode], steps: Int, on others: [ItemEpisode]
    ) throws -> Tensor {
        var replay = EpisodeReplay(staticCount: Self.statics)
        replay.append(episodes)
        var generator = SeededGenerator(seed: 9)
        let optimizer = agent.optimizer()
        for step in 1...steps {
            let drawn = replay.sample(64, windowDays: 30, burnInDays: 2, using: &generator)
            optimizer.clearGradients()
            try agent.loss(drawn).sum.backward()
            GradientScaling.scaleAndClip(agent.trainedParameters, maximumNorm: 10)
            optimizer.step(learningRate: agent.configuration.criticLearningRate)
            agent.didStep(step)
        }
        return withoutGradients { agent.actor.online(batch(others).days) }
    }

    @Test("One day whose best action is known: the actor finds it", .timeLimit(.minutes(2)))
    func oneDay() throws {
        for isRecurrent in [true, false] {
            let agent = agent {
                $0.hiddenDimensions = 32
                $0.isRecurrent = isRecurrent
            }
            let others = solvable(200, seed: 77)
            let actions = try learned(agent, solvable(2_000, seed: 1), steps: 900, on: others)
                .select(0, along: 1).floats
            let errors = zip(actions, others).map { abs($0 - 0.6 * $1.observations[0][3]) }
            #expect(errors.reduce(0, +) / 200 < 0.04)
            #expect((errors.max() ?? 1) < 0.15)
        }
    }

    @Test("A bound is reached where it is best, and left again where it is not", .timeLimit(.minutes(2)))
    func bounds() throws {
        let agent = agent { $0.hiddenDimensions = 32 }
        let others = solvable(50, seed: 78)
        func paying(_ reward: (Float) -> Float) -> [ItemEpisode] {
            solvable(2_000, seed: 1).map { episode in
                var paid = episode
                paid.rewards = [reward(episode.actions[0])]
                return paid
            }
        }
        let high = try learned(agent, paying { $0 }, steps: 300, on: others).select(0, along: 1).floats
        #expect(high.allSatisfy { $0 > 0.9 && $0 <= 1 })
        let low = try learned(agent, paying { 1 - ($0 + 0.5) * ($0 + 0.5) }, steps: 900, on: others)
            .select(0, along: 1).floats
        #expect(low.allSatisfy { abs($0 + 0.5) < 0.1 })
    }

    @Test("Two days: what is done today is worth what it makes possible tomorrow", .timeLimit(.minutes(2)))
    func twoDays() throws {
        // Today's best action for itself is 0; tomorrow pays 2 a of today, whatever is done then.
        // r_0 = -a², r_1 = 2 a: Q(a) = -a² + 0.9 · 2 a has its maximum at 0.9.
        var generator = SeededGenerator(seed: 4)
        func lives(_ count: Int) -> [ItemEpisode] {
            (0..<count).map { _ in
                var episode = ItemEpisode()
                episode.observations = (0...2).map { day in
                    [Float(day), 0, Float(generator.uniform(in: -1..<1)), Float(generator.uniform(in: -1..<1))]
                }
                episode.actions = (0..<2).map { _ in Float(generator.uniform(in: -1..<1)) }
                episode.rewards = [-episode.actions[0] * episode.actions[0], 2 * episode.actions[0]]
                episode.clicks = [0, 0]
                episode.isTerminal = true
                return episode
            }
        }
        let agent = agent { $0.hiddenDimensions = 32 }
        let others = lives(100)
        let actions = try learned(agent, lives(2_000), steps: 1_500, on: others).select(0, along: 1).floats
        #expect(abs(actions.reduce(0, +) / 100 - 0.9) < 0.12)
        // A myopic agent stays at 0.
        let myopic = self.agent {
            $0.hiddenDimensions = 32
            $0.discount = 0
        }
        let near = try learned(myopic, lives(2_000), steps: 900, on: others).select(0, along: 1).floats
        #expect(abs(near.reduce(0, +) / 100) < 0.12)
    }

    @Test("Rewards and episodes of a market: returns on impressions, ends only where delisted")
    func episodes() throws {
        var configuration = ItemLifeConfiguration()
        configuration.horizonInDays = 20
        configuration.launchesPerDay = 2
        configuration.lifeInDays = 8
        configuration.dailyImpressions = 4_000
        let world = try ItemLifeWorld(configuration, seed: 3)
        let outcome = try world.run(ClickRateRanking())
        var settings = LifetimeValueConfiguration()
        settings.reward = .sharedRatio
        let actions = outcome.histories.map { [Float](repeating: 0, count: $0.count) }
        let episodes = EpisodeLog.episodes(world, outcome.histories, actions: actions, settings)
        // The market's click rate of each day.
        let prices = (0..<20).map { day in
            let lived = outcome.histories.joined().filter {
                world.items[Int($0.item)].launchDay + Int($0.age) == day
            }
            let views = lived.reduce(0) { $0 + Int($1.recommendedViews + $1.otherViews) }
            return Double(lived.reduce(0) { $0 + Int($1.clicks) }) / Double(max(1, views))
        }
        var ends = Set<Bool>()
        for (item, episode) in episodes.enumerated() where episode.days > 0 {
            let days = outcome.histories[item]
            #expect(episode.observations.count == days.count + 1)
            #expect(episode.isTerminal == days[days.count - 1].delisted)
            ends.insert(episode.isTerminal)
            let launch = world.items[item].launchDay
            let ratio =
                (Double(days[0].clicks) + 40 * prices[launch])
                / (Double(days[0].recommendedViews + days[0].otherViews) + 40) / 0.1
            #expect(abs(Double(episode.rewards[0]) - ratio) < 1e-4)
            // The paper's: all clicks over recommended impressions.
            let first = LifetimeValueConfiguration().reward(of: days[0], impressionPrice: prices[launch])
            #expect(abs(first - Double(days[0].clicks) / (Double(days[0].recommendedViews) + 40) / 0.1) < 1e-9)
            // Nothing of a day is seen before it.
            #expect(Array(episode.observations[0].prefix(9)) == [Float](repeating: 0, count: 9))
        }
        #expect(ends == [true, false])
        var difference = settings
        difference.reward = .difference
        let day = try #require(outcome.histories[0].first)
        let price = 0.05
        #expect(
            abs(
                difference.reward(of: day, impressionPrice: price)
                    - (Double(day.clicks) - price * Double(day.recommendedViews)) / 100) < 1e-9)
    }

    @Test("Over the impressions of all channels, items of one true rate are worth the same, whoever shows them")
    func channels() throws {
        var configuration = ItemLifeConfiguration.null
        configuration.horizonInDays = 30
        configuration.launchesPerDay = 4
        configuration.dailyImpressions = 20_000
        configuration.otherViews = 150
        configuration.potentialDeviation = 0
        configuration.agePenaltyPerDay = 0
        configuration.trendDeviation = 0
        let world = try ItemLifeWorld(configuration, seed: 3)
        // The order of the launches, so that later items are recommended least.
        let outcome = try world.run { market in market.live.map { -Double($0) } }
        let rate = world.clickRate(item: 0, day: 0, clicks: 0, views: 0)
        var settings = LifetimeValueConfiguration()
        settings.reward = .sharedRatio
        var rewards: [Bool: [Double]] = [:]
        for day in outcome.histories.joined() {
            rewards[day.otherViews > day.recommendedViews, default: []]
                .append(settings.reward(of: day, impressionPrice: rate))
        }
        for isOther in [true, false] {
            let summary = Summary(try #require(rewards[isOther]))
            #expect(summary.count > 500)
            #expect(abs(summary.mean - rate / 0.1) < 0.05 * rate / 0.1)
        }
        // Over recommended impressions alone, those that others show are worth more.
        settings.reward = .ratio
        let shown = outcome.histories.joined().filter { $0.otherViews > $0.recommendedViews }
        let alone = Summary(shown.map { settings.reward(of: $0, impressionPrice: rate) })
        #expect(alone.mean > 1.5 * rate / 0.1)
    }

    @Test("The supervised comparison reads no actions")
    func actionless() throws {
        var replay = EpisodeReplay(staticCount: Self.statics)
        replay.append(
            (0..<4).map { seed in
                var life = episode(days: 5, isTerminal: true, seed: UInt64(seed))
                life.clicks = [1, 2, 0, 3, 1]
                return life
            })
        var configuration = LifetimeValueConfiguration()
        configuration.hiddenDimensions = 8
        configuration.episodesPerBatch = 4
        let days = [replay.episodes[0].observations, replay.episodes[1].observations]
        func values(_ actions: [[Float]], _ replay: EpisodeReplay) throws -> [Double] {
            try LifetimeRegression(replay, inputs: Self.inputs, configuration, steps: 3, seed: 1)
                .judge(days, previousActions: actions).values
        }
        let none = try values([[], []], replay)
        // Its own scores are logarithms of clicks, far outside of what a log holds.
        #expect(try values([[5, 6, 7, 6, 5], [4, 4, 4, 4, 4]], replay) == none)
        var acted = EpisodeReplay(staticCount: Self.statics)
        acted.append(
            replay.episodes.map { episode in
                var other = episode
                other.actions = episode.actions.map { -$0 }
                return other
            })
        #expect(try values([[], []], acted) == none)
    }

    @Test("Labels of the supervised comparison are logarithms of discounted clicks; a life cut off too early has none")
    func labels() {
        var life = episode(days: 3, isTerminal: true, seed: 15)
        life.clicks = [1, 2, 4]
        let labels = LifetimeRegression.labels(life, discount: 0.5, longest: 4)
        #expect(labels.values == [log1p(3), log1p(4), log1p(4), 0])
        #expect(labels.mask == [1, 1, 1, 0])
        life.isTerminal = false
        #expect(LifetimeRegression.labels(life, discount: 0.5, longest: 3).mask == [0, 0, 0])
    }

    @Test("Train, interrupt-free, and evaluate by name in new markets", .timeLimit(.minutes(3)))
    func method() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        var settings = LifetimeValueRecipe()
        settings.horizonInDays = 20
        settings.launchesPerDay = 1
        settings.dailyImpressions = 2_000
        settings.evaluationMarkets = 1
        settings.model.markets = 2
        settings.model.updatesPerMarket = 2
        settings.model.episodesPerBatch = 8
        let recipe = settings
        var session = TrainingSession(output: folder.appending(path: "model"))
        session.showsProgress = false
        let quiet = session
        let trained = try await TensorActor.run { try LifetimeValueMethod.train(recipe, in: quiet) }
        #expect(trained.outcome.progress.step == 4)
        let measured = try await TensorActor.run {
            try LifetimeValueMethod.evaluate(trained.folder, recipe: nil, in: quiet)
        }
        #expect(Set(measured.metrics.keys) == ["clicks", "revenue", "cold-clicks", "cold-revenue"])
        var plain = recipe
        plain.model.maximumWeight = 0
        let click = plain
        let same = try await TensorActor.run {
            try LifetimeValueMethod.evaluate(trained.folder, with: click, in: quiet)
        }
        #expect(same.metrics.values.allSatisfy { abs($0 - 1) < 1e-9 })
    }
}
