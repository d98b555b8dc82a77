import Foundation
import LanguageModel
import RemoteModels
import Testing

@Suite("Requests as they are sent", .timeLimit(.minutes(1)))
struct RequestTests {
    private func body(
        _ messages: [Message], tools: [ToolDefinition] = [], options: GenerationOptions = GenerationOptions(),
        baseURL: String = "localhost:8000"
    ) throws -> OrderedJSON {
        let endpoint = try RemoteEndpoint(baseURL: baseURL, environment: [:])
        return try RequestBody.chat(messages, tools: tools, options: options, model: "m", endpoint: endpoint)
    }

    @Test("Options that change nothing are left out")
    func neutralOptions() throws {
        #expect(
            try body([Message(.system, "Be kind."), Message(.user, "Hi \"you\"")]).spacedText
                == #"{"model": "m", "messages": [{"role": "system", "content": "Be kind."}, "#
                + #"{"role": "user", "content": "Hi \"you\""}], "stream": true, "#
                + #""stream_options": {"include_usage": true}, "max_tokens": 512, "temperature": 0.0}"#)
    }

    @Test("Every option has its field")
    func everyOption() throws {
        let options = GenerationOptions(
            maximumTokens: 7, repetitionPenalty: 1.5, temperature: 0.5, topK: 40, topP: 0.75, minP: 0.125,
            stop: ["\n", "END"], seed: .max, logProbabilities: 0)
        let sent = try body([Message(.user, "Hi")], options: options, baseURL: "api.openai.com")
        #expect(sent["max_completion_tokens"]?.integer == 7)
        #expect(sent["max_tokens"] == nil)
        #expect(sent["temperature"]?.double == 0.5)
        #expect(sent["top_p"]?.double == 0.75)
        #expect(sent["top_k"]?.integer == 40)
        #expect(sent["min_p"]?.double == 0.125)
        #expect(sent["repetition_penalty"]?.double == 1.5)
        #expect(sent["stop"] == ["\n", "END"])
        #expect(sent["seed"]?.integer == Int(Int64.max))
        #expect(sent["logprobs"]?.bool == true)
        #expect(sent["top_logprobs"] == nil)
    }

