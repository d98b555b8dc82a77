import Foundation
import LanguageModel
import Testing

@Suite("Chat files")
struct ChatFileTests {
    private func parse(_ text: String) throws -> [ChatExample] {
        try ChatFile.parse(Data(text.utf8), file: "chats.jsonl")
    }

    @Test("Messages, ShareGPT turns, spans, tools and empty lines are read")
    func reading() throws {
        let examples = try parse(
            """
            {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "a\\u00e9\\n"}]}

            {"system": "T", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "r"}]}\r
            {"messages": [{"role": "assistant", "content": [{"type": "text", "text": "[x]", "trained": false}, "y"]}]}
            {"messages": [{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "f", \
            "arguments": {"b": 1, "a": 2.50}}}]}], "tools": [{"function": {"name": "f"}}]}
            """)
        #expect(examples.count == 4)
        #expect(examples[0].messages == [Message(.system, "S"), Message(.user, "aé\n")])
        #expect(examples[1].messages == [Message(.system, "T"), Message(.user, "q"), Message(.assistant, "r")])
        #expect(examples[2].messages[0].spans == [ContentSpan("[x]", trained: false), ContentSpan("y")])
        #expect(examples[2].messages[0].content == "[x]y")
        let call = try #require(examples[3].messages[0].toolCalls.first)
        #expect(call.name == "f")
        #expect(call.arguments.spacedText == #"{"b": 1, "a": 2.50}"#)
        #expect(examples[3].tools.map(\.name) == ["f"])
    }

    @Test("The broken line is named")
    func brokenLine() throws {
        let good = #"{"messages": [{"role": "user", "content": "a"}]}"#
        let cases = [
            (
                #"{"messages": [{"role": "user", "content": "a"}"#,
                "not JSON: expected ',' or ']' at byte 46 of the line"
            ),
            (#"{"messages": []}"#, "messages is an empty list; expected a list of messages"),
            (#"{"text": "a"}"#, "messages is missing; expected a list of messages"),
            (
                #"{"messages": [{"role": "poet", "content": "a"}]}"#,
                "messages[0].role is \"poet\"; expected one of system, user, assistant, tool"
            ),
            (
                #"{"messages": [{"role": "user", "content": 3}]}"#,
                "messages[0].content is the number 3; expected text or a list of texts"
            ),
            (#"{"messages": [{"role": "user"}]}"#, "messages[0].content is missing; expected text or a list of texts"),
            (#"[1]"#, "messages is missing; expected a list of messages"),
        ]
        for (broken, reason) in cases {
            let text = Array(repeating: good, count: 6).joined(separator: "\n") + "\n" + broken + "\n" + good
            #expect(throws: ChatFileError.badLine(file: "chats.jsonl", line: 7, reason: reason)) { try parse(text) }
        }
        #expect(
            ChatFileError.badLine(file: "f", line: 7, reason: "r").description == "f: line 7: r.")
    }

    @Test("An empty file is refused, as is an absent one")
    func empty() {
        #expect(throws: ChatFileError.empty(file: "chats.jsonl")) { try parse("\n \n") }
        let absent = "/nowhere/chats.jsonl"
        #expect(throws: ChatFileError.unreadable(file: absent, reason: "no such file or directory")) {
            try ChatFile.read(url: URL(filePath: absent))
        }
    }

    @Test("A message survives being written and read")
    func roundTrip() throws {
        let message = Message(
            .assistant, spans: [ContentSpan("a\"\\\u{1}", trained: true, weight: 0.25), ContentSpan("b")],
            reasoning: "r",
            toolCalls: [ToolCall(id: "i", name: "f", arguments: ["x": [1, true, .null, "y"]])], name: "n",
            trained: false)
        #expect(try Message(json: message.json) == message)
        #expect(try JSONDecoder().decode(Message.self, from: JSONEncoder().encode(message)) == message)
        let text = message.json.spacedText
        #expect(try OrderedJSON(parsing: Data(text.utf8), file: "m").spacedText == text)
    }
}
