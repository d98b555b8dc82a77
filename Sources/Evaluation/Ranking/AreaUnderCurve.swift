/// Area under the receiver operating curve, over all rows or by group.
public enum AreaUnderCurve {
    /// `P(s+ > s-) + P(s+ = s-)/2` through mid-ranks: `(sum of positive ranks - n+(n+ + 1)/2) / (n+ n-)`.
    ///
    /// - Returns: `nil` when only one class is present or a score is not a number.
    public static func value(scores: [Float], labels: [Bool]) -> Double? {
        precondition(scores.count == labels.count, "scores and labels differ in length")
        var order = Array(scores.indices)
        return value(&order, scores, labels)
    }

    private static func value(_ order: inout [Int], _ scores: [Float], _ labels: [Bool]) -> Double? {
        guard !order.contains(where: { scores[$0].isNaN }) else { return nil }
        order.sort { scores[$0] < scores[$1] }
        var rankSum = 0.0
        var positives = 0
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
            let middleRank = Double(start + end + 1) / 2
            for place in start..<end where labels[order[place]] {
                rankSum += middleRank
                positives += 1
            }
            start = end
        }
        let negatives = order.count - positives
        guard positives > 0, negatives > 0 else { return nil }
        let smallest = Double(positives) * Double(positives + 1) / 2
        return (rankSum - smallest) / (Double(positives) * Double(negatives))
    }

    /// What a group weighs in the grouped area.
    public enum GroupWeight: String, Sendable {
        /// Rows of the group.
        case impressions
        /// Positive rows of the group.
        case clicks
        /// Every group weighs the same.
        case equal
    }

    /// The grouped area with what it covers.
    public struct Grouped: Sendable, Equatable {
        public let value: Double
        public let usedGroups: Int
        public let skippedGroups: Int
        public let weight: GroupWeight
    }

    /// `sum w_g AUC_g / sum w_g` over groups (users, cells) that have both classes; the others are counted as skipped.
    ///
    /// - Returns: `nil` when no group has both classes.
    public static func grouped(scores: [Float], labels: [Bool], groups: [Int32], weight: GroupWeight) -> Grouped? {
        precondition(scores.count == labels.count && scores.count == groups.count, "arrays differ in length")
        let order = groups.indices.sorted { groups[$0] < groups[$1] }
        var total = 0.0
        var weights = 0.0
        var used = 0
        var skipped = 0
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, groups[order[end]] == groups[order[start]] { end += 1 }
            var rows = Array(order[start..<end])
            if let area = value(&rows, scores, labels) {
                let share: Double =
                    switch weight {
                    case .impressions: Double(rows.count)
                    case .clicks: Double(rows.count { labels[$0] })
                    case .equal: 1
                    }
                total += share * area
                weights += share
                used += 1
            } else {
                skipped += 1
            }
            start = end
        }
        guard weights > 0 else { return nil }
        return Grouped(value: total / weights, usedGroups: used, skippedGroups: skipped, weight: weight)
    }
}
