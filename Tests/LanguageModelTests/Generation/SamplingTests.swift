import Foundation
import LanguageModel
import Testing

@Suite("Sampling")
struct SamplingTests {
    /// Probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625.
    static let logits: [Float] = [3, 2, 1, 0, 0].map { $0 * Float(log(2.0)) }

    static func kept(_ options: GenerationOptions, vocabulary: Int = 5, _ logits: [Float] = logits) -> [TokenID: Double]
    {
        let kept = Sampler(options, vocabulary: vocabulary, context: []).distribution(logits.prefix(vocabulary))
        let total = kept.reduce(0) { $0 + $1.probability }
        return Dictionary(uniqueKeysWithValues: kept.map { ($0.token, $0.probability / total) })
    }

    @Test("Temperature divides the logits")
    func temperature() throws {
        let kept = Self.kept(GenerationOptions(temperature: 0.5))
        #expect(abs(try #require(kept[0]) / (try #require(kept[1])) - 4) < 1e-6)
        #expect(kept.count == 5)
    }

    @Test("Top-k keeps the likeliest, and of equals the smaller token", arguments: [1, 2, 4, 5, 9])
    func topK(k: Int) {
        #expect(
            Self.kept(GenerationOptions(temperature: 1, topK: k)).keys.sorted() == (0..<TokenID(min(k, 5))).map { $0 })
    }

    @Test(
        "Top-p keeps the fewest tokens that reach it", arguments: [(0.4, 1), (0.5, 1), (0.6, 2), (0.76, 3), (0.95, 5)])
    func topP(p: Double, count: Int) {
        #expect(Self.kept(GenerationOptions(temperature: 1, topP: p)).count == count)
    }

    @Test("Restrictions apply in their order: top-p sees what top-k left, min-p what temperature made")
    func order() {
        // Of 0.5 and 0.25 alone the first has two thirds, which is enough for 0.6.
        #expect(Self.kept(GenerationOptions(temperature: 1, topK: 2, topP: 0.6)).count == 1)
        #expect(Self.kept(GenerationOptions(temperature: 1, minP: 0.3)).count == 2)
        // At temperature 2 the ratios are the square roots.
        #expect(Self.kept(GenerationOptions(temperature: 2, minP: 0.3)).count == 5)
    }

    @Test("Draws follow the probabilities, and a seed repeats them")
    func draws() {
        func tokens(seed: UInt64) -> [TokenID] {
            var sampler = Sampler(GenerationOptions(temperature: 1, seed: seed), vocabulary: 5, context: [])
            return (0..<8000).compactMap { _ in sampler.next(Self.logits[...]) }
        }
        let drawn = tokens(seed: 1)
        #expect(drawn.count == 8000)
        for (token, share) in [(0, 0.5), (1, 0.25), (2, 0.125), (3, 0.0625), (4, 0.0625)] {
            let found = Double(drawn.count { $0 == TokenID(token) }) / 8000
            #expect(abs(found - share) < 4 * (share * (1 - share) / 8000).squareRoot())
        }
        #expect(drawn == tokens(seed: 1))
        #expect(drawn != tokens(seed: 2))
    }

    @Test("The penalty weakens tokens of the context, chosen ones included, whatever the sign of their logits")
    func penalty() {
        var sampler = Sampler(GenerationOptions(repetitionPenalty: 2), vocabulary: 3, context: [0])
        #expect(sampler.next([4, 3, -1]) == 1)
        // Now 2, 1.5 and -1: the first again.
        #expect(sampler.next([4, 3, -1]) == 0)
        var negative = Sampler(GenerationOptions(repetitionPenalty: 2), vocabulary: 2, context: [0])
        #expect(negative.next([-1, -1.5]) == 1)
    }

    @Test("Rows of the embedding beyond the vocabulary are never chosen")
    func padding() {
        var greedy = Sampler(GenerationOptions(), vocabulary: 2, context: [])
        #expect(greedy.next([0, 1, 9]) == 1)
        #expect(Self.kept(GenerationOptions(temperature: 1), vocabulary: 2, [0, 1, 9]).keys.sorted() == [0, 1])
    }

    @Test("Logits that are no numbers end in a token, not in a trap")
    func noNumbers() {
        var sampler = Sampler(GenerationOptions(temperature: 1, topK: 3, topP: 0.5), vocabulary: 3, context: [])
        #expect(sampler.next([.nan, .nan, .nan]) == 0)
        let token = sampler.next([.infinity, 0, 1])
        #expect(token.map { (0..<3).contains($0) } == true)
        #expect(Self.kept(GenerationOptions(temperature: 1, topK: .max)).count == 5)
    }

    @Test("A stop text ends the text wherever the pieces are cut, and nothing of it is shown", arguments: 1...7)
    func stopTexts(size: Int) {
        let text = Array("one STONE. äö STOP and more")
        var stops = StopTexts(["STOP", "never"])
        var shown = ""
        for start in stride(from: 0, to: text.count, by: size) {
            shown += stops.append(String(text[start..<min(start + size, text.count)]))
            #expect(!shown.contains("STOP"))
        }
        #expect(shown == "one STONE. äö ")
        #expect(stops.isStopped)
    }

    @Test("What might have been a stop text is shown at the end")
    func heldBack() {
        var stops = StopTexts(["###"])
        #expect(stops.append("a#") == "a")
        #expect(stops.append("#") == "")
        #expect(stops.append("b##") == "##b")
        #expect(stops.flush() == "##")
        #expect(!stops.isStopped)
    }

    private func parsed(_ text: String, by size: Int, thinks: Bool = true, calls: Bool = true) -> ChatReply {
        var parser = ReplyParser(thinks: thinks, calls: calls)
        let letters = Array(text)
        var events: [ChatEvent] = []
        for start in stride(from: 0, to: letters.count, by: size) {
            events += parser.append(String(letters[start..<min(start + size, letters.count)]))
        }
        events += parser.flush()
        var message = Message(.assistant, "")
        for event in events {
            switch event {
            case .text(let piece): message.content += piece
            case .reasoning(let piece): message.reasoning = (message.reasoning ?? "") + piece
            case .toolCall(let call): message.toolCalls.append(call)
            default: break
            }
        }
        return ChatReply(message: message, finishReason: .stop)
    }

    @Test("Thoughts and calls are told from the answer however the text arrives", arguments: [1, 2, 5, 200])
    func replies(size: Int) {
        let text = """
            <think>
            Look it up < now.
            </think>

            One moment.
            <tool_call>
            {"name": "find", "arguments": {"word": "a<b"}}
            </tool_call>
            <tool_call>
            {"name": "stop"}
            </tool_call>
            """
        let message = parsed(text, by: size).message
        #expect(message.reasoning == "Look it up < now.")
        #expect(message.content == "One moment.")
        #expect(message.toolCalls.map(\.name) == ["find", "stop"])
        #expect(message.toolCalls.first?.arguments["word"]?.string == "a<b")
    }

    @Test("Without tools and thoughts marks are text; a call that cannot be read stays text")
    func plainReplies() {
        let call = "<tool_call>{broken</tool_call>"
        #expect(parsed(call, by: 3, thinks: false, calls: false).message.content == call)
        #expect(parsed(call, by: 3, thinks: false).message.content == call)
        #expect(parsed("a<tool_call>{\"name\"", by: 4).message.content == "a<tool_call>{\"name\"")
        #expect(parsed("<thin", by: 2).message.content == "<thin")
    }
}
