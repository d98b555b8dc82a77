import Evaluation
import Testing
import Worlds

/// Shows items 0, 1, 2 … by slot, and notes what it was told when it chose.
private final class Witness: FeedPolicy, @unchecked Sendable {
    struct Note: Equatable {
        let lane: Int
        let session: Int
        let slot: Int
        /// Views of the session that the histories know.
        let seen: Int
        let page: [Int32]
    }

    let name = "witness"
    private(set) var notes: [Note] = []

    func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        for (index, lane) in batch.activeLanes.map(Int.init).enumerated() {
            choices[index] = Int32(batch.slots[lane]) - 1
            let session = Int(batch.sessions[lane])
            notes.append(
                Note(
                    lane: lane, session: session, slot: Int(batch.slots[lane]),
                    seen: batch.histories[lane].events(ofSession: session).count, page: batch.page(of: lane)))
        }
    }
}

@Suite("Feed world: pages") struct FeedPagesTests {
    /// Every view, by lane in the order of its time.
    private func views(
        _ policy: some FeedPolicy, _ world: FeedWorld, pageLength: Int, users: Range<Int> = 0..<40
    ) throws -> [[FeedOutcome]] {
        var byLane = [[FeedOutcome]](repeating: [], count: users.count)
        let rollout = FeedRollout(world: world, users: users, luckSeed: 7, pageLength: pageLength)
        _ = try rollout.run(policy) { _, outcomes in
            for outcome in outcomes { byLane[Int(outcome.lane)].append(outcome) }
        }
        return byLane
    }

    /// The feed slot by slot, written out.
    private func slotBySlot(_ policy: some FeedPolicy, _ world: FeedWorld) throws -> [[FeedOutcome]] {
        var policy = policy
        var batch = try FeedBatch(world: world, users: 0..<40, luckSeed: 7)
        var byLane = [[FeedOutcome]](repeating: [], count: 40)
        var outcomes: [FeedOutcome] = []
        while !batch.isFinished {
            var choices = [Int32](repeating: 0, count: batch.activeLanes.count)
            policy.choose(for: batch, into: &choices)
            try batch.step(choices, outcomes: &outcomes)
            for outcome in outcomes { byLane[Int(outcome.lane)].append(outcome) }
        }
        return byLane
    }

