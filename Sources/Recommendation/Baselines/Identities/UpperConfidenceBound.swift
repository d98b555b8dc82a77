import Foundation
public import Tensors

/// UCB1 over items (Auer et al. 2002): `mean reward + width √(2 ln N / n)`, where an item was shown `n` times and all
/// items together `N` times. Items never shown come first.
public final class UpperConfidenceBound: Recommender {
    public private(set) var shown: [Double]
    public private(set) var rewards: [Double]
    /// 1 as published for rewards in `[0, 1]`; less explores less.
    public let width: Double

    public convenience init(itemCount: Int, width: Double = 1) {
        let nothing = [Double](repeating: 0, count: itemCount)
        self.init(shown: nothing, rewards: nothing, width: width)
    }

    /// From counts of a log.
    public init(shown: [Double], rewards: [Double], width: Double = 1) {
        precondition(shown.count == rewards.count, "views and rewards of each item")
        self.shown = shown
        self.rewards = rewards
        self.width = width
    }

    public var itemCount: Int { shown.count }

    /// Adds what showing an item earned.
    public func observe(item: Int32, reward: Double, times: Double = 1) {
        shown[Int(item)] += times
        rewards[Int(item)] += reward
    }

    /// The index of one item; infinity for an item never shown.
    public func bound(_ item: Int32) -> Double {
        let count = shown[Int(item)]
        guard count > 0 else { return .infinity }
        let total = shown.reduce(0, +)
        return rewards[Int(item)] / count + width * (2 * log(total) / count).squareRoot()
    }

    /// As a finite number: nothing is added where nothing is explored, whatever the counts.
    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        let logarithm = log(max(1, shown.reduce(0, +)))
        let highest = Float.greatestFiniteMagnitude
        let row = candidates.map { item -> Float in
            let count = shown[Int(item)]
            guard count > 0 else { return highest }
            let bonus = width > 0 ? width * (2 * logarithm / count).squareRoot() : 0
            return Float(min(rewards[Int(item)] / count + bonus, Double(highest)))
        }
        return Tensor(row, shape: [1, row.count]).broadcast(to: [users.count, row.count])
    }
}
