/// Turns a recipe into a tree with the keys in the order of its properties, numbers with all their digits.
struct RecipeEncoder: Encoder {
    /// Where the encoded value ends up.
    fileprivate final class Slot {
        enum Filling {
            case node(RecipeNode)
            case sequence([Slot])
            case mapping([(key: String, slot: Slot)])
        }

        var filling: Filling?

        func add(_ key: String) -> Slot {
            let slot = Slot()
            var entries: [(key: String, slot: Slot)] = []
            if case .mapping(let existing) = filling { entries = existing }
            filling = nil
            entries.append((key, slot))
            filling = .mapping(entries)
            return slot
        }

        func addElement() -> Slot {
            let slot = Slot()
            var elements: [Slot] = []
            if case .sequence(let existing) = filling { elements = existing }
            elements.append(slot)
            filling = .sequence(elements)
            return slot
        }

        var node: RecipeNode {
            switch filling {
            case nil: .empty(.code)
            case .node(let node): node
            case .sequence(let slots): RecipeNode(content: .sequence(slots.map(\.node)), origin: .code)
            case .mapping(let entries):
                RecipeNode(
                    content: .mapping(entries.map { .init(key: $0.key, origin: .code, value: $0.slot.node) }),
                    origin: .code)
            }
        }
    }

    fileprivate let slot: Slot
    let codingPath: [any CodingKey] = []
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func node(_ value: some Encodable) throws -> RecipeNode {
        let slot = Slot()
        try encode(value, into: slot)
        return slot.node
    }

    fileprivate static func encode(_ value: some Encodable, into slot: Slot) throws {
        switch value {
        case let text as String: slot.filling = .node(.scalar(text, isQuoted: true))
        case let value as any ScalarReadable: slot.filling = .node(.scalar("\(value)"))
        default: try value.encode(to: RecipeEncoder(slot: slot))
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if slot.filling == nil { slot.filling = .mapping([]) }
        return KeyedEncodingContainer(KeyedContainer(slot: slot))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if slot.filling == nil { slot.filling = .sequence([]) }
        return ListContainer(slot: slot)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleContainer(slot: slot) }

    private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let slot: Slot
        var codingPath: [any CodingKey] { [] }

        mutating func encodeNil(forKey key: Key) throws { slot.add(key.stringValue).filling = .node(.scalar("null")) }

        mutating func encode(_ value: some Encodable, forKey key: Key) throws {
            try RecipeEncoder.encode(value, into: slot.add(key.stringValue))
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> { RecipeEncoder(slot: slot.add(key.stringValue)).container(keyedBy: type) }

        mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            RecipeEncoder(slot: slot.add(key.stringValue)).unkeyedContainer()
        }

        mutating func superEncoder() -> any Encoder { RecipeEncoder(slot: slot.add("super")) }
        mutating func superEncoder(forKey key: Key) -> any Encoder { RecipeEncoder(slot: slot.add(key.stringValue)) }
    }

    private struct ListContainer: UnkeyedEncodingContainer {
        let slot: Slot
        var count = 0
        var codingPath: [any CodingKey] { [] }

        init(slot: Slot) { self.slot = slot }

        private mutating func next() -> Slot {
            count += 1
            return slot.addElement()
        }

        mutating func encodeNil() throws { next().filling = .node(.scalar("null")) }
        mutating func encode(_ value: some Encodable) throws { try RecipeEncoder.encode(value, into: next()) }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) -> KeyedEncodingContainer<Nested> { RecipeEncoder(slot: next()).container(keyedBy: type) }

        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            RecipeEncoder(slot: next()).unkeyedContainer()
        }

        mutating func superEncoder() -> any Encoder { RecipeEncoder(slot: next()) }
    }

    private struct SingleContainer: SingleValueEncodingContainer {
        let slot: Slot
        var codingPath: [any CodingKey] { [] }

        mutating func encodeNil() throws { slot.filling = .node(.scalar("null")) }
        mutating func encode(_ value: some Encodable) throws { try RecipeEncoder.encode(value, into: slot) }
    }
}
