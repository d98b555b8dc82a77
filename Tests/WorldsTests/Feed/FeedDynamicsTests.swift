import Evaluation
import Testing
import Worlds

/// Shows a fixed list, slot by slot.
struct FixedList: FeedPolicy {
    let name = "fixed list"
    let list: [Int]

    mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        for (index, lane) in batch.activeLanes.enumerated() {
            choices[index] = Int32(list[min(Int(batch.slots[Int(lane)]), list.count) - 1])
        }
    }
}

@Suite("Feed world: dynamics") struct FeedDynamicsTests {
    /// Views and clicks of the first session's first `list.count` slots, over many lucks of one user.
    private func firstSessions(
        _ configuration: FeedConfiguration, list: [Int], repeats: Int
    ) throws -> (views: [Double], clicks: [Double], expectedViews: Double, expectedClicks: Double) {
        var configuration = configuration
        configuration.intentNoise = 0  // the first intent is then the same for every luck
        let world = try FeedWorld(configuration, seed: 5)
        let user = 3
        let taste = world.users.truth.tastes[user]
        let intent = world.nextIntent(user: user, session: 0, intent: taste, meanClicked: .zero, luckSeed: 0)
        let expected = FeedTruth(world: world, user: user, intent: intent).expected(list: list)
        var views: [Double] = []
        var clicks: [Double] = []
        var policy = FixedList(list: list)
        for luck in 0..<repeats {
            var batch = try FeedBatch(world: world, users: [user], luckSeed: UInt64(luck) + 1, keepsHistory: false)
            var outcomes: [FeedOutcome] = []
            var choices: [Int32] = [0]
            var seen = 0.0
            var clicked = 0.0
            repeat {
                policy.choose(for: batch, into: &choices)
                try batch.step(choices, outcomes: &outcomes)
                seen += 1
                clicked += outcomes[0].clicked ? 1 : 0
            } while !outcomes[0].endsSession && Int(seen) < list.count
            views.append(seen)
            clicks.append(clicked)
        }
        return (views, clicks, expected.views, expected.clicks)
    }

