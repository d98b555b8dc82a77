import Foundation
import Tensors

/// One line of a chat file: a conversation and the tools offered in it.
public struct ChatExample: Sendable, Hashable {
    public var messages: [Message]
    public var tools: [ToolDefinition]

    public init(messages: [Message], tools: [ToolDefinition] = []) {
        self.messages = messages
        self.tools = tools
    }
}

/// What is wrong with a chat file; lines count from 1.
public enum ChatFileError: Error, Sendable, Hashable, CustomStringConvertible {
    case unreadable(file: String, reason: String)
    case empty(file: String)
    case badLine(file: String, line: Int, reason: String)

    public var description: String {
        switch self {
        case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)."
        case .empty(let file): "\(file): holds no conversation; expected one JSON object per line."
        case .badLine(let file, let line, let reason): "\(file): line \(line): \(reason)."
        }
    }
}

/// Conversations from JSON lines: `{"messages": [{"role", "content"}, …], "tools": […]}` or ShareGPT's
/// `{"conversations": [{"from", "value"}, …]}`, one object per line; empty lines are passed over.
public enum ChatFile {
    /// - Throws: `ChatFileError` with the number of the first broken line.
    public static func read(url: URL) throws -> [ChatExample] {
        let file: MappedFile
        do {
            file = try MappedFile(path: url.path)
        } catch {
            throw ChatFileError.unreadable(file: url.path, reason: error.reason)
        }
        return try parse(file.withUnsafeBytes { Data($0) }, file: url.path)
    }

    /// - Parameter file: the name that errors give.
    /// - Throws: `ChatFileError`.
    public static func parse(_ data: Data, file: String) throws -> [ChatExample] {
        var examples: [ChatExample] = []
        var number = 0
        for line in data.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            do {
                let value = try OrderedJSON(parsing: Data(line), file: file)
                examples.append(try example(value))
            } catch let error as MessageError {
                throw ChatFileError.badLine(file: file, line: number, reason: error.description)
            } catch TokenizerError.malformed(_, let offset, let reason) {
                throw ChatFileError.badLine(
                    file: file, line: number, reason: "not JSON: \(reason) at byte \(offset) of the line")
            }
        }
        if examples.isEmpty { throw ChatFileError.empty(file: file) }
        return examples
    }

    private static func example(_ value: OrderedJSON) throws -> ChatExample {
        let key = value["messages"] != nil || value["conversations"] == nil ? "messages" : "conversations"
        guard let list = value[key]?.array, !list.isEmpty else {
            let found = value[key]?.array == nil ? MessageError.kind(of: value[key]) : "an empty list"
            throw MessageError(path: key, found: found, expected: "a list of messages")
        }
        var messages = try list.enumerated().map { try Message(json: $1, path: "\(key)[\($0)]") }
        if key == "conversations", let system = value["system"]?.string, !system.isEmpty, messages[0].role != .system {
            messages.insert(Message(.system, system), at: 0)
        }
        let tools: [OrderedJSON]
        switch value["tools"] {
        case nil, .null: tools = []
        case .array(let list): tools = list
        default:
            throw MessageError(path: "tools", found: MessageError.kind(of: value["tools"]), expected: "a list of tools")
        }
        return ChatExample(messages: messages, tools: tools.map(ToolDefinition.init(schema:)))
    }
}
