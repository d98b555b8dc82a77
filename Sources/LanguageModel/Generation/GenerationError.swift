/// Why a model cannot read or continue a text.
public enum GenerationError: Error, Sendable, Hashable, CustomStringConvertible {
    case emptyPrompt
    /// The text has no room in the model's context.
    case contextFull(tokens: Int, contextLength: Int)
    /// A token is not a row of the embedding.
    case tokenOutOfRange(TokenID, vocabulary: Int)
    /// The tokenizer knows tokens that the model has no embedding for.
    case vocabularyMismatch(tokenizer: Int, model: Int)
    /// The weights have a part that the decoding kernels have no place for.
    case unsupported(String)
    /// The model's files name no chat format, or one that is not known.
    case noChatTemplate(model: String)
    /// An early exit left layers out that have not been resumed.
    case unfinishedCache(layers: Int, depth: Int)
    case outOfMemory
    case kernel(String)

    public var description: String {
        switch self {
        case .emptyPrompt: "The prompt has no tokens, and this model's tokenizer puts none in front of a text."
        case .contextFull(let tokens, let contextLength):
            "The text has \(tokens) tokens, but the model's context holds \(contextLength); shorten it or reset the conversation."
        case .tokenOutOfRange(let token, let vocabulary):
            "Token \(token) is not in the model's vocabulary; allowed: 0 to \(vocabulary - 1)."
        case .vocabularyMismatch(let tokenizer, let model):
            "The tokenizer has \(tokenizer) tokens, but the model's embedding has \(model) rows; they do not belong together."
        case .unsupported(let what): "This model cannot be run: \(what)."
        case .noChatTemplate(let model):
            "\(model) has no chat format that is known; raw text it can continue (generate --raw)."
        case .unfinishedCache(let layers, let depth):
            "Only \(layers) of the \(depth) layers have read the whole text; resume the others first."
        case .outOfMemory: "There is not enough memory for the model or its context."
        case .kernel(let reason): "The decoder refused a step: \(reason)."
        }
    }
}
