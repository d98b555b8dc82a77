import Evaluation
import Foundation

extension SeededGenerator {
    /// Gamma with unit scale (Marsaglia and Tsang 2000); shapes below 1 by the power of a uniform.
    package mutating func gamma(shape: Double) -> Double {
        precondition(shape > 0, "gamma(shape: \(shape)): the shape must be positive")
        if shape < 1 { return gamma(shape: shape + 1) * pow(1 - uniform(), 1 / shape) }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = pow(1 + c * x, 3)
            guard v > 0 else { continue }
            if log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
    }

    /// A point of the simplex from the symmetric Dirichlet distribution.
    package mutating func dirichlet(concentration: Double, count: Int) -> [Double] {
        let parts = (0..<count).map { _ in gamma(shape: concentration) }
        let sum = parts.reduce(0, +)
        return sum > 0 ? parts.map { $0 / sum } : [Double](repeating: 1 / Double(count), count: count)
    }

    /// Poisson: by inversion for small means, by a rounded normal above 30.
    package mutating func poisson(mean: Double) -> Int {
        guard mean > 0 else { return 0 }
        if mean > 30 { return max(0, Int((mean + mean.squareRoot() * normal()).rounded())) }
        var product = uniform()
        let limit = exp(-mean)
        var count = 0
        while product > limit {
            product *= uniform()
            count += 1
        }
        return count
    }

    /// Binomial: exact by geometric gaps while few successes are expected, else by a rounded normal.
    package mutating func binomial(trials: Int, probability: Double) -> Int {
        guard trials > 0, probability > 0 else { return 0 }
        guard probability < 1 else { return trials }
        if probability > 0.5 { return trials - binomial(trials: trials, probability: 1 - probability) }
        let mean = Double(trials) * probability
        if mean > 30 {
            let drawn = mean + (mean * (1 - probability)).squareRoot() * normal()
            return min(trials, max(0, Int(drawn.rounded())))
        }
        let scale = log1p(-probability)
        var position = 0
        var successes = 0
        while true {
            let gap = log(1 - uniform()) / scale
            guard gap < Double(trials - position) else { return successes }
            position += Int(gap) + 1
            successes += 1
        }
    }
}

/// The logistic function in single precision.
@inline(__always)
package func logistic(_ x: Float) -> Float { 1 / (1 + expf(-x)) }

/// A 32-bit word as a number inside (0, 1).
@inline(__always)
package func unitInterval(_ word: UInt32) -> Float { (Float(word >> 8) + 0.5) * 0x1p-24 }
