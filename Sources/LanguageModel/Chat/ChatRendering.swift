extension ChatTemplate {
    /// The pieces of a conversation, in order.
    /// - Parameters:
    ///   - tools: functions offered to the model (Hermes form; ChatML only).
    ///   - addGenerationPrompt: ends with the opening of the assistant's next turn.
    ///   - thinking: off, a Qwen3 generation prompt holds an empty thought, which makes the model answer at once.
    ///   - continuingLastMessage: leaves the last turn open, so that the model goes on with its text.
    /// - Throws: `ChatError` when the format has no place for a message.
    public func render(
        _ messages: [Message], tools: [ToolDefinition] = [], addGenerationPrompt: Bool = false, thinking: Bool = true,
        continuingLastMessage: Bool = false
    ) throws -> [PromptPiece] {
        if messages.isEmpty { throw ChatError.noMessages }
        var renderer = TurnRenderer(policy: lossPolicy)
        switch format {
        case .chatML: renderer.chatML(messages, tools, defaultSystem: defaultSystem, thinks: thinks)
        case .llama3: try renderer.llama3(messages, tools)
        case .gemma: try renderer.gemma(messages, tools)
        }
        if continuingLastMessage { renderer.reopen() }
        if addGenerationPrompt {
            switch format {
            case .chatML:
                renderer.control("<|im_start|>assistant\n")
                if thinks, !thinking { renderer.control("<think>\n\n</think>\n\n") }
            case .llama3: renderer.control("<|start_header_id|>assistant<|end_header_id|>\n\n")
            case .gemma: renderer.control("<start_of_turn>model\n")
            }
        }
        return renderer.pieces
    }

    /// The rendered conversation as one text: for reading, not for tokenizing.
    public func text(
        _ messages: [Message], tools: [ToolDefinition] = [], addGenerationPrompt: Bool = false, thinking: Bool = true
    ) throws -> String {
        try render(messages, tools: tools, addGenerationPrompt: addGenerationPrompt, thinking: thinking)
            .map(\.text).joined()
    }
}

/// Gathers pieces turn by turn.
struct TurnRenderer {
    let policy: ChatTemplate.LossPolicy
    private(set) var pieces: [PromptPiece] = []
    /// Where the closing of the last turn begins.
    private var closing = 0

    init(policy: ChatTemplate.LossPolicy) { self.policy = policy }

    mutating func control(_ text: String, trained: Bool = false) {
        if !text.isEmpty { pieces.append(PromptPiece(.control, text, trained: trained)) }
    }

    mutating func content(_ text: String, trained: Bool = false) {
        if !text.isEmpty { pieces.append(PromptPiece(.content, text, trained: trained)) }
    }

    mutating func content(_ spans: [ContentSpan], of message: Message) {
        for span in spans where !span.text.isEmpty {
            pieces.append(
                PromptPiece(.content, span.text, trained: span.trained ?? message.isTrained, weight: span.weight))
        }
    }

    /// Removes the end of the last turn.
    mutating func reopen() { pieces.removeSubrange(closing...) }

    // MARK: ChatML

    mutating func chatML(_ messages: [Message], _ tools: [ToolDefinition], defaultSystem: String?, thinks: Bool) {
        let bringsSystem = messages[0].role == .system
        if bringsSystem || defaultSystem != nil || !tools.isEmpty {
            let message = bringsSystem ? messages[0] : Message(.system, defaultSystem ?? "")
            open("system")
            content(message.spans, of: message)
            if !tools.isEmpty { offer(tools, isAlone: !bringsSystem && defaultSystem == nil) }
            close(trained: message.isTrained)
        }
        let lastQuestion = Self.lastQuestion(messages)
        for (index, message) in messages.enumerated() where !(index == 0 && bringsSystem) {
            switch message.role {
            case .system, .user:
                open(message.role.rawValue)
                content(message.spans, of: message)
                close(trained: message.isTrained)
            case .assistant:
                open("assistant")
                answer(
                    message, keepsThought: index > lastQuestion, isLast: index == messages.count - 1, thinks: thinks)
                close(trained: message.isTrained)
            case .tool:
                if index == 0 || messages[index - 1].role != .tool { open("user", breaksLine: false) }
                control("\n<tool_response>\n")
                content(message.spans, of: message)
                control("\n</tool_response>")
                if index == messages.count - 1 || messages[index + 1].role != .tool { close(trained: false) }
            }
        }
    }

