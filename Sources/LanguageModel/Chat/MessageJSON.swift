import Foundation

/// Why a JSON value is no message; `path` leads to the place inside the value.
public struct MessageError: Error, Sendable, Hashable, CustomStringConvertible {
    public var path: String
    public var found: String
    public var expected: String

    public var description: String { "\(path) is \(found); expected \(expected)" }

    package static func kind(of value: OrderedJSON?) -> String {
        switch value {
        case nil: "missing"
        case .null: "null"
        case .bool: "a truth value"
        case .number(let text): "the number \(text)"
        case .string(let text): "\(String(text.prefix(40)).debugDescription)"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension Role {
    /// The role that a file's word for a speaker means: the roles themselves and ShareGPT's names.
    init?(word: String) {
        switch word {
        case "system", "developer": self = .system
        case "user", "human": self = .user
        case "assistant", "gpt", "model", "function_call": self = .assistant
        case "tool", "function", "observation": self = .tool
        default: return nil
        }
    }
}

extension Message {
    /// Reads a message from `{"role", "content", "reasoning_content", "tool_calls", "name", "trained"}`, where `content`
    /// may be a list of `{"text", "trained", "weight"}`, or from ShareGPT's `{"from", "value"}`.
    /// - Throws: `MessageError`.
    public init(json: OrderedJSON, path: String = "message") throws {
        guard json.members != nil else {
            throw MessageError(path: path, found: MessageError.kind(of: json), expected: "an object")
        }
        let roleKey = json["role"] != nil || json["from"] == nil ? "role" : "from"
        guard let word = json[roleKey]?.string, let role = Role(word: word) else {
            throw MessageError(
                path: "\(path).\(roleKey)", found: MessageError.kind(of: json[roleKey]),
                expected: "one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let calls = try Self.calls(json["tool_calls"], path: "\(path).tool_calls")
        let contentKey = json["content"] != nil || json["value"] == nil ? "content" : "value"
        let spans = try Self.spans(json[contentKey], isOptional: !calls.isEmpty, path: "\(path).\(contentKey)")
        self.init(
            role, spans: spans,
            reasoning: try Self.optionalText(
                json["reasoning_content"] ?? json["reasoning"], "\(path).reasoning_content"),
            toolCalls: calls, name: try Self.optionalText(json["name"], "\(path).name"),
            trained: try Self.optionalFlag(json["trained"], "\(path).trained"))
    }

    private static func spans(_ value: OrderedJSON?, isOptional: Bool, path: String) throws -> [ContentSpan] {
        switch value {
        case .string(let text): return [ContentSpan(text)]
        case .null, nil:
            if isOptional { return [ContentSpan("")] }
        case .array(let parts):
            return try parts.enumerated().map { index, part in
                if let text = part.string { return ContentSpan(text) }
                guard let text = part["text"]?.string else {
                    throw MessageError(
                        path: "\(path)[\(index)].text", found: MessageError.kind(of: part["text"]), expected: "text")
                }
                return ContentSpan(
                    text, trained: try optionalFlag(part["trained"], "\(path)[\(index)].trained"),
                    weight: Float(part["weight"]?.double ?? 1))
            }
        default: break
        }
        throw MessageError(path: path, found: MessageError.kind(of: value), expected: "text or a list of texts")
    }

    private static func calls(_ value: OrderedJSON?, path: String) throws -> [ToolCall] {
        if value == nil || value == .null { return [] }
        guard let calls = value?.array else {
            throw MessageError(path: path, found: MessageError.kind(of: value), expected: "a list of calls")
        }
        return try calls.enumerated().map { index, call in
            let function = call["function"] ?? call
            guard let name = function["name"]?.string else {
                throw MessageError(
                    path: "\(path)[\(index)].name", found: MessageError.kind(of: function["name"]), expected: "text")
            }
            return ToolCall(id: call["id"]?.string, name: name, arguments: function["arguments"] ?? .object([]))
        }
    }

    private static func optionalText(_ value: OrderedJSON?, _ path: String) throws -> String? {
        switch value {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw MessageError(path: path, found: MessageError.kind(of: value), expected: "text")
        }
    }

    private static func optionalFlag(_ value: OrderedJSON?, _ path: String) throws -> Bool? {
        switch value {
        case nil, .null: return nil
        case .bool(let flag): return flag
        default: throw MessageError(path: path, found: MessageError.kind(of: value), expected: "true or false")
        }
    }

    /// The message as an object that `init(json:)` reads.
    public var json: OrderedJSON {
        var members: [OrderedJSON.Member] = [.init("role", .string(role.rawValue))]
        if spans.count == 1, spans[0].trained == nil, spans[0].weight == 1 {
            members.append(.init("content", .string(spans[0].text)))
        } else {
            let parts = spans.map { span -> OrderedJSON in
                var part: [OrderedJSON.Member] = [.init("type", "text"), .init("text", .string(span.text))]
                if let trained = span.trained { part.append(.init("trained", .bool(trained))) }
                if span.weight != 1 { part.append(.init("weight", .number("\(span.weight)"))) }
                return .object(part)
            }
            members.append(.init("content", .array(parts)))
        }
        if let reasoning { members.append(.init("reasoning_content", .string(reasoning))) }
        if !toolCalls.isEmpty {
            let calls = toolCalls.map { call -> OrderedJSON in
                var members: [OrderedJSON.Member] = call.id.map { [.init("id", .string($0))] } ?? []
                members.append(.init("type", "function"))
                members.append(.init("function", ["name": .string(call.name), "arguments": call.arguments]))
                return .object(members)
            }
            members.append(.init("tool_calls", .array(calls)))
        }
        if let name { members.append(.init("name", .string(name))) }
        if let trained { members.append(.init("trained", .bool(trained))) }
        return .object(members)
    }
}

extension Message: Codable {
    public init(from decoder: any Decoder) throws { try self.init(json: OrderedJSON(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
}
