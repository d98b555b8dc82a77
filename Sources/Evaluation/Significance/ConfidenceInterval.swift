/// An estimate with the interval that holds its true value in `confidence` of repeated experiments.
public struct ConfidenceInterval: Sendable, Equatable, Codable {
    public let estimate: Double
    public let low: Double
    public let high: Double
    /// 0.95 for a 95 % interval.
    public let confidence: Double
    /// Number of independent observations behind the estimate.
    public let count: Int

    public init(estimate: Double, low: Double, high: Double, confidence: Double, count: Int) {
        self.estimate = estimate
        self.low = low
        self.high = high
        self.confidence = confidence
        self.count = count
    }

    /// Student's t interval of a mean: `mean ± t_{1−α/2, n−1} · s / √n`. One observation gives (−∞, ∞).
    /// - Throws: ``EvaluationError/empty(metric:)`` without observations.
    public static func mean(_ values: [Double], confidence: Double = 0.95) throws -> ConfidenceInterval {
        guard !values.isEmpty else { throw EvaluationError.empty(metric: "interval of a mean") }
        let summary = Summary(values)
        guard values.count > 1 else {
            return ConfidenceInterval(
                estimate: summary.mean, low: -.infinity, high: .infinity, confidence: confidence, count: 1)
        }
        let student = StudentDistribution(degreesOfFreedom: Double(values.count - 1))
        let half = student.quantile(0.5 + confidence / 2) * summary.standardError
        return ConfidenceInterval(
            estimate: summary.mean, low: summary.mean - half, high: summary.mean + half, confidence: confidence,
            count: values.count)
    }

    /// Student's t interval of the mean of paired differences `first − second`, for example of two methods by seed.
    /// - Throws: ``EvaluationError`` for lists of different lengths or empty lists.
    public static func pairedDifference(_ first: [Double], _ second: [Double], confidence: Double = 0.95) throws
        -> ConfidenceInterval
    {
        try requirePaired("paired difference", first.count, second.count)
        return try mean(zip(first, second).map { $0 - $1 }, confidence: confidence)
    }

    /// Wilson's (1927) score interval of a proportion: honest near 0 and 1 and for small samples.
    /// - Throws: ``EvaluationError`` without trials, or for successes outside `0 ... trials`.
    public static func proportion(successes: Int, trials: Int, confidence: Double = 0.95) throws -> ConfidenceInterval {
        guard trials > 0 else { throw EvaluationError.empty(metric: "interval of a proportion") }
        guard (0...trials).contains(successes) else {
            throw EvaluationError.outOfRange(
                metric: "interval of a proportion", value: "\(successes)", position: 0, allowed: "0 to \(trials)")
        }
        let count = Double(trials)
        let share = Double(successes) / count
        let z = NormalDistribution.quantile(0.5 + confidence / 2)
        let centre = (share + z * z / (2 * count)) / (1 + z * z / count)
        let spread = (share * (1 - share) / count + z * z / (4 * count * count)).squareRoot()
        let half = z / (1 + z * z / count) * spread
        return ConfidenceInterval(
            estimate: share, low: max(0, centre - half), high: min(1, centre + half), confidence: confidence,
            count: trials)
    }
}

/// Mean and spread of a list of numbers.
public struct Summary: Sendable, Equatable {
    public let count: Int
    public let mean: Double
    /// With n − 1 in the denominator; 0 for fewer than two values.
    public let standardDeviation: Double

    public init(_ values: [Double]) {
        count = values.count
        let mean = values.isEmpty ? Double.nan : values.reduce(0, +) / Double(values.count)
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        standardDeviation = values.count < 2 ? 0 : (squares / Double(values.count - 1)).squareRoot()
    }

    public var standardError: Double { standardDeviation / Double(count).squareRoot() }
}
