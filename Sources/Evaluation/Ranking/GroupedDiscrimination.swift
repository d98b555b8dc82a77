/// The area under the receiver operating curve inside groups (users, cells), so that knowing each group's base rate earns
/// nothing.
public struct GroupedDiscrimination: Sendable, Equatable {
    /// What a group weighs in the mean.
    public enum Weight: String, Sendable {
        /// Rows of the group.
        case impressions
        /// Positive rows of the group.
        case clicks
        /// Every group weighs the same.
        case equal
    }

    /// `sum w_g AUC_g / sum w_g` over groups that have both classes.
    public let value: Double
    public let usedGroups: Int
    /// Groups of one class only.
    public let skippedGroups: Int
    public let weight: Weight

    /// - Returns: `nil` when no group has both classes.
    /// - Throws: ``EvaluationError`` for lists of different lengths, none, or a score that is not a number.
    public init?(scores: [Double], positive: [Bool], groups: [Int32], weight: Weight) throws {
        try requirePaired("grouped area under the curve", scores.count, positive.count)
        try requirePaired("grouped area under the curve", scores.count, groups.count)
        let order = groups.indices.sorted { groups[$0] < groups[$1] }
        var total = 0.0
        var weights = 0.0
        var used = 0
        var skipped = 0
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, groups[order[end]] == groups[order[start]] { end += 1 }
            let rows = order[start..<end]
            let labels = rows.map { positive[$0] }
            if let area = try Discrimination.areaUnderCurve(scores: rows.map { scores[$0] }, positive: labels) {
                let share: Double =
                    switch weight {
                    case .impressions: Double(labels.count)
                    case .clicks: Double(labels.count { $0 })
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
        value = total / weights
        usedGroups = used
        skippedGroups = skipped
        self.weight = weight
    }
}
