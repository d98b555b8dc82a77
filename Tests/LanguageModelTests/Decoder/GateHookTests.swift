import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Gate hook")
struct GateHookTests {
    let tokens = DecoderFixtures.tokens([2, 11])

    static func decoder(_ family: DecoderConfiguration.Family) -> TransformerDecoder {
        var shape = DecoderConfiguration(
            family: family, layers: 3, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 48,
            vocabularySize: 61)
        shape.isEmbeddingTied = true
        let decoder = TransformerDecoder(shape, precision: .f32, from: RandomSource(seed: 7))
        for parameter in decoder.parameters where parameter.tensor.rank == 2 { parameter.tensor.scale(by: 4) }
        return decoder
    }

    @Test(
        "A slope of 1 (no signal) leaves every family as it was",
        arguments: [DecoderConfiguration.Family.llama, .gemma3])
    func noSignal(family: DecoderConfiguration.Family) {
        let decoder = Self.decoder(family)
        let plain = decoder(tokens)
        let activation = decoder.configuration.activation
        var pass = DecoderPass()
        pass.gate = { gate, _, _ in activation(gate) }
        #expect(decoder(tokens, pass).isIdentical(to: plain))
        pass.gate = { gate, _, _ in activation(gate, slope: .zeros(like: gate) + 1) }
        #expect(decoder(tokens, pass).isClose(to: plain, absoluteTolerance: 1e-5))
        pass.gate = { gate, _, _ in activation(gate, slope: .zeros(like: gate) + 1.4) }
        #expect(!decoder(tokens, pass).isClose(to: plain, absoluteTolerance: 1e-3))
    }

    @Test("The hook gets the gate before its activation, the normalised input, and the layer's number")
    func arguments() {
        let decoder = Self.decoder(.llama)
        var layers: [Int] = []
        var pass = DecoderPass()
        pass.gate = { gate, input, layer in
            layers.append(layer)
            #expect(gate.shape == [2, 11, 48] && input.shape == [2, 11, 32])
            #expect(gate.isIdentical(to: decoder.blocks[layer].feedForward.gate(input)))
            let scale = (input / decoder.blocks[layer].feedForwardNorm.weight).squared().mean(along: -1)
            #expect(scale.isClose(to: .ones([2, 11]), absoluteTolerance: 1e-2))
            return gate.silu()
        }
        _ = decoder(tokens, pass)
        #expect(layers == [0, 1, 2])
    }

    @Test("Swish with a slope is x σ(slope x); with a slope of 0 half of x")
    func slope() {
        let x = Tensor([-2, -0.5, 0, 1, 3] as [Float])
        let swish = DecoderConfiguration.Activation.silu
        // σ(-3), σ(-0.75), σ(0), σ(1.5), σ(4.5)
        let expected: [Float] = [-2 * 0.04742587, -0.5 * 0.32082130, 0, 0.81757448, 3 * 0.98901306]
        #expect(swish(x, slope: Tensor(Float(1.5))).isClose(to: Tensor(expected), absoluteTolerance: 1e-6))
        #expect(swish(x, slope: .zeros([5])).isClose(to: x / 2, absoluteTolerance: 1e-7))
        let gelu = DecoderConfiguration.Activation.geluTanh
        #expect(
            gelu(x, slope: Tensor(Float(2))).isClose(to: (x * 2).gelu(approximate: true) / 2, absoluteTolerance: 1e-6))
    }

    @Test("A hook on one layer changes that layer's block and what stands on it, and trains through the frozen model")
    func hookTrains() throws {
        let decoder = Self.decoder(.llama)
        let signal = Tensor.zeros([48]).requiringGradient()
        var pass = DecoderPass()
        pass.gate = { gate, _, layer in
            layer == 1 ? gate * (gate * (signal + 1)).sigmoid() : gate.silu()
        }
        try decoder(tokens, pass).squared().mean().backward()
        let gradient = try #require(signal.gradient)
        #expect(gradient.norm().item > 0)
        // Against finite differences along the gradient.
        let direction = gradient / gradient.norm()
        func loss(_ step: Double) -> Double {
            let moved = direction * step
            var pass = DecoderPass()
            pass.gate = { gate, _, layer in
                layer == 1 ? gate * (gate * (moved + 1)).sigmoid() : gate.silu()
            }
            return withoutGradients { decoder(tokens, pass).cast(to: .float64).squared().mean().item }
        }
        let slope = (loss(0.05) - loss(-0.05)) / 0.1
        #expect(abs(slope - gradient.norm().item) < 0.02 * slope)
    }
}