    private func check(_ sample: [Double], _ expected: Double) {
        let mean = sample.reduce(0, +) / Double(sample.count)
        let variance = sample.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sample.count - 1)
        let standardError = (variance / Double(sample.count)).squareRoot()
        #expect(abs(mean - expected) < 3.5 * standardError, "\(mean) ± \(standardError), expected \(expected)")
        #expect(standardError < 0.05 * expected)
    }

    @Test("Without satisfaction in browsing, views and clicks of a list are sums of survival products")
    func closedForm() throws {
        var configuration = FeedConfiguration.longTerm.fast
        configuration.browseSatisfaction = 0
        let list = [17, 37, 18, 57, 2, 17]
        let result = try firstSessions(configuration, list: list, repeats: 6_000)
        check(result.views, result.expectedViews)
        check(result.clicks, result.expectedClicks)

        // The same sums written out: S_1 = 1, S_t = prod b_j; views = sum S_t, clicks = sum S_t c_t.
        var plain = configuration
        plain.intentNoise = 0
        let world = try FeedWorld(plain, seed: 5)
        let intent = world.nextIntent(
            user: 3, session: 0, intent: world.users.truth.tastes[3], meanClicked: .zero, luckSeed: 0)
        var survival = 1.0
        var views = 0.0
        var clicks = 0.0
        for (index, item) in list.enumerated() {
            var repetition: Float = 0
            for (earlier, other) in list[..<index].enumerated()
            where world.items.topics[other] == world.items.topics[item] {
                var weight: Float = 1
                for _ in earlier..<index { weight *= 0.7 }
                repetition += weight
            }
            views += survival
            clicks += survival * Double(world.clickProbability(item: item, intent: intent, repetition: repetition))
            survival *= Double(
                world.browseProbability(
                    satisfaction: 0, match: (intent * world.items.truth.vectors[item]).sum(), repetition: repetition,
                    slot: index + 1))
        }
        #expect(abs(views - result.expectedViews) < 1e-4)
        #expect(abs(clicks - result.expectedClicks) < 1e-4)
    }

    @Test("With satisfaction in browsing, the simulation equals the enumeration over click histories")
    func enumeration() throws {
        let result = try firstSessions(.longTerm.fast, list: [19, 39, 0, 18, 38], repeats: 6_000)
        check(result.views, result.expectedViews)
        check(result.clicks, result.expectedClicks)
    }

    @Test("One seed gives one run, another luck another one")
    func determinism() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 1)
        let again = try FeedWorld(.longTerm.fast, seed: 1)
        let first = try FeedRollout(world: world, users: 0..<40, luckSeed: 7).run(RandomFeedPolicy(seed: 1))
        let second = try FeedRollout(world: again, users: 0..<40, luckSeed: 7).run(RandomFeedPolicy(seed: 1))
        let other = try FeedRollout(world: world, users: 0..<40, luckSeed: 8).run(RandomFeedPolicy(seed: 1))
        #expect(first.clicksByUser == second.clicksByUser)
        #expect(first.sessions == second.sessions)
        #expect(first.clicksByUser != other.clicksByUser)
    }

    @Test("A user's luck depends on nobody else: alone or in a crowd, the run is the same")
    func independentUsers() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 1)
        let crowd = try FeedRollout(world: world, users: 0..<30, luckSeed: 7).run(MyopicOracle())
        for user in [0, 13, 29] {
            let alone = try FeedRollout(world: world, users: user..<(user + 1), luckSeed: 7).run(MyopicOracle())
            #expect(alone.clicksByUser[0] == crowd.clicksByUser[user])
            #expect(alone.expectedClicksByUser[0] == crowd.expectedClicksByUser[user])
        }
    }

    @Test("Two policies meet the same luck: equal choices give equal outcomes until they differ")
    func commonRandomNumbers() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 2)
        func firstViews(_ list: [Int]) throws -> [[FeedOutcome]] {
            var collected: [[FeedOutcome]] = []
            _ = try FeedRollout(world: world, users: 0..<50, luckSeed: 3).run(FixedList(list: list)) { _, outcomes in
                if collected.count < 2 { collected.append(outcomes) }
            }
            return collected
        }
        let first = try firstViews([4, 9])
        let second = try firstViews([4, 11])
        #expect(first[0] == second[0])
        #expect(first[1] != second[1])
        #expect(first[1].map(\.lane) == second[1].map(\.lane))
    }

    @Test("Clicks happen as often as their stated probability, and so does browsing")
    func calibrated() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 4)
        var clicks: [Double] = []
        var clicked: [Bool] = []
        var browses: [Double] = []
        var browsed: [Bool] = []
        _ = try FeedRollout(world: world, users: 0..<200, luckSeed: 3).run(RandomFeedPolicy(seed: 9)) { _, outcomes in
            for outcome in outcomes {
                clicks.append(Double(outcome.clickProbability))
                clicked.append(outcome.clicked)
                browses.append(Double(outcome.browseProbability))
                browsed.append(outcome.browsed)
            }
        }
        #expect(clicks.count > 5_000)
        #expect(try Calibration.expectedError(confidences: clicks, correct: clicked) < 0.02)
        #expect(try Calibration.expectedError(confidences: browses, correct: browsed) < 0.02)
    }

    @Test("Endings: churn and horizon end the user, the slot limit is a truncation, leaving is not")
    func endings() throws {
        var configuration = FeedConfiguration.longTerm.fast
        configuration.maximumSlots = 4
        let world = try FeedWorld(configuration, seed: 6)
        var seen: [FeedEnding: Int] = [:]
        _ = try FeedRollout(world: world, users: 0..<100, luckSeed: 3).run(RandomFeedPolicy(seed: 9)) { _, outcomes in
            for outcome in outcomes {
                seen[outcome.ending, default: 0] += 1
                #expect(outcome.slot <= 4)
                #expect(outcome.capped == (outcome.slot == 4 && outcome.browsed))
                #expect(outcome.endsSession == (!outcome.browsed || outcome.capped))
                #expect((1...10).contains(outcome.gapInDays) == (outcome.endsSession && outcome.ending != .churned))
            }
        }
        #expect(Set(seen.keys) == [.none, .left, .capped, .churned, .horizon])
    }

    @Test("Wrong steps are refused and change nothing")
    func refusals() throws {
        let world = try FeedWorld(.null.fast, seed: 1)
        var batch = try FeedBatch(world: world, users: 0..<3, luckSeed: 1)
        var outcomes: [FeedOutcome] = []
        #expect(throws: WorldError.actionCount(world: "feed", found: 2, expected: 3)) {
            try batch.step([1, 2], outcomes: &outcomes)
        }
        #expect(throws: WorldError.unknownAction(world: "feed", found: 300, count: 300)) {
            try batch.step([1, 2, 300], outcomes: &outcomes)
        }
        #expect(batch.slots == [1, 1, 1] && batch.histories.allSatisfy { $0.count == 0 })
        #expect(throws: WorldError.unknownUser(world: "feed", found: 500, count: 500)) {
            try FeedBatch(world: world, users: [500], luckSeed: 1)
        }
        var configuration = FeedConfiguration()
        configuration.clickbaitCorrelation = 1.5
        #expect(throws: WorldError.self) { try FeedWorld(configuration, seed: 1) }
    }

    @Test(
        "Delayed features are a prefix: lag 0 sees all, lag n sees sessions at least n back, minutes see older events")
    func delay() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 1)
        var batch = try FeedBatch(world: world, users: 0..<60, luckSeed: 2)
        var outcomes: [FeedOutcome] = []
        while let lane = batch.activeLanes.first, batch.sessions[Int(lane)] < 4 {
            try batch.step([Int32](repeating: 5, count: batch.activeLanes.count), outcomes: &outcomes)
        }
        let lane = Int(try #require(batch.activeLanes.first))
        let history = batch.histories[lane]
        let session = Int(batch.sessions[lane])
        #expect(history.visible(session: session, delay: .immediate) == 0..<history.count)
        #expect(history.visible(session: session, delay: .sessions(1)).upperBound == history.count)
        let earlier = history.visible(session: session, delay: .sessions(2))
        #expect(earlier.upperBound == history.events(ofSession: session - 1).lowerBound)
        #expect(history.visible(session: session, delay: .sessions(session + 1)).isEmpty)
        #expect(history.visible(session: session, delay: .minutes(1), minute: 0).isEmpty)
        let second = history.events(ofSession: 1)
        let start = Float(world.configuration.minutesPerView)
        #expect(history.visible(session: session, delay: .minutes(0), minute: start).upperBound <= second.lowerBound)
        #expect(history.visible(session: session, delay: .minutes(10), minute: 1e6).upperBound == history.count)
    }

    @Test("Logs: sessions are ranges of one user's slots 1, 2, …; propensities are how often items are shown")
    func logs() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 1)
        let base = PopularFeedPolicy(world: world)
        let log = try FeedLog(world: world, users: 0..<150, base: base, exploration: 0.4, luckSeed: 3)
        #expect(log.sessionStarts.last == Int32(log.rowCount) && log.sessionCount > 300)
        for session in 0..<log.sessionCount {
            let rows = log.rows(ofSession: session)
            #expect(log.slots[rows].elementsEqual((1...Int16(rows.count))))
            #expect(Set(log.users[rows]).count == 1)
            #expect(log.browses[rows].dropLast().allSatisfy { $0 })
            #expect(!log.browses[rows.upperBound - 1] || log.capped[rows.upperBound - 1])
        }
        let greedy = log.propensities.count { $0 > 0.5 }
        #expect(abs(Double(greedy) / Double(log.rowCount) - 0.6) < 0.03)
        // The mixture as a policy meets the same luck and gives the same views.
        let policy = MixedFeedPolicy(base: base, exploration: 0.4, seed: 3)
        let report = try FeedRollout(world: world, users: 0..<150, luckSeed: 3).run(policy)
        #expect(report.views == log.rowCount)
        // Off-policy: one view of the uniform policy. Only first slots are comparable, later ones are the log's own states.
        let first = log.slots.indices.filter { log.slots[$0] == 1 && log.days[$0] == 0 }
        let decisions = try LoggedDecisions(
            rewards: first.map { Double(log.clickProbabilities[$0]) },
            loggingProbabilities: first.map { Double(log.propensities[$0]) },
            targetProbabilities: first.map { _ in 1 / Double(world.items.count) })
        let random = FeedRollout(world: world, users: 0..<150, luckSeed: 3)
        var truth = 0.0
        var views = 0.0
        _ = try random.run(RandomFeedPolicy(seed: 8)) { _, outcomes in
            guard views == 0 else { return }
            truth = outcomes.reduce(0.0) { $0 + Double($1.clickProbability) }
            views = Double(outcomes.count)
        }
        let estimate = OffPolicyEstimators.selfNormalized(decisions)
        #expect(abs(estimate.value - truth / views) < 4 * estimate.standardError + 0.04)
        #expect(throws: WorldError.self) {
            try FeedLog(world: world, users: 0..<2, base: base, exploration: 0, luckSeed: 3)
        }
    }

    @Test("Constants that are no numbers or out of range are named")
    func constants() {
        func error(_ change: (inout FeedConfiguration) -> Void) -> WorldError? {
            var configuration = FeedConfiguration.longTerm.fast
            change(&configuration)
            do {
                _ = try FeedWorld(configuration, seed: 1)
                return nil
            } catch { return error as? WorldError }
        }
        #expect(error { _ in } == nil)
        #expect(
            error { $0.clickMatch = .nan }
                == .invalid(world: "feed", field: "clickMatch", found: "nan", allowed: "finite numbers"))
        #expect(
            error { $0.horizonInDays = 0 }
                == .invalid(world: "feed", field: "horizonInDays", found: "0", allowed: "1 to 10000"))
        #expect(
            error { $0.maximumGapInDays = 200 }
                == .invalid(world: "feed", field: "maximumGapInDays", found: "200", allowed: "1 to 127"))
    }
}
