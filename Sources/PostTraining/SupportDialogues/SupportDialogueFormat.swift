public import Corpora
public import LanguageModel

/// How a support conversation becomes chat turns: the seeker is the user, the supporter the assistant, and every
/// supporter turn begins with its strategy in brackets, `[Question] How long has this been going on?`.
///
/// The context is plain ChatML without a system turn, the same for every model that is compared.
public struct SupportDialogueFormat: Sendable {
    public let template: ChatTemplate
    public let tokenizer: Tokenizer
    /// Whether the strategy is part of what is counted: yes for training, no for the perplexity of the words.
    public var countsStrategy: Bool

    public init(tokenizer: Tokenizer, countsStrategy: Bool = true) {
        template = .chatML()
        self.tokenizer = tokenizer
        self.countsStrategy = countsStrategy
    }

    /// The turn of one speaker.
    public func message(_ turn: SupportTurn) -> Message {
        guard turn.speaker == .supporter else { return Message(.user, turn.text) }
        guard let strategy = turn.strategy else { return Message(.assistant, turn.text) }
        return Message(
            .assistant,
            spans: [
                ContentSpan(Self.label(strategy), trained: countsStrategy), ContentSpan(" " + turn.text, trained: true),
            ])
    }

    public func messages(_ conversation: SupportConversation) -> [Message] { conversation.turns.map(message) }

    /// Tokens and loss mask of a whole conversation.
    /// - Throws: `ChatError`.
    public func encode(_ conversation: SupportConversation) throws -> EncodedChat {
        try template.encode(messages(conversation), with: tokenizer)
    }

    /// `[Question]`.
    public static func label(_ strategy: SupportStrategy) -> String { "[\(strategy.name)]" }

    /// Takes the strategy off the front of a model's reply.
    public static func parse(_ reply: String) -> (strategy: SupportStrategy?, words: String) {
        guard reply.hasPrefix("["), let end = reply.firstIndex(of: "]") else { return (nil, reply) }
        let name = String(reply[reply.index(after: reply.startIndex)..<end])
        let words = reply[reply.index(after: end)...].drop { $0 == " " }
        guard let strategy = SupportStrategy(name: name) else { return (nil, reply) }
        return (strategy, String(words))
    }
}
