/// Numbers that a metric cannot be computed from.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
    /// There is nothing to measure.
    case empty(metric: String)
    /// Two lists that belong together have different lengths.
    case unequalCounts(metric: String, first: Int, second: Int)
    /// A value lies outside what the metric allows.
    case outOfRange(metric: String, value: String, position: Int, allowed: String)

    public var description: String {
        switch self {
        case .empty(let metric):
            return "\(metric): there are no values to measure"
        case .unequalCounts(let metric, let first, let second):
            return "\(metric): the two lists must be equally long, found \(first) and \(second) values"
        case .outOfRange(let metric, let value, let position, let allowed):
            return "\(metric): value \(value) at position \(position) is not allowed; allowed: \(allowed)"
        }
    }
}

package func requirePaired(_ metric: String, _ first: Int, _ second: Int) throws {
    guard first == second else { throw EvaluationError.unequalCounts(metric: metric, first: first, second: second) }
    guard first > 0 else { throw EvaluationError.empty(metric: metric) }
}
