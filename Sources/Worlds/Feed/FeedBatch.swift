import Evaluation

/// Many users of one feed world, stepped together: every active user is shown one item a step.
///
/// Users do not influence one another. Each has their own clock of days, sessions and slots, and their luck depends on
/// (luck seed, user, session, slot) only.
public struct FeedBatch: Sendable {
    public let world: FeedWorld
    public let luckSeed: UInt64
    /// The user of each lane.
    public let users: [Int32]
    /// Lanes whose user is still there, ascending; the next step wants one item for each.
    public private(set) var activeLanes: [Int32]

    public private(set) var days: [Int16]
    public private(set) var sessions: [Int16]
    /// The slot that the next item will take, from 1.
    public internal(set) var slots: [Int16]
    /// What the lanes' users saw, for learners' states; empty when history is off.
    public private(set) var histories: [FeedHistory]
    public let keepsHistory: Bool

    var intents: [FeedVector]
    var satisfactions: [Float]
    var repetitions: [Float]  // [lanes, topics]
    /// By lane, the items that stand on a page which is being filled; empty where none is.
    var openPages: [[Int32]] = []
    private var clickedSums: [FeedVector]
    private var clickedCounts: [Int16]
    private let topicCount: Int

    /// - Parameters:
    ///   - users: users of the world, one lane each; all by default.
    ///   - luckSeed: two batches with the same seed meet the same luck.
    /// - Throws: `WorldError.unknownUser`.
    public init(
        world: FeedWorld, users: some Collection<Int>, luckSeed: UInt64, keepsHistory: Bool = true
    ) throws {
        for user in users where user < 0 || user >= world.users.count {
            throw WorldError.unknownUser(world: "feed", found: user, count: world.users.count)
        }
        self.world = world
        self.luckSeed = luckSeed
        self.users = users.map(Int32.init)
        self.keepsHistory = keepsHistory
        topicCount = world.configuration.topicCount
        let count = self.users.count
        activeLanes = (0..<Int32(count)).map { $0 }
        days = [Int16](repeating: 0, count: count)
        sessions = [Int16](repeating: 0, count: count)
        slots = [Int16](repeating: 1, count: count)
        histories = keepsHistory ? [FeedHistory](repeating: FeedHistory(), count: count) : []
        satisfactions = [Float](repeating: 0, count: count)
        repetitions = [Float](repeating: 0, count: count * topicCount)
        clickedSums = [FeedVector](repeating: .zero, count: count)
        clickedCounts = [Int16](repeating: 0, count: count)
        intents = self.users.map { user in
            let taste = world.users.truth.tastes[Int(user)]
            return world.nextIntent(
                user: Int(user), session: 0, intent: taste, meanClicked: .zero, luckSeed: luckSeed)
        }
    }

    public var isFinished: Bool { activeLanes.isEmpty }

    /// Shows one item to each active user, or a page of them, which is browsed item by item until it is used up or the
    /// session ends: the rest of a page is never seen.
    ///
    /// - Parameters:
    ///   - choices: `[active lanes, pageLength]`, lanes in the order of `activeLanes`, places from the top.
    ///   - outcomes: replaced by the outcomes, lane by lane, views of one lane in their order; reuse one array to avoid
    ///     allocation.
    /// - Throws: `WorldError.actionCount`, `.unknownAction`, `.invalid` for a page with an item twice; nothing has
    ///   changed then.
    public mutating func step(_ choices: [Int32], pageLength: Int = 1, outcomes: inout [FeedOutcome]) throws {
        try check(choices, pageLength: pageLength)
        outcomes.removeAll(keepingCapacity: true)
        outcomes.reserveCapacity(choices.count)
        var kept = 0
        for index in activeLanes.indices {
            let lane = activeLanes[index]
            var endsUser = false
            for place in 0..<pageLength {
                let outcome = view(lane: Int(lane), item: Int(choices[index * pageLength + place]))
                outcomes.append(outcome)
                endsUser = outcome.endsUser
                if outcome.endsSession { break }
            }
            if !endsUser {
                activeLanes[kept] = lane
                kept += 1
            }
        }
        activeLanes.removeSubrange(kept...)
    }

