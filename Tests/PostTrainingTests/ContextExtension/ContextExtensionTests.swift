import Evaluation
import Foundation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Testing
import Training

@Suite("Context extension")
struct ContextExtensionTests {
    let generator = SeededGenerator(seed: 1)

    /// An untrained decoder with parameters large enough that positions matter.
    static func decoder(trainingLength: Int = 16, layers: Int = 3) -> TransformerDecoder {
        var configuration = DecoderConfiguration(
            family: .qwen, layers: layers, hiddenDimensions: 32, heads: 2, feedForwardDimensions: 48,
            vocabularySize: 50)
        configuration.trainingLength = trainingLength
        let decoder = TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: 3))
        for parameter in decoder.parameters where parameter.tensor.rank == 2 {
            parameter.tensor.assign(parameter.tensor * 8)
        }
        return decoder
    }

    func tokens(_ count: Int) -> Tensor { Tensor((0..<count).map { ($0 * 7 + $0 / 3) % 50 }, shape: [1, count]) }

    @Test("Up to the training length no stage and no control changes a bit", arguments: [1, 5, 15, 16])
    func equalBits(length: Int) {
        let decoder = Self.decoder()
        let plain = withoutGradients { decoder(tokens(length)) }.floats.map(\.bitPattern)
        for variant in ContextExtension.allCases where variant.keepsTrainingLength {
            let pass = variant.configure(decoder, length: length, using: generator)
            let found = withoutGradients { decoder(tokens(length), pass) }.floats.map(\.bitPattern)
            #expect(found == plain, "\(variant.rawValue)")
        }
    }

    @Test("Beyond the training length every variant reads differently from every other")
    func differs() {
        let decoder = Self.decoder()
        var seen: [ContextExtension: [Float]] = [:]
        for variant in ContextExtension.allCases {
            let pass = variant.configure(decoder, length: 64, using: generator)
            seen[variant] = withoutGradients { decoder(tokens(64), pass) }.select(-1, along: 1).floats
        }
        for (variant, logits) in seen {
            for (other, otherLogits) in seen where other != variant {
                #expect(logits != otherLogits, "\(variant.rawValue) and \(other.rawValue)")
            }
        }
    }

    @Test("A variant leaves nothing behind: after all others, plain is plain")
    func plainAgain() {
        let decoder = Self.decoder()
        let before = withoutGradients { decoder(tokens(64)) }.floats
        for variant in ContextExtension.allCases { _ = variant.configure(decoder, length: 64, using: generator) }
        let pass = ContextExtension.plain.configure(decoder, length: 64, using: generator)
        #expect(withoutGradients { decoder(tokens(64), pass) }.floats == before)
    }

    @Test(
        "The base grows in steps with the length, as the released code computes it",
        arguments: [
            (1, 1, 10_000.0), (2048, 1, 10_000), (2049, 3, 30_527.7), (4096, 3, 30_527.7), (4097, 7, 72_195.9),
            (8192, 7, 72_195.9), (16_384, 15, 156_588.3),
        ])
    func baseGrowth(length: Int, growth: Double, base: Double) {
        #expect(RotaryScaling.qwenGrowth(length: length, trainingLength: 2048) == growth)
        var configuration = DecoderConfiguration(
            family: .qwen, layers: 1, hiddenDimensions: 128, heads: 1, feedForwardDimensions: 8, vocabularySize: 4)
        configuration.trainingLength = 2048
        configuration.usesDynamicNTK = true
        let found = configuration.rotaryFrequencies(windowed: false, length: length, extendsContext: true).perStep
        // The second frequency is base^(-2/128).
        #expect(abs(pow(found[1], -64) - base) < 0.06)
        let trained = configuration.rotaryFrequencies(windowed: false, length: length, extendsContext: false).perStep
        #expect(abs(pow(trained[1], -64) - 10_000) < 0.06)
    }

    @Test("LogN factors are 1 up to the training length and then ln i / ln L0, counted from 1")
    func logN() {
        var configuration = DecoderConfiguration(
            family: .qwen, layers: 1, hiddenDimensions: 8, heads: 1, feedForwardDimensions: 8, vocabularySize: 4)
        configuration.trainingLength = 2048
        let factors = ContextExtension.logNFactors(configuration, length: 16_384)
        #expect(factors.prefix(2048).allSatisfy { $0 == 1 })
        #expect(factors[2048] == log(2049.0) / log(2048.0))
        for (place, expected) in [(4096, 1.0909), (8192, 1.1818), (16_384, 1.2727)] {
            #expect(abs(factors[place - 1] - expected) < 5e-5)
        }
    }

    @Test("Windows grow linearly from one to four training lengths")
    func windows() {
        #expect(ContextExtension.layerWindows(layers: 4, trainingLength: 128) == [128, 256, 384, 512])
        #expect(ContextExtension.layerWindows(layers: 1, trainingLength: 128) == [512])
        let decoder = Self.decoder()
        _ = ContextExtension.reversedWindows.configure(decoder, length: 64, using: generator)
        #expect(decoder.configuration.layerWindows == [64, 40, 16])
        _ = ContextExtension.logN.configure(decoder, length: 64, using: generator)
        #expect(decoder.configuration.layerWindows == [nil, nil, nil])
    }

    @Test("In their own order the shuffled divisors are dynamic NTK, and the shuffled factors LogN")
    func controlsAreTheMethodShuffled() {
        let decoder = Self.decoder()
        _ = ContextExtension.dynamicNTK.configure(decoder, length: 64, using: generator)
        let extended = decoder.configuration.rotaryFrequencies(windowed: false, length: 64, extendsContext: true)
        let divisors = ContextExtension.growthDivisors(decoder.configuration, length: 64, trainingLength: 16)
        var divided = decoder.configuration
        divided.usesDynamicNTK = false
        divided.rotaryScaling = .divisors(divisors)
        let found = divided.rotaryFrequencies(windowed: false, length: 64, extendsContext: true).perStep
        #expect(zip(found, extended.perStep).allSatisfy { abs($0 - $1) < 1e-12 })

        _ = ContextExtension.shuffledGrowth.configure(decoder, length: 64, using: generator)
        guard case .divisors(let shuffled) = decoder.configuration.rotaryScaling else {
            Issue.record("no divisors")
            return
        }
        #expect(shuffled != divisors)
        #expect(zip(shuffled.sorted(), divisors.sorted()).allSatisfy { abs($0 - $1) < 1e-12 })

        let logits = withoutGradients {
            decoder(tokens(64), ContextExtension.logN.configure(decoder, length: 64, using: generator))
        }
        var pass = ContextExtension.dynamicNTK.configure(decoder, length: 64, using: generator)
        let factors = ContextExtension.logNFactors(decoder.configuration, length: 64)
        pass.queryFactors = Tensor(factors.map(Float.init), shape: [1, 1, 64, 1])
        #expect(withoutGradients { decoder(tokens(64), pass) }.floats == logits.floats)
        let dealt = ContextExtension.shuffledLogN.configure(decoder, length: 64, using: generator).queryFactors
        #expect(dealt?.floats.sorted() == factors.map(Float.init).sorted())
        #expect(dealt?.floats != factors.map(Float.init))
    }

    @Test("Rounding to bf16 keeps eight significant bits of a frequency")
    func rounding() {
        let ratios = ContextExtension.roundingRatios([1, 0.5, 1.0 / 3, 0.1])
        #expect(ratios[0] == 1 && ratios[1] == 1)
        #expect(abs(ratios[2] - (1.0 / 3) / 0.333984375) < 1e-9)
        #expect(abs(ratios[3] - 0.1 / 0.10009765625) < 1e-7)
    }

    @Test("Every length scores the same tokens, and a decoder without attention to gain from scores them the same")
    func sameTokens() {
        let text = TokenSequence((0..<129).map { Int32($0 % 50) })
        let labels = [16, 32, 64, 128].map { length in text.pieces(of: length).flatMap(\.labels) }
        #expect(Set(labels).count == 1 && labels[0].count == 128)
        let decoder = Self.decoder()
        for block in decoder.blocks { block.attention.output.weight.scale(by: 0) }
        let measurement = LengthMeasurement([text, text])
        let losses = [16, 64, 128].map { length in
            measurement.meanLoss(of: decoder, .windows, length: length, using: generator)
        }
        #expect(losses.allSatisfy { abs($0 - losses[0]) < 1e-5 })
        #expect(losses[0] > 1)
    }
}
