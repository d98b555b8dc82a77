import Foundation
import Tensors

/// Cosines and sines of the rotary position embedding (Su et al. 2021) for the tokens of one pass.
package struct RotaryTable {
    /// `[batch or 1, 1, time, headDimensions / 2]`, f32.
    let cosine: Tensor
    let sine: Tensor

    /// - Parameters:
    ///   - positions: `[batch or 1, time]`.
    ///   - frequencies: per row of the batch, or one for all: angles per position.
    init(positions: Tensor, frequencies: [[Double]], magnitude: Double, frequencyType: DType) {
        let half = frequencies[0].count
        let table = Tensor(frequencies.flatMap { $0 }.map(Float.init), shape: [frequencies.count, 1, half])
            .cast(to: frequencyType).cast(to: .float32)
        let angles = (positions.cast(to: .float32).expanded(axis: -1) * table).expanded(axis: 1)
        cosine = magnitude == 1 ? angles.cosine() : angles.cosine() * magnitude
        sine = magnitude == 1 ? angles.sine() : angles.sine() * magnitude
    }

    /// Rotates pairs `(i, i + half)` of `[batch, time, heads, headDimensions]`; computed in f32, returned in the type
    /// of `x`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        if let rotated = x.rotated(cosine: cosine, sine: sine) { return rotated }
        let (cosine, sine) = (cosine.transposed(1, 2), sine.transposed(1, 2))
        let plain = x.cast(to: .float32)
        let halves = plain.chunks(2, along: -1)
        let rotated = Tensor.concatenated(
            [halves[0] * cosine - halves[1] * sine, halves[1] * cosine + halves[0] * sine], along: -1)
        return rotated.cast(to: x.dtype)
    }
}

extension DecoderConfiguration {
    /// Angles per position and the factor on cosine and sine for a text of `length` tokens when it was prefilled.
    package func rotaryFrequencies(
        windowed: Bool, length: Int, extendsContext: Bool
    ) -> (perStep: [Double], magnitude: Double) {
        if windowed, let windowedRotaryBase {
            return RotaryScaling.none.frequencies(base: windowedRotaryBase, dimensions: headDimensions)
        }
        if usesDynamicNTK, extendsContext, let trainingLength {
            let growth = RotaryScaling.qwenGrowth(length: length, trainingLength: trainingLength)
            let exponent = Double(headDimensions) / Double(headDimensions - 2)
            return rotaryScaling.frequencies(
                base: rotaryBase * pow(growth, exponent), dimensions: headDimensions, length: length)
        }
        return rotaryScaling.frequencies(base: rotaryBase, dimensions: headDimensions, length: length)
    }

    /// The LogN factor on the query at a zero-based position: `max(1, ln i / ln L0)` with the one-based `i`.
    package func logNFactor(position: Int) -> Double {
        guard usesLogN, let trainingLength, position + 1 > trainingLength else { return 1 }
        return log(Double(position + 1)) / log(Double(trainingLength))
    }
}
