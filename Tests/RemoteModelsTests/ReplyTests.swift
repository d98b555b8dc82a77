import Foundation
import LanguageModel
import RemoteModels
import Testing

private let question = [Message(.user, "How are you?")]

@Suite("Replies over the wire", .timeLimit(.minutes(2)))
struct ReplyTests {
    @Test("A streamed reply arrives piece by piece, with its reason to end and its token counts")
    func streams() async throws {
        let server = try ScriptedServer { _, _ in
            [
                .streamHead, .send(": keep-alive\n\n"),
                .event(#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}"#),
                .text("Hello"), .send(": keep-alive\n\n"), .text(", you"), .finish(),
                .event(#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":3}}"#), .done,
            ]
        }
        var events: [ChatEvent] = []
        for try await event in try server.model().reply(to: question) { events.append(event) }
        #expect(
            events == [
                .text("Hello"), .text(", you"),
                .finished(.stop, usage: TokenUsage(promptTokens: 11, completionTokens: 3)),
            ])
        #expect(server.requests.map(\.path) == ["/v1/chat/completions"])
        #expect(server.requests.map(\.method) == ["POST"])
    }

    @Test("Characters, line ends and events cut anywhere by the network come out whole")
    func cutAnywhere() async throws {
        let text = "早上好 👩‍👩‍👧 ünïcode"
        let chunk = #"{"choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":"length"}]}"#
        let stream = Array("\u{FEFF}: hi\r\nid: 7\r\ndata: \(chunk)\r\n\r\ndata:[DONE]\r\n\r\n".utf8)
        let server = try ScriptedServer { _, _ in
            [.streamHead] + stream.flatMap { [.bytes([$0]), .pause(0.0005)] }
        }
        let reply = try await server.model().complete(question)
        #expect(reply.message == Message(.assistant, text))
        #expect(reply.finishReason == .length)
        #expect(reply.usage == nil)
    }

    @Test("A call in pieces becomes one call; two calls keep their order; broken arguments stay text")
    func toolCalls() async throws {
        @Sendable func piece(_ json: String) -> ScriptedServer.Step {
            .event(#"{"choices":[{"index":0,"delta":{"tool_calls":[\#(json)]}}]}"#)
        }
        let server = try ScriptedServer { _, _ in
            [
                .streamHead, piece(#"{"index":0,"id":"a","function":{"name":"weather","arguments":""}}"#),
                piece(#"{"index":0,"function":{"arguments":"{\"city\": \"Ber"}}"#),
                piece(#"{"index":1,"id":"b","function":{"name":"time","arguments":"{\"zone"}}"#),
                piece(#"{"index":0,"function":{"arguments":"lin\"}"}}"#), .finish("tool_calls"), .done,
            ]
        }
        let reply = try await server.model().complete(question)
        #expect(
            reply.message.toolCalls == [
                ToolCall(id: "a", name: "weather", arguments: ["city": "Berlin"]),
                ToolCall(id: "b", name: "time", arguments: "{\"zone"),
            ])
        #expect(reply.finishReason == .toolCalls)
    }

    @Test("Thoughts and log-probabilities with their alternatives arrive apart from the text")
    func thoughtsAndLogProbabilities() async throws {
        let server = try ScriptedServer { _, _ in
            [
                .streamHead, .event(#"{"choices":[{"delta":{"reasoning_content":"Hm."}}]}"#),
                .event(
                    #"{"choices":[{"delta":{"content":"é"},"logprobs":{"content":[{"token":"é","logprob":-0.5,"bytes":"#
                        + #"[195,169],"top_logprobs":[{"token":"é","logprob":-0.5},{"token":"e","logprob":-2.25}]}]}}]}"#
                ),
                .finish(), .done,
            ]
        }
        let reply = try await server.model().complete(question, options: GenerationOptions(logProbabilities: 2))
        #expect(reply.message == Message(.assistant, "é", reasoning: "Hm."))
        #expect(
            reply.logProbabilities == [
                TokenLogProbability(
                    token: "é", logProbability: -0.5, bytes: [195, 169],
                    alternatives: [
                        .init(token: "é", logProbability: -0.5), .init(token: "e", logProbability: -2.25),
                    ])
            ])
        let sent = try #require(server.requests.first).json
        #expect(sent["logprobs"]?.bool == true)
        #expect(sent["top_logprobs"]?.integer == 2)
    }

    @Test("A server that answers as a whole although a stream was asked for is understood")
    func wholeAnswer() async throws {
        let server = try ScriptedServer { _, _ in
            [
                .answer(
                    #"{"choices":[{"index":0,"message":{"role":"assistant","content":"All at once"},"#
                        + #""finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#)
            ]
        }
        let reply = try await server.model().complete(question)
        #expect(reply.message.content == "All at once")
        #expect(reply.usage == TokenUsage(promptTokens: 5, completionTokens: 3))
    }

    @Test("A stream without a last mark ends well if a reason to end came, even without the last line break")
    func withoutLastMark() async throws {
        let server = try ScriptedServer { _, _ in
            [
                .streamHead, .text("Bye"),
                .send(#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#),
            ]
        }
        let reply = try await server.model().complete(question)
        #expect(reply.message.content == "Bye")
        #expect(reply.finishReason == .stop)
    }

    @Test("A raw text is continued, with its tokens' log-probabilities")
    func continuation() async throws {
        let server = try ScriptedServer { _, _ in
            [
                .streamHead,
                .event(
                    #"{"choices":[{"index":0,"text":" a time","logprobs":{"tokens":[" a"," time"],"token_logprobs":"#
                        + #"[-0.25,-0.5],"top_logprobs":[{" a":-0.25," the":-1.5},{" time":-0.5}],"text_offset":[4,6]}}]}"#
                ),
                .event(#"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#), .done,
            ]
        }
        let options = GenerationOptions(maximumTokens: 2, logProbabilities: 1)
        let stream = try server.model().continuation(of: "Once upon", options: options)
        let reply = try await ChatReply(collecting: stream)
        #expect(reply.message.content == " a time")
        #expect(reply.logProbabilities.map(\.logProbability) == [-0.25, -0.5])
        #expect(reply.logProbabilities[0].alternatives.map(\.token) == [" a", " the"])
        let request = try #require(server.requests.first)
        #expect(request.path == "/v1/completions")
        #expect(request.json["prompt"]?.string == "Once upon")
        #expect(request.json["max_tokens"]?.integer == 2)
    }

    @Test("One connection serves one call after the other")
    func connectionReuse() async throws {
        let chunk = #"data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"# + "\n\ndata: [DONE]\n\n"
        let server = try ScriptedServer { _, _ in
            [
                .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
                .send(String(chunk.utf8.count, radix: 16) + "\r\n\(chunk)\r\n"), .pause(0.05), .send("0\r\n\r\n"),
                .keepOpen,
            ]
        }
        let model = try server.model()
        for call in 1...5 {
            #expect(try await model.complete(question).message.content == "a")
            // The end of the body comes after the last event, at which `complete` leaves.
            while server.answered + server.abandoned < call { try await Task.sleep(for: .milliseconds(5)) }
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(server.requests.count == 5)
        #expect(server.connections == 1)
    }

    @Test("The models of a server are listed, and the only one is taken")
    func models() async throws {
        let server = try ScriptedServer { _, number in
            let second = number == 0 ? #",{"id":"b","object":"model"}"# : ""
            return [.answer(#"{"object":"list","data":[{"id":"a","max_model_len":4096}\#(second)]}"#)]
        }
        let listed = try await RemoteModel.list(at: server.endpoint())
        #expect(listed == [.init(name: "a", contextLength: 4_096), .init(name: "b")])
        #expect(try await RemoteModel.only(at: server.endpoint()).name == "a")
        #expect(server.requests.map { "\($0.method) \($0.path)" } == ["GET /v1/models", "GET /v1/models"])
        let several = try ScriptedServer { _, _ in [.answer(#"{"data":[{"id":"a"},{"id":"b"}]}"#)] }
        await #expect(
            throws: RemoteModelError.chooseModel(url: "\(several.url)/v1/models", available: ["a", "b"])
        ) { try await RemoteModel.only(at: several.endpoint()) }
    }
}
