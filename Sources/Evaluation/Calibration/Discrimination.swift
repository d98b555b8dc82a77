/// How well a score separates positives from negatives, whatever its scale.
public enum Discrimination {
    /// Area under the receiver operating characteristic: the probability that a positive scores above a negative, ties
    /// counting half (Mann and Whitney 1947).
    /// - Returns: nil where there are no positives or no negatives: the area is not defined.
    /// - Throws: ``EvaluationError`` for lists of different lengths, none, or a score that is not a number.
    public static func areaUnderCurve(scores: [Double], positive: [Bool]) throws -> Double? {
        try requireScores("area under the curve", scores, positive)
        let positives = Double(positive.count { $0 })
        let negatives = Double(positive.count) - positives
        guard positives > 0, negatives > 0 else { return nil }
        let ranks = Correlation.ranks(scores)
        let rankSum = zip(ranks, positive).reduce(0) { $1.1 ? $0 + $1.0 : $0 }
        return (rankSum - positives * (positives + 1) / 2) / (positives * negatives)
    }

    /// Average precision: `Σ (R_k − R_{k−1}) P_k` over the distinct score thresholds, without interpolation.
    /// - Returns: nil where there are no positives.
    public static func averagePrecision(scores: [Double], positive: [Bool]) throws -> Double? {
        try requireScores("average precision", scores, positive)
        let positives = Double(positive.count { $0 })
        guard positives > 0 else { return nil }
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        var found = 0.0
        var total = 0.0
        var start = 0
        while start < order.count {
            var end = start
            var foundHere = 0.0
            while end < order.count, scores[order[end]] == scores[order[start]] {
                if positive[order[end]] { foundHere += 1 }
                end += 1
            }
            found += foundHere
            total += foundHere / positives * found / Double(end)
            start = end
        }
        return total
    }

    private static func requireScores(_ metric: String, _ scores: [Double], _ positive: [Bool]) throws {
        try requirePaired(metric, scores.count, positive.count)
        if let position = scores.firstIndex(where: \.isNaN) {
            throw EvaluationError.outOfRange(metric: metric, value: "nan", position: position, allowed: "numbers")
        }
    }
}
