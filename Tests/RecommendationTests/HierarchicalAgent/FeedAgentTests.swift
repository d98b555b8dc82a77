import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training
import Worlds

@Suite("Agents of the feed", .serialized)
struct FeedAgentTests {
    static func ground(seed: UInt64 = 3) throws -> FeedTrainingGround {
        var budget = FeedTrainingBudget()
        budget.logUsers = 32
        budget.trainingUsers = 32
        budget.measuredUsers = 32
        budget.warmUpdates = 40
        budget.episodes = 1
        budget.episodeUsers = 32
        budget.updatesPerEpisode = 3
        budget.batchSessions = 16
        var configuration = FeedConfiguration.longTerm
        configuration.itemCount = 60
        configuration.userCount = 64
        return try FeedTrainingGround(configuration, budget: budget, seed: seed)
    }

    /// Two sessions of one user: two views, a gap of 4 days, one view, never back.
    static func replay(_ catalogue: FeedCatalogue, optionWidth: Int = 0) -> FeedReplay {
        var first = FeedSession()
        first.items = [5, 7]
        first.clicks = [true, false]
        first.gapAfter = 4
        var second = FeedSession()
        second.items = [9]
        second.clicks = [true]
        second.day = 4
        second.gapBefore = 4
        second.isTerminal = true
        if optionWidth > 0 { first.option = [Float](repeating: 0.1, count: optionWidth) }
        var replay = FeedReplay(catalogue, optionWidth: optionWidth)
        replay.append(run: [first, second])
        return replay
    }

    @Test("Targets by hand: one step within a session, a discounted next session at its end, nothing after a churn")
    func flatTargets() async throws {
        try await TensorActor.run {
            let catalogue = try Self.ground().catalogue
            var settings = FlatAgent.Settings()
            settings.trace = 0
            func targets(_ gap: Double) throws -> [Float] {
                settings.dailyDiscount = gap
                let agent = FlatAgent(.policyGradient, catalogue: catalogue, settings: settings, seed: 1)
                return agent.targets(
                    FeedSessionBatch(
                        Self.replay(catalogue), rows: [0, 1], lag: 0, discounting: agent.discounting)
                ).floats
            }
            let near = try targets(1)
            let far = try targets(0.5)
            // Same network, so the same values: only the end of the first session is discounted by the gap, four days.
            #expect(near[0] == far[0])
            #expect(abs(far[1] - near[1] / 16) < 1e-5 && near[1] != 0)
            // The last view was clicked and nothing follows.
            #expect(near[2] == 1 && far[2] == 1)
        }
    }

    @Test("The lower level's session ends in nothing; the upper level's in the next session or in nothing")
    func twoLevelTargets() async throws {
        try await TensorActor.run {
            let catalogue = try Self.ground().catalogue
            var configuration = HierarchicalAgentConfiguration()
            configuration.trace = 0
            configuration.sessionsAhead = 1
            configuration.returnReward = 3
            configuration.dailyDiscount = 0.5
            let agent = HierarchicalAgent(catalogue, configuration: configuration, seed: 1)
            func batch(_ agent: HierarchicalAgent) -> FeedSessionBatch {
                FeedSessionBatch(
                    Self.replay(catalogue, optionWidth: catalogue.dimensions), rows: [0, 1], lag: 1,
                    discounting: agent.discounting)
            }
            let lower = agent.lowerTargets(batch(agent)).floats
            #expect(lower[1] == 0 && lower[2] == 1)
            #expect(lower[0] != 1)
            let upper = agent.upperTargets(batch(agent)).floats
            // One click each, in units of ten; the first user returned after four days.
            #expect(abs(upper[1] - 0.1) < 1e-6)
            configuration.returnReward = 0
            let unpaid = HierarchicalAgent(catalogue, configuration: configuration, seed: 1)
            let plain = unpaid.upperTargets(batch(unpaid)).floats
            #expect(abs(upper[0] - plain[0] - 3 / 10 / 16) < 1e-5)
            #expect(plain[0] != 0.1)
            // Beside the click there is the value of the next session alone, and the gap discounts it.
            configuration.dailyDiscount = 1
            let undiscounted = HierarchicalAgent(catalogue, configuration: configuration, seed: 1)
            let near = undiscounted.upperTargets(batch(undiscounted)).floats
            #expect(abs(near[0] - 0.1 - 16 * (plain[0] - 0.1)) < 1e-4)
            configuration.dailyDiscount = 0.5
            // Read to the churn, no value stands for anything: 1 + 0.5⁴ (3 + 1) clicks.
            configuration.returnReward = 3
            configuration.sessionsAhead = 5
            let reading = HierarchicalAgent(catalogue, configuration: configuration, seed: 1)
            #expect(abs(reading.upperTargets(batch(reading)).floats[0] - 0.125) < 1e-6)
        }
    }

