import Foundation
import LanguageModel

/// Turns the parts of an answer into events: the chunks of a stream or a whole answer, of chats and of continuations.
struct ReplyReader {
    private struct Call {
        var index: Int?
        var id: String?
        var name = ""
        var arguments = ""
    }

    private let url: String
    private var calls: [Call] = []
    private(set) var finishReason: FinishReason?
    private var usage: TokenUsage?

    init(url: String) { self.url = url }

    /// - Returns: what this part adds to the reply.
    /// - Throws: ``RemoteModelError``.
    mutating func read(_ answer: ReplyField) throws -> [ChatEvent] {
        var events: [ChatEvent] = []
        if answer["usage"].isPresent {
            usage = TokenUsage(
                promptTokens: try answer["usage"]["prompt_tokens"].integer() ?? 0,
                completionTokens: try answer["usage"]["completion_tokens"].integer() ?? 0)
        }
        for choice in try answer["choices"].elements() ?? [] where try choice["index"].integer() ?? 0 == 0 {
            let part = choice["delta"].isPresent ? choice["delta"] : choice["message"]
            let thought = try part["reasoning_content"].text() ?? part["reasoning"].text()
            if let thought, !thought.isEmpty { events.append(.reasoning(thought)) }
            let text = try part["content"].text() ?? choice["text"].text()
            if let text, !text.isEmpty { events.append(.text(text)) }
            let tokens = try Self.logProbabilities(choice["logprobs"])
            if !tokens.isEmpty { events.append(.logProbabilities(tokens)) }
            for call in try part["tool_calls"].elements() ?? [] { try read(call: call) }
            if let word = try choice["finish_reason"].text() { finishReason = FinishReason(word) }
        }
        return events
    }

    /// The calls and the end of the reply.
    func finish() throws -> [ChatEvent] {
        let calls = try calls.map { call -> ChatEvent in
            if call.name.isEmpty {
                throw RemoteModelError.malformed(url: url, reason: "a tool call has no name")
            }
            let parsed = try? OrderedJSON(parsing: Data(call.arguments.utf8), file: "arguments")
            // Models write broken arguments too: whoever runs the tool decides what to do with them.
            let arguments = call.arguments.isEmpty ? .object([]) : parsed ?? .string(call.arguments)
            return .toolCall(ToolCall(id: call.id, name: call.name, arguments: arguments))
        }
        return calls + [.finished(finishReason ?? .other("unstated"), usage: usage)]
    }

    /// A call comes in pieces that share an index; servers that leave it out send an id with each new call.
    private mutating func read(call piece: ReplyField) throws {
        let index = try piece["index"].integer()
        let id = try piece["id"].text()
        let name = try piece["function"]["name"].text()
        let place: Int
        if let index, let known = calls.firstIndex(where: { $0.index == index }) {
            place = known
        } else if index == nil, let last = calls.indices.last, id == nil || id == calls[last].id, name == nil {
            place = last
        } else {
            calls.append(Call(index: index))
            place = calls.count - 1
        }
        if let id, !id.isEmpty { calls[place].id = id }
        if let name { calls[place].name += name }
        let arguments = piece["function"]["arguments"]
        if arguments.value?.members != nil {
            calls[place].arguments += arguments.value?.spacedText ?? ""
        } else {
            calls[place].arguments += try arguments.text() ?? ""
        }
    }

    // MARK: - Log-probabilities

    private static func logProbabilities(_ field: ReplyField) throws -> [TokenLogProbability] {
        if let content = try field["content"].elements() { return try content.map(chatToken) }
        return try EchoedTokens(field)?.tokens.compactMap { token in
            token.logProbability.map {
                TokenLogProbability(token: token.text, logProbability: $0, alternatives: token.alternatives)
            }
        } ?? []
    }

    private static func chatToken(_ field: ReplyField) throws -> TokenLogProbability {
        TokenLogProbability(
            token: try field["token"].required({ try $0.text() }, "text"),
            logProbability: try field["logprob"].required({ try $0.number() }, "a number"),
            bytes: try field["bytes"].elements()?.map { byte in
                let number = try byte.required({ try $0.integer() }, "a byte")
                guard let byte = UInt8(exactly: number) else {
                    throw RemoteModelError.malformed(
                        url: field.url, reason: "\(byte.path) is \(number); expected a byte")
                }
                return byte
            },
            alternatives: try (field["top_logprobs"].elements() ?? []).map {
                TokenLogProbability.Alternative(
                    token: try $0["token"].required({ try $0.text() }, "text"),
                    logProbability: try $0["logprob"].required({ try $0.number() }, "a number"))
            })
    }
}

/// The tokens of a text with their log-probabilities, as `/completions` lists them in parallel.
struct EchoedTokens {
    struct Token {
        var text: String
        /// nil for the first token of a text, before which nothing stands.
        var logProbability: Double?
        /// Where it begins, in Unicode scalars; nil if the server does not say.
        var offset: Int?
        var alternatives: [TokenLogProbability.Alternative]
    }

    let tokens: [Token]

    /// - Returns: nil where there are no log-probabilities.
    init?(_ field: ReplyField) throws {
        guard let texts = try field["tokens"].elements(), let numbers = try field["token_logprobs"].elements() else {
            return nil
        }
        let offsets = try field["text_offset"].elements()
        let alternatives = try field["top_logprobs"].elements()
        for (name, count) in [
            ("token_logprobs", numbers.count), ("text_offset", offsets?.count), ("top_logprobs", alternatives?.count),
        ] {
            if let count, count != texts.count {
                throw RemoteModelError.malformed(
                    url: field.url,
                    reason: "\(field.path).\(name) has \(count) entries, but there are \(texts.count) tokens")
            }
        }
        tokens = try texts.indices.map { index in
            Token(
                text: try texts[index].required({ try $0.text() }, "text"), logProbability: try numbers[index].number(),
                offset: try offsets?[index].integer(),
                alternatives: (alternatives?[index].value?.members ?? []).compactMap { member in
                    member.value.double.map { .init(token: member.name, logProbability: $0) }
                }.sorted { $0.logProbability > $1.logProbability })
        }
    }
}
