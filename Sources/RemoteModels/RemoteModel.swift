import LanguageModel

/// A model behind an OpenAI-compatible endpoint.
public struct RemoteModel: ChatModel, CustomStringConvertible {
    /// A model that an endpoint lists.
    public struct Listing: Sendable, Hashable {
        public var name: String
        /// The longest context in tokens, where the server says.
        public var contextLength: Int?

        public init(name: String, contextLength: Int? = nil) {
            self.name = name
            self.contextLength = contextLength
        }
    }

    public let name: String
    public let endpoint: RemoteEndpoint
    let client: EndpointClient

    /// The most bytes of one reply.
    static let largestReply = 64 << 20
    /// The most bytes of one event of a stream.
    static let largestEvent = 4 << 20

    public init(_ name: String, at endpoint: RemoteEndpoint) {
        self.init(name: name, client: EndpointClient(endpoint))
    }

    private init(name: String, client: EndpointClient) {
        self.name = name
        self.client = client
        endpoint = client.endpoint
    }

    /// The only model of an endpoint.
    /// - Throws: ``RemoteModelError/chooseModel(url:available:)`` if it lists none or several.
    public static func only(at endpoint: RemoteEndpoint) async throws -> RemoteModel {
        let client = EndpointClient(endpoint)
        let listings = try await list(client)
        guard listings.count == 1 else {
            throw RemoteModelError.chooseModel(url: client.shownURL("models"), available: listings.map(\.name))
        }
        return RemoteModel(name: listings[0].name, client: client)
    }

    /// The models that an endpoint lists (`GET /models`).
    /// - Throws: ``RemoteModelError``.
    public static func list(at endpoint: RemoteEndpoint) async throws -> [Listing] {
        try await list(EndpointClient(endpoint))
    }

    private static func list(_ client: EndpointClient) async throws -> [Listing] {
        try await client.send("models", body: nil) { answer in
            let body = try ReplyField(parsing: try await answer.bytes(limit: largestReply), url: answer.url)
            return try body["data"].required({ try $0.elements() }, "a list").map { model in
                Listing(
                    name: try model["id"].required({ try $0.text() }, "text"),
                    contextLength: try model["max_model_len"].integer())
            }
        }
    }

    public var description: String { "\(name) at \(endpoint)" }

    // MARK: - Replies

    /// - Throws (in the stream): ``RemoteModelError``, `GenerationOptionsError`, `ChatError`; `CancellationError`.
    public func reply(
        to messages: [Message], tools: [ToolDefinition], options: GenerationOptions
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        stream("chat/completions") {
            try RequestBody.chat(messages, tools: tools, options: options, model: name, endpoint: endpoint)
        }
    }

    /// Goes on with a text as it stands, without any chat template (`POST /completions`).
    /// - Throws (in the stream): as ``reply(to:tools:options:)``.
    public func continuation(
        of prompt: String, options: GenerationOptions = GenerationOptions()
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        stream("completions") {
            try RequestBody.continuation(of: prompt, options: options, model: name, endpoint: endpoint)
        }
    }

    private func stream(
        _ path: String, body: @escaping @Sendable () throws -> OrderedJSON
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    try await client.send(path, body: try body().spacedText) { answer in
                        try await Self.read(answer, into: continuation)
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { if case .cancelled = $0 { task.cancel() } }
        }
    }

    private static func read(
        _ answer: Answer, into continuation: AsyncThrowingStream<ChatEvent, any Error>.Continuation
    ) async throws {
        switch answer.mediaType {
        case "application/json":
            // Some servers answer as a whole whatever was asked.
            let body = try ReplyField(parsing: try await answer.bytes(limit: largestReply), url: answer.url)
            var reader = ReplyReader(url: answer.url)
            try check(body, in: answer)
            if try body["choices"].elements()?.isEmpty ?? true {
                throw RemoteModelError.malformed(url: answer.url, reason: "choices is missing or empty")
            }
            for event in try reader.read(body) + reader.finish() { continuation.yield(event) }
        case "text/html":
            let message = answer.message(try await answer.bytes(limit: largestReply))
            throw RemoteModelError.malformed(url: answer.url, reason: "an HTML page, \(message.text.debugDescription)")
        default: try await readEvents(answer, into: continuation)
        }
    }

    /// After the last event the rest of the body is read and dropped, so that the connection can serve the next call.
    private static func readEvents(
        _ answer: Answer, into continuation: AsyncThrowingStream<ChatEvent, any Error>.Continuation
    ) async throws {
        var events = ServerSentEvents(limit: largestEvent)
        var reader = ReplyReader(url: answer.url)
        var isDone = false
        func take(_ event: ServerSentEvents.Event) throws {
            if isDone { return }
            if event.data.elementsEqual("[DONE]".utf8) {
                isDone = true
                // Whoever has the last event may drop the stream; that must not end the connection.
                continuation.onTermination = nil
                for event in try reader.finish() { continuation.yield(event) }
                continuation.finish()
                return
            }
            if event.name == "error" { throw failure(event.data, in: answer) }
            let chunk = try ReplyField(parsing: event.data, url: answer.url)
            try check(chunk, in: answer)
            for event in try reader.read(chunk) { continuation.yield(event) }
        }
        let received = try await answer.receive(limit: largestReply) { piece in
            if isDone { return }
            do {
                for event in try events.append(piece) { try take(event) }
            } catch let error as ServerSentEvents.TooLong {
                throw RemoteModelError.tooLarge(url: answer.url, part: "an event of the stream", limit: error.limit)
            }
        }
        if isDone { return }
        if received == 0 {
            throw EndpointClient.AttemptFailure(
                error: .unreachable(url: answer.url, reason: "the answer was empty", attempts: 1), mayRepeat: true)
        }
        let cut = RemoteModelError.interrupted(
            url: answer.url, reason: "the stream ended before the reply did", received: received)
        do {
            // An unfinished last line is either a whole event without its line break, or cut.
            if let last = try events.finish() { try take(last) }
        } catch RemoteModelError.malformed { throw cut } catch is ServerSentEvents.TooLong { throw cut }
        if isDone { return }
        // Some servers close the stream without a last mark; a reason to end is as good.
        if reader.finishReason == nil { throw cut }
        for event in try reader.finish() { continuation.yield(event) }
    }

    /// - Throws: the error that a server reports in place of an answer.
    static func check(_ body: ReplyField, in answer: Answer) throws {
        if body["error"].isPresent { throw failure(Array((body.value ?? .null).spacedText.utf8), in: answer) }
    }

    private static func failure(_ body: [UInt8], in answer: Answer) -> RemoteModelError {
        .failed(url: answer.url, message: answer.message(body).text)
    }
}