    @Test("An item is worth what its outcomes are, weighed by its click probability; each is learned where it happened")
    func outcomes() async throws {
        try await TensorActor.run {
            let catalogue = try Self.ground().catalogue
            let batch = FeedSessionBatch(Self.replay(catalogue), rows: [0, 1], lag: 0)
            let items = catalogue.embeddings.rows(batch.items)
            let source = RandomSource(seed: 9)
            let heads = ItemHeads(
                inputs: 4, hidden: 32, dimensions: catalogue.dimensions, norm: catalogue.meanNorm, from: source)
            let state = heads.state(.normal([3, 4], from: source))
            /// The values of both critics where everything is clicked with the same probability.
            func values(clickLogit: Float) -> [[Float]] {
                for parameter in heads.parameters where parameter.name.hasPrefix("click") {
                    var numbers = [Float](repeating: 0, count: parameter.tensor.count)
                    // The last number of the bias is the offset of the logit.
                    if parameter.tensor.shape.count == 1 { numbers[numbers.count - 1] = clickLogit }
                    parameter.tensor.assign(Tensor(numbers, shape: parameter.tensor.shape))
                }
                return (0..<2).map { heads.value($0, state, items: items).floats }
            }
            let clicked = values(clickLogit: 100)
            let passed = values(clickLogit: -100)
            let even = values(clickLogit: 0)
            // The views of the two sessions: a click, none, a click.
            let targets: [Float] = [2, -1, 0.5]
            var expected: Float = 0
            for critic in 0..<2 {
                let all = heads.values(critic, state, columns: catalogue.columns).contiguous().floats
                for (view, item) in [5, 7, 9].enumerated() {
                    #expect(clicked[critic][view] != passed[critic][view])
                    let mean = (clicked[critic][view] + passed[critic][view]) / 2
                    #expect(abs(even[critic][view] - mean) < 1e-5)
                    #expect(abs(all[view * catalogue.itemCount + item] - mean) < 1e-5)
                    let happened = view == 1 ? passed[critic][view] : clicked[critic][view]
                    expected += (targets[view] - happened) * (targets[view] - happened) / 3
                }
            }
            let loss = heads.criticLoss(state, items: items, targets: Tensor(targets), batch: batch)
            let ofClicks = heads.clickLoss(state, items: items, batch: batch)
            #expect(abs(loss.item - ofClicks.item - Double(expected)) < 1e-4)
        }
    }

    @Test("What comes after a session: returns and clicks by days and views, a value where the log ends")
    func later() throws {
        let catalogue = try Self.ground().catalogue
        func session(_ clicks: [Bool], gap: Int, isTerminal: Bool = false) -> FeedSession {
            var session = FeedSession()
            session.items = clicks.indices.map { Int32($0) }
            session.clicks = clicks
            session.gapAfter = gap
            session.isTerminal = isTerminal
            return session
        }
        let first = session([false], gap: 2)
        let second = session([true, false, true], gap: 1)
        let third = session([true], gap: 9, isTerminal: true)
        var replay = FeedReplay(catalogue, optionWidth: 0)
        replay.append(run: [first, second, third])
        replay.append(run: [session([true], gap: 3)])
        func check(_ row: Int, sessions: Int, reward: Float, weight: Float, last: Int) {
            let found = replay.after(
                row, SessionDiscounting(sessions: sessions, view: 0.5, daily: 0.5, returnReward: 8))
            #expect(found.reward == reward)
            #expect(found.weight == weight)
            #expect(found.last == last)
        }
        // Two days: 1/4. The value stands at the beginning of the next session.
        check(0, sessions: 1, reward: 2, weight: 0.25, last: 0)
        // Clicks at the first and third view of the next, 1/4 and 1/16; a return another day later, 8/32.
        check(0, sessions: 2, reward: 2.5625, weight: 0.03125, last: 1)
        check(0, sessions: 3, reward: 2.59375, weight: 0, last: 2)
        check(2, sessions: 3, reward: 0, weight: 0, last: 2)
        // The next run is another user's.
        check(3, sessions: 3, reward: 1, weight: 0.125, last: 3)
    }

