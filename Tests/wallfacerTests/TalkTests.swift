import Foundation
import LanguageModel
import Layers
import Tensors
import Testing

@Suite struct TalkTests {
    private static let greedy = ["--temperature", "0", "--max-tokens", "6", "--precision", "f32"]

    private func answer(_ model: LocalModel, _ messages: [Message]) async throws -> String {
        let options = GenerationOptions(maximumTokens: 6)
        return try await ChatReply(collecting: model.reply(to: messages, options: options)).message.content
    }

    @Test("An answer is the model's own, as text and as JSON; raw text is continued")
    func generate() async throws {
        struct Answer: Decodable {
            let text: String
            let completionTokens: Int
        }
        let tool = try Tool()
        defer { tool.clean() }
        let tiny = try TinyModel(in: tool.home)
        try tiny.addWeights()
        let model = try LocalModel(path: tiny.folder.path, precision: .f32)
        let expected = try await answer(model, [Message(.system, "d"), Message(.user, "abc")])
        let arguments = ["generate", "--model", tiny.folder.path] + Self.greedy
        let spoken = try tool.run(arguments + ["--prompt", "abc", "--system", "d"])
        #expect(spoken.status == 0)
        #expect(spoken.output.trimmingCharacters(in: .newlines) == expected.trimmingCharacters(in: .newlines))
        #expect(spoken.errors.hasPrefix("tiny, f32, threads: "))
        let json = try tool.run(arguments + ["--json", "--system", "d"], input: "abc").json(Answer.self)
        #expect(json.text == expected)
        #expect((1...6).contains(json.completionTokens))
        let raw = try tool.run(arguments + ["--raw", "--prompt", "abc"])
        let continued = model.continuation(of: "abc", options: GenerationOptions(maximumTokens: 6))
        #expect(try await raw.output == ChatReply(collecting: continued).message.content)
        let nothing = try tool.run(arguments, input: "")
        #expect(nothing.status == 1)
        #expect(nothing.errors.contains("standard input: is empty"))
    }

    @Test("A conversation is remembered, begun anew by commands, and survives broken input")
    func chat() async throws {
        let tool = try Tool()
        defer { tool.clean() }
        let tiny = try TinyModel(in: tool.home)
        try tiny.addWeights()
        let model = try LocalModel(path: tiny.folder.path, precision: .f32)
        let first = try await answer(model, [Message(.user, "abc")])
        let second = try await answer(
            model, [Message(.user, "abc"), Message(.assistant, first), Message(.user, "d d")])
        let guided = try await answer(model, [Message(.system, "b a"), Message(.user, "abc")])
        #expect(guided != first, "else the system turn would not be seen")
        let lines = ["abc", "d d", "/reset", "abc", "/nonsense", "/system b a", "abc", "/reset", "abc"]
        var input = Data(lines.joined(separator: "\n").utf8)
        input += Data([0x0A, 0xFF, 0xFE, 0x0A]) + Data("/system\nabc".utf8)
        let outcome = try tool.run(["chat", "--model", tiny.folder.path] + Self.greedy, input: input)
        #expect(outcome.status == 0)
        #expect(outcome.output == [first, second, first, guided, guided, first].map { $0 + "\n" }.joined())
        #expect(outcome.errors.contains("/nonsense: no such command"))
        #expect(outcome.errors.contains("standard input: line 10: no UTF-8 text"))
    }

    @Test("Perplexity is that of the network's own probabilities, and windows that are cut are named")
    func perplexity() throws {
        struct Measured: Decodable {
            let perplexity: Double
            let loss: Double
            let tokens: Int
            let window: Int
            let stride: Int
        }
        let tool = try Tool()
        defer { tool.clean() }
        let tiny = try TinyModel(in: tool.home)
        let network = try tiny.addWeights()
        let text = String(repeating: "abc d, a cab. ", count: 6)
        let tokens = tiny.tokenizer.encode(text).map(Int.init)
        /// Natural log-probability of each token but the first, after all those before it in `tokens`.
        func logProbabilities(_ tokens: [Int]) -> [Double] {
            let logits = withoutGradients {
                network(Tensor(tokens.map(Int64.init), shape: [1, tokens.count])).floats.map(Double.init)
            }
            let size = logits.count / tokens.count
            return (1..<tokens.count).map { place in
                let row = logits[(place - 1) * size..<place * size]
                let highest = row.max()!
                return row[row.startIndex + tokens[place]] - highest
                    - log(row.reduce(0) { $0 + exp($1 - highest) })
            }
        }
        let arguments = ["perplexity", "--model", tiny.folder.path, "--precision", "f32", "--json"]
        let whole = try tool.run(arguments, input: text).json(Measured.self)
        let mean = -logProbabilities(tokens).reduce(0, +) / Double(tokens.count - 1)
        #expect(whole.tokens == tokens.count - 1)
        #expect(abs(whole.loss - mean) < 1e-4 * mean)
        #expect(abs(whole.perplexity - exp(mean)) < 1e-3 * exp(mean))
        #expect(whole.window == 256 && whole.stride == 128)

        // Windows of 16 that move on by 8: after the first one, the last 8 tokens of each are new.
        var sum = 0.0
        var predicted = 1
        for start in stride(from: 0, to: tokens.count, by: 8) where predicted < tokens.count {
            let end = min(start + 16, tokens.count)
            sum -= logProbabilities(Array(tokens[start..<end])).suffix(end - predicted).reduce(0, +)
            predicted = end
        }
        let windows = try tool.run(arguments + ["--window", "16"], input: text)
        #expect(!windows.errors.contains("is taken"))
        let windowed = try windows.json(Measured.self)
        #expect(abs(windowed.loss - sum / Double(tokens.count - 1)) < 1e-4 * mean)
        #expect(windowed.loss != whole.loss)

        let cut = try tool.run(arguments + ["--window", "9000", "--stride", "300"], input: text)
        #expect(cut.errors.contains("--window 9000 is more than the model's context; 256 is taken"))
        #expect(cut.errors.contains("--stride 300 is more than what a window can move on; 255 is taken"))
        let short = try tool.run(arguments, input: "a")
        #expect(short.status == 1)
        #expect(short.errors.contains("standard input: 1 token; at least 2 are needed"))
    }
}
