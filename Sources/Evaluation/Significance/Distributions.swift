import Foundation

/// The standard normal distribution.
public enum NormalDistribution {
    /// P(Z ≤ z).
    public static func cumulative(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }

    /// The z with P(Z ≤ z) = probability, for a probability strictly between 0 and 1; ±∞ at the ends.
    public static func quantile(_ probability: Double) -> Double {
        inverse(probability, cumulative)
    }
}

/// Student's t distribution (Student 1908).
public struct StudentDistribution: Sendable {
    public let degreesOfFreedom: Double

    public init(degreesOfFreedom: Double) {
        precondition(degreesOfFreedom > 0, "Student's t needs positive degrees of freedom, found \(degreesOfFreedom)")
        self.degreesOfFreedom = degreesOfFreedom
    }

    /// P(T ≤ t) = 1 − ½ I_{ν/(ν+t²)}(ν/2, ½) for t ≥ 0.
    public func cumulative(_ t: Double) -> Double {
        let tail = upperTail(abs(t))
        return t >= 0 ? 1 - tail : tail
    }

    /// The t with P(T ≤ t) = probability, for a probability strictly between 0 and 1; ±∞ at the ends.
    public func quantile(_ probability: Double) -> Double {
        inverse(probability, cumulative)
    }

    /// P(|T| > |t|), the p-value of a two-sided test.
    public func twoSidedProbability(_ t: Double) -> Double { 2 * upperTail(abs(t)) }

    private func upperTail(_ t: Double) -> Double {
        0.5 * SpecialFunctions.incompleteBeta(degreesOfFreedom / (degreesOfFreedom + t * t), degreesOfFreedom / 2, 0.5)
    }
}

/// The inverse of a symmetric, continuous distribution function, by bisection in the lower half, where small tail
/// probabilities keep their relative precision.
private func inverse(_ probability: Double, _ cumulative: (Double) -> Double) -> Double {
    guard probability >= 0, probability <= 1 else { return .nan }
    if probability == 0 { return -.infinity }
    if probability == 1 { return .infinity }
    if probability == 0.5 { return 0 }
    let mirrored = probability > 0.5
    let wanted = mirrored ? 1 - probability : probability
    var low = -1.0
    while cumulative(low) > wanted { low *= 2 }
    var high = 0.0
    while true {
        let middle = 0.5 * (low + high)
        guard middle > low, middle < high else { break }
        if cumulative(middle) < wanted { low = middle } else { high = middle }
    }
    return mirrored ? -high : high
}
