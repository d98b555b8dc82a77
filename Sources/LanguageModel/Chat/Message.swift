import Foundation

/// Who speaks in a turn.
public enum Role: String, Sendable, Hashable, Codable, CaseIterable {
    case system, user, assistant, tool
}

/// A part of a message's text with its own place in the loss.
public struct ContentSpan: Sendable, Hashable {
    public var text: String
    /// Whether its tokens count in the loss; nil takes the message's.
    public var trained: Bool?
    /// How much each of its tokens counts, where they count.
    public var weight: Float

    public init(_ text: String, trained: Bool? = nil, weight: Float = 1) {
        self.text = text
        self.trained = trained
        self.weight = weight
    }
}

/// A function that the model asks to be called.
public struct ToolCall: Sendable, Hashable {
    public var id: String?
    public var name: String
    /// An object of named arguments, or the text of one as the model wrote it.
    public var arguments: OrderedJSON

    public init(id: String? = nil, name: String, arguments: OrderedJSON) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}

/// A function that the model may call: the JSON object of its schema, as the model is shown it.
public struct ToolDefinition: Sendable, Hashable {
    /// `{"type": "function", "function": {"name", "description", "parameters"}}`.
    public var schema: OrderedJSON

    public init(schema: OrderedJSON) { self.schema = schema }

    public init(name: String, description: String, parameters: OrderedJSON) {
        schema = [
            "type": "function",
            "function": ["name": .string(name), "description": .string(description), "parameters": parameters],
        ]
    }

    public var name: String? { (schema["function"] ?? schema)["name"]?.string }
}

/// One turn of a conversation.
public struct Message: Sendable, Hashable {
    public var role: Role
    /// The text in parts; most messages have one.
    public var spans: [ContentSpan]
    /// What the model thought before it answered.
    public var reasoning: String?
    public var toolCalls: [ToolCall]
    /// The speaker's name, or the tool's.
    public var name: String?
    /// Whether this turn counts in the loss; nil: assistant turns do, others do not.
    public var trained: Bool?

    public init(
        _ role: Role, _ content: String, reasoning: String? = nil, toolCalls: [ToolCall] = [], name: String? = nil,
        trained: Bool? = nil
    ) {
        self.init(
            role, spans: [ContentSpan(content)], reasoning: reasoning, toolCalls: toolCalls, name: name,
            trained: trained)
    }

    public init(
        _ role: Role, spans: [ContentSpan], reasoning: String? = nil, toolCalls: [ToolCall] = [], name: String? = nil,
        trained: Bool? = nil
    ) {
        self.role = role
        self.spans = spans
        self.reasoning = reasoning
        self.toolCalls = toolCalls
        self.name = name
        self.trained = trained
    }

    /// The whole text.
    public var content: String {
        get { spans.count == 1 ? spans[0].text : spans.map(\.text).joined() }
        set { spans = [ContentSpan(newValue)] }
    }

    /// Whether the turn counts in the loss, its default applied.
    public var isTrained: Bool { trained ?? (role == .assistant) }
}