    @Test("Free options are directions of items, in the share of sessions that was asked for")
    func freeOptions() async throws {
        try await TensorActor.run {
            let ground = try Self.ground()
            let agent = HierarchicalAgent(ground.catalogue, seed: 2)
            func options(_ exploration: FeedExploration) throws -> [[Float]] {
                try FeedDriver.run(
                    agent, in: ground.measurement, exploration: exploration, generator: SeededGenerator(seed: 4)
                ).runs.joined().map(\.option)
            }
            func isItem(_ option: [Float]) -> Bool {
                (0..<ground.catalogue.itemCount).contains { item in
                    let row = ground.catalogue.row(item)
                    let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
                    let product = zip(row, option).reduce(Float(0)) { $0 + $1.0 * $1.1 }
                    return product > 0.999 * length * Float(ground.catalogue.meanNorm)
                }
            }
            var exploration = FeedExploration.none
            #expect(try options(exploration).allSatisfy { !isItem($0) })
            exploration.freeOption = 0.5
            let mixed = try options(exploration)
            let share = Double(mixed.count(where: isItem)) / Double(mixed.count)
            #expect(abs(share - 0.5) < 4 * (0.25 / Double(mixed.count)).squareRoot())
        }
    }

    @Test("An agent that is ℓ sessions late sees ℓ - 1 sessions less, and the replay agrees with the running feed")
    func lag() throws {
        let catalogue = try Self.ground().catalogue
        var sessions: [FeedSession] = []
        for number in 0..<4 {
            var session = FeedSession()
            session.items = [Int32(number)]
            session.clicks = [true]
            sessions.append(session)
        }
        var replay = FeedReplay(catalogue, optionWidth: 0)
        replay.append(run: sessions)
        func views(lag: Int) -> Int {
            let history = FeedSessionBatch(replay, rows: [3], lag: lag).history
            let counts = history.select(catalogue.dimensions, along: 2).floats
            return counts.count { $0 > 0 }
        }
        #expect([0, 1, 2, 3, 4, 5].map(views) == [3, 3, 2, 1, 0, 0])
        // A session's own views never reach its history: the next history has exactly one more.
        let batch = FeedSessionBatch(replay, rows: [2], lag: 1)
        let newest = batch.nextHistory.select(FeedReplay.historyLength - 1, along: 1).floats
        let expected = sessions[2].summary(catalogue, optionWidth: 0)
        #expect(newest.prefix(catalogue.dimensions) == expected.prefix(catalogue.dimensions))
    }

    @Test("Options have the length of an item, a constant option is nothing, and the lower level keeps near the option")
    func options() async throws {
        try await TensorActor.run {
            let ground = try Self.ground()
            let catalogue = ground.catalogue
            let source = RandomSource(seed: 9)
            let heads = ItemHeads(
                inputs: 4, hidden: 8, dimensions: catalogue.dimensions, norm: catalogue.meanNorm, from: source)
            let option = Tensor(Array(catalogue.row(3)), shape: [1, catalogue.dimensions])
            let scaled = option / option.norm() * catalogue.meanNorm
            let state = heads.state(.normal([50, 4], standardDeviation: 30, from: source))
            for freedom in [0.0, 0.5] {
                let proto = heads.proto(state, option: scaled, freedom: freedom)
                #expect(proto.norm(along: 1).isClose(to: .full([50], catalogue.meanNorm), absoluteTolerance: 1e-4))
                let cosine = proto.cosineSimilarity(scaled, along: 1).minimum().item
                // Within arcsin(freedom) of the option.
                #expect(cosine > cos(asin(freedom)) - 1e-4)
            }
            var configuration = HierarchicalAgentConfiguration()
            let history = Tensor.zeros([2, FeedReplay.historyLength, catalogue.dimensions * 2 + 3])
            let context = Tensor.zeros([2, FeedSession.contextWidth])
            func length(_ kind: HierarchicalAgentConfiguration.Option) -> Tensor {
                configuration.option = kind
                return HierarchicalAgent(catalogue, configuration: configuration, seed: 1)
                    .begin(history: history, context: context, noise: 0.3, random: source)
                    .slice(0..<catalogue.dimensions, along: 1).norm(along: 1)
            }
            #expect(length(.constant).floats == [0, 0])
            #expect(length(.learned).isClose(to: .full([2], catalogue.meanNorm), absoluteTolerance: 1e-3))
        }
    }

