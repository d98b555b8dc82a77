/// One text while a model writes it: what is chosen, shown, and when it ends.
struct Continuation {
    private let options: GenerationOptions
    private let tokenizer: Tokenizer
    private let stopTokens: Set<TokenID>
    /// The most tokens that the context has room for.
    private let room: Int
    private var sampler: Sampler
    private var decoder: StreamDecoder
    private var stops: StopTexts
    private var parser: ReplyParser
    /// The tokens so far, without the one that ended the text.
    private(set) var tokens: [TokenID] = []
    /// Set at the end.
    private(set) var reason: FinishReason?

    init(
        _ options: GenerationOptions, tokenizer: Tokenizer, stopTokens: Set<TokenID>, prompt: [TokenID],
        contextLength: Int, parser: ReplyParser
    ) {
        self.options = options
        self.tokenizer = tokenizer
        self.stopTokens = stopTokens
        room = contextLength - prompt.count
        sampler = Sampler(options, vocabulary: tokenizer.vocabularySize, context: prompt)
        decoder = tokenizer.makeStreamDecoder(skippingControlTokens: true)
        stops = StopTexts(options.stop)
        self.parser = parser
    }

    /// Chooses the next token.
    /// - Parameter logits: `[vocabulary or more]`.
    /// - Returns: what became certain with it, the end of the text included.
    mutating func advance(_ logits: ArraySlice<Float>) -> [ChatEvent] {
        guard let token = sampler.next(logits) else { return finish(.constraint) }
        if stopTokens.contains(token) { return finish(.stop) }
        tokens.append(token)
        var events: [ChatEvent] = []
        if let alternatives = options.logProbabilities {
            let report = LogProbabilities(logits)
            events.append(.logProbabilities([report.report(token, alternatives: alternatives, tokenizer: tokenizer)]))
        }
        events += parser.append(stops.append(decoder.append(token)))
        if stops.isStopped {
            events += finish(.stop)
        } else if tokens.count >= min(options.maximumTokens, room) {
            events += finish(.length)
        }
        return events
    }

    private mutating func finish(_ reason: FinishReason) -> [ChatEvent] {
        var events = parser.append(stops.append(decoder.flush()))
        events += parser.append(stops.flush())
        events += parser.flush()
        self.reason = parser.foundCall && reason == .stop ? .toolCalls : reason
        return events
    }
}
