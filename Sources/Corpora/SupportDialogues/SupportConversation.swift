/// Who speaks in a support conversation.
public enum SupportSpeaker: String, Sendable, Hashable, Codable {
    case seeker
    case supporter
}

/// What one person says before the other answers.
public struct SupportTurn: Sendable, Hashable, Codable {
    public let speaker: SupportSpeaker
    /// The strategy of a supporter's turn, if annotated; always nil for the seeker.
    public let strategy: SupportStrategy?
    public let text: String

    public init(speaker: SupportSpeaker, strategy: SupportStrategy? = nil, text: String) {
        self.speaker = speaker
        self.strategy = strategy
        self.text = text
    }
}

/// A conversation between a person who seeks support and one who gives it.
public struct SupportConversation: Sendable, Hashable, Codable {
    /// The seeker's own description of what happened.
    public let situation: String
    /// The kind of problem, for example "job crisis".
    public let problem: String
    /// The seeker's emotion at the start, for example "anxiety".
    public let emotion: String
    /// Alternating turns: no two neighbours have the same speaker.
    public let turns: [SupportTurn]

    /// Joins neighbouring messages of one speaker into one turn.
    ///
    /// A run of messages keeps the **first** strategy, as the methods measured on these data do; their texts are joined by a
    /// space. Messages without text are dropped.
    public init(situation: String, problem: String, emotion: String, messages: [SupportTurn]) {
        self.situation = situation
        self.problem = problem
        self.emotion = emotion
        var turns: [SupportTurn] = []
        for message in messages {
            let text = message.text.trimmed
            guard !text.isEmpty else { continue }
            if let last = turns.last, last.speaker == message.speaker {
                turns[turns.count - 1] = SupportTurn(
                    speaker: last.speaker, strategy: last.strategy, text: last.text + " " + text)
            } else {
                turns.append(
                    SupportTurn(
                        speaker: message.speaker, strategy: message.speaker == .supporter ? message.strategy : nil,
                        text: text))
            }
        }
        self.turns = turns
    }

    /// The strategies of the supporter's turns in order, as text-blind floors need them.
    public var strategies: [SupportStrategy] { turns.compactMap(\.strategy) }
}

/// Support conversations with their split.
public struct SupportCorpus: Sendable {
    public var train: [SupportConversation]
    public var validation: [SupportConversation]
    public var test: [SupportConversation]
    /// Where they come from and how they were split, in a phrase for reports.
    public let origin: String

    public init(
        train: [SupportConversation], validation: [SupportConversation], test: [SupportConversation], origin: String
    ) {
        self.train = train
        self.validation = validation
        self.test = test
        self.origin = origin
    }
}

extension String {
    /// Without white space at either end.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else {
            return ""
        }
        return String(self[first...last])
    }
}
