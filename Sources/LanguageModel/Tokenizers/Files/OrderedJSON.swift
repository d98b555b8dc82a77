import Foundation

/// A JSON value that keeps the order of its members and the spelling of its numbers.
public indirect enum OrderedJSON: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number as written.
    case number(String)
    case string(String)
    case array([OrderedJSON])
    case object([Member])

    /// A name and its value inside an object.
    public struct Member: Sendable, Hashable {
        public var name: String
        public var value: OrderedJSON

        public init(_ name: String, _ value: OrderedJSON) {
            self.name = name
            self.value = value
        }
    }

    /// Parses a whole text.
    /// - Throws: `TokenizerError.malformed` with `file` and the place.
    public init(parsing text: Data, file: String) throws {
        self = try text.withUnsafeBytes { raw in
            var scanner = JSONScanner(raw.bindMemory(to: UInt8.self), file: file)
            let value = try OrderedJSON(&scanner)
            try scanner.finish()
            return value
        }
    }

    package init(_ scanner: inout JSONScanner) throws {
        switch scanner.peek() {
        case 0x7B:
            var members: [Member] = []
            try scanner.object { scanner, name in
                members.append(Member(name.text, try OrderedJSON(&scanner)))
            }
            self = .object(members)
        case 0x5B:
            var elements: [OrderedJSON] = []
            try scanner.array { elements.append(try OrderedJSON(&$0)) }
            self = .array(elements)
        case 0x22: self = .string(try scanner.string().text)
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
            let word = try scanner.word()
            self = word == "null" ? .null : .bool(word == "true")
        default: self = .number(try scanner.number())
        }
    }

    /// The last member with this name, as JSON readers agree on; nil also where this is no object.
    public subscript(name: String) -> OrderedJSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var integer: Int? { if case .number(let text) = self { Int(text) } else { nil } }
    public var double: Double? { if case .number(let text) = self { Double(text) } else { nil } }
    public var array: [OrderedJSON]? { if case .array(let value) = self { value } else { nil } }
    public var members: [Member]? { if case .object(let value) = self { value } else { nil } }

    /// The JSON text on one line with `, ` and `: ` between the parts and no escaping beyond what JSON demands: the form
    /// in which chat templates show tools and calls to a model.
    public var spacedText: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let value): Self.quoted(value)
        case .array(let elements): "[" + elements.map(\.spacedText).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(Self.quoted($0.name)): \($0.value.spacedText)" }.joined(separator: ", ") + "}"
        }
    }

    /// A JSON string literal; only quotes, backslashes and control characters are escaped.
    public static func quoted(_ text: String) -> String {
        var quoted: [UInt8] = [0x22]
        for byte in text.utf8 {
            switch byte {
            case 0x22: quoted += [0x5C, 0x22]
            case 0x5C: quoted += [0x5C, 0x5C]
            case 0x08: quoted += Array(#"\b"#.utf8)
            case 0x0C: quoted += Array(#"\f"#.utf8)
            case 0x0A: quoted += Array(#"\n"#.utf8)
            case 0x0D: quoted += Array(#"\r"#.utf8)
            case 0x09: quoted += Array(#"\t"#.utf8)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                quoted += Array(#"\u00"#.utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: quoted.append(byte)
            }
        }
        quoted.append(0x22)
        return String(decoding: quoted, as: UTF8.self)
    }
}

extension OrderedJSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .number(String(value)) }
    public init(floatLiteral value: Double) { self = .number(String(value)) }
    public init(arrayLiteral elements: OrderedJSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, OrderedJSON)...) {
        self = .object(elements.map { Member($0.0, $0.1) })
    }
}

extension OrderedJSON: Codable {
    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Name.self) {
            // General decoders do not keep the order of members: sorted names at least make it repeatable.
            let names = container.allKeys.sorted { $0.stringValue < $1.stringValue }
            self = .object(
                try names.map { Member($0.stringValue, try container.decode(OrderedJSON.self, forKey: $0)) })
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [OrderedJSON] = []
            while !container.isAtEnd { elements.append(try container.decode(OrderedJSON.self)) }
            self = .array(elements)
        } else {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Int.self) {
                self = .number(String(value))
            } else if let value = try? container.decode(Double.self) {
                self = .number(String(value))
            } else {
                self = .string(try container.decode(String.self))
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let members):
            var container = encoder.container(keyedBy: Name.self)
            for member in members {
                try container.encode(member.value, forKey: Name(stringValue: member.name))
            }
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .string(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .number(let text):
            var container = encoder.singleValueContainer()
            if let value = Int(text) {
                try container.encode(value)
            } else {
                try container.encode(Double(text) ?? 0)
            }
        }
    }
}
