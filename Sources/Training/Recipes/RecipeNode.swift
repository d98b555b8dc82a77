import Experiments
import Foundation
import Yams

/// A YAML tree that remembers where every part was written, so that an error can say it.
struct RecipeNode: Sendable, Equatable {
    enum Content: Sendable, Equatable {
        case scalar(String, isQuoted: Bool)
        case sequence([RecipeNode])
        case mapping([Entry])
    }

    struct Entry: Sendable, Equatable {
        let key: String
        /// Where the key stands.
        let origin: Origin
        var value: RecipeNode
    }

    /// Where a part was written.
    enum Origin: Sendable, Equatable {
        case line(Int)
        /// The text after `--set`.
        case option(String)
        /// A default value.
        case code
    }

    var content: Content
    var origin: Origin

    static func empty(_ origin: Origin) -> RecipeNode { RecipeNode(content: .mapping([]), origin: origin) }

    static func scalar(_ text: String, isQuoted: Bool = false) -> RecipeNode {
        RecipeNode(content: .scalar(text, isQuoted: isQuoted), origin: .code)
    }

    /// The entries of a mapping; absent for anything else.
    var entries: [Entry]? {
        if case .mapping(let entries) = content { entries } else { nil }
    }

    var elements: [RecipeNode]? {
        if case .sequence(let elements) = content { elements } else { nil }
    }

    subscript(key: String) -> RecipeNode? { entries?.first { $0.key == key }?.value }

    /// Nothing, as YAML writes it.
    var isNull: Bool {
        guard case .scalar(let text, isQuoted: false) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// What a reader finds here, in words.
    var found: String {
        switch content {
        case .scalar where isNull: "nothing"
        case .scalar(let text, _): text.count > 60 ? "\(text.prefix(60))…" : text
        case .sequence(let elements): elements.isEmpty ? "an empty list" : "a list"
        case .mapping(let entries): entries.isEmpty ? "an empty mapping" : "a mapping"
        }
    }
}

extension RecipeNode {
    /// Aliases could blow up a small file to any size.
    static let mostNodes = 100_000

    /// Reads YAML.
    ///
    /// - Parameter origin: given, it stands for all lines.
    /// - Throws: ``RecipeError`` with the line of the first mistake.
    static func parse(_ yaml: String, source: String, origin: Origin? = nil) throws -> RecipeNode {
        do {
            guard let root = try Yams.compose(yaml: yaml) else { return .empty(origin ?? .line(1)) }
            var count = 0
            guard let node = convert(root, origin: origin, count: &count) else {
                throw RecipeError(source: source, problem: .notYAML("more than \(Numbers.grouped(mostNodes)) values"))
            }
            return node
        } catch let error as YamlError {
            throw RecipeError(source: source, problem: problem(error, origin: origin))
        }
    }

    private static func convert(_ node: Node, origin: Origin?, count: inout Int) -> RecipeNode? {
        count += 1
        guard count <= mostNodes else { return nil }
        let place = origin ?? .line(node.mark?.line ?? 1)
        switch node {
        case .scalar(let scalar):
            return RecipeNode(content: .scalar(scalar.string, isQuoted: scalar.style != .plain), origin: place)
        case .sequence(let sequence):
            var elements: [RecipeNode] = []
            for element in sequence {
                guard let element = convert(element, origin: origin, count: &count) else { return nil }
                elements.append(element)
            }
            return RecipeNode(content: .sequence(elements), origin: place)
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                guard let value = convert(value, origin: origin, count: &count) else { return nil }
                let name = key.scalar?.string ?? "(a key that is no text)"
                entries.append(Entry(key: name, origin: origin ?? .line(key.mark?.line ?? 1), value: value))
            }
            return RecipeNode(content: .mapping(entries), origin: place)
        case .alias:
            return RecipeNode(content: .scalar("", isQuoted: false), origin: place)
        }
    }

    private static func problem(_ error: YamlError, origin: Origin?) -> RecipeProblem {
        switch error {
        case .scanner(_, let text, let mark, _), .parser(_, let text, let mark, _), .composer(_, let text, let mark, _):
            return .notYAML(text, origin: origin ?? .line(mark.line))
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.sorted().joined(separator: ", ")
            return .notYAML("\(keys) is given twice", origin: origin ?? .line(context.mark.line))
        case .reader(let text, _, _, _): return .notYAML(text, origin: origin)
        default: return .notYAML("\(error)", origin: origin)
        }
    }
}
