import Foundation

/// The few special functions that the intervals need.
package enum SpecialFunctions {
    /// ln Γ(x) for x > 0 by Lanczos' approximation (g = 7, nine terms; relative error about 1e-15). Foundation's `lgamma`
    /// writes a global variable, so it is not used from several threads.
    package static func logGamma(_ x: Double) -> Double {
        if x < 0.5 { return log(.pi / sin(.pi * x)) - logGamma(1 - x) }
        let coefficients = [
            0.999_999_999_999_809_93, 676.520_368_121_885_1, -1_259.139_216_722_402_8, 771.323_428_777_653_13,
            -176.615_029_162_140_6, 12.507_343_278_686_905, -0.138_571_095_265_720_12, 9.984_369_578_019_571_6e-6,
            1.505_632_735_149_311_6e-7,
        ]
        let shifted = x - 1
        var sum = coefficients[0]
        for index in 1..<coefficients.count { sum += coefficients[index] / (shifted + Double(index)) }
        let base = shifted + 7.5
        return 0.5 * log(2 * .pi) + (shifted + 0.5) * log(base) - base + log(sum)
    }

    /// The regularised incomplete beta function I_x(a, b) by Lentz's evaluation of its continued fraction
    /// (Abramowitz and Stegun 26.5.8; converges fast below (a + 1) / (a + b + 2), hence the reflection).
    package static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        guard x <= (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(1 - x, b, a) }
        let logFront = logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log1p(-x)
        let tiny = 1e-300
        var numerator = 1.0
        var denominator = 1 / nonZero(1 - (a + b) * x / (a + 1), tiny)
        var fraction = denominator
        for step in 1...1_000 {
            let m = Double(step)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            denominator = 1 / nonZero(1 + even * denominator, tiny)
            numerator = nonZero(1 + even / numerator, tiny)
            fraction *= denominator * numerator
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            denominator = 1 / nonZero(1 + odd * denominator, tiny)
            numerator = nonZero(1 + odd / numerator, tiny)
            let change = denominator * numerator
            fraction *= change
            if abs(change - 1) < 1e-16 { break }
        }
        return exp(logFront) * fraction / a
    }

    private static func nonZero(_ value: Double, _ tiny: Double) -> Double { abs(value) < tiny ? tiny : value }
}
