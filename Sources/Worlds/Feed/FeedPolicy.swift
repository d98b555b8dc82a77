import Evaluation

/// Chooses one item for every active user of a batch.
///
/// A learner reads `world.items` (observable parts), `world.users.demographics` and `batch.histories`; only bounds may
/// read `FeedTruth`.
public protocol FeedPolicy: Sendable {
    var name: String { get }
    /// Fills `choices` with one item per active lane, in the order of `batch.activeLanes`.
    ///
    /// Where a feed comes in pages it is asked once for each place of a page (`FeedBatch.fillPages`): `batch.slots` move on,
    /// what a user did is not known, and `batch.page(of:)` are the items that the policy has placed, to be left out.
    mutating func choose(for batch: FeedBatch, into choices: inout [Int32])
}

/// Uniform over the catalogue: the floor.
public struct RandomFeedPolicy: FeedPolicy {
    public let name = "random"
    public let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    public mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let count = UInt64(batch.world.items.count)
        for (index, lane) in batch.activeLanes.enumerated() {
            let lane = Int(lane)
            let words = Philox.block(
                counter: SIMD4(
                    UInt32(batch.slots[lane]), UInt32(batch.sessions[lane]), UInt32(batch.users[lane]), 0xA0),
                key: seed)
            choices[index] = Int32((UInt64(words.x) * count) >> 32)
        }
    }
}

/// The item that was liked best in the past and that the session has not shown yet.
public struct PopularFeedPolicy: FeedPolicy {
    public let name: String
    /// All items, best first.
    package let ranked: [Int32]

    /// By the smoothed past click rate.
    /// - Parameter prior: views at the mean rate that each item is given.
    public init(world: FeedWorld, prior: Float = 20) {
        name = "popular"
        let items = world.items
        let clicks = Float(items.pastClicks.reduce(0, +))
        let views = Float(items.pastViews.reduce(0, +))
        let mean = views > 0 ? clicks / views : 0
        ranked = Self.ranked(
            zip(items.pastClicks, items.pastViews).map { (Float($0) + prior * mean) / (Float($1) + prior) })
    }

    /// By the number of past clicks: what was shown more has more.
    public init(mostClickedIn world: FeedWorld) {
        name = "most clicked"
        ranked = Self.ranked(world.items.pastClicks.map(Float.init))
    }

    private static func ranked(_ scores: [Float]) -> [Int32] {
        (0..<Int32(scores.count)).sorted {
            scores[Int($0)] != scores[Int($1)] ? scores[Int($0)] > scores[Int($1)] : $0 < $1
        }
    }

    public mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        for (index, lane) in batch.activeLanes.enumerated() {
            choices[index] = ranked[(Int(batch.slots[Int(lane)]) - 1) % ranked.count]
        }
    }
}