    @Test("Pages of one item are the feed slot by slot, to the bit")
    func pagesOfOne() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 1)
        let planner = PlanningOracle(continuationValue: 2, satisfactionValue: 8)
        #expect(
            try views(RandomFeedPolicy(seed: 1), world, pageLength: 1) == slotBySlot(RandomFeedPolicy(seed: 1), world))
        #expect(try views(MyopicOracle(), world, pageLength: 1) == slotBySlot(MyopicOracle(), world))
        #expect(try views(RepeatBestPolicy(), world, pageLength: 1) == slotBySlot(RepeatBestPolicy(), world))
        #expect(try views(planner, world, pageLength: 1) == slotBySlot(planner, world))
    }

    @Test("Users browse a page as they do a feed: a list that heeds no feedback earns the same in any pages")
    func lists() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 1)
        let popular = PopularFeedPolicy(world: world)
        let plain = try slotBySlot(popular, world)
        #expect(plain.joined().contains { $0.slot > 10 })
        for length in [4, 7, 10, 50] { #expect(try views(popular, world, pageLength: length) == plain) }
        // One seed gives one run, and nobody's run depends on who else is there.
        let planner = PlanningOracle(continuationValue: 2, satisfactionValue: 8)
        let crowd = try views(planner, world, pageLength: 4)
        #expect(try views(planner, world, pageLength: 4) == crowd)
        let alone = try views(planner, world, pageLength: 4, users: 13..<14)
        #expect(alone[0].map(\.item) == crowd[13].map(\.item) && alone[0].map(\.clicked) == crowd[13].map(\.clicked))
    }

    /// Views and clicks of the first session's first two pages of three, over many lucks of one user.
    private func check(_ configuration: FeedConfiguration, _ list: [Int]) throws {
        var configuration = configuration
        configuration.intentNoise = 0  // the first intent is then the same for every luck
        let world = try FeedWorld(configuration, seed: 5)
        let intent = world.nextIntent(
            user: 3, session: 0, intent: world.users.truth.tastes[3], meanClicked: .zero, luckSeed: 0)
        let expected = FeedTruth(world: world, user: 3, intent: intent).expected(list: list)
        var samples = (views: [Double](), clicks: [Double]())
        var policy = FixedList(list: list)
        var pages: [Int32] = []
        var outcomes: [FeedOutcome] = []
        for luck in 1...6_000 {
            var batch = try FeedBatch(world: world, users: [3], luckSeed: UInt64(luck), keepsHistory: false)
            var session: [FeedOutcome] = []
            repeat {
                try batch.fillPages(of: 3, by: &policy, into: &pages)
                try batch.step(pages, pageLength: 3, outcomes: &outcomes)
                session += outcomes
            } while !session.contains { $0.endsSession } && session.count < list.count
            samples.views.append(Double(session.count))
            samples.clicks.append(Double(session.count { $0.clicked }))
        }
        for (sample, wanted) in [(samples.views, expected.views), (samples.clicks, expected.clicks)] {
            let mean = sample.reduce(0, +) / Double(sample.count)
            let variance = sample.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sample.count - 1)
            let standardError = (variance / Double(sample.count)).squareRoot()
            #expect(abs(mean - wanted) < 3 * standardError, "\(mean) ± \(standardError), expected \(wanted)")
            #expect(standardError < 0.05 * wanted)
        }
    }

    @Test("Views and clicks of a list in pages are those that the equations expect, satisfaction or none")
    func expectation() throws {
        var configuration = FeedConfiguration.longTerm.fast
        try check(configuration, [19, 39, 0, 18, 38, 77])
        configuration.browseSatisfaction = 0
        try check(configuration, [17, 37, 18, 57, 2, 40])
    }

    @Test("What a user did is known when their page is used up, not before")
    func feedback() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 1)
        let witness = Witness()
        _ = try FeedRollout(world: world, users: 0..<20, luckSeed: 7, pageLength: 4).run(witness)
        #expect(witness.notes.contains { $0.slot > 8 })
        for note in witness.notes {
            let begun = (note.slot - 1) / 4 * 4
            #expect(note.seen == begun)
            #expect(note.page == (begun..<(note.slot - 1)).map(Int32.init))
        }
        let alone = Witness()
        _ = try FeedRollout(world: world, users: 0..<20, luckSeed: 7).run(alone)
        #expect(alone.notes.allSatisfy { $0.seen == $0.slot - 1 && $0.page.isEmpty })
    }

    @Test("A page is the best items without feedback, none of them twice")
    func ranking() throws {
        var configuration = FeedConfiguration.longTerm.fast
        (configuration.itemCount, configuration.userCount) = (60, 30)
        let world = try FeedWorld(configuration, seed: 2)
        let batch = try FeedBatch(world: world, users: 0..<30, luckSeed: 7)
        var pages: [Int32] = []
        func page(_ user: Int, _ length: Int) -> [Int] { pages[(user * length)..<((user + 1) * length)].map(Int.init) }

        var best = RepeatBestPolicy()
        try batch.fillPages(of: 10, by: &best, into: &pages)
        for user in 0..<30 {
            let truth = FeedTruth(batch: batch, lane: user)
            let chances = (0..<60).map { truth.clickProbability(item: $0) }  // nothing is repeated in slot 1
            #expect(page(user, 10) == Array((0..<60).sorted { chances[$0] > chances[$1] }.prefix(10)))
        }

        var myopic = MyopicOracle()
        try batch.fillPages(of: 10, by: &myopic, into: &pages)
        for user in 0..<30 {
            let own = page(user, 10)
            let intent = FeedTruth(batch: batch, lane: user).intent
            // The third place: topics of the first two cost 0.7² and 0.7 of a repetition.
            func chance(_ item: Int) -> Float {
                let topics = world.items.topics
                let repetition: Float =
                    (topics[item] == topics[own[0]] ? 0.49 : 0) + (topics[item] == topics[own[1]] ? 0.7 : 0)
                return world.clickProbability(item: item, intent: intent, repetition: repetition)
            }
            let highest = (0..<60).filter { !own.prefix(2).contains($0) }.map(chance).max()
            #expect(abs(chance(own[2]) - highest!) < 1e-6)
            #expect(Set(own).count == 10)
        }

        // Policies that know nothing of pages: what comes again gives way to the next item that is not there.
        var random = RandomFeedPolicy(seed: 1)
        try batch.fillPages(of: 50, by: &random, into: &pages)
        for user in 0..<30 { #expect(Set(page(user, 50)).count == 50) }
        var stubborn = FixedList(list: [58])
        try batch.fillPages(of: 4, by: &stubborn, into: &pages)
        #expect(page(0, 4) == [58, 59, 0, 1])
    }

    @Test("The end of a session cuts its page off: the rest is never seen, and the next session begins with a page")
    func cut() throws {
        var configuration = FeedConfiguration.longTerm.fast
        configuration.maximumSlots = 4
        let world = try FeedWorld(configuration, seed: 6)
        var batch = try FeedBatch(world: world, users: 0..<100, luckSeed: 3)
        let page: [Int32] = [10, 11, 12, 13, 14, 15]
        var outcomes: [FeedOutcome] = []
        try batch.step([[Int32]](repeating: page, count: 100).flatMap(\.self), pageLength: 6, outcomes: &outcomes)
        var lengths: Set<Int> = []
        for lane in 0..<100 {
            let own = outcomes.filter { $0.lane == Int32(lane) }
            #expect(own.map(\.slot) == (1...Int16(own.count)).map(\.self))
            #expect(own.map(\.item) == Array(page.prefix(own.count)) && batch.histories[lane].items == own.map(\.item))
            #expect(own.dropLast().allSatisfy { !$0.endsSession } && own.last?.endsSession == true)
            #expect(batch.activeLanes.contains(Int32(lane)) == (own.last?.endsUser == false))
            lengths.insert(own.count)
        }
        #expect(lengths == [1, 2, 3, 4])
        #expect(batch.activeLanes.allSatisfy { batch.slots[Int($0)] == 1 && batch.sessions[Int($0)] == 1 })
    }

    /// Where a repetition costs nothing and nothing shown has consequences, the most likely click of every slot is the best that
    /// can be done. Where it costs something, greed is not: there an item shown once may earn more.
    @Test("Where greed is best, the myopic oracle earns at most as much in pages as slot by slot, user by user")
    func myopic() throws {
        var configuration = FeedConfiguration.null.fast
        configuration.clickRepetition = 0
        let world = try FeedWorld(configuration, seed: 1)
        func clicks(_ length: Int) throws -> [Double] {
            try FeedRollout(world: world, users: 0..<100, luckSeed: 11, pageLength: length).run(MyopicOracle())
                .expectedClicksByUser
        }
        let (single, four, whole) = (try clicks(1), try clicks(4), try clicks(50))
        #expect(zip(four, single).allSatisfy { $0 <= $1 } && zip(whole, four).allSatisfy { $0 <= $1 })
        let (most, least) = (single.reduce(0, +), whole.reduce(0, +))
        #expect(least < 0.97 * most && least > 0.5 * most)
    }

    @Test("Pages that cannot be are refused, and nothing changes")
    func refusals() throws {
        let world = try FeedWorld(.null.fast, seed: 1)
        for length in [0, -1, 301] {
            #expect(
                throws: WorldError.invalid(
                    world: "feed", field: "pageLength", found: "\(length)", allowed: "1 to 300 (itemCount)")
            ) {
                try FeedRollout(world: world, users: 0..<3, luckSeed: 1, pageLength: length).run(MyopicOracle())
            }
        }
        var batch = try FeedBatch(world: world, users: 0..<2, luckSeed: 1)
        var outcomes: [FeedOutcome] = []
        #expect(throws: WorldError.actionCount(world: "feed", found: 5, expected: 6)) {
            try batch.step([1, 2, 3, 4, 5], pageLength: 3, outcomes: &outcomes)
        }
        #expect(
            throws: WorldError.invalid(world: "feed", field: "page", found: "item 4 twice", allowed: "different items")
        ) { try batch.step([1, 2, 3, 4, 5, 4], pageLength: 3, outcomes: &outcomes) }
        #expect(batch.slots == [1, 1] && batch.histories.allSatisfy { $0.count == 0 })
    }
}
