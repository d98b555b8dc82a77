import Evaluation

/// A sentence with choices and slots: `"I [really |]feel {emotion}[.|, and it will not stop.]"`.
///
/// `[a|b|c]` is one of its alternatives, each equally likely, and may hold further choices and slots; `{name}` is the value
/// of a slot. The brackets, the braces and the bar have no other meaning and cannot be written as text.
public struct PhraseTemplate: Sendable, ExpressibleByStringLiteral {
    private indirect enum Part: Sendable {
        case text(String)
        case slot(String)
        case choice([[Part]])
    }

    private let parts: [Part]

    public init(stringLiteral text: String) { self.init(text) }

    /// Templates are part of the program: one that does not parse is a programming error and traps.
    public init(_ text: String) {
        var rest = Substring(text)
        parts = Self.parse(&rest, nested: false)
        precondition(rest.isEmpty, "unbalanced ] in the template: \(text)")
    }

    /// Names of all slots.
    public var slots: Set<String> { Self.slots(of: parts) }

    /// The sentence with every choice drawn from `generator` and every slot filled.
    public func expanded(_ values: [String: String] = [:], using generator: inout SeededGenerator) -> String {
        var result = ""
        Self.write(parts, values, &generator, into: &result)
        return result
    }

    /// In how many ways the choices can be made; slots count once.
    public var variety: Int { Self.variety(of: parts) }

    private static func parse(_ rest: inout Substring, nested: Bool) -> [Part] {
        var parts: [Part] = []
        while let character = rest.first {
            switch character {
            case "[":
                rest.removeFirst()
                var options = [parse(&rest, nested: true)]
                while rest.first == "|" {
                    rest.removeFirst()
                    options.append(parse(&rest, nested: true))
                }
                precondition(rest.first == "]", "a [ is not closed before: \(rest)")
                rest.removeFirst()
                parts.append(.choice(options))
            case "{":
                guard let end = rest.firstIndex(of: "}") else { preconditionFailure("a { is not closed in: \(rest)") }
                parts.append(.slot(String(rest[rest.index(after: rest.startIndex)..<end])))
                rest = rest[rest.index(after: end)...]
            case "]", "|":
                precondition(nested, "a \(character) outside of brackets before: \(rest)")
                return parts
            default:
                let end = rest.firstIndex { "[]{|".contains($0) } ?? rest.endIndex
                parts.append(.text(String(rest[..<end])))
                rest = rest[end...]
            }
        }
        return parts
    }

    private static func write(
        _ parts: [Part], _ values: [String: String], _ generator: inout SeededGenerator, into result: inout String
    ) {
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .slot(let name):
                guard let value = values[name] else { preconditionFailure("the slot {\(name)} has no value") }
                result += value
            case .choice(let options):
                write(options[generator.integer(below: options.count)], values, &generator, into: &result)
            }
        }
    }

    private static func slots(of parts: [Part]) -> Set<String> {
        parts.reduce(into: []) { found, part in
            switch part {
            case .text: break
            case .slot(let name): found.insert(name)
            case .choice(let options): for option in options { found.formUnion(slots(of: option)) }
            }
        }
    }

    private static func variety(of parts: [Part]) -> Int {
        parts.reduce(1) { product, part in
            guard case .choice(let options) = part else { return product }
            return product * options.reduce(0) { $0 + variety(of: $1) }
        }
    }
}
