import Foundation

extension SeededGenerator {
    /// Standard normal by the polar form of Box and Muller (Marsaglia and Bray 1964); one of each pair is kept.
    public mutating func normal() -> Double {
        if let value = takeSpareNormal() { return value }
        while true {
            let first = 2 * uniform() - 1
            let second = 2 * uniform() - 1
            let squared = first * first + second * second
            guard squared > 0, squared < 1 else { continue }
            let scale = (-2 * log(squared) / squared).squareRoot()
            keepSpareNormal(second * scale)
            return first * scale
        }
    }

    /// Exponential with the given mean.
    public mutating func exponential(mean: Double = 1) -> Double { -mean * log(1 - uniform()) }
}
