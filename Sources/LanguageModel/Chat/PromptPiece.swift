/// A stretch of a rendered conversation.
public struct PromptPiece: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// The template's own text, where control tokens are meant as such.
        case control
        /// What people, tools and models wrote: nothing in it becomes a control token.
        case content
    }

    public var kind: Kind
    public var text: String
    /// Whether its tokens count in the loss.
    public var trained: Bool
    /// How much each of its tokens counts.
    public var weight: Float

    public init(_ kind: Kind, _ text: String, trained: Bool = false, weight: Float = 1) {
        self.kind = kind
        self.text = text
        self.trained = trained
        self.weight = weight
    }
}

/// A conversation as a model is trained on it.
public struct EncodedChat: Sendable, Hashable {
    /// `[time]`.
    public var tokens: [TokenID]
    /// Whether the prediction *of* each token counts in the loss, `[time]`.
    public var lossMask: [Bool]
    /// The mask as numbers, with the weights of spans, `[time]`.
    public var lossWeights: [Float]
    /// The text from which the tokens were made.
    public var pieces: [PromptPiece]
}

/// Why a conversation cannot be written in a template.
public enum ChatError: Error, Sendable, Hashable, CustomStringConvertible {
    case noMessages
    /// The template has no place for such a message; messages count from 0.
    case unsupported(message: Int, what: String, template: String)
    /// The vocabulary lacks a control token of the template.
    case missingControlToken(String, template: String)
    /// No token would count in the loss.
    case nothingTrained(tokens: Int)
    /// Every token would count in the loss: the mask says nothing.
    case everythingTrained(tokens: Int)

    public var description: String {
        switch self {
        case .noMessages: "The conversation has no messages."
        case .unsupported(let message, let what, let template):
            "Message \(message): \(what), which the \(template) chat format does not allow."
        case .missingControlToken(let token, let template):
            "The tokenizer has no control token \(token), which the \(template) chat format needs."
        case .nothingTrained(let tokens):
            "None of the conversation's \(tokens) tokens counts in the loss; at least one assistant turn must be trained."
        case .everythingTrained(let tokens):
            "All \(tokens) tokens of the conversation count in the loss; some context must not."
        }
    }
}
