import Foundation
import LanguageModel
import Layers
import Tensors
import Testing

@Suite("A real model", .enabled(if: RealModel.path != nil, RealModel.comment), .serialized)
struct RealModelTests {
    private func argmax(_ logits: some Collection<Float>) -> TokenID {
        let largest = logits.max()!
        return TokenID(logits.distance(from: logits.startIndex, to: logits.firstIndex(of: largest)!))
    }

    @Test("In f32, 18 of 20 greedy texts are llama.cpp's, and others part where two logits are next to equal")
    func greedyTextsEqualLlama() throws {
        let source = try WeightSource(path: RealModel.path!)
        // The values of the file as f32 matrices: what an F32 file of this model holds.
        let engine = try StepEngine(source.configuration, isExact: true) { name in
            Tensor(try source.values(of: name), shape: try source.shape(of: name))
        }
        var equal = 0
        for text in try RealModel.texts() {
            let cache = KeyValueCache(engine.configuration)
            var logits = try engine.read(text.prompt, into: cache)
            var isEqual = true
            for wanted in text.f32 {
                let found = argmax(logits)
                if found != wanted {
                    isEqual = false
                    let gap = logits[Int(found)] - logits[Int(wanted)]
                    #expect(gap < 5e-3, "the texts part with a gap of \(gap)")
                    break
                }
                logits = try engine.read([wanted], into: cache)
            }
            if isEqual { equal += 1 }
        }
        #expect(equal >= 18)
    }

    @Test(
        "Blocks of 4 bits multiplied in f32 give the logits of the dequantised weights; 8-bit activations agree with llama.cpp"
    )
    func quantisedBlocks() throws {
        let source = try WeightSource(path: RealModel.path!)
        let exact = try StepEngine(source, isExact: true)
        let fast = try StepEngine(source)
        let reference = try TransformerDecoder.load(source, precision: .f32)
        var largest: Float = 0
        var agreed = 0
        var compared = 0
        for (index, text) in try RealModel.texts().enumerated() {
            let tokens = text.prompt + text.quantised.dropLast()
            let vocabulary = source.configuration.vocabularySize
            if index < 3 {
                let found = try exact.read(tokens, into: KeyValueCache(source.configuration), wanted: .all)
                let expected = withoutGradients {
                    reference(Tensor(tokens.map(Int64.init), shape: [1, tokens.count])).floats
                }
                largest = max(largest, StepEngineTests.largestDifference(found, expected))
            }
            let logits = try fast.read(tokens, into: KeyValueCache(source.configuration), wanted: .all)
            for (offset, wanted) in text.quantised.enumerated() {
                let row = (text.prompt.count - 1 + offset) * vocabulary
                compared += 1
                if argmax(logits[row..<row + vocabulary]) == wanted { agreed += 1 }
            }
        }
        #expect(largest < 1e-3)
        #expect(compared > 1000)
        #expect(Double(agreed) >= 0.95 * Double(compared), "\(agreed) of \(compared)")
    }

    @Test("A conversation is answered, its next turn reads only what is new, and one seed gives one text")
    func conversation() async throws {
        let model = try LocalModel(path: RealModel.path!, contextLength: 1024)
        let question = Message(.user, "What is the capital of France? Answer with one short sentence.")
        let options = GenerationOptions(maximumTokens: 40)
        let first = try await model.complete([question], options: options)
        #expect(first.message.content.contains("Paris"))
        #expect(first.finishReason == .stop)
        let turns = [question, first.message, Message(.user, "And of Italy?")]
        let continued = try await model.complete(turns, options: options)
        await model.reset()
        let fresh = try await model.complete(turns, options: options)
        #expect(continued.message.content == fresh.message.content)
        let sampled = GenerationOptions(maximumTokens: 24, temperature: 1, topK: 50, topP: 0.9, seed: 3)
        let one = try await model.complete([question], options: sampled)
        #expect(try await model.complete([question], options: sampled) == one)
        // The likeliest answer to a question that people would give, too.
        let scores = try await model.score(
            ["The capital of France is Paris.", "The capital of France is Rome."], after: [question])
        #expect(scores[0].logProbability > scores[1].logProbability)
    }
}
