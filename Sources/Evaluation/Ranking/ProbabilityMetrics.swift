import Foundation

/// Is a predicted probability usable inside an expectation? Log loss, calibration error and predicted over observed rate.
public enum ProbabilityMetrics {
    /// Mean negative log-likelihood in nats; predictions are clipped to `[epsilon, 1 - epsilon]`.
    public static func logLoss(probabilities: [Float], labels: [Bool], epsilon: Double = 1e-7) -> Double? {
        precondition(probabilities.count == labels.count, "probabilities and labels differ in length")
        guard !labels.isEmpty else { return nil }
        var sum = 0.0
        for (probability, label) in zip(probabilities, labels) {
            let clipped = min(max(Double(probability), epsilon), 1 - epsilon)
            sum -= label ? log(clipped) : log(1 - clipped)
        }
        return sum / Double(labels.count)
    }

    /// Expected calibration error over `bins` of equal width: `sum n_b/n * |observed_b - predicted_b|`.
    public static func calibrationError(probabilities: [Float], labels: [Bool], bins: Int = 10) -> Double? {
        precondition(probabilities.count == labels.count && bins > 0, "arrays differ in length or there are no bins")
        guard !labels.isEmpty else { return nil }
        var predicted = [Double](repeating: 0, count: bins)
        var observed = predicted
        for (probability, label) in zip(probabilities, labels) {
            guard !probability.isNaN else { return nil }
            let clipped = min(max(probability, 0), 1)
            let bin = min(Int(clipped * Float(bins)), bins - 1)
            predicted[bin] += Double(clipped)
            observed[bin] += label ? 1 : 0
        }
        var error = 0.0
        for bin in 0..<bins { error += abs(predicted[bin] - observed[bin]) }
        return error / Double(labels.count)
    }

    /// Clicks over predicted clicks: 1 is calibrated in the mean, above 1 the model predicts too few.
    public static func clicksOverPredicted(probabilities: [Float], labels: [Bool]) -> Double? {
        precondition(probabilities.count == labels.count, "probabilities and labels differ in length")
        let predicted = probabilities.reduce(0.0) { $0 + Double($1) }
        guard predicted > 0 else { return nil }
        return Double(labels.count { $0 }) / predicted
    }

    /// Root of the mean squared error.
    public static func rootMeanSquaredError(predicted: [Double], realised: [Double]) -> Double? {
        precondition(predicted.count == realised.count, "predicted and realised differ in length")
        guard !predicted.isEmpty else { return nil }
        let sum = zip(predicted, realised).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (sum / Double(predicted.count)).squareRoot()
    }

    /// Mean absolute error.
    public static func meanAbsoluteError(predicted: [Double], realised: [Double]) -> Double? {
        precondition(predicted.count == realised.count, "predicted and realised differ in length")
        guard !predicted.isEmpty else { return nil }
        return zip(predicted, realised).reduce(0.0) { $0 + abs($1.0 - $1.1) } / Double(predicted.count)
    }
}