    @Test("No agent shows an item twice in a session, and the warmed-up ranker is clicked more than a random one")
    func serving() async throws {
        try await TensorActor.run {
            let ground = try Self.ground()
            let random = try ground.measurement.run(RandomFeedPolicy(seed: 1))
            let agents: [any FeedAgent] = [
                FlatAgent(.clickRanking, catalogue: ground.catalogue, seed: 2),
                FlatAgent(.policyGradient, catalogue: ground.catalogue, seed: 2),
                FlatAgent(.qLearning, catalogue: ground.catalogue, seed: 2),
                HierarchicalAgent(ground.catalogue, seed: 2), ListAgent(ground.catalogue, seed: 2),
            ]
            for agent in agents {
                try ground.train(agent, exploration: .twoLevel)
                let (report, runs) = try FeedDriver.run(
                    agent, in: ground.measurement, generator: SeededGenerator(seed: 4))
                for session in runs.joined() { #expect(Set(session.items).count == session.items.count) }
                #expect(runs.joined().reduce(0) { $0 + $1.items.count } == report.views)
                if agent.name == "click-ranking" {
                    #expect(report.clickThroughRate > 1.15 * random.clickThroughRate)
                }
                // The same seed serves the same.
                let again = try FeedDriver.run(agent, in: ground.measurement, generator: SeededGenerator(seed: 4))
                #expect(again.report.expectedClicksByUser == report.expectedClicksByUser)
            }
        }
    }

    @Test("A step of an optimiser changes its own parameters only")
    func ownParameters() async throws {
        try await TensorActor.run {
            let first = Tensor([Float(1)]).requiringGradient()
            let second = Tensor([Float(1)]).requiringGradient()
            let optimizer = NetworkOptimizer([.init(name: "first", tensor: first)], rate: 0.1)
            try optimizer.descend((first * second).sum(), progress: 0)
            #expect(first.item < 1 && second.item == 1 && second.gradient == nil)
        }
    }

    @Test("DIN: windows hold what was clicked before a view, and serving scores as training does")
    func interest() async throws {
        try await TensorActor.run {
            let catalogue = try Self.ground().catalogue
            let batch = InterestBatch(Self.replay(catalogue), rows: [0, 1])
            let nothing = [Int](repeating: 0, count: 12)
            // Item 5 is clicked, then 7 is not; in the next session 9. Items are stored one higher.
            #expect(batch.windows.integers == nothing + nothing.dropLast() + [6] + nothing.dropLast() + [6])
            #expect(batch.items.integers == [5, 7, 9])
            #expect(batch.clicks.floats == [1, 0, 1])

            let agent = InterestAgent(catalogue, seed: 4)
            let (windows, context) = (batch.windows, batch.context)
            let (one, all) = withoutGradients {
                (
                    agent.logits(windows: windows, items: batch.items, context: context).floats,
                    agent.scores(
                        state: windows.cast(to: .float32), session: context, slots: .zeros([3, 1]), shown: [],
                        noise: 0, random: RandomSource(seed: 1))
                )
            }
            #expect(all.shape == [3, catalogue.itemCount])
            let rows = all.contiguous().floats
            for (row, item) in [5, 7, 9].enumerated() {
                #expect(abs(rows[row * catalogue.itemCount + item] - one[row]) < 1e-5)
            }
            // A history changes the scores.
            #expect(abs(rows[0] - rows[catalogue.itemCount]) > 1e-6)
            // A click shifts the window, a view without one does not.
            let state = Tensor((0..<12).map(Float.init), shape: [1, 12])
            let clicked = agent.advance(state, items: Tensor([30]), clicks: Tensor([Float(1)]), slots: .zeros([1, 1]))
            #expect(clicked.floats == (1..<12).map(Float.init) + [31])
            let passed = agent.advance(state, items: Tensor([30]), clicks: Tensor([Float(0)]), slots: .zeros([1, 1]))
            #expect(passed.floats == state.floats)
        }
    }
}
