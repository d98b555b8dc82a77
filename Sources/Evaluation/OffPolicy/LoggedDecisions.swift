/// Logged decisions with the probabilities of both policies: what importance weighting needs.
public struct LoggedDecisions: Sendable {
    public let rewards: [Double]
    /// Probability with which the logging policy took the logged action, in (0, 1].
    public let loggingProbabilities: [Double]
    /// Probability with which the evaluated policy takes the logged action, in [0, 1].
    public let targetProbabilities: [Double]

    /// - Throws: `OffPolicyError` for unequal lengths, no rows, a propensity outside (0, 1] or numbers that are not finite.
    public init(rewards: [Double], loggingProbabilities: [Double], targetProbabilities: [Double]) throws {
        guard rewards.count == loggingProbabilities.count, rewards.count == targetProbabilities.count else {
            throw OffPolicyError.lengths(rewards.count, loggingProbabilities.count, targetProbabilities.count)
        }
        guard !rewards.isEmpty else { throw OffPolicyError.empty }
        for row in rewards.indices {
            guard rewards[row].isFinite else { throw OffPolicyError.reward(row: row, found: rewards[row]) }
            guard loggingProbabilities[row] > 0, loggingProbabilities[row] <= 1 else {
                throw OffPolicyError.propensity(row: row, found: loggingProbabilities[row])
            }
            guard targetProbabilities[row] >= 0, targetProbabilities[row] <= 1 + 1e-9 else {
                throw OffPolicyError.targetProbability(row: row, found: targetProbabilities[row])
            }
        }
        self.rewards = rewards
        self.loggingProbabilities = loggingProbabilities
        self.targetProbabilities = targetProbabilities
    }

    /// Importance weights `target / logging`, capped when a cap is given.
    public func weights(cap: Double? = nil) -> [Double] {
        zip(targetProbabilities, loggingProbabilities).map { min($0 / $1, cap ?? .infinity) }
    }
}

/// Why a log cannot serve for off-policy evaluation.
public enum OffPolicyError: Error, Sendable, Equatable, CustomStringConvertible {
    case lengths(Int, Int, Int)
    case empty
    case reward(row: Int, found: Double)
    case propensity(row: Int, found: Double)
    case targetProbability(row: Int, found: Double)
    case modelValues(found: Int, expected: Int)

    public var description: String {
        switch self {
        case .lengths(let rewards, let logging, let target):
            "\(rewards) rewards, \(logging) logging probabilities and \(target) target probabilities: they must be as many"
        case .empty: "the log has no decisions"
        case .reward(let row, let found): "row \(row): reward \(found) is not a finite number"
        case .propensity(let row, let found): "row \(row): logging probability \(found) is not in (0, 1]"
        case .targetProbability(let row, let found): "row \(row): target probability \(found) is not in [0, 1]"
        case .modelValues(let found, let expected): "\(found) model values for \(expected) decisions"
        }
    }
}