    private mutating func view(lane: Int, item: Int) -> FeedOutcome {
        let user = Int(users[lane])
        let session = sessions[lane]
        let slot = slots[lane]
        let topic = Int(world.items.topics[item])
        let vector = world.items.truth.vectors[item]
        let match = intents[lane].dot(vector)
        let repetition = repetitions[lane * topicCount + topic]
        let luck = Philox.block(
            counter: SIMD4(UInt32(slot), UInt32(session), UInt32(user), FeedWorld.Stream.view.rawValue), key: luckSeed)

        let clickProbability = logistic(world.clickLogit(item: item, match: match, repetition: repetition))
        let clicked = unitInterval(luck.x) < clickProbability
        let satisfaction = world.satisfaction(after: satisfactions[lane], item: item, clicked: clicked)
        satisfactions[lane] = satisfaction
        if clicked {
            clickedSums[lane] += vector
            clickedCounts[lane] += 1
        }
        let browseProbability = world.browseProbability(
            satisfaction: satisfaction, match: match, repetition: repetition, slot: Int(slot))
        let browsed = unitInterval(luck.y) < browseProbability
        let capped = browsed && Int(slot) >= world.configuration.maximumSlots
        if keepsHistory {
            histories[lane].append(item: Int32(item), clicked: clicked, session: session, slot: slot, day: days[lane])
        }

        var ending = FeedEnding.none
        var gap: Int?
        let day = days[lane]
        if browsed && !capped {
            slots[lane] += 1
            repeatTopic(topic, lane: lane)
        } else {
            gap = endSession(lane: lane, user: user)
            if gap == nil {
                ending = .churned
            } else if Int(days[lane]) >= world.configuration.horizonInDays {
                ending = .horizon
            } else {
                ending = capped ? .capped : .left
            }
        }
        return FeedOutcome(
            lane: Int32(lane), user: Int32(user), item: Int32(item), day: day, session: session, slot: slot,
            clicked: clicked, browsed: browsed, ending: ending, capped: capped, gapInDays: Int8(clamping: gap ?? 0),
            clickProbability: clickProbability, browseProbability: browseProbability)
    }

    /// `n' = decay (n + 1[topic])`: what the next slot finds repeated.
    @inline(__always)
    mutating func repeatTopic(_ topic: Int, lane: Int) {
        repetitions.withUnsafeMutableBufferPointer { all in
            let row = all.baseAddress! + lane * topicCount
            row[topic] += 1
            for index in 0..<topicCount { row[index] *= world.configuration.repetitionDecay }
        }
    }

    /// Draws the gap and prepares the next session.
    private mutating func endSession(lane: Int, user: Int) -> Int? {
        let session = sessions[lane]
        let words = Philox.block(
            counter: SIMD4(0, UInt32(session), UInt32(user), FeedWorld.Stream.gap.rawValue), key: luckSeed)
        let probability = world.returnProbability(user: user, satisfaction: satisfactions[lane])
        guard let gap = world.returnGap(probability: probability, luck: unitInterval(words.x)) else { return nil }
        let clicks = Float(clickedCounts[lane])
        intents[lane] = world.nextIntent(
            user: user, session: Int(session) + 1, intent: intents[lane],
            meanClicked: clicks > 0 ? clickedSums[lane] / clicks : .zero, luckSeed: luckSeed)
        satisfactions[lane] *= world.configuration.satisfactionCarry
        clickedSums[lane] = .zero
        clickedCounts[lane] = 0
        for index in 0..<topicCount { repetitions[lane * topicCount + index] = 0 }
        sessions[lane] += 1
        slots[lane] = 1
        days[lane] += Int16(gap)
        return gap
    }
}
