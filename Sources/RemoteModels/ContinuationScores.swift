import LanguageModel

/// How probable a text is after another one.
public struct ContinuationScore: Sendable, Hashable {
    /// The text that was scored.
    public var text: String
    /// Its tokens with their natural log-probabilities, each given everything before it.
    public var tokens: [TokenLogProbability]

    public init(text: String, tokens: [TokenLogProbability]) {
        self.text = text
        self.tokens = tokens
    }

    /// The natural log-probability of the whole text.
    public var logProbability: Double { tokens.reduce(0) { $0 + $1.logProbability } }
    /// The same per token, which does not favour short texts.
    public var meanLogProbability: Double { logProbability / Double(tokens.count) }
}

extension RemoteModel {
    /// Scores options by their log-probabilities after a prompt, in one call.
    ///
    /// It needs a server that returns the log-probabilities of given text (`echo` in `POST /completions`): vLLM and SGLang
    /// do; many others do not. A token that holds the end of the prompt and the beginning of an option counts as the
    /// option's, so a prompt had better end, and an option begin, where tokens do: with the space on the option's side.
    /// - Throws: ``RemoteModelError/notOffered(url:feature:)`` where the server does not; other ``RemoteModelError``s.
    public func score(_ options: [String], after prompt: String) async throws -> [ContinuationScore] {
        if options.isEmpty { return [] }
        for (index, option) in options.enumerated() where option.isEmpty {
            throw RemoteModelError.invalidSetting(
                field: "options[\(index)]", found: "an empty text", allowed: "texts of at least one character")
        }
        let texts = options.map { prompt + $0 }
        let body = RequestBody.echo(of: texts, model: name).spacedText
        let start = prompt.unicodeScalars.count
        return try await client.send("completions", body: body) { answer in
            let body = try ReplyField(parsing: try await answer.bytes(limit: Self.largestReply), url: answer.url)
            try Self.check(body, in: answer)
            var found: [ContinuationScore?] = Array(repeating: nil, count: options.count)
            for (place, choice) in (try body["choices"].elements() ?? []).enumerated() {
                let index = try choice["index"].integer() ?? place
                guard found.indices.contains(index) else {
                    throw RemoteModelError.malformed(
                        url: answer.url,
                        reason: "\(choice.path).index is \(index), but \(options.count) texts were sent")
                }
                let tokens = try Self.tokens(of: choice, text: texts[index], from: start, in: answer)
                found[index] = ContinuationScore(text: options[index], tokens: tokens)
            }
            return try found.enumerated().map { index, score in
                guard let score else {
                    throw RemoteModelError.malformed(url: answer.url, reason: "no choice has index \(index)")
                }
                return score
            }
        }
    }

    /// The echoed tokens that hold any of the text from a place on, up to its end.
    private static func tokens(
        of choice: ReplyField, text: String, from start: Int, in answer: Answer
    ) throws -> [TokenLogProbability] {
        let notOffered = RemoteModelError.notOffered(
            url: answer.url, feature: "log-probabilities of given text (echo with logprobs)")
        guard let echoed = try EchoedTokens(choice["logprobs"])?.tokens,
            (try choice["text"].text() ?? "").unicodeScalars.starts(with: text.unicodeScalars)
        else { throw notOffered }
        let end = text.unicodeScalars.count
        let starts = try offsets(of: echoed, text: text, url: answer.url)
        var chosen: [TokenLogProbability] = []
        for (index, token) in echoed.enumerated() {
            let next = index + 1 < starts.count ? starts[index + 1] : Int.max
            guard starts[index] < end, next > start else { continue }
            guard let logProbability = token.logProbability else {
                if start > 0 { throw notOffered }
                // Nothing stands before the first token of an empty prompt.
                continue
            }
            chosen.append(
                TokenLogProbability(
                    token: token.text, logProbability: logProbability, alternatives: token.alternatives))
        }
        if chosen.isEmpty { throw notOffered }
        return chosen
    }

    /// Where each token begins in the text, in Unicode scalars: from the tokens themselves where they make up the text,
    /// else (tokens that hold half characters) as the server says.
    private static func offsets(of tokens: [EchoedTokens.Token], text: String, url: String) throws -> [Int] {
        var joined = String.UnicodeScalarView()
        var starts: [Int] = []
        var length = 0
        for token in tokens {
            starts.append(length)
            joined.append(contentsOf: token.text.unicodeScalars)
            length += token.text.unicodeScalars.count
        }
        if joined.starts(with: text.unicodeScalars) { return starts }
        let told = tokens.compactMap(\.offset)
        guard told.count == tokens.count, told.first == 0, zip(told, told.dropFirst()).allSatisfy({ $0 <= $1 }) else {
            throw RemoteModelError.malformed(
                url: url, reason: "the echoed tokens neither make up the text nor say where they stand in it")
        }
        return told
    }
}