    @Test("Results are tied to their calls by id, by name or by order; thoughts stay here")
    func tools() throws {
        let calls = [
            ToolCall(id: "x", name: "weather", arguments: ["city": "Bonn"]), ToolCall(name: "time", arguments: [:]),
            ToolCall(name: "weather", arguments: "{\"city"),
        ]
        let messages = [
            Message(.user, "Weather?"), Message(.assistant, "", reasoning: "Two cities.", toolCalls: calls),
            Message(.tool, "12:00", name: "time"), Message(.tool, "rain"), Message(.tool, "sun"),
        ]
        let tool = ToolDefinition(name: "weather", description: "d", parameters: ["type": "object"])
        let sent = try body(messages, tools: [tool])
        let written = try #require(sent["messages"]?.array)
        #expect(written[1]["content"] == .null)
        #expect(written[1]["reasoning_content"] == nil)
        #expect(written[1]["tool_calls"]?.array?.map { $0["id"]?.string } == ["x", "call_1_1", "call_1_2"])
        #expect(
            written[1]["tool_calls"]?.array?.map { $0["function"]?["arguments"]?.string }
                == [#"{"city": "Bonn"}"#, "{}", #"{"city"#])
        #expect(written[2...].map { $0["tool_call_id"]?.string } == ["call_1_1", "x", "call_1_2"])
        #expect(sent["tools"]?.array == [tool.schema])
    }

    @Test("What cannot be sent is refused before anything is sent")
    func refused() async throws {
        #expect(throws: ChatError.noMessages) { try body([]) }
        #expect(
            throws: RemoteModelError.invalidConversation(
                message: 1, reason: "it is a tool's result, but no call of time before it is unanswered")
        ) { try body([Message(.user, "Hi"), Message(.tool, "12:00", name: "time")]) }
        let server = try ScriptedServer { _, _ in [.streamHead, .done] }
        await #expect(
            throws: GenerationOptionsError(field: "topP", found: "1.5", allowed: "above 0 and at most 1")
        ) { try await server.model().complete([Message(.user, "Hi")], options: GenerationOptions(topP: 1.5)) }
        #expect(server.requests.isEmpty)
    }

    @Test("Texts are echoed and scored from the prompt's end to their own")
    func scores() async throws {
        let server = try ScriptedServer { _, _ in
            [
                .answer(
                    #"{"choices":[{"index":1,"text":"Yes or no? no.","logprobs":{"tokens":["Yes"," or"," no","?"," no","."],"#
                        + #""token_logprobs":[null,-1,-2,-3,-0.5,-9],"text_offset":[0,3,6,9,10,13]}},"#
                        + #"{"index":0,"text":"Yes or no? yés!","logprobs":{"tokens":["Yes"," or"," no","?"," y","\ufffd","#
                        + #""\ufffd","s","!"],"token_logprobs":[null,-1,-2,-3,-0.25,-0.5,-0.125,-1,-9],"#
                        + #""text_offset":[0,3,6,9,10,12,12,13,14],"top_logprobs":[null,{},{},{},{" y":-0.25," n":-2},{},{},{},{}]}}]}"#
                )
            ]
        }
        let scores = try await server.model().score([" yés", " no"], after: "Yes or no?")
        #expect(scores.map(\.text) == [" yés", " no"])
        #expect(scores.map(\.logProbability) == [-1.875, -0.5])
        #expect(scores[0].tokens.map(\.token) == [" y", "\u{FFFD}", "\u{FFFD}", "s"])
        #expect(scores[0].tokens[0].alternatives.map(\.token) == [" y", " n"])
        #expect(scores[0].meanLogProbability == -1.875 / 4)
        let request = try #require(server.requests.first)
        #expect(request.path == "/v1/completions")
        #expect(request.json["prompt"] == ["Yes or no? yés", "Yes or no? no"])
        #expect(request.json["echo"]?.bool == true)
    }

    @Test("A token across the prompt's end counts as the option's")
    func scoreAcross() async throws {
        let server = try ScriptedServer { _, _ in
            [
                .answer(
                    #"{"choices":[{"text":"ab cd!","logprobs":{"tokens":["a","b c","d","!"],"token_logprobs":[-4,-1,-2,-8]}}]}"#
                )
            ]
        }
        let scores = try await server.model().score(["cd"], after: "ab ")
        #expect(scores[0].tokens.map(\.token) == ["b c", "d"])
        #expect(scores[0].logProbability == -3)
    }

    @Test("Servers that cannot score given text say so; broken lists are refused")
    func scoreNotOffered() async throws {
        let notOffered = [
            #"{"choices":[{"index":0,"text":"no."}]}"#,
            #"{"choices":[{"text":"no","logprobs":{"tokens":["no"],"token_logprobs":[-1]}}]}"#,
        ]
        for body in notOffered {
            let server = try ScriptedServer { _, _ in [.answer(body)] }
            await #expect(
                throws: RemoteModelError.notOffered(
                    url: "\(server.url)/v1/completions", feature: "log-probabilities of given text (echo with logprobs)"
                )
            ) { try await server.model().score(["no"], after: "Yes or ") }
        }
        let malformed = [
            (
                #"{"choices":[{"text":"a b","logprobs":{"tokens":["a"," b"],"token_logprobs":[-1]}}]}"#,
                "choices[0].logprobs.token_logprobs has 1 entries, but there are 2 tokens"
            ),
            (#"{"choices":[{"index":4,"text":"a b"}]}"#, "choices[0].index is 4, but 1 texts were sent"),
            (#"{"choices":[]}"#, "no choice has index 0"),
            (
                #"{"choices":[{"text":"a b","logprobs":{"tokens":["x","y"],"token_logprobs":[-1,-2],"text_offset":[0,-7]}}]}"#,
                "the echoed tokens neither make up the text nor say where they stand in it"
            ),
        ]
        for (body, reason) in malformed {
            let server = try ScriptedServer { _, _ in [.answer(body)] }
            await #expect(
                throws: RemoteModelError.malformed(url: "\(server.url)/v1/completions", reason: reason)
            ) { try await server.model().score([" b"], after: "a") }
        }
    }
}
