import LanguageModel
import Layers
import Tensors
import Testing

/// Reads expected values and makes small decoders.
enum DecoderFixtures {
    static func decoder(_ name: String) throws -> TransformerDecoder {
        try TransformerDecoder.load(WeightSource(path: ModelFixtures.folder(name)), precision: .f32)
    }

    static func tensor(_ key: String, of name: String) throws -> Tensor {
        let file = try SafetensorsFile(path: "\(ModelFixtures.folder(name))/expected.safetensors")
        let entry = try #require(file[key])
        return try file.withUnsafeBytes(of: entry) { Tensor(copying: $0, shape: entry.shape, dtype: entry.dtype) }
    }

    /// A random decoder of one family with small sizes.
    static func tiny(seed: UInt64 = 7, _ change: (inout DecoderConfiguration) -> Void = { _ in }) -> TransformerDecoder
    {
        var configuration = DecoderConfiguration(
            family: .llama, layers: 3, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 48,
            vocabularySize: 61)
        change(&configuration)
        let decoder = TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: seed))
        // Larger weights than at the start of training, so that every part matters.
        for parameter in decoder.parameters where parameter.tensor.rank == 2 { parameter.tensor.scale(by: 8) }
        return decoder
    }

    static func tokens(_ shape: [Int], seed: UInt64 = 3) -> Tensor {
        .integers(shape, in: 0..<61, from: RandomSource(seed: seed))
    }
}

@Suite("Decoder against the reference implementation")
struct DecoderParityTests {
    @Test("Logits equal those of transformers", arguments: ModelFixtures.names)
    func logits(name: String) throws {
        let decoder = try DecoderFixtures.decoder(name)
        let tokens = try DecoderFixtures.tensor("input_ids", of: name)
        let expected = try DecoderFixtures.tensor("logits", of: name)
        let found = withoutGradients { decoder(tokens) }
        #expect(found.isClose(to: expected, absoluteTolerance: 1e-4))
    }

    @Test(
        "The first Qwen extends its context as released",
        arguments: ["double", "quadruple", "plain", "ntk", "logn"])
    func qwenContext(key: String) throws {
        let decoder = try DecoderFixtures.decoder("qwen")
        if key == "plain" || key == "logn" { decoder.configuration.usesDynamicNTK = false }
        if key == "plain" || key == "ntk" { decoder.configuration.usesLogN = false }
        let tokens = try DecoderFixtures.tensor("\(key).input_ids", of: "qwen")
        let expected = try DecoderFixtures.tensor("\(key).logits", of: "qwen")
        #expect(withoutGradients { decoder(tokens) }.isClose(to: expected, absoluteTolerance: 1e-4))
    }

    @Test("Decoding after a prefill keeps the rotary base of the prefill")
    func frozenGrowth() throws {
        let decoder = try DecoderFixtures.decoder("qwen")
        let tokens = try DecoderFixtures.tensor("decoded.input_ids", of: "qwen")
        let expected = try DecoderFixtures.tensor("decoded.logits", of: "qwen")
        let cache = KeyValueCache(decoder.configuration, rows: 2, capacity: 8)
        withoutGradients {
            var parts = [decoder(tokens.slice(0..<24, along: 1), DecoderPass(cache: cache))]
            for index in 24..<40 {
                parts.append(decoder(tokens.slice(index..<index + 1, along: 1), DecoderPass(cache: cache)))
            }
            #expect(Tensor.concatenated(parts, along: 1).isClose(to: expected, absoluteTolerance: 1e-4))
        }
    }

    @Test(
        "A cached text gives the logits of the whole text",
        arguments: ModelFixtures.names.filter { $0 != "llama-dynamic" && $0 != "qwen" })
    func cached(name: String) throws {
        let decoder = try DecoderFixtures.decoder(name)
        let tokens = try DecoderFixtures.tensor("input_ids", of: name)
        let whole = withoutGradients { decoder(tokens) }
        let cache = KeyValueCache(decoder.configuration, rows: tokens.size(0), capacity: 2)
        withoutGradients {
            var parts: [Tensor] = []
            for range in [0..<7, 7..<8, 8..<9, 9..<tokens.size(1)] {
                parts.append(decoder(tokens.slice(range, along: 1), DecoderPass(cache: cache)))
            }
            #expect(Tensor.concatenated(parts, along: 1).isClose(to: whole, absoluteTolerance: 1e-4))
            cache.rollBack(to: 5)
            let forked = cache.fork()
            for again in [cache, forked] {
                let rest = decoder(tokens.slice(5..<tokens.size(1), along: 1), DecoderPass(cache: again))
                #expect(rest.isClose(to: whole.slice(5..<tokens.size(1), along: 1), absoluteTolerance: 1e-4))
            }
        }
    }

    @Test("Rows of different length in one cache give the logits of each row alone")
    func unevenRows() throws {
        let decoder = try DecoderFixtures.decoder("gemma3")
        let tokens = try DecoderFixtures.tensor("input_ids", of: "gemma3")
        let whole = withoutGradients { decoder(tokens) }
        let cache = KeyValueCache(decoder.configuration, rows: 2, capacity: 4)
        withoutGradients {
            var prefill = DecoderPass(cache: cache)
            prefill.rowLengths = [5, 9]
            _ = decoder(tokens.slice(0..<9, along: 1), prefill)
            #expect(cache.lengths == [5, 9])
            for step in 0..<4 {
                let next = Tensor.stacked([
                    tokens.select(0, along: 0).slice(5 + step..<6 + step, along: 0),
                    tokens.select(1, along: 0).slice(9 + step..<10 + step, along: 0),
                ])
                let logits = decoder(next, DecoderPass(cache: cache))
                for (row, place) in [(0, 5 + step), (1, 9 + step)] {
                    #expect(
                        logits.select(row, along: 0).isClose(
                            to: whole.select(row, along: 0).slice(place..<place + 1, along: 0), absoluteTolerance: 1e-4)
                    )
                }
            }
        }
    }
}
