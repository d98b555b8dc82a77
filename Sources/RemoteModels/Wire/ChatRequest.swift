import LanguageModel

/// The bodies of requests. Options at the value that changes nothing are left out, since strict servers refuse fields that
/// OpenAI's protocol lacks.
package enum RequestBody {
    package static func chat(
        _ messages: [Message], tools: [ToolDefinition], options: GenerationOptions, model: String,
        endpoint: RemoteEndpoint
    ) throws -> OrderedJSON {
        var members: [OrderedJSON.Member] = [
            .init("model", .string(model)), .init("messages", .array(try self.messages(messages))),
        ]
        if !tools.isEmpty { members.append(.init("tools", .array(tools.map(tool)))) }
        members += streaming(endpoint)
        members += try self.options(options, maximumTokensField: endpoint.maximumTokensField)
        if let alternatives = options.logProbabilities {
            members.append(.init("logprobs", true))
            if alternatives > 0 { members.append(.init("top_logprobs", .number("\(alternatives)"))) }
        }
        return .object(members)
    }

    package static func continuation(
        of prompt: String, options: GenerationOptions, model: String, endpoint: RemoteEndpoint
    ) throws -> OrderedJSON {
        var members: [OrderedJSON.Member] = [.init("model", .string(model)), .init("prompt", .string(prompt))]
        members += streaming(endpoint)
        members += try self.options(options, maximumTokensField: "max_tokens")
        if let alternatives = options.logProbabilities { members.append(.init("logprobs", .number("\(alternatives)"))) }
        return .object(members)
    }

    /// Asks for the log-probabilities of the prompts themselves. One token is generated, and dropped later, since many
    /// servers refuse to generate none.
    static func echo(of prompts: [String], model: String) -> OrderedJSON {
        [
            "model": .string(model), "prompt": .array(prompts.map { .string($0) }), "max_tokens": 1, "temperature": 0,
            "echo": true, "logprobs": 1, "stream": false,
        ]
    }

    private static func streaming(_ endpoint: RemoteEndpoint) -> [OrderedJSON.Member] {
        let usage = OrderedJSON.Member("stream_options", ["include_usage": true])
        return [.init("stream", true)] + (endpoint.asksForUsage ? [usage] : [])
    }

    private static func options(
        _ options: GenerationOptions, maximumTokensField: String
    ) throws -> [OrderedJSON.Member] {
        try options.validate()
        if options.constraint != nil {
            throw GenerationOptionsError(
                field: "constraint", found: "a constraint on tokens", allowed: "none with a remote model")
        }
        var members: [OrderedJSON.Member] = [
            .init(maximumTokensField, .number("\(options.maximumTokens)")),
            .init("temperature", .number("\(options.temperature)")),
        ]
        if options.topP != 1 { members.append(.init("top_p", .number("\(options.topP)"))) }
        if let topK = options.topK { members.append(.init("top_k", .number("\(topK)"))) }
        if options.minP != 0 { members.append(.init("min_p", .number("\(options.minP)"))) }
        if options.repetitionPenalty != 1 {
            // Servers know it under one name or the other.
            members.append(.init("repetition_penalty", .number("\(options.repetitionPenalty)")))
            members.append(.init("repeat_penalty", .number("\(options.repetitionPenalty)")))
        }
        if !options.stop.isEmpty { members.append(.init("stop", .array(options.stop.map { .string($0) }))) }
        // Servers read it as a signed number.
        if let seed = options.seed { members.append(.init("seed", .number("\(seed & UInt64(Int64.max))"))) }
        return members
    }

    private static func tool(_ tool: ToolDefinition) -> OrderedJSON {
        tool.schema["function"] == nil ? ["type": "function", "function": tool.schema] : tool.schema
    }

    // MARK: - Messages

    /// The protocol ties a tool's result to its call by an id. Calls without one get one here, and results are given to the
    /// open calls in order, by name where they have one.
    private static func messages(_ messages: [Message]) throws -> [OrderedJSON] {
        if messages.isEmpty { throw ChatError.noMessages }
        var open: [(id: String, name: String)] = []
        return try messages.enumerated().map { index, message in
            var members: [OrderedJSON.Member] = [.init("role", .string(message.role.rawValue))]
            // What the model thought is its own: servers refuse it or drop it.
            let hasCallsOnly = !message.toolCalls.isEmpty && message.content.isEmpty
            members.append(.init("content", hasCallsOnly ? .null : .string(message.content)))
            if message.role == .tool {
                guard let place = open.firstIndex(where: { message.name == nil || $0.name == message.name }) else {
                    let whose = message.name.map { " of \($0)" } ?? ""
                    throw RemoteModelError.invalidConversation(
                        message: index, reason: "it is a tool's result, but no call\(whose) before it is unanswered")
                }
                members.append(.init("tool_call_id", .string(open.remove(at: place).id)))
            } else if let name = message.name {
                members.append(.init("name", .string(name)))
            }
            if !message.toolCalls.isEmpty {
                guard message.role == .assistant else {
                    throw RemoteModelError.invalidConversation(
                        message: index, reason: "it holds calls, but its role is \(message.role.rawValue)")
                }
                let calls = message.toolCalls.enumerated().map { place, call in
                    (id: call.id ?? "call_\(index)_\(place)", call: call)
                }
                open += calls.map { ($0.id, $0.call.name) }
                members.append(.init("tool_calls", .array(calls.map { Self.call($0.call, id: $0.id) })))
            }
            return .object(members)
        }
    }

    private static func call(_ call: ToolCall, id: String) -> OrderedJSON {
        let arguments = call.arguments.string ?? call.arguments.spacedText
        return [
            "id": .string(id), "type": "function",
            "function": ["name": .string(call.name), "arguments": .string(arguments)],
        ]
    }
}
