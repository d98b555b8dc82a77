import Evaluation

/// Views of a logging policy, column by column, in the order of each user's time; sessions are ranges of rows.
///
/// The logging policy is a mixture: with probability `exploration` a uniform draw from the catalogue, else what the base
/// policy shows. The propensity of each view is kept, so that off-policy estimates are possible.
public struct FeedLog: Sendable {
    public private(set) var users: [Int32] = []
    public private(set) var items: [Int32] = []
    public private(set) var days: [Int16] = []
    public private(set) var slots: [Int16] = []
    public private(set) var clicks: [Bool] = []
    public private(set) var browses: [Bool] = []
    /// Whether the browse label is censored: the session reached the slot limit.
    public private(set) var capped: [Bool] = []
    public private(set) var propensities: [Float] = []
    /// True probabilities: for scoring, never for learning.
    public private(set) var clickProbabilities: [Float] = []
    public private(set) var browseProbabilities: [Float] = []
    /// Session `s` is rows `sessionStarts[s] ..< sessionStarts[s + 1]`; one entry more than there are sessions.
    public private(set) var sessionStarts: [Int32] = [0]

    public var rowCount: Int { items.count }
    public var sessionCount: Int { sessionStarts.count - 1 }

    public func rows(ofSession session: Int) -> Range<Int> {
        Int(sessionStarts[session])..<Int(sessionStarts[session + 1])
    }

    /// - Throws: `WorldError`; `WorldError.invalid` for an exploration outside (0, 1].
    public init(
        world: FeedWorld, users: Range<Int>, base: some FeedPolicy, exploration: Double, luckSeed: UInt64
    ) throws {
        guard exploration > 0, exploration <= 1 else {
            throw WorldError.invalid(
                world: "feed", field: "exploration", found: "\(exploration)", allowed: "above 0, at most 1")
        }
        var shown = base
        let mixture = MixedFeedPolicy(base: base, exploration: exploration, seed: luckSeed)
        var byUser = [[(outcome: FeedOutcome, propensity: Float)]](repeating: [], count: users.count)
        var batch = try FeedBatch(world: world, users: users, luckSeed: luckSeed)
        var choices: [Int32] = []
        var greedy: [Int32] = []
        var outcomes: [FeedOutcome] = []
        let uniform = Float(exploration) / Float(world.items.count)
        while !batch.isFinished {
            greedy = [Int32](repeating: 0, count: batch.activeLanes.count)
            shown.choose(for: batch, into: &greedy)
            choices = greedy
            mixture.explore(batch, &choices)
            try batch.step(choices, outcomes: &outcomes)
            for (index, outcome) in outcomes.enumerated() {
                let propensity = uniform + (choices[index] == greedy[index] ? 1 - Float(exploration) : 0)
                byUser[Int(outcome.lane)].append((outcome, propensity))
            }
        }
        for (outcome, propensity) in byUser.joined() {
            self.users.append(outcome.user)
            items.append(outcome.item)
            days.append(outcome.day)
            slots.append(outcome.slot)
            clicks.append(outcome.clicked)
            browses.append(outcome.browsed)
            capped.append(outcome.capped)
            propensities.append(propensity)
            clickProbabilities.append(outcome.clickProbability)
            browseProbabilities.append(outcome.browseProbability)
            if outcome.endsSession { sessionStarts.append(Int32(items.count)) }
        }
    }
}

/// A base policy with uniform exploration.
public struct MixedFeedPolicy<Base: FeedPolicy>: FeedPolicy {
    public var name: String { "\(base.name), \(Int((100 * exploration).rounded())) % random" }
    private var base: Base
    private let exploration: Double
    private let seed: UInt64

    public init(base: Base, exploration: Double, seed: UInt64) {
        self.base = base
        self.exploration = exploration
        self.seed = seed
    }

    public mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        base.choose(for: batch, into: &choices)
        explore(batch, &choices)
    }

    /// Replaces some choices by uniform draws, by (seed, user, session, slot).
    func explore(_ batch: FeedBatch, _ choices: inout [Int32]) {
        let count = UInt64(batch.world.items.count)
        for (index, lane) in batch.activeLanes.enumerated() {
            let lane = Int(lane)
            let words = Philox.block(
                counter: SIMD4(
                    UInt32(batch.slots[lane]), UInt32(batch.sessions[lane]), UInt32(batch.users[lane]), 0xA1),
                key: seed)
            if Double(words.x) * 0x1p-32 < exploration { choices[index] = Int32((UInt64(words.y) * count) >> 32) }
        }
    }
}
