import Tensors

/// Typed access to the fields of one JSON object. A field that is absent or null is nil; a field of another type or out
/// of range is an error with its name, what was found, and what is allowed. Unknown fields are ignored.
package struct ConfigurationFields {
    /// No dimension of a model that fits into memory comes near; products of two and sums over layers stay in 64 bits.
    package static let maximumSize = 1 << 24
    package static let maximumLayers = 4096
    package static let maximumPositions = 1 << 40

    package let file: String
    /// Names the object inside the file: empty, or like `text_config.`.
    private let prefix: String
    private let members: [String: StrictJSON]

    package init(file: String, parsing bytes: UnsafeRawBufferPointer) throws {
        let root: StrictJSON
        do {
            root = try StrictJSON(parsing: bytes)
        } catch {
            throw WeightFileError.malformed(
                file: file, field: "the file", found: "no valid JSON (\(error))", allowed: "a JSON object")
        }
        guard case .object(let members) = root else {
            throw WeightFileError.malformed(
                file: file, field: "the file", found: root.summary, allowed: "a JSON object")
        }
        self.init(file: file, prefix: "", members: members)
    }

    package init(file: String) throws {
        let mapped = try MappedFile(path: file)
        self = try mapped.withUnsafeBytes { try Self(file: file, parsing: $0) }
    }

    private init(file: String, prefix: String, members: [String: StrictJSON]) {
        self.file = file
        self.prefix = prefix
        self.members = members
    }

    package func malformed(_ name: String, found: String, allowed: String) -> WeightFileError {
        .malformed(file: file, field: prefix + name, found: found, allowed: allowed)
    }

    /// The first of `names` that is present and not null.
    private func value(_ names: [String]) -> (name: String, value: StrictJSON)? {
        for name in names {
            if let value = members[name], value != .null { return (name, value) }
        }
        return nil
    }

    package func contains(_ name: String) -> Bool { value([name]) != nil }

    package func integer(_ names: String..., in range: ClosedRange<Int> = 1...maximumSize) throws -> Int? {
        guard let (name, value) = value(names) else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            let allowed =
                range.upperBound == Self.maximumSize && range.lowerBound == 1
                ? "a positive integer" : "an integer from \(range.lowerBound) to \(range.upperBound)"
            throw malformed(name, found: value.summary, allowed: allowed)
        }
        return number
    }

    package func required(_ names: String..., in range: ClosedRange<Int> = 1...maximumSize) throws -> Int {
        for name in names {
            if let number = try integer(name, in: range) { return number }
        }
        throw malformed(names[0], found: "absent", allowed: "a positive integer")
    }

    package func number(_ names: String..., positive: Bool = true) throws -> Double? {
        guard let (name, value) = value(names) else { return nil }
        let number: Double? =
            switch value {
            case .integer(let number): Double(number)
            case .number(let number): number
            default: nil
            }
        guard let number, !positive || number > 0 else {
            throw malformed(name, found: value.summary, allowed: positive ? "a positive number" : "a number")
        }
        return number
    }

    package func bool(_ name: String) throws -> Bool? {
        guard let (name, value) = value([name]) else { return nil }
        guard case .bool(let flag) = value else {
            throw malformed(name, found: value.summary, allowed: "true or false")
        }
        return flag
    }

    package func string(_ names: String...) throws -> String? {
        guard let (name, value) = value(names) else { return nil }
        guard case .string(let text) = value else { throw malformed(name, found: value.summary, allowed: "a string") }
        return text
    }

    package func strings(_ name: String) throws -> [String]? {
        try list(name, of: "strings") { if case .string(let text) = $0 { text } else { nil } }
    }

    /// One integer or a list of them.
    package func integers(_ name: String) throws -> [Int]? {
        if case .integer(let number)? = members[name] { return [number] }
        return try list(name, of: "integers") { if case .integer(let number) = $0 { number } else { nil } }
    }

    /// A list of positive integers and nulls.
    package func optionalIntegers(_ name: String) throws -> [Int?]? {
        try list(name, of: "positive integers and nulls") { element -> Int?? in
            switch element {
            case .null: .some(nil)
            case .integer(let number) where number > 0: .some(number)
            default: nil
            }
        }
    }

    private func list<Element>(
        _ name: String, of kind: String, _ convert: (StrictJSON) -> Element?
    ) throws -> [Element]? {
        guard let (name, value) = value([name]) else { return nil }
        guard case .array(let elements) = value else {
            throw malformed(name, found: value.summary, allowed: "a list of \(kind)")
        }
        return try elements.map { element in
            guard let converted = convert(element) else {
                throw malformed(name, found: "a list with \(element.summary)", allowed: "a list of \(kind)")
            }
            return converted
        }
    }

    /// An object whose values are strings.
    package func dictionary(_ name: String) throws -> [String: String]? {
        guard let object = try object(name) else { return nil }
        return try object.members.mapValues { value in
            guard case .string(let text) = value else {
                throw malformed(name, found: "an object with \(value.summary)", allowed: "an object of strings")
            }
            return text
        }
    }

    package func object(_ name: String) throws -> ConfigurationFields? {
        guard let (name, value) = value([name]) else { return nil }
        guard case .object(let members) = value else {
            throw malformed(name, found: value.summary, allowed: "an object")
        }
        return ConfigurationFields(file: file, prefix: "\(prefix)\(name).", members: members)
    }
}
