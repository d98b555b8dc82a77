import Foundation

/// Is a predicted probability or amount usable inside an expectation? Log loss, predicted against observed, and errors.
public enum Likelihood {
    /// Mean negative log-likelihood in nats; probabilities are clipped to `[epsilon, 1 - epsilon]`.
    /// - Throws: ``EvaluationError`` for lists of different lengths or none.
    public static func logLoss(probabilities: [Double], outcomes: [Bool], epsilon: Double = 1e-7) throws -> Double {
        try requirePaired("log loss", probabilities.count, outcomes.count)
        var sum = 0.0
        for (probability, outcome) in zip(probabilities, outcomes) {
            let clipped = min(max(probability, epsilon), 1 - epsilon)
            sum -= outcome ? log(clipped) : log(1 - clipped)
        }
        return sum / Double(outcomes.count)
    }

    /// Clicks over predicted clicks (COPC): 1 is calibrated in the mean, above 1 the model predicts too few.
    /// - Returns: nil where nothing is predicted.
    /// - Throws: ``EvaluationError`` for lists of different lengths or none.
    public static func clicksOverPredicted(probabilities: [Double], outcomes: [Bool]) throws -> Double? {
        try requirePaired("clicks over predicted clicks", probabilities.count, outcomes.count)
        let predicted = probabilities.reduce(0, +)
        return predicted > 0 ? Double(outcomes.count { $0 }) / predicted : nil
    }

    /// Root of the mean squared error.
    /// - Throws: ``EvaluationError`` for lists of different lengths or none.
    public static func rootMeanSquaredError(predicted: [Double], realised: [Double]) throws -> Double {
        try requirePaired("root mean squared error", predicted.count, realised.count)
        let sum = zip(predicted, realised).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (sum / Double(predicted.count)).squareRoot()
    }

    /// Mean absolute error.
    /// - Throws: ``EvaluationError`` for lists of different lengths or none.
    public static func meanAbsoluteError(predicted: [Double], realised: [Double]) throws -> Double {
        try requirePaired("mean absolute error", predicted.count, realised.count)
        return zip(predicted, realised).reduce(0.0) { $0 + abs($1.0 - $1.1) } / Double(predicted.count)
    }
}
