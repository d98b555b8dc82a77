/// The value of a policy from another policy's log. An offline check only: wherever a simulator's truth exists it is
/// printed beside.
public enum OffPolicyEstimators {
    /// An estimate with what it rests on.
    public struct Estimate: Sendable, Equatable, CustomStringConvertible {
        public let name: String
        public let value: Double
        /// Standard error over decisions (delta method for the self-normalised estimator).
        public let standardError: Double
        /// `(sum w)^2 / sum w^2`: how many unweighted rows the weighted ones are worth.
        public let effectiveSampleSize: Double
        public let rows: Int

        public var description: String {
            "\(name) \(fixed(value, digits: 5)) ± \(fixed(1.96 * standardError, digits: 5)) "
                + "(95 %, \(rows) rows, effective \(fixed(effectiveSampleSize, digits: 0)))"
        }
    }

    /// Inverse propensity scoring: mean of `w r`, unbiased where the log covers the policy; with a cap biased down for
    /// rewards that are not negative.
    public static func inversePropensity(_ log: LoggedDecisions, cap: Double? = nil) -> Estimate {
        let weights = log.weights(cap: cap)
        let terms = zip(weights, log.rewards).map { $0 * $1 }
        return estimate(cap.map { "IPS (cap \(fixed($0, digits: 1)))" } ?? "IPS", terms: terms, weights: weights)
    }

    /// Self-normalised inverse propensity scoring: `sum w r / sum w`. Without overlap the value is undefined (NaN).
    public static func selfNormalized(_ log: LoggedDecisions, cap: Double? = nil) -> Estimate {
        let weights = log.weights(cap: cap)
        let sum = weights.reduce(0, +)
        let value = zip(weights, log.rewards).reduce(0.0) { $0 + $1.0 * $1.1 } / sum
        let squares = zip(weights, log.rewards).reduce(0.0) { $0 + $1.0 * $1.0 * ($1.1 - value) * ($1.1 - value) }
        return Estimate(
            name: "SNIPS", value: value, standardError: squares.squareRoot() / sum,
            effectiveSampleSize: effectiveSampleSize(weights), rows: weights.count)
    }

    /// Doubly robust: mean of `V(x) + w (r - q(x, a))`. The model's values come from outside; with `q = V = 0` it is IPS,
    /// and it is unbiased when either the propensities or the model are right.
    ///
    /// - Parameters:
    ///   - log: logged rewards with the probabilities of both policies.
    ///   - taken: the model's reward `q(x, a)` of the logged action.
    ///   - expected: `V(x) = sum_a target(a) q(x, a)`, the model's value of the evaluated policy.
    ///   - cap: upper bound of the importance weights; none where it is `nil`.
    /// - Throws: `OffPolicyError.modelValues` for unequal lengths.
    public static func doublyRobust(
        _ log: LoggedDecisions, taken: [Double], expected: [Double], cap: Double? = nil
    ) throws -> Estimate {
        for values in [taken, expected] where values.count != log.rewards.count {
            throw OffPolicyError.modelValues(found: values.count, expected: log.rewards.count)
        }
        let weights = log.weights(cap: cap)
        let terms = log.rewards.indices.map { expected[$0] + weights[$0] * (log.rewards[$0] - taken[$0]) }
        return estimate("DR", terms: terms, weights: weights)
    }

    /// The model alone: mean of `V(x)`, as good as the model is.
    public static func directMethod(expected: [Double]) throws -> Estimate {
        guard !expected.isEmpty else { throw OffPolicyError.empty }
        return estimate("DM", terms: expected, weights: [Double](repeating: 1, count: expected.count))
    }

    /// Reward model without features: smoothed mean reward per action, `(sum r + prior * mean) / (n + prior)`.
    public static func actionMeans(
        actions: [Int32], rewards: [Double], actionCount: Int, prior: Double = 20
    ) -> [Double] {
        precondition(actions.count == rewards.count, "actions and rewards differ in length")
        let mean = rewards.isEmpty ? 0 : rewards.reduce(0, +) / Double(rewards.count)
        var sums = [Double](repeating: prior * mean, count: actionCount)
        var counts = [Double](repeating: prior, count: actionCount)
        for (action, reward) in zip(actions, rewards) {
            sums[Int(action)] += reward
            counts[Int(action)] += 1
        }
        return zip(sums, counts).map { $1 > 0 ? $0 / $1 : mean }
    }

    private static func estimate(_ name: String, terms: [Double], weights: [Double]) -> Estimate {
        let n = Double(terms.count)
        let mean = terms.reduce(0, +) / n
        let squares = terms.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) }
        return Estimate(
            name: name, value: mean, standardError: n > 1 ? (squares / (n - 1) / n).squareRoot() : .nan,
            effectiveSampleSize: effectiveSampleSize(weights), rows: terms.count)
    }

    private static func effectiveSampleSize(_ weights: [Double]) -> Double {
        let sum = weights.reduce(0, +)
        let squares = weights.reduce(0.0) { $0 + $1 * $1 }
        return squares > 0 ? sum * sum / squares : 0
    }
}
