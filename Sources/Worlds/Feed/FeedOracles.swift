import Evaluation

/// Shows the item with the highest true click probability: the best a click model can do.
public struct MyopicOracle: FeedPolicy {
    public let name = "myopic oracle"

    public init() {}

    public mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let world = batch.world
        for (index, lane) in batch.activeLanes.enumerated() {
            let truth = FeedTruth(batch: batch, lane: Int(lane))
            var best: Int32 = 0
            let page = batch.page(of: Int(lane))
            var bestLogit = -Float.infinity
            for item in 0..<world.items.count {
                let logit = truth.clickLogit(item: item)
                if logit > bestLogit, !page.contains(Int32(item)) {
                    bestLogit = logit
                    best = Int32(item)
                }
            }
            choices[index] = best
        }
    }
}

/// Shows the item that the first slot's myopic oracle would show, again and again: a probe for exploitable worlds. A page
/// has the best such items.
public struct RepeatBestPolicy: FeedPolicy {
    public let name = "repeat best"

    public init() {}

    public mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        for (index, lane) in batch.activeLanes.enumerated() {
            let truth = FeedTruth(batch: batch, lane: Int(lane))
            var best: Int32 = 0
            let page = batch.page(of: Int(lane))
            var bestLogit = -Float.infinity
            for item in 0..<batch.world.items.count {
                let logit = truth.clickLogit(item: item, ignoringRepetition: true)
                if logit > bestLogit, !page.contains(Int32(item)) {
                    bestLogit = logit
                    best = Int32(item)
                }
            }
            choices[index] = best
        }
    }
}

/// One-step look-ahead with the true model: `c + E[b] V + E[m'] W`, click and browse exact, the rest of the session
/// worth `V` clicks and a unit of satisfaction worth `W` clicks.
///
/// The two values are fitted by simulation (`fitted`), so this is a lower bound of the best plan, and the upper bound
/// that methods are compared with.
public struct PlanningOracle: FeedPolicy {
    public let name = "planning oracle"
    public let continuationValue: Float
    public let satisfactionValue: Float

    public init(continuationValue: Float, satisfactionValue: Float) {
        self.continuationValue = continuationValue
        self.satisfactionValue = satisfactionValue
    }

    /// Coordinate search over the two values by the true expected clicks of simulated users.
    ///
    /// - Parameters:
    ///   - users: users to simulate; keep them apart from the evaluated ones or use another `luckSeed`.
    ///   - pageLength: of the feed that it is to serve.
    /// - Throws: `WorldError`.
    public static func fitted(
        world: FeedWorld, users: Range<Int>, luckSeed: UInt64, pageLength: Int = 1
    ) throws -> PlanningOracle {
        let continuations: [Float] = [0, 1, 2, 4, 8]
        let satisfactions: [Float] = [0, 2, 4, 8, 16, 32]
        var best = PlanningOracle(continuationValue: 0, satisfactionValue: 0)
        func value(_ oracle: PlanningOracle) throws -> Double {
            try FeedRollout(world: world, users: users, luckSeed: luckSeed, pageLength: pageLength).run(oracle)
                .expectedClicksPerUser
        }
        var bestValue = try value(best)
        for _ in 0..<2 {
            for candidate in satisfactions where candidate != best.satisfactionValue {
                let oracle = PlanningOracle(
                    continuationValue: best.continuationValue, satisfactionValue: candidate)
                let found = try value(oracle)
                if found > bestValue { (best, bestValue) = (oracle, found) }
            }
            for candidate in continuations where candidate != best.continuationValue {
                let oracle = PlanningOracle(continuationValue: candidate, satisfactionValue: best.satisfactionValue)
                let found = try value(oracle)
                if found > bestValue { (best, bestValue) = (oracle, found) }
            }
        }
        return best
    }

    public mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let count = batch.world.items.count
        for (index, lane) in batch.activeLanes.enumerated() {
            let truth = FeedTruth(batch: batch, lane: Int(lane))
            var best: Int32 = 0
            let page = batch.page(of: Int(lane))
            var bestScore = -Float.infinity
            for item in 0..<count {
                let look = truth.lookAhead(item: item)
                let score =
                    look.click + continuationValue * look.browse + satisfactionValue * look.satisfaction
                if score > bestScore, !page.contains(Int32(item)) {
                    bestScore = score
                    best = Int32(item)
                }
            }
            choices[index] = best
        }
    }
}
