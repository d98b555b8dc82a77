import Foundation
import RemoteModels
import Testing

@Suite("Addresses, keys and waits")
struct EndpointTests {
    @Test(
        "An address means the same however it is typed",
        arguments: [
            ("localhost:8000", "http://localhost:8000/v1"), ("127.0.0.1", "http://127.0.0.1/v1"),
            ("[::1]:80/v1/", "http://[::1]:80/v1"), (" api.openai.com ", "https://api.openai.com/v1"),
            ("127.example.org", "https://127.example.org/v1"), ("http://host:1/", "http://host:1/v1"),
            ("HTTPS://host/openai/v1///", "https://host/openai/v1"),
            ("https://host/v1/chat/completions", "https://host/v1"), ("https://host/v1/models/", "https://host/v1"),
            ("https://host/api?api-version=3#top", "https://host/api"),
        ])
    func baseURL(typed: String, meant: String) throws {
        #expect(try RemoteEndpoint(baseURL: typed, environment: [:]).baseURL == meant)
    }

    @Test(
        "An address that cannot be used is refused with the reason",
        arguments: [
            ("", "it is empty"), ("ftp://host", "its scheme is ftp; allowed: http, https"),
            ("http://", "names no host"),
            ("http://host:99999", "port"), ("https://me:secret@host/v1", "a name or password"),
            ("http://a b", "it is no URL"),
        ])
    func badBaseURL(typed: String, reason: String) {
        let error = #expect(throws: RemoteModelError.self) { try RemoteEndpoint(baseURL: typed, environment: [:]) }
        #expect("\(error as Any)".contains(reason), "\(error as Any)")
        #expect(!"\(error as Any)".contains("secret"))
    }

    @Test("A query goes with every request")
    func query() async throws {
        let server = try ScriptedServer { _, _ in [.answer(#"{"data":[]}"#)] }
        let endpoint = try RemoteEndpoint(baseURL: "\(server.url)/openai?api-version=3", environment: [:])
        #expect(try await RemoteModel.list(at: endpoint).isEmpty)
        #expect(server.requests.map(\.path) == ["/openai/models?api-version=3"])
    }

    @Test("A key of the environment is used, another program's only where nobody else can read it")
    func keys() throws {
        let own = ["WALLFACER_API_KEY": "own", "OPENAI_API_KEY": "shared"]
        let shared = ["WALLFACER_API_KEY": "", "OPENAI_API_KEY": "shared"]
        func hasKey(_ url: String, _ environment: [String: String]) throws -> Bool {
            try RemoteEndpoint(baseURL: url, environment: environment).hasKey
        }
        #expect(try hasKey("http://elsewhere", own))
        #expect(try !hasKey("http://elsewhere", shared))
        #expect(try hasKey("https://elsewhere", shared))
        #expect(try hasKey("http://localhost", shared))
        #expect(try !hasKey("https://elsewhere", [:]))
    }

    @Test("The own key goes first, spaces around it are dropped, and none is sent without one")
    func sentKeys() async throws {
        let server = try ScriptedServer { _, _ in [.answer(#"{"data":[]}"#)] }
        for environment in [["WALLFACER_API_KEY": " own\n", "OPENAI_API_KEY": "shared"], [:]] {
            _ = try await RemoteModel.list(at: RemoteEndpoint(baseURL: server.url, environment: environment))
        }
        #expect(server.requests.map { $0.headers["authorization"] } == ["Bearer own", nil])
    }

    @Test("A key that would break the header is refused without showing it", arguments: ["a\r\nHost: x", "ключ", "  "])
    func badKeys(key: String) {
        let error = #expect(throws: RemoteModelError.self) { try APIKey(key) }
        #expect("\(error as Any)".contains("cannot be used"))
        #expect(!"\(error as Any)".contains("Host"))
    }

    @Test("Waits double up to the longest and lose at most half by chance")
    func waits() throws {
        let policy = RetryPolicy(
            repetitions: 5, firstWait: .seconds(1), longestWait: .seconds(6), longestRequestedWait: .seconds(30))
        var random = SystemRandomNumberGenerator()
        for (repetition, full) in [(1, 1.0), (2, 2), (3, 4), (4, 6), (5, 6)] {
            let waits = try (0..<200).map { _ in
                try #require(policy.wait(before: repetition, requested: nil, using: &random))
            }
            let shortest = try #require(waits.min())
            let longest = try #require(waits.max())
            #expect(shortest >= .seconds(full / 2) && longest <= .seconds(full))
            #expect(longest - shortest > .seconds(full / 5), "no jitter")
        }
        #expect(policy.wait(before: 6, requested: nil, using: &random) == nil)
        let asked = try #require(policy.wait(before: 1, requested: .seconds(20), using: &random))
        #expect(asked >= .seconds(20) && asked <= .seconds(20.5))
        #expect(policy.wait(before: 1, requested: .seconds(31), using: &random) == nil)
        #expect(RetryPolicy.never.wait(before: 1, requested: nil, using: &random) == nil)
    }

    @Test("A server's wait is read as seconds, milliseconds or a date; nonsense is none")
    func requestedWaits() {
        let now = Date(timeIntervalSince1970: 1_445_412_420)
        func read(_ retryAfter: String?, milliseconds: String? = nil) -> Duration? {
            RetryPolicy.requestedWait(milliseconds: milliseconds, retryAfter: retryAfter, now: now)
        }
        #expect(read("120") == .seconds(120))
        #expect(read("1.5") == .seconds(1.5))
        #expect(read("7", milliseconds: "250") == .milliseconds(250))
        #expect(read("Wed, 21 Oct 2015 07:28:00 GMT") == .seconds(60))
        #expect(read("Wed, 21 Oct 2015 07:20:00 GMT") == .zero)
        #expect(read("-3") == .zero)
        #expect(read("1e300") == .seconds(1e7))
        #expect(read("inf") == nil)
        #expect(read("nan") == nil)
        #expect(read("soon") == nil)
        #expect(read(nil) == nil)
    }

    @Test("Limits and retries outside what is allowed are refused")
    func settings() {
        #expect(throws: RemoteModelError.self) {
            try RemoteEndpoint(baseURL: "localhost", timeLimits: TimeLimits(silence: .zero), environment: [:])
        }
        #expect(throws: RemoteModelError.self) {
            try RemoteEndpoint(baseURL: "localhost", retries: RetryPolicy(repetitions: -1), environment: [:])
        }
    }
}