    private mutating func open(_ role: String, breaksLine: Bool = true) {
        control("<|im_start|>", trained: policy == .qwenReleased)
        control(breaksLine ? role + "\n" : role)
    }

    private mutating func close(trained: Bool) {
        closing = pieces.count
        control("<|im_end|>", trained: trained || policy == .qwenReleased)
        control("\n", trained: policy == .qwenReleased)
    }

    /// Hermes' way of offering functions, in the system turn.
    private mutating func offer(_ tools: [ToolDefinition], isAlone: Bool) {
        control(
            (isAlone ? "" : "\n\n")
                + """
                # Tools

                You may call one or more functions to assist with the user query.

                You are provided with function signatures within <tools></tools> XML tags:
                <tools>
                """)
        for tool in tools {
            control("\n")
            content(tool.schema.spacedText)
        }
        control(
            """

            </tools>

            For each function call, return a json object with function name and arguments within <tool_call></tool_call> \
            XML tags:
            <tool_call>
            {"name": <function-name>, "arguments": <args-json-object>}
            </tool_call>
            """)
    }

    private mutating func answer(_ message: Message, keepsThought: Bool, isLast: Bool, thinks: Bool) {
        var spans = message.spans
        if thinks {
            let (thought, rest) = Self.thought(of: message)
            spans = rest
            if keepsThought, isLast || !thought.isEmpty {
                // An empty thought is what the prompt brings when thinking is off, so it is not the model's to learn.
                let trained = message.isTrained && !thought.isEmpty
                control("<think>\n", trained: trained)
                content(thought, trained: trained)
                control("\n</think>\n\n", trained: trained)
                spans = Self.trimmed(spans, leading: { $0 == "\n" }, trailing: { _ in false })
            }
        }
        content(spans, of: message)
        let hasText = spans.contains { !$0.text.isEmpty }
        for (index, call) in message.toolCalls.enumerated() {
            if hasText || index > 0 { control("\n", trained: message.isTrained) }
            control("<tool_call>\n", trained: message.isTrained)
            let arguments = call.arguments.string ?? call.arguments.spacedText
            content("{\"name\": \"\(call.name)\", \"arguments\": \(arguments)}", trained: message.isTrained)
            control("\n</tool_call>", trained: message.isTrained)
        }
    }

    /// The last user message that is a question, not a tool's result.
    private static func lastQuestion(_ messages: [Message]) -> Int {
        messages.lastIndex { message in
            guard message.role == .user else { return false }
            let text = message.content
            return !(text.hasPrefix("<tool_response>") && text.hasSuffix("</tool_response>"))
        } ?? messages.count - 1
    }

    /// What was thought, without line breaks at its ends, and the answer after it. A thought may also stand inside the
    /// content, as models write it.
    private static func thought(of message: Message) -> (String, [ContentSpan]) {
        func isBreak(_ scalar: Unicode.Scalar) -> Bool { scalar == "\n" }
        if let reasoning = message.reasoning {
            return (trimmed(reasoning, leading: isBreak, trailing: isBreak), message.spans)
        }
        let text = message.content
        guard let end = text.firstRange(of: "</think>"), let last = text.ranges(of: "</think>").last else {
            return ("", message.spans)
        }
        var thought = String(text[..<end.lowerBound])
        if let start = thought.ranges(of: "<think>").last { thought = String(thought[start.upperBound...]) }
        let dropped = text[..<last.upperBound].utf8.count
        return (
            trimmed(thought, leading: isBreak, trailing: isBreak),
            trimmed(drop(dropped, from: message.spans), leading: isBreak, trailing: { _ in false })
        )
    }

