/// Collects what is wrong, so that the user hears of everything at once.
final class ProblemLog {
    private(set) var problems: [RecipeProblem] = []

    func add(_ problem: RecipeProblem) {
        if !problems.contains(problem) { problems.append(problem) }
    }
}

/// Says that a value could not be had; what is wrong with it stands in the log.
struct Abandoned: Error {}

/// Reads a value from what the user wrote, laid over the default, and notes which keys the type asks for: the others
/// are errors.
struct RecipeDecoder: Decoder {
    let user: RecipeNode?
    let fallback: RecipeNode?
    let path: [String]
    let log: ProblemLog
    let asked = AskedKeys()

    var codingPath: [any CodingKey] { path.map(RecipeKey.init) }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The keys that a type asks its container for.
    final class AskedKeys {
        var keys: Set<String> = []
        /// The type takes whatever keys there are, as dictionaries do.
        var takesAll = false
    }

    /// Reads what the user wrote; where that is wrong, notes it and goes on with the default.
    static func value<T: Decodable>(
        _ type: T.Type, user: RecipeNode?, fallback: RecipeNode?, path: [String], log: ProblemLog
    ) throws -> T {
        if let user {
            let before = log.problems.count
            do {
                return try RecipeDecoder(user: user, fallback: fallback, path: path, log: log).read(type)
            } catch {
                if log.problems.count == before { log.add(problem(error, type, user, path)) }
            }
        }
        guard let fallback else { throw Abandoned() }
        return try RecipeDecoder(user: nil, fallback: fallback, path: path, log: log).read(type)
    }

    fileprivate func read<T: Decodable>(_ type: T.Type) throws -> T {
        if let scalar = type as? any ScalarReadable.Type {
            // Scalars never come from both: what the user wrote wins.
            guard let node = user ?? fallback, let value = scalar.init(recipeScalar: node) as? T else {
                throw mismatch(scalar.allowed)
            }
            return value
        }
        let value = try T(from: self)
        noteUnknownKeys()
        return value
    }

    private func noteUnknownKeys() {
        guard let entries = user?.entries, !asked.takesAll else { return }
        for entry in entries where !asked.keys.contains(entry.key) {
            let name = (path + [entry.key]).joined(separator: ".")
            log.add(.unknownKey(name, entry.key, allowed: Array(asked.keys), origin: entry.origin))
        }
    }

    /// Notes that the value is of the wrong kind.
    func mismatch(_ allowed: String) -> any Error {
        if let user { log.add(.wrongValue(path.joined(separator: "."), user, allowed: allowed)) }
        return Abandoned()
    }

    private static func problem(
        _ error: any Error, _ type: any Any.Type, _ node: RecipeNode, _ path: [String]
    ) -> RecipeProblem {
        let name = path.joined(separator: ".")
        if let type = type as? any CaseIterable.Type, node.entries == nil {
            return .wrongValue(name, node, allowed: caseNames(type).joined(separator: ", "))
        }
        guard case .dataCorrupted(let context) = error as? DecodingError else {
            return RecipeProblem(path: name, reason: "\(error)", origin: node.origin)
        }
        return RecipeProblem(path: name, reason: context.debugDescription, origin: node.origin)
    }

    private static func caseNames<C: CaseIterable>(_ type: C.Type) -> [String] {
        type.allCases.map { value in
            (value as? any RawRepresentable).map { "\($0.rawValue)" } ?? "\(value)"
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        if let user, user.entries == nil { throw mismatch("a mapping, that is lines of key: value") }
        return KeyedDecodingContainer(KeyedRecipeContainer(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = (user ?? fallback)?.elements else { throw mismatch("a list") }
        return ListRecipeContainer(decoder: self, elements: elements)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { SingleRecipeContainer(decoder: self) }
}

/// A key or a place in a list.
struct RecipeKey: CodingKey {
    let stringValue: String
    var intValue: Int? { Int(stringValue) }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { stringValue = "\(intValue)" }
}

private struct KeyedRecipeContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: RecipeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }

    /// A dictionary that the user gives replaces the default one.
    var allKeys: [Key] {
        decoder.asked.takesAll = true
        return ((decoder.user ?? decoder.fallback)?.entries ?? []).compactMap { Key(stringValue: $0.key) }
    }

    private func user(_ key: Key) -> RecipeNode? {
        decoder.asked.keys.insert(key.stringValue)
        return decoder.user?[key.stringValue]
    }

    private func fallback(_ key: Key) -> RecipeNode? { decoder.fallback?[key.stringValue] }

    func contains(_ key: Key) -> Bool { (user(key) ?? fallback(key)) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { (user(key) ?? fallback(key))?.isNull ?? true }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let user = user(key)
        let fallback = fallback(key)
        guard user != nil || fallback != nil else {
            let name = (decoder.path + [key.stringValue]).joined(separator: ".")
            decoder.log.add(.missing(name, origin: decoder.user?.origin))
            throw Abandoned()
        }
        return try RecipeDecoder.value(
            type, user: user, fallback: fallback, path: decoder.path + [key.stringValue], log: decoder.log)
    }

    private func nested(_ key: Key) -> RecipeDecoder {
        RecipeDecoder(
            user: user(key), fallback: fallback(key), path: decoder.path + [key.stringValue], log: decoder.log)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try nested(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try nested(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { nested(key) }
}

private struct ListRecipeContainer: UnkeyedDecodingContainer {
    let decoder: RecipeDecoder
    let elements: [RecipeNode]
    var currentIndex = 0

    init(decoder: RecipeDecoder, elements: [RecipeNode]) {
        self.decoder = decoder
        self.elements = elements
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private mutating func next() throws -> RecipeDecoder {
        guard !isAtEnd else { throw decoder.mismatch("a list of more than \(elements.count) values") }
        defer { currentIndex += 1 }
        let node = elements[currentIndex]
        let isUsers = decoder.user != nil
        return RecipeDecoder(
            user: isUsers ? node : nil, fallback: isUsers ? nil : node, path: decoder.path + ["\(currentIndex)"],
            log: decoder.log)
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let element = try next()
        return try RecipeDecoder.value(
            type, user: element.user, fallback: element.fallback, path: element.path, log: element.log)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try next().container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }

    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct SingleRecipeContainer: SingleValueDecodingContainer {
    let decoder: RecipeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { (decoder.user ?? decoder.fallback)?.isNull ?? true }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        // Whoever asked for the whole value falls back to the default, not this part of it.
        try RecipeDecoder(user: decoder.user, fallback: decoder.fallback, path: decoder.path, log: decoder.log)
            .read(type)
    }
}
