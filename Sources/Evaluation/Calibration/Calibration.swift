/// Agreement of stated probabilities with what happened.
public enum Calibration {
    /// Expected calibration error (Naeini et al. 2015; Guo et al. 2017): the mean of |share correct − mean confidence| over
    /// equal-width bins of (0, 1], weighted by their counts. A confidence of exactly 0 falls in the first bin.
    /// - Throws: ``EvaluationError`` for lists of different lengths, none, or a confidence outside [0, 1].
    public static func expectedError(confidences: [Double], correct: [Bool], bins: Int = 15) throws -> Double {
        try expectedError(confidences: confidences, truth: correct.map { $0 ? 1 : 0 }, bins: bins)
    }

    /// The same where the true probabilities are known, as in a simulator: without the chance of the outcomes, which alone
    /// gives even the true probabilities an error, the more bins they fall in.
    /// - Parameter truth: the true probability of each confidence.
    /// - Throws: ``EvaluationError`` for lists of different lengths, none, or a value outside [0, 1].
    public static func expectedError(confidences: [Double], truth: [Double], bins: Int = 15) throws -> Double {
        precondition(bins > 0, "expected calibration error needs at least one bin")
        try requirePaired("expected calibration error", confidences.count, truth.count)
        try requireProbabilities("expected calibration error", confidences)
        try requireProbabilities("expected calibration error", truth)
        var confidence = [Double](repeating: 0, count: bins)
        var hits = [Double](repeating: 0, count: bins)
        for (value, share) in zip(confidences, truth) {
            let bin = max(0, Int((value * Double(bins)).rounded(.up)) - 1)
            confidence[bin] += value
            hits[bin] += share
        }
        let gap = zip(confidence, hits).reduce(0) { $0 + abs($1.0 - $1.1) }
        return gap / Double(confidences.count)
    }

    /// Mean squared difference between the probability and the outcome, 0 (sure and right) to 1 (sure and wrong).
    public static func brierScore(probabilities: [Double], outcomes: [Bool]) throws -> Double {
        try requirePaired("Brier score", probabilities.count, outcomes.count)
        try requireProbabilities("Brier score", probabilities)
        let sum = zip(probabilities, outcomes).reduce(0.0) { sum, pair in
            let difference = pair.0 - (pair.1 ? 1 : 0)
            return sum + difference * difference
        }
        return sum / Double(probabilities.count)
    }

    private static func requireProbabilities(_ metric: String, _ values: [Double]) throws {
        if let position = values.firstIndex(where: { !($0 >= 0 && $0 <= 1) }) {
            throw EvaluationError.outOfRange(
                metric: metric, value: "\(values[position])", position: position, allowed: "0 to 1")
        }
    }
}