    /// The spans without their first `count` bytes.
    private static func drop(_ count: Int, from spans: [ContentSpan]) -> [ContentSpan] {
        var left = count
        return spans.map { span in
            var shortened = span
            let taken = min(left, span.text.utf8.count)
            shortened.text = String(decoding: span.text.utf8.dropFirst(taken), as: UTF8.self)
            left -= taken
            return shortened
        }
    }

    // MARK: Llama-3

    mutating func llama3(_ messages: [Message], _ tools: [ToolDefinition]) throws {
        try refuseTools(messages, tools, "Llama-3")
        control("<|begin_of_text|>")
        for message in messages {
            control("<|start_header_id|>\(message.role.rawValue)<|end_header_id|>\n\n")
            content(Self.trimmed(message.spans), of: message)
            closing = pieces.count
            control("<|eot_id|>", trained: message.isTrained)
        }
    }

    // MARK: Gemma

    mutating func gemma(_ messages: [Message], _ tools: [ToolDefinition]) throws {
        try refuseTools(messages, tools, "Gemma")
        control("<bos>")
        var turns = messages[...]
        var prefix: Message?
        if messages[0].role == .system {
            prefix = messages[0]
            turns = turns.dropFirst()
        }
        for (turn, index) in turns.indices.enumerated() {
            let message = messages[index]
            let expected: Role = turn % 2 == 0 ? .user : .assistant
            guard message.role == expected else {
                throw ChatError.unsupported(
                    message: index, what: "\(message.role.rawValue) where \(expected.rawValue) must speak",
                    template: "Gemma")
            }
            control("<start_of_turn>\(message.role == .assistant ? "model" : "user")\n")
            if turn == 0, let prefix {
                content(prefix.spans, of: prefix)
                content("\n\n")
            }
            content(Self.trimmed(message.spans), of: message)
            closing = pieces.count
            control("<end_of_turn>", trained: message.isTrained)
            control("\n")
        }
    }

    private func refuseTools(_ messages: [Message], _ tools: [ToolDefinition], _ name: String) throws {
        if !tools.isEmpty { throw ChatError.unsupported(message: 0, what: "tools are offered", template: name) }
        if let index = messages.firstIndex(where: { $0.role == .tool || !$0.toolCalls.isEmpty }) {
            throw ChatError.unsupported(message: index, what: "a tool is called or answers", template: name)
        }
    }

    // MARK: Trimming

    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    private static func trimmed(_ spans: [ContentSpan]) -> [ContentSpan] {
        trimmed(spans, leading: isSpace, trailing: isSpace)
    }

    /// Trims the text that the spans make together.
    private static func trimmed(
        _ spans: [ContentSpan], leading: (Unicode.Scalar) -> Bool, trailing: (Unicode.Scalar) -> Bool
    ) -> [ContentSpan] {
        var spans = spans
        for index in spans.indices {
            spans[index].text = trimmed(spans[index].text, leading: leading, trailing: { _ in false })
            if !spans[index].text.isEmpty { break }
        }
        for index in spans.indices.reversed() {
            spans[index].text = trimmed(spans[index].text, leading: { _ in false }, trailing: trailing)
            if !spans[index].text.isEmpty { break }
        }
        return spans
    }

    private static func trimmed(
        _ text: String, leading: (Unicode.Scalar) -> Bool, trailing: (Unicode.Scalar) -> Bool
    ) -> String {
        var scalars = text.unicodeScalars[...]
        scalars = scalars.drop(while: leading)
        while let last = scalars.last, trailing(last) { scalars.removeLast() }
        return String(scalars)
    }
}
