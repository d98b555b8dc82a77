import RemoteModels
import Testing

@Suite("Server-sent events")
struct ServerSentEventTests {
    private func events(_ pieces: [[UInt8]], limit: Int = 1_000) throws -> [ServerSentEvents.Event] {
        var parser = ServerSentEvents(limit: limit)
        var events = try pieces.flatMap { try parser.append($0) }
        if let last = try parser.finish() { events.append(last) }
        return events
    }

    private func texts(_ stream: String, limit: Int = 1_000) throws -> [String] {
        try events([Array(stream.utf8)], limit: limit).map { String(decoding: $0.data, as: UTF8.self) }
    }

    @Test("Fields, comments, names and lines of data are read as the standard says")
    func standard() throws {
        #expect(try texts("data: a\ndata:b\ndata\ndata:  c\n\n") == ["a\nb\n\n c"])
        #expect(try texts(": note\n\nid: 3\nretry: 10\n\ndata: x\r\rdata: y\r\n\r\n") == ["x", "y"])
        #expect(try texts("data: a\r\ndata: b\r\n\r\n") == ["a\nb"])
        #expect(try texts("\u{FEFF}data: first\n\n\u{FEFF}data: no field\n\n") == ["first"])
        #expect(try texts("database: x\n\n") == [])
        #expect(
            try events([Array("event: error\ndata: e\n\ndata: f\n\n".utf8)])
                == [.init(name: "error", data: Array("e".utf8)), .init(data: Array("f".utf8))])
        #expect(try texts("data: unended\n") == ["unended"])
        #expect(try texts("data: unended") == ["unended"])
        #expect(try texts("") == [])
    }

    @Test("Lines and events beyond the limit are refused, those at it are not")
    func limit() throws {
        #expect(try texts("data: 123456\n\n", limit: 12) == ["123456"])
        #expect(throws: ServerSentEvents.TooLong.self) { try texts("data: 1234567\n\n", limit: 12) }
        #expect(throws: ServerSentEvents.TooLong.self) { try texts("data: 123456\ndata: 123456\n\n", limit: 12) }
    }

    @Test("Cut at any places, a stream of any bytes gives the same events")
    func cuts() throws {
        var random = SplitMix(state: 11)
        let words = [
            "data: ", "data:", ": ", "event: e", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n", "é", "早", "\u{FEFF}", "x",
        ]
        var count = 0
        for _ in 0..<2_000 {
            var bytes = (0..<Int.random(in: 1...30, using: &random)).flatMap { _ in
                Array(words[Int.random(in: 0..<words.count, using: &random)].utf8)
            }
            if Bool.random(using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            let whole = try events([bytes])
            count += whole.count
            #expect(try events(bytes.map { [$0] }) == whole)
            let cut = Int.random(in: 0...bytes.count, using: &random)
            #expect(try events([Array(bytes[..<cut]), [], Array(bytes[cut...])]) == whole)
        }
        #expect(count > 1_000)
    }
}
