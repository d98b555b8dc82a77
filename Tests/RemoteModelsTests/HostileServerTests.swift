import Foundation
import LanguageModel
import RemoteModels
import Testing

private let question = [Message(.user, "How are you?")]

/// What came of a reply: its text so far and the error that ended it.
private func outcome(_ model: RemoteModel) async -> (text: String, error: (any Error)?) {
    var text = ""
    do {
        for try await event in model.reply(to: question) {
            if case .text(let piece) = event { text += piece }
        }
        return (text, nil)
    } catch {
        return (text, error)
    }
}

@Suite("Servers that misbehave", .timeLimit(.minutes(2)))
struct HostileServerTests {
    @Test(
        "A stream that breaks off is an error after what had arrived, and is not asked for again",
        arguments: [
            [ScriptedServer.Step](), [.send(#"data: {"choices":[{"del"#)], [.reset], [.send("data: [DON")],
        ])
    func truncated(ending: [ScriptedServer.Step]) async throws {
        let server = try ScriptedServer { _, _ in [.streamHead, .text("Half an ans"), .pause(0.05)] + ending }
        let (text, error) = await outcome(try server.model(repetitions: 3))
        guard case RemoteModelError.interrupted(_, _, let received)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text == "Half an ans")
        #expect(received >= 80)
        #expect(server.requests.count == 1)
    }

    @Test("A chunk that is no JSON, or not of the right shape, is named with its place")
    func malformedChunk() async throws {
        let chunks = [
            (#"{"choices":[{"delta":{"content":}}]}"#, "not JSON: expected a value at byte 32"),
            (#"{"choices":[{"delta":{"content":[1]}}]}"#, "choices[0].delta.content is an array; expected text"),
            (#"{"choices":{}}"#, "choices is an object; expected a list"),
            (#"["choices"]"#, "the answer is an array; expected an object"),
            (#"{"choices":[],"usage":{"prompt_tokens":"3"}}"#, #"usage.prompt_tokens is "3"; expected a whole number"#),
            (
                #"{"choices":[{"delta":{},"logprobs":{"content":[{"token":"a","logprob":-1,"bytes":[256]}]}}]}"#,
                "choices[0].logprobs.content[0].bytes[0] is 256; expected a byte"
            ),
            (String(repeating: "[", count: 5_000), "nesting deeper than 128"),
        ]
        for (chunk, reason) in chunks {
            let server = try ScriptedServer { _, _ in [.streamHead, .text("a"), .event(chunk), .done] }
            let (text, error) = await outcome(try server.model(repetitions: 3))
            guard case RemoteModelError.malformed(_, let found)? = error else {
                Issue.record("\(chunk.prefix(80)): \(String(describing: error))")
                continue
            }
            #expect(text == "a")
            #expect(found.contains(reason), "\(found)")
            #expect(server.requests.count == 1)
        }
    }

    @Test("A line without an end is given up at a bound")
    func hugeLine() async throws {
        let block = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
        let server = try ScriptedServer { _, _ in
            [.streamHead, .send("data: ")] + Array(repeating: .bytes(block), count: 48)
        }
        let (_, error) = await outcome(try server.model())
        #expect(
            error as? RemoteModelError
                == .tooLarge(
                    url: "\(server.url)/v1/chat/completions", part: "an event of the stream", limit: 4 << 20))
    }

    @Test("A server that falls silent is given up after the limit, before and within an answer")
    func silence() async throws {
        let mute = try ScriptedServer { _, _ in [.pause(3)] }
        let limit = Duration.milliseconds(200)
        let (_, first) = await outcome(try mute.model(repetitions: 1, silence: limit))
        #expect(
            first as? RemoteModelError
                == .timedOut(
                    url: "\(mute.url)/v1/chat/completions", limit: .silence, seconds: 0.2, attempts: 2))
        let stuck = try ScriptedServer { _, _ in [.streamHead, .text("Let me"), .pause(3)] }
        let (text, second) = await outcome(try stuck.model(repetitions: 1, silence: limit))
        #expect(text == "Let me")
        #expect(
            second as? RemoteModelError
                == .timedOut(
                    url: "\(stuck.url)/v1/chat/completions", limit: .silence, seconds: 0.2, attempts: 1))
    }

    @Test("A server that drips for ever is given up when the whole call has taken too long")
    func dripping() async throws {
        let server = try ScriptedServer { _, _ in
            [.streamHead] + Array(repeating: [.text("drip "), .pause(0.05)], count: 100).flatMap { $0 }
        }
        let start = ContinuousClock.now
        let (text, error) = await outcome(try server.model(total: .milliseconds(500)))
        #expect(text.hasPrefix("drip "))
        #expect(
            error as? RemoteModelError
                == .timedOut(url: "\(server.url)/v1/chat/completions", limit: .total, seconds: 0.5, attempts: 1))
        #expect(ContinuousClock.now - start < .seconds(4))
    }

    @Test("A refused key is told at once, without the key, although the server repeats it")
    func unauthorized() async throws {
        let secret = "sk-very-secret-0123"
        let server = try ScriptedServer { _, _ in
            [.answer(#"{"error":{"message":"Incorrect API key provided: \#(secret)."}}"#, status: 401)]
        }
        let model = try server.model(repetitions: 3, key: APIKey(secret))
        let (_, error) = await outcome(model)
        #expect(
            "\(try #require(error))"
                == "\(server.url)/v1/chat/completions: status 401: Incorrect API key provided: (hidden key)."
                + " (a key is taken from WALLFACER_API_KEY or OPENAI_API_KEY)")
        #expect(server.requests.map { $0.headers["authorization"] } == ["Bearer \(secret)"])
        var dumped = ""
        dump(model, to: &dumped)
        #expect(!dumped.contains(secret) && dumped.contains("hidden key"))
    }

    @Test("An overloaded server is asked again and answers the third time")
    func overloaded() async throws {
        let server = try ScriptedServer { _, number in
            number < 2
                ? [.answer(#"{"error":{"message":"slow down"}}"#, status: 429, headers: ["Retry-After: 0"])]
                : [.streamHead, .text("Here"), .finish(), .done]
        }
        let (text, error) = await outcome(try server.model(repetitions: 4))
        #expect(text == "Here")
        #expect(error == nil)
        #expect(server.requests.count == 3)
        #expect(Set(server.requests.map(\.body)).count == 1)
    }

    @Test("The wait that a server asks for is kept; more than the longest is not waited for")
    func retryAfter() async throws {
        let server = try ScriptedServer { _, number in
            number == 0
                ? [.answer("", status: 503, headers: ["Retry-After: 0.4"])]
                : [.streamHead, .text("Here"), .finish(), .done]
        }
        let start = ContinuousClock.now
        let (text, _) = await outcome(try server.model(repetitions: 1))
        #expect(text == "Here")
        #expect(ContinuousClock.now - start >= .milliseconds(400))
        let never = try ScriptedServer { _, _ in [.answer("", status: 429, headers: ["Retry-After: 86400"])] }
        let (_, error) = await outcome(try never.model(repetitions: 4))
        #expect(
            error as? RemoteModelError
                == .refused(url: "\(never.url)/v1/chat/completions", status: 429, message: "", attempts: 1))
    }

    @Test("Statuses that will not change are not asked for again; others up to the count")
    func statuses() async throws {
        for (status, attempts) in [(400, 1), (404, 1), (422, 1), (501, 1), (500, 3), (502, 3), (408, 3)] {
            let server = try ScriptedServer { _, _ in [.answer(#"{"detail":"no"}"#, status: status)] }
            let (_, error) = await outcome(try server.model(repetitions: 2))
            #expect(
                error as? RemoteModelError
                    == .refused(
                        url: "\(server.url)/v1/chat/completions", status: status, message: "no", attempts: attempts))
            #expect(server.requests.count == attempts)
        }
        let broke = try ScriptedServer { _, _ in
            [.answer(#"{"error":{"message":"no money","code":"insufficient_quota"}}"#, status: 429)]
        }
        _ = await outcome(try broke.model(repetitions: 2))
        #expect(broke.requests.count == 1)
    }

    @Test("A connection that is reset, closed or empty before the first byte of an answer is tried again")
    func resetBeforeAnswer() async throws {
        let server = try ScriptedServer { _, number in
            switch number {
            case 0: [.reset]
            case 1: []
            case 2: [.streamHead]
            default: [.streamHead, .text("Here"), .finish(), .done]
            }
        }
        let (text, error) = await outcome(try server.model(repetitions: 3))
        #expect(text == "Here")
        #expect(error == nil)
        #expect(server.requests.count == 4)
        #expect(
            await outcome(try ScriptedServer { _, _ in [.streamHead] }.model(repetitions: 1)).error
                .map { "\($0)".hasSuffix("the answer was empty (2 attempts).") } == true)
    }

    @Test("Nobody listening is told as such, with the number of attempts")
    func refusedConnection() async throws {
        let server = try ScriptedServer { _, _ in [] }
        let model = try server.model(repetitions: 1)
        server.stop()
        // The socket closes on its own thread.
        var error: (any Error)?
        for _ in 0..<50 {
            error = await outcome(model).error
            if "\(error as Any)".contains("refused") { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(
            error as? RemoteModelError
                == .unreachable(
                    url: "\(server.url)/v1/chat/completions", reason: "the connection was refused", attempts: 2))
    }

    @Test("Pages for people, errors inside a stream and redirections are told in short")
    func otherAnswers() async throws {
        let page = "<html><head><title>502 Bad\n Gateway</title></head><body>\(String(repeating: "x", count: 5_000))"
        let answers: [(ScriptedServer.Step, String)] = [
            (.answer(page, status: 502, type: "text/html"), "status 502: 502 Bad Gateway"),
            (.answer(page, type: "text/html"), #"an HTML page, "502 Bad Gateway""#),
            (.answer("\u{1B}[31mred\u{7}", status: 400, type: "text/plain"), "status 400: [31mred"),
            (.answer("", status: 307, headers: ["Location: http://127.0.0.1:1/"]), "redirections are not followed"),
            (.answer(#"{"error":"model not loaded"}"#), "the server reported: model not loaded"),
            (.answer(#"{"object":"chat.completion"}"#), "choices is missing or empty"),
        ]
        for (answer, told) in answers {
            let server = try ScriptedServer { _, _ in [answer] }
            let (_, error) = await outcome(try server.model())
            #expect("\(try #require(error))".contains(told), "\(error as Any)")
            #expect(server.requests.count == 1)
        }
        let stream = try ScriptedServer { _, _ in
            [.streamHead, .text("Well"), .event(#"{"error":{"message":"out of memory","code":500}}"#), .done]
        }
        let (text, error) = await outcome(try stream.model(repetitions: 2))
        #expect(text == "Well")
        #expect(
            error as? RemoteModelError
                == .failed(url: "\(stream.url)/v1/chat/completions", message: "out of memory"))
    }

    @Test("Whatever bytes a stream consists of, the reply is whole or there is an error of ours")
    func mutated() async throws {
        let stream = Array(
            (#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"a","reasoning":"b","tool_calls":[{"#
                + #""index":0,"id":"x","function":{"name":"f","arguments":"{}"}}]},"logprobs":{"content":[{"token":"a","#
                + #""logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5}]}]}}],"usage":null}"#
                + "\n\n" + #"data: {"choices":[{"index":0,"text":"c","logprobs":{"tokens":["c"],"token_logprobs":[-1],"#
                + #""text_offset":[1],"top_logprobs":[{"c":-1}]},"finish_reason":"stop"}],"#
                + #""usage":{"prompt_tokens":1,"completion_tokens":2}}"# + "\n\ndata: [DONE]\n\n").utf8)
        let spice = Array(#"{}[],:"\0-9eE.\u null"#.utf8) + [0x00, 0x0A, 0x0D, 0x80, 0xFF]
        let server = try ScriptedServer { _, number in
            var random = SplitMix(state: UInt64(number))
            var bytes = stream
            for _ in 0..<(number == 0 ? 0 : Int.random(in: 1...4, using: &random)) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(spice[Int.random(in: 0..<spice.count, using: &random)], at: place)
                case 2: bytes[place] = spice[Int.random(in: 0..<spice.count, using: &random)]
                default: bytes[place..<min(place + 40, bytes.count)].reverse()
                }
            }
            return [.streamHead, .bytes(bytes)]
        }
        let model = try server.model()
        var whole = 0
        var broken = 0
        for _ in 0..<600 {
            let (_, error) = await outcome(model)
            #expect(error == nil || error is RemoteModelError, "\(error as Any)")
            if error == nil { whole += 1 } else { broken += 1 }
        }
        #expect(whole > 50 && broken > 200, "\(whole) whole, \(broken) broken")
    }

    @Test("A reader that leaves, or is cancelled, ends the call")
    func cancellation() async throws {
        let server = try ScriptedServer { _, _ in
            [.streamHead] + Array(repeating: [.text("on and on "), .pause(0.01)], count: 1_000).flatMap { $0 }
        }
        let model = try server.model()
        for try await _ in model.reply(to: question) { break }
        let reading = Task { try await model.complete(question) }
        while server.requests.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        reading.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
        for _ in 0..<500 where server.abandoned < 2 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(server.abandoned == 2)
    }
}
