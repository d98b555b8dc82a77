import Foundation
import LanguageModel
import Testing

@Suite("Conversations as the published templates write them")
struct ChatRenderingTests {
    static let templates: [String: ChatTemplate] = [
        "smolLM2": .smolLM2, "qwen2": .qwen2, "qwen25": .qwen25, "qwen3": .qwen3, "llama3": .llama3, "gemma": .gemma,
    ]

    @Test("Every conversation has the bytes that the published template gives", arguments: templates.keys.sorted())
    func bytes(family: String) throws {
        let template = try #require(Self.templates[family])
        let cases = try OrderedJSON(parsing: TokenizerFixtures.data("chat.json"), file: "chat.json").array ?? []
        let own = cases.filter { $0["family"]?.string == family }
        #expect(own.count >= 8)
        for item in own {
            let messages = try (item["messages"]?.array ?? []).map { try Message(json: $0) }
            let tools = (item["tools"]?.array ?? []).map(ToolDefinition.init(schema:))
            let text = try template.text(
                messages, tools: tools, addGenerationPrompt: item["prompt"]?.bool == true,
                thinking: item["thinking"]?.bool == true)
            #expect(text == item["text"]?.string, "\(family): \(item["name"]?.string ?? "")")
        }
    }

    @Test("A template is recognised by its text")
    func detection() {
        let smol = "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>"
        #expect(ChatTemplate.detect(jinja: "<|im_start|>system\n" + smol) == .smolLM2)
        #expect(ChatTemplate.detect(jinja: "<|im_start|> message.reasoning_content") == .qwen3)
        let qwen = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
        #expect(ChatTemplate.detect(jinja: "<|im_start|>system\n" + qwen) == .qwen25)
        #expect(ChatTemplate.detect(jinja: "<|im_start|>system\nYou are a helpful assistant.") == .qwen2)
        let unpunctuated = ChatTemplate.detect(jinja: "<|im_start|>system\nYou are a helpful assistant<|im_end|>")
        #expect(unpunctuated == .chatML(defaultSystem: "You are a helpful assistant"))
        #expect(ChatTemplate.detect(jinja: "<|im_start|>") == .chatML())
        #expect(ChatTemplate.detect(jinja: "<|start_header_id|>") == .llama3)
        #expect(ChatTemplate.detect(jinja: "<start_of_turn>") == .gemma)
        #expect(ChatTemplate.detect(jinja: "[INST]", family: "qwen3") == nil)
        #expect(ChatTemplate.detect(jinja: nil, family: "qwen3") == .qwen3)
        #expect(ChatTemplate.detect(jinja: nil, family: "llama") == nil)
    }

    @Test("What a format has no place for is refused by name")
    func refusals() {
        #expect(throws: ChatError.noMessages) { try ChatTemplate.smolLM2.render([]) }
        #expect(
            throws: ChatError.unsupported(
                message: 1, what: "user where assistant must speak", template: "Gemma")
        ) { try ChatTemplate.gemma.render([Message(.user, "a"), Message(.user, "b")]) }
        #expect(throws: ChatError.unsupported(message: 0, what: "tools are offered", template: "Llama-3")) {
            try ChatTemplate.llama3.render(
                [Message(.user, "a")], tools: [ToolDefinition(name: "t", description: "", parameters: [:])])
        }
        #expect(throws: ChatError.unsupported(message: 0, what: "a tool is called or answers", template: "Gemma")) {
            try ChatTemplate.gemma.render([Message(.tool, "a")])
        }
    }

    @Test("The last soft switch wins, whoever of system and user gave it")
    func softSwitches() {
        let ask = ChatTemplate.requestedThinking
        #expect(ask([Message(.user, "Hi")]) == nil)
        #expect(ask([Message(.system, "/no_think"), Message(.user, "Hi")]) == false)
        #expect(ask([Message(.system, "/no_think"), Message(.user, "Hi /think")]) == true)
        #expect(ask([Message(.user, "/think no /no_think"), Message(.assistant, "/think")]) == false)
    }

    @Test("A turn left open ends with its own text")
    func continuing() throws {
        for (template, opening) in [
            (ChatTemplate.chatML(), "<|im_start|>assistant\n[Question]"),
            (.llama3, "<|start_header_id|>assistant<|end_header_id|>\n\n[Question]"),
            (.gemma, "<start_of_turn>model\n[Question]"),
        ] {
            let pieces = try template.render(
                [Message(.user, "a"), Message(.assistant, "[Question]")], continuingLastMessage: true)
            #expect(pieces.map(\.text).joined().hasSuffix(opening))
        }
    }
}
