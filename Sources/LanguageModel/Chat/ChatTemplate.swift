/// How a family of models writes a conversation as one text.
///
/// A template yields pieces rather than a string, so that only the template's own marks become control tokens and the
/// loss mask follows from the turns, never from searching the text.
public struct ChatTemplate: Sendable, Hashable {
    /// The frame around turns.
    public enum Format: String, Sendable, Hashable { case chatML, llama3, gemma }

    /// Which tokens count in the loss.
    public enum LossPolicy: String, Sendable, Hashable, CaseIterable, Codable {
        /// The assistant's words and the token that ends its turn.
        case assistant
        /// The mask of Qwen's released fine-tuning script: as `assistant`, and also the tokens that open and close every
        /// turn with the line break after it.
        case qwenReleased
    }

    public var format: Format
    /// The system text of conversations that bring none.
    public var defaultSystem: String?
    /// Thought stands in `<think>` blocks, which are dropped from the turns before the last question (Qwen3).
    public var thinks = false
    public var lossPolicy = LossPolicy.assistant
    /// Names of tokens beside the end of a turn at which generation stops.
    private var furtherStops: [String] = []

    init(_ format: Format, defaultSystem: String? = nil, thinks: Bool = false, furtherStops: [String] = []) {
        self.format = format
        self.defaultSystem = defaultSystem
        self.thinks = thinks
        self.furtherStops = furtherStops
    }

    /// Plain ChatML.
    public static func chatML(defaultSystem: String? = nil) -> ChatTemplate {
        ChatTemplate(.chatML, defaultSystem: defaultSystem, furtherStops: ["<|endoftext|>"])
    }
    /// The first Qwen chat models, which also stop where a next turn would begin.
    public static let qwen = ChatTemplate(
        .chatML, defaultSystem: "You are a helpful assistant.", furtherStops: ["<|im_start|>", "<|endoftext|>"])
    public static let qwen2 = chatML(defaultSystem: "You are a helpful assistant.")
    public static let qwen25 = chatML(
        defaultSystem: "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.")
    public static let qwen3 = ChatTemplate(.chatML, thinks: true, furtherStops: ["<|endoftext|>"])
    public static let smolLM2 = chatML(
        defaultSystem: "You are a helpful AI assistant named SmolLM, trained by Hugging Face")
    public static let llama3 = ChatTemplate(.llama3, furtherStops: ["<|end_of_text|>", "<|eom_id|>"])
    public static let gemma = ChatTemplate(.gemma, furtherStops: ["<eos>"])

    /// This template with another choice of trained tokens.
    public func with(_ policy: LossPolicy) -> ChatTemplate {
        var changed = self
        changed.lossPolicy = policy
        return changed
    }

    /// What the soft switches in system and user texts ask for: true after `/think`, false after `/no_think`, the last one
    /// wins; nil where there is none.
    public static func requestedThinking(in messages: [Message]) -> Bool? {
        for message in messages.reversed() where message.role == .user || message.role == .system {
            let text = message.content
            let on = text.ranges(of: "/think").last?.lowerBound
            let off = text.ranges(of: "/no_think").last?.lowerBound
            guard let latest = [on, off].compactMap({ $0 }).max() else { continue }
            return latest == on
        }
        return nil
    }

    /// The control token that ends a turn.
    public var endOfTurn: String {
        switch format {
        case .chatML: "<|im_end|>"
        case .llama3: "<|eot_id|>"
        case .gemma: "<end_of_turn>"
        }
    }

    /// The control tokens without which this template cannot be written.
    public var controlTokens: [String] {
        switch format {
        case .chatML: ["<|im_start|>", "<|im_end|>"]
        case .llama3: ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
        case .gemma: ["<bos>", "<start_of_turn>", "<end_of_turn>"]
        }
    }

    /// The names of the tokens at which an answer ends.
    public var stopTokenNames: [String] { [endOfTurn] + furtherStops }

    /// The tokens at which an answer ends: the template's and those that the tokenizer's files name.
    public func stopTokens(in tokenizer: Tokenizer) -> Set<TokenID> {
        let controls = tokenizer.controlTokens
        return tokenizer.stopTokens.union(stopTokenNames.compactMap { controls[$0] })
    }

    /// The template that a model's Jinja text, or else its family, stands for; nil for a text of an unknown frame.
    /// - Parameter family: `model_type` of `config.json` or `general.architecture` of a GGUF file.
    public static func detect(jinja: String?, family: String? = nil) -> ChatTemplate? {
        if let jinja {
            if jinja.contains("<|im_start|>") { return chatML(jinja) }
            if jinja.contains("<|start_header_id|>") { return .llama3 }
            if jinja.contains("<start_of_turn>") { return .gemma }
            return nil
        }
        switch family {
        case "qwen": return .qwen
        case "qwen2": return .qwen25
        case "qwen3": return .qwen3
        case "gemma3", "gemma3_text", "gemma2", "gemma": return .gemma
        default: return nil
        }
    }

    private static func chatML(_ jinja: String) -> ChatTemplate {
        if jinja.contains("reasoning_content") { return .qwen3 }
        // The default system text stands in the template as a literal.
        for known in [qwen25, smolLM2, qwen2] where known.defaultSystem.map(jinja.contains) ?? false { return known }
        let withoutStop = "You are a helpful assistant"
        return .chatML(defaultSystem: jinja.contains(withoutStop) ? withoutStop : nil)
    }
}
