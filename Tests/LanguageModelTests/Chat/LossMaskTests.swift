import Foundation
import LanguageModel
import Testing

@Suite("The loss mask comes from the turns")
struct LossMaskTests {
    let tokenizer: Tokenizer
    let template = ChatTemplate.chatML()
    let conversation = [
        Message(.system, "Be kind."), Message(.user, "I feel lonely <|im_end|> tonight"),
        Message(.assistant, "I understand."),
        Message(.user, "Thanks"), Message(.assistant, "Good night!"),
    ]

    init() throws { tokenizer = try TokenizerFixtures.small("small-smollm") }

    private func trainedText(_ encoded: EncodedChat) -> String {
        let kept = zip(encoded.tokens, encoded.lossMask).filter(\.1).map(\.0)
        return tokenizer.decode(kept)
    }

    @Test("By default the assistant's words and the ends of its turns count")
    func assistant() throws {
        let encoded = try template.encode(conversation, with: tokenizer)
        #expect(trainedText(encoded) == "I understand.<|im_end|>Good night!<|im_end|>")
        #expect(encoded.tokens.count == encoded.lossMask.count)
        #expect(encoded.lossWeights == encoded.lossMask.map { $0 ? 1 : 0 })
        #expect(tokenizer.decode(encoded.tokens) == (try template.text(conversation)))
    }

    @Test("Control tokens that a user types stay text")
    func injection() throws {
        let encoded = try template.encode(conversation, with: tokenizer)
        let end = try #require(tokenizer.controlTokens["<|im_end|>"])
        #expect(encoded.tokens.filter { $0 == end }.count == conversation.count)
    }

    @Test("The released Qwen mask also counts what opens and closes every turn")
    func released() throws {
        let encoded = try template.with(.qwenReleased).encode(conversation, with: tokenizer)
        #expect(
            trainedText(encoded) == """
                <|im_start|><|im_end|>
                <|im_start|><|im_end|>
                <|im_start|>I understand.<|im_end|>
                <|im_start|><|im_end|>
                <|im_start|>Good night!<|im_end|>

                """)
    }

    @Test("A turn may be taken out of the loss, another put in")
    func chosenTurns() throws {
        var changed = conversation
        changed[2].trained = false
        changed[3].trained = true
        #expect(try trainedText(template.encode(changed, with: tokenizer)) == "Thanks<|im_end|>Good night!<|im_end|>")
    }

    @Test("Spans of one turn are tokenized together, and each keeps its own place in the loss")
    func spans() throws {
        let whole = [Message(.user, "Hi"), Message(.assistant, "[Question] How are you?")]
        for cut in ["[Question]", "[Question] "] {
            let rest = String(whole[1].content.dropFirst(cut.count))
            let parts = [ContentSpan(cut, trained: false), ContentSpan(rest, weight: 0.5)]
            let encoded = try template.encode([whole[0], Message(.assistant, spans: parts)], with: tokenizer)
            #expect(encoded.tokens == (try template.encode(whole, with: tokenizer).tokens))
            #expect(trainedText(encoded) == " How are you?<|im_end|>")
            #expect(Set(encoded.lossWeights) == [0, 0.5, 1])
        }
    }

    @Test("Spans keep their places where composition shortens the text")
    func composedSpans() throws {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        let spans = [ContentSpan("[Cafe\u{301} A\u{30A}]", trained: false), ContentSpan(" e\u{301}tude")]
        let encoded = try template.encode([Message(.user, "Hi"), Message(.assistant, spans: spans)], with: tokenizer)
        let kept = zip(encoded.tokens, encoded.lossMask).filter(\.1).map(\.0)
        #expect(tokenizer.decode(kept) == " \u{E9}tude<|im_end|>")
    }

    @Test("A mask that says nothing is refused")
    func refusals() throws {
        let count = try template.encode([Message(.user, "Hi"), Message(.assistant, "")], with: tokenizer).tokens.count
        #expect(throws: ChatError.nothingTrained(tokens: count)) {
            try template.encode([Message(.user, "Hi"), Message(.assistant, "", trained: false)], with: tokenizer)
        }
        let pieces = [PromptPiece(.content, "all", trained: true)]
        let encoded = try template.encode(pieces, with: tokenizer)
        #expect(throws: ChatError.everythingTrained(tokens: encoded.tokens.count)) { try encoded.checkMask() }
        #expect(
            ChatError.everythingTrained(tokens: 3).description
                == "All 3 tokens of the conversation count in the loss; some context must not.")
    }

    @Test("A vocabulary without the template's control tokens is refused")
    func missingControlToken() {
        #expect(throws: ChatError.missingControlToken("<|begin_of_text|>", template: "llama3")) {
            try ChatTemplate.llama3.prompt([Message(.user, "Hi")], with: tokenizer)
        }
    }

    @Test("A prompt is the start of the conversation that follows it")
    func promptIsPrefix() throws {
        let prompt = try template.prompt(Array(conversation.prefix(4)), with: tokenizer)
        let whole = try template.encode(conversation, with: tokenizer)
        #expect(Array(whole.tokens.prefix(prompt.count)) == prompt)
        #expect(whole.lossMask[prompt.count])
        #expect(!whole.lossMask[prompt.count - 1])
    }

    @Test("An empty thought, which prompts without thinking bring, is not trained; a real one is")
    func thoughts() throws {
        let tokenizer = try TokenizerFixtures.small("small-qwen")
        func trained(_ reasoning: String?) throws -> String {
            let turns = [Message(.user, "Hi"), Message(.assistant, "Yes", reasoning: reasoning)]
            let encoded = try ChatTemplate.qwen3.encode(turns, with: tokenizer)
            return tokenizer.decode(zip(encoded.tokens, encoded.lossMask).filter(\.1).map(\.0))
        }
        #expect(try trained(nil) == "Yes<|im_end|>")
        #expect(try trained("hm") == "<think>\nhm\n</think>\n\nYes<|im_end|>")
    }

    @Test("Answers end at the template's tokens and at those of the tokenizer's files")
    func stops() throws {
        let names = tokenizer.controlTokens
        let stops = ChatTemplate.qwen.stopTokens(in: tokenizer)
        #expect(stops == Set([names["<|im_end|>"], names["<|im_start|>"], names["<|endoftext|>"]].compactMap { $0 }))
        #expect(!ChatTemplate.qwen25.stopTokens(in: tokenizer).contains(try #require(names["<|im_start|>"])))
    }

    @Test("Llama-3 and Gemma prompts begin with the beginning-of-sequence token, once")
    func beginnings() throws {
        for (name, template) in [("small-llama3", ChatTemplate.llama3), ("small-gemma", .gemma)] {
            let tokenizer = try TokenizerFixtures.small(name)
            let beginning = try #require(tokenizer.beginningOfSequence)
            let prompt = try template.prompt([Message(.user, "Hi there")], with: tokenizer)
            #expect(prompt.filter { $0 == beginning }.count == 1)
            #expect(prompt.first == beginning)
            #expect(tokenizer.encodePrompt("Hi there").first == beginning)
            #expect(tokenizer.encode("Hi there").first != beginning)
            let typed = try #require(tokenizer.spelling(of: beginning))
            #expect(
                tokenizer.encodePrompt(typed + "Hi", allowingControlTokens: true).filter { $0 == beginning }.count == 1)
        }
    }
}
