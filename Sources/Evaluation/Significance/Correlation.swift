/// Correlation of two equally long lists.
public enum Correlation {
    /// Pearson's r, in [−1, 1]; nil for fewer than two pairs or a constant list, where it is not defined.
    /// - Throws: ``EvaluationError`` for lists of different lengths or empty lists.
    public static func pearson(_ first: [Double], _ second: [Double]) throws -> Double? {
        try requirePaired("correlation", first.count, second.count)
        guard first.count > 1 else { return nil }
        let (firstMean, secondMean) = (Summary(first).mean, Summary(second).mean)
        var product = 0.0
        var firstSquares = 0.0
        var secondSquares = 0.0
        for (x, y) in zip(first, second) {
            product += (x - firstMean) * (y - secondMean)
            firstSquares += (x - firstMean) * (x - firstMean)
            secondSquares += (y - secondMean) * (y - secondMean)
        }
        guard firstSquares > 0, secondSquares > 0 else { return nil }
        return min(1, max(-1, product / (firstSquares.squareRoot() * secondSquares.squareRoot())))
    }

    /// Spearman's ρ: Pearson's r of the ranks, ties sharing their mean rank.
    public static func spearman(_ first: [Double], _ second: [Double]) throws -> Double? {
        try pearson(ranks(first), ranks(second))
    }

    /// Ranks from 1 (the smallest); equal values share the mean of their ranks.
    public static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var result = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            end = max(end, start + 1)  // a value that is not a number equals nothing, not even itself
            let shared = Double(start + end + 1) / 2
            for position in start..<end { result[order[position]] = shared }
            start = end
        }
        return result
    }
}
