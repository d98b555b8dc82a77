/// A text that a model wrote.
public struct GeneratedText: Sendable, Hashable {
    /// Without the token that ended it.
    public var tokens: [TokenID]
    /// Without the stop text that ended it.
    public var text: String
    public var finishReason: FinishReason
    /// One for each token, where they were asked for.
    public var logProbabilities: [TokenLogProbability]
}

extension LocalModel {
    public nonisolated func reply(
        to messages: [Message], tools: [ToolDefinition], options: GenerationOptions
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        stream(options) { model in
            (
                try model.prompt(messages, tools: tools),
                ReplyParser(thinks: model.template?.thinks ?? false, calls: !tools.isEmpty)
            )
        }
    }

    /// The continuation of a raw text, as a stream of ``ChatEvent/text(_:)``.
    public nonisolated func continuation(
        of text: String, options: GenerationOptions = GenerationOptions()
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        continuation(of: tokenizer.encodePrompt(text), options: options)
    }

    /// The continuation of tokens, as a stream of ``ChatEvent/text(_:)``.
    public nonisolated func continuation(
        of tokens: [TokenID], options: GenerationOptions = GenerationOptions()
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        stream(options) { _ in (tokens, ReplyParser(thinks: false, calls: false)) }
    }

    private nonisolated func stream(
        _ options: GenerationOptions, _ start: @escaping @Sendable (LocalModel) throws -> ([TokenID], ReplyParser)
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        AsyncThrowingStream { events in
            let work = Task {
                do {
                    try options.validate()
                    let (prompt, parser) = try start(self)
                    try await self.write(prompt, options, parser) { events.yield($0) }
                    events.finish()
                } catch {
                    events.finish(throwing: error)
                }
            }
            events.onTermination = { _ in work.cancel() }
        }
    }

    private func write(
        _ prompt: [TokenID], _ options: GenerationOptions, _ parser: ReplyParser,
        emit: @Sendable (ChatEvent) -> Void
    ) async throws {
        try check(prompt)
        let cache = takeCache(for: prompt)
        var writing = continuation(prompt, options, parser)
        defer { keep(cache, of: prompt + writing.tokens) }
        var logits = try read(prompt, into: cache)
        while true {
            writing.advance(logits[...]).forEach(emit)
            if let reason = writing.reason {
                emit(
                    .finished(
                        reason, usage: TokenUsage(promptTokens: prompt.count, completionTokens: writing.tokens.count)))
                return
            }
            // Others that wait for this model get their turn.
            await Task.yield()
            try Task.checkCancellation()
            logits = try engine.read([writing.tokens.last!], into: cache)
        }
    }

    private func continuation(
        _ prompt: [TokenID], _ options: GenerationOptions, _ parser: ReplyParser
    ) -> Continuation {
        Continuation(
            options, tokenizer: tokenizer, stopTokens: stopTokens, prompt: prompt, contextLength: contextLength,
            parser: parser)
    }

    /// Continues several texts side by side, each as it would be continued alone.
    ///
    /// One pass over the weights serves a token of every text.
    /// - Returns: one text for each prompt, in order.
    /// - Throws: ``GenerationError``, ``GenerationOptionsError``, `CancellationError`.
    public func generate(
        _ prompts: [[TokenID]], options: GenerationOptions = GenerationOptions()
    ) throws -> [GeneratedText] {
        try options.validate()
        try prompts.forEach(check)
        var written: [GeneratedText] = []
        for start in stride(from: 0, to: prompts.count, by: engine.maximumRows) {
            written += try write(prompts[start..<min(start + engine.maximumRows, prompts.count)], options)
        }
        return written
    }

    private func write(_ prompts: ArraySlice<[TokenID]>, _ options: GenerationOptions) throws -> [GeneratedText] {
        var rows: [(writing: Continuation, cache: KeyValueCache, written: GeneratedText)] = []
        for prompt in prompts {
            let cache = KeyValueCache(configuration, capacity: min(prompt.count + 64, contextLength))
            let logits = try read(prompt, into: cache)
            rows.append(
                (
                    continuation(prompt, options, ReplyParser(thinks: false, calls: false)), cache,
                    GeneratedText(tokens: [], text: "", finishReason: .length, logProbabilities: [])
                ))
            rows[rows.count - 1].written.append(rows[rows.count - 1].writing.advance(logits[...]))
        }
        while true {
            let active = rows.indices.filter { rows[$0].writing.reason == nil }
            if active.isEmpty { break }
            try Task.checkCancellation()
            let logits = try engine.step(active.map { StepEngine.Row(rows[$0].writing.tokens.last!, rows[$0].cache) })
            let size = configuration.vocabularySize
            for (place, index) in active.enumerated() {
                rows[index].written.append(
                    rows[index].writing.advance(logits[place * size..<(place + 1) * size]))
            }
        }
        return rows.map { row in
            var written = row.written
            written.tokens = row.writing.tokens
            written.finishReason = row.writing.reason ?? .length
            return written
        }
    }
}

extension GeneratedText {
    fileprivate mutating func append(_ events: [ChatEvent]) {
        for event in events {
            switch event {
            case .text(let piece): text += piece
            case .logProbabilities(let tokens): logProbabilities += tokens
            default: break
            }
        }
    }
}
