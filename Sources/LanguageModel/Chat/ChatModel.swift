/// A model one can talk to, on this machine or behind an endpoint.
public protocol ChatModel: Sendable {
    /// The model's next turn as it is written.
    ///
    /// The stream ends with exactly one ``ChatEvent/finished(_:usage:)``, or with an error. Dropping it or cancelling the
    /// task that reads it stops the work.
    /// - Parameters:
    ///   - messages: the conversation so far, in order.
    ///   - tools: functions that the model may ask to be called.
    ///   - options: how its words are chosen.
    func reply(to messages: [Message], tools: [ToolDefinition], options: GenerationOptions)
        -> AsyncThrowingStream<ChatEvent, any Error>

    /// The model's next turn as a whole.
    func complete(_ messages: [Message], tools: [ToolDefinition], options: GenerationOptions) async throws -> ChatReply
}

extension ChatModel {
    public func complete(
        _ messages: [Message], tools: [ToolDefinition] = [], options: GenerationOptions = GenerationOptions()
    ) async throws -> ChatReply {
        try await ChatReply(collecting: reply(to: messages, tools: tools, options: options))
    }

    public func reply(
        to messages: [Message], options: GenerationOptions = GenerationOptions()
    ) -> AsyncThrowingStream<ChatEvent, any Error> {
        reply(to: messages, tools: [], options: options)
    }
}

/// A piece of a reply.
public enum ChatEvent: Sendable, Hashable {
    /// Text to append to the answer; never half a character.
    case text(String)
    /// Text to append to the thought before the answer.
    case reasoning(String)
    /// A complete call.
    case toolCall(ToolCall)
    /// Chosen tokens with their log-probabilities, in order; they need not fall together with the pieces of text.
    case logProbabilities([TokenLogProbability])
    /// The end of the reply; always the last event.
    case finished(FinishReason, usage: TokenUsage?)
}

/// Why a reply ended.
public enum FinishReason: Sendable, Hashable, CustomStringConvertible {
    /// The model ended its turn, or a stop text appeared.
    case stop
    /// The reply reached its most tokens, or the context its end.
    case length
    /// The model waits for the results of its calls.
    case toolCalls
    /// The constraint on its tokens left nothing to choose.
    case constraint
    /// Another word of an endpoint, such as `content_filter`.
    case other(String)

    public init(_ word: String) {
        switch word {
        case "stop": self = .stop
        case "length": self = .length
        case "tool_calls", "function_call": self = .toolCalls
        case "constraint": self = .constraint
        default: self = .other(word)
        }
    }

    public var description: String {
        switch self {
        case .stop: "stop"
        case .length: "length"
        case .toolCalls: "tool_calls"
        case .constraint: "constraint"
        case .other(let word): word
        }
    }
}

/// How many tokens a reply took.
public struct TokenUsage: Sendable, Hashable {
    public var promptTokens: Int
    public var completionTokens: Int

    public init(promptTokens: Int, completionTokens: Int) {
        self.promptTokens = promptTokens
        self.completionTokens = completionTokens
    }
}

/// A token as text and its natural log-probability given what stands before it.
public struct TokenLogProbability: Sendable, Hashable {
    /// A token and its natural log-probability.
    public struct Alternative: Sendable, Hashable {
        public var token: String
        public var logProbability: Double

        public init(token: String, logProbability: Double) {
            self.token = token
            self.logProbability = logProbability
        }
    }

    public var token: String
    public var logProbability: Double
    /// The token's bytes, where they are known: a token may hold half a character.
    public var bytes: [UInt8]?
    /// The likeliest tokens at this place, likeliest first.
    public var alternatives: [Alternative]

    public init(token: String, logProbability: Double, bytes: [UInt8]? = nil, alternatives: [Alternative] = []) {
        self.token = token
        self.logProbability = logProbability
        self.bytes = bytes
        self.alternatives = alternatives
    }
}

/// A whole reply.
public struct ChatReply: Sendable, Hashable {
    /// The assistant's turn, ready to be appended to the conversation.
    public var message: Message
    public var finishReason: FinishReason
    public var usage: TokenUsage?
    /// One for each token, where they were asked for and are offered; else empty.
    public var logProbabilities: [TokenLogProbability]

    public init(
        message: Message, finishReason: FinishReason, usage: TokenUsage? = nil,
        logProbabilities: [TokenLogProbability] = []
    ) {
        self.message = message
        self.finishReason = finishReason
        self.usage = usage
        self.logProbabilities = logProbabilities
    }

    /// Reads a stream of events to its end.
    /// - Throws: what the stream throws; `CancellationError` if the task is cancelled before the last event.
    public init(collecting events: AsyncThrowingStream<ChatEvent, any Error>) async throws {
        var text = ""
        var reasoning = ""
        var calls: [ToolCall] = []
        var logProbabilities: [TokenLogProbability] = []
        for try await event in events {
            switch event {
            case .text(let piece): text += piece
            case .reasoning(let piece): reasoning += piece
            case .toolCall(let call): calls.append(call)
            case .logProbabilities(let tokens): logProbabilities += tokens
            case .finished(let reason, let usage):
                self.init(
                    message: Message(
                        .assistant, text, reasoning: reasoning.isEmpty ? nil : reasoning, toolCalls: calls),
                    finishReason: reason, usage: usage, logProbabilities: logProbabilities)
                return
            }
        }
        // A stream ends without its last event only when its reader is cancelled.
        throw CancellationError()
    }
}
