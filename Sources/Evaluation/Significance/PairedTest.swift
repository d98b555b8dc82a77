/// Student's two-sided test that the mean of paired differences is 0.
public struct PairedTest: Sendable, Equatable {
    public let interval: ConfidenceInterval
    /// `mean / (s / √n)`; not a number for fewer than two pairs or differences that are all 0.
    public let statistic: Double
    /// Two-sided; 1 where the statistic is not a number.
    public let probability: Double

    /// - Throws: ``EvaluationError`` for lists of different lengths or empty lists.
    public init(_ first: [Double], _ second: [Double], confidence: Double = 0.95) throws {
        interval = try .pairedDifference(first, second, confidence: confidence)
        let summary = Summary(zip(first, second).map { $0 - $1 })
        guard summary.count > 1, summary.mean != 0 || summary.standardDeviation > 0 else {
            statistic = .nan
            probability = 1
            return
        }
        statistic = summary.mean / summary.standardError
        probability = StudentDistribution(degreesOfFreedom: Double(summary.count - 1)).twoSidedProbability(statistic)
    }

    /// The smallest true mean difference that a two-sided paired test of this size finds with the given power:
    /// `(t_{1−α/2, n−1} + t_{power, n−1}) · s / √n` (Bloom 1995). Infinite for fewer than two pairs.
    ///
    /// A null result says something only about effects larger than this.
    /// - Parameters:
    ///   - standardDeviation: of the paired differences.
    ///   - count: number of pairs.
    ///   - confidence: of the two-sided test.
    ///   - power: the probability with which such a difference is to be found.
    public static func minimumDetectableEffect(
        standardDeviation: Double, count: Int, confidence: Double = 0.95, power: Double = 0.8
    ) -> Double {
        guard count > 1 else { return .infinity }
        let student = StudentDistribution(degreesOfFreedom: Double(count - 1))
        return (student.quantile(0.5 + confidence / 2) + student.quantile(power)) * standardDeviation
            / Double(count).squareRoot()
    }

    /// The minimum detectable effect of measured differences.
    public static func minimumDetectableEffect(
        differences: [Double], confidence: Double = 0.95, power: Double = 0.8
    ) -> Double {
        minimumDetectableEffect(
            standardDeviation: Summary(differences).standardDeviation, count: differences.count,
            confidence: confidence, power: power)
    }
}
