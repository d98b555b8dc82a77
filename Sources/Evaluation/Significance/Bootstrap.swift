/// Percentile intervals by resampling with replacement (Efron 1979), reproducible by seed.
public struct Bootstrap: Sendable {
    public let resamples: Int
    public let confidence: Double
    public let seed: UInt64

    public init(resamples: Int = 2000, confidence: Double = 0.95, seed: UInt64 = 0) {
        precondition(
            resamples > 0 && confidence > 0 && confidence < 1, "resamples > 0 and 0 < confidence < 1 are needed")
        self.resamples = resamples
        self.confidence = confidence
        self.seed = seed
    }

    /// The interval of any statistic of `count` independent units.
    /// - Parameters:
    ///   - count: number of units.
    ///   - statistic: of the units at the given positions; the estimate is that of all positions in order.
    /// - Throws: ``EvaluationError/empty(metric:)`` for no units, and what `statistic` throws.
    public func interval(count: Int, statistic: ([Int]) throws -> Double) throws -> ConfidenceInterval {
        guard count > 0 else { throw EvaluationError.empty(metric: "bootstrap") }
        var drawn = [Int](repeating: 0, count: count)
        var values: [Double] = []
        values.reserveCapacity(resamples)
        for resample in 0..<resamples {
            var generator = SeededGenerator(seed: seed, UInt64(resample))
            for position in drawn.indices { drawn[position] = generator.integer(below: count) }
            values.append(try statistic(drawn))
        }
        values.sort()
        let tail = (1 - confidence) / 2
        return ConfidenceInterval(
            estimate: try statistic(Array(0..<count)), low: Quantile.ofSorted(values, tail),
            high: Quantile.ofSorted(values, 1 - tail), confidence: confidence, count: count)
    }

    /// The interval of a mean.
    public func mean(_ values: [Double]) throws -> ConfidenceInterval {
        try interval(count: values.count) { $0.reduce(0) { $0 + values[$1] } / Double($0.count) }
    }
}

/// Quantiles of samples.
public enum Quantile {
    /// Linear interpolation between order statistics (Hyndman and Fan's type 7, the default of NumPy and R).
    /// - Parameters:
    ///   - sorted: ascending; not a number for an empty list.
    ///   - probability: which quantile, 0 … 1.
    public static func ofSorted(_ sorted: [Double], _ probability: Double) -> Double {
        guard let last = sorted.indices.last else { return .nan }
        let position = min(max(probability, 0), 1) * Double(last)
        let below = Int(position)
        let above = min(below + 1, last)
        return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
    }

    public static func of(_ values: [Double], _ probability: Double) -> Double {
        ofSorted(values.sorted(), probability)
    }

    public static func median(_ values: [Double]) -> Double { of(values, 0.5) }
}
