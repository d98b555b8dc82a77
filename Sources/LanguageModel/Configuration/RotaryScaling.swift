import Foundation

/// How the frequencies of rotary position embeddings are changed to reach beyond the length of training.
public enum RotaryScaling: Hashable, Sendable {
    case none
    /// All frequencies divided by `factor`.
    case linear(factor: Double)
    /// The base grows with the current length L beyond `maximumPositions`:
    /// `base' = base * (factor * L / maximumPositions - (factor - 1))^(d / (d - 2))`.
    case dynamic(factor: Double, maximumPositions: Int)
    /// Llama 3: long wavelengths divided by `factor`, short ones kept, those between the two bounds blended.
    case llama3(
        factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalMaximumPositions: Int)
    /// YaRN (Peng et al. 2023): frequencies that turn fewer than `betaSlow` times within the original length are divided
    /// by `factor`, those above `betaFast` turns are kept; cosine and sine are multiplied by `attentionFactor`.
    case yarn(
        factor: Double, originalMaximumPositions: Int, betaFast: Double = 32, betaSlow: Double = 1,
        attentionFactor: Double, roundsBounds: Bool = true)
    /// Each frequency divided by its own number, as some weight files store it.
    case divisors([Double])

    /// YaRN's factor on cosine and sine: `0.1 * ln(factor) + 1`.
    public static func yarnAttentionFactor(_ factor: Double) -> Double {
        factor <= 1 ? 1 : 0.1 * log(factor) + 1
    }

    /// Angles per position step, `dimensions / 2` of them, and the factor on cosine and sine.
    ///
    /// - Parameters:
    ///   - base: the rotary base, 10,000 in the original.
    ///   - dimensions: rotated dimensions of a head, even.
    ///   - length: the current total length; only ``dynamic(factor:maximumPositions:)`` looks at it.
    public func frequencies(
        base: Double, dimensions: Int, length: Int = 0
    ) -> (perStep: [Double], magnitude: Double) {
        let plain = Self.plain(base: base, dimensions: dimensions)
        switch self {
        case .none: return (plain, 1)
        case .linear(let factor): return (plain.map { $0 / factor }, 1)
        case .dynamic(let factor, let maximumPositions):
            let ratio = Double(max(length, maximumPositions)) / Double(maximumPositions)
            let exponent = Double(dimensions) / Double(dimensions - 2)
            return (Self.plain(base: base * pow(factor * ratio - (factor - 1), exponent), dimensions: dimensions), 1)
        case .llama3(let factor, let low, let high, let original):
            return (
                plain.map { frequency in
                    let turns = Double(original) * frequency / (2 * .pi)
                    if turns > high { return frequency }
                    if turns < low { return frequency / factor }
                    let kept = (turns - low) / (high - low)
                    return (1 - kept) * frequency / factor + kept * frequency
                }, 1
            )
        case .yarn(let factor, let original, let betaFast, let betaSlow, let attentionFactor, let rounds):
            func dimension(turning turns: Double) -> Double {
                Double(dimensions) * log(Double(original) / (turns * 2 * .pi)) / (2 * log(base))
            }
            var low = dimension(turning: betaFast)
            var high = dimension(turning: betaSlow)
            if rounds { (low, high) = (low.rounded(.down), high.rounded(.up)) }
            low = max(low, 0)
            high = min(high, Double(dimensions - 1))
            if low == high { high += 0.001 }
            let scaled = plain.enumerated().map { index, frequency in
                let ramp = min(max((Double(index) - low) / (high - low), 0), 1)
                return frequency * (1 - ramp) + frequency / factor * ramp
            }
            return (scaled, attentionFactor)
        case .divisors(let divisors):
            return (zip(plain, divisors).map { $0 / $1 }, 1)
        }
    }

    private static func plain(base: Double, dimensions: Int) -> [Double] {
        (0..<dimensions / 2).map { pow(base, -2 * Double($0) / Double(dimensions)) }
    }

    /// The growth of the rotary base at `length` in the first Qwen models:
    /// `alpha(L) = max(2^ceil(log2(L / L0) + 1) - 1, 1)`, with `base' = base * alpha^(d / (d - 2))`.
    public static func qwenGrowth(length: Int, trainingLength: Int) -> Double {
        let doublings = log2(Double(length) / Double(trainingLength)) + 1
        return max(exp2(doublings.rounded(.up)) - 1, 1)
    }
}
