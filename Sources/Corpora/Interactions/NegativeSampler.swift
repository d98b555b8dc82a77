import Evaluation
import Foundation

/// Draws items that a user did not meet. It is made from a split, so that it is made after it.
public struct NegativeSampler: Sendable {
    public enum Weighting: Sendable, Hashable {
        case uniform
        /// In proportion to training counts to this power; items never seen in training are never drawn.
        case popularity(exponent: Double)
    }

    /// Which of the user's items are never drawn.
    public enum Exclusion: String, Sendable {
        /// Items of train, validation and test: for evaluation, and the default.
        case allParts
        /// Items of train only: what a model in production could know.
        case trainOnly
    }

    public let weighting: Weighting
    public let exclusion: Exclusion
    private let positives: ItemSets
    private let itemCount: Int
    /// Alias table (Vose 1991): one uniform number and one comparison a draw.
    private var thresholds: [Float] = []
    private var aliases: [Int32] = []
    private var drawable: [Bool] = []
    private var drawableCount: Int

    public init(_ split: InteractionSplit, weighting: Weighting = .uniform, exclusion: Exclusion = .allParts) {
        self.weighting = weighting
        self.exclusion = exclusion
        itemCount = split.log.itemCount
        drawableCount = itemCount
        positives =
            switch exclusion {
            case .allParts: split.log.itemSets { split.log.rows(ofUser: $0) }
            case .trainOnly: split.targets(.train)
            }
        if case .popularity(let exponent) = weighting {
            let weights = split.trainItemCounts.map { $0 > 0 ? pow(Double($0), exponent) : 0 }
            drawable = weights.map { $0 > 0 }
            drawableCount = drawable.count { $0 }
            (thresholds, aliases) = Self.aliasTable(weights)
        }
    }

    /// How many different items there are to draw for a user.
    public func negativeCount(user: Int) -> Int {
        drawableCount - positives[user].count { drawable.isEmpty || drawable[Int($0)] }
    }

    /// Whether anything is left to draw for a user.
    public func hasNegatives(user: Int) -> Bool {
        positives[user].count < drawableCount || negativeCount(user: user) > 0
    }

    /// `count` items, independent and maybe repeated, none of them a positive of the user.
    /// - Throws: ``InteractionError/noNegatives(user:wanted:available:)`` when the user met everything that can be drawn.
    public func sample(user: Int, count: Int, using generator: inout SeededGenerator) throws -> [Int32] {
        let met = positives[user]
        var result: [Int32] = []
        result.reserveCapacity(count)
        // Rejection is fast while the user met little; after that many failures the rest is drawn from the complement.
        var failures = 0
        while result.count < count, failures < 20 + 4 * count {
            let item = draw(&generator)
            if contains(met, item) { failures += 1 } else { result.append(item) }
        }
        guard result.count < count else { return result }
        let left = (0..<Int32(itemCount)).filter { !contains(met, $0) && (drawable.isEmpty || drawable[Int($0)]) }
        guard !left.isEmpty else { throw InteractionError.noNegatives(user: user, wanted: count, available: 0) }
        while result.count < count { result.append(generator.element(of: left)) }
        return result
    }

    /// `count` different items, ascending: candidates of a sampled ranking.
    /// - Throws: ``InteractionError/noNegatives(user:wanted:available:)`` when fewer are left.
    public func sampleDistinct(user: Int, count: Int, using generator: inout SeededGenerator) throws -> [Int32] {
        let met = positives[user]
        var chosen = Set<Int32>()
        var failures = 0
        while chosen.count < count, failures < 100 + 20 * count {
            let item = draw(&generator)
            if contains(met, item) || !chosen.insert(item).inserted { failures += 1 }
        }
        if chosen.count < count {
            let left = (0..<Int32(itemCount)).filter {
                !contains(met, $0) && !chosen.contains($0) && (drawable.isEmpty || drawable[Int($0)])
            }
            guard chosen.count + left.count >= count else {
                throw InteractionError.noNegatives(
                    user: user, wanted: count, available: chosen.count + left.count)
            }
            chosen.formUnion(generator.shuffled(left).prefix(count - chosen.count))
        }
        return chosen.sorted()
    }

    private func draw(_ generator: inout SeededGenerator) -> Int32 {
        let column = generator.integer(below: itemCount)
        guard !thresholds.isEmpty else { return Int32(column) }
        return Float(generator.uniform()) < thresholds[column] ? Int32(column) : aliases[column]
    }

    private static func aliasTable(_ weights: [Double]) -> ([Float], [Int32]) {
        let total = weights.reduce(0, +)
        let count = Double(weights.count)
        guard total > 0 else { return ([], []) }
        var scaled = weights.map { $0 * count / total }
        var thresholds = [Float](repeating: 1, count: weights.count)
        var aliases = (0..<Int32(weights.count)).map { $0 }
        var small = scaled.indices.filter { scaled[$0] < 1 }
        var large = scaled.indices.filter { scaled[$0] >= 1 }
        while let low = small.popLast(), let high = large.last {
            thresholds[low] = Float(scaled[low])
            aliases[low] = Int32(high)
            scaled[high] -= 1 - scaled[low]
            if scaled[high] < 1 {
                large.removeLast()
                small.append(high)
            }
        }
        return (thresholds, aliases)
    }
}
