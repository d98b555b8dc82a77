/// Names and their dense indices, `0 ..< count` in the order of first appearance. No index is kept for padding: sequence
/// models shift by one themselves.
public struct IdentifierMap: Sendable, Equatable {
    public private(set) var tokens: [String] = []
    private var indices: [String: Int32] = [:]

    public init() {}

    /// Duplicates keep the index of their first appearance.
    public init(_ tokens: some Sequence<String>) {
        for token in tokens { insert(token) }
    }

    /// The numbers `0 ..< count` as names.
    public init(count: Int) {
        self.init((0..<count).lazy.map(String.init))
    }

    public var count: Int { tokens.count }

    /// The index of a token, nil if it is unknown.
    public subscript(token: String) -> Int32? { indices[token] }

    /// The index of a token, new if it is unknown.
    @discardableResult
    public mutating func insert(_ token: String) -> Int32 {
        if let known = indices[token] { return known }
        let index = Int32(tokens.count)
        indices[token] = index
        tokens.append(token)
        return index
    }

    /// - Parameter kind: what the names are ("user", "item"), for the error.
    /// - Throws: ``InteractionError/unknownIdentifier(kind:token:known:)``.
    public func index(of token: String, kind: String) throws -> Int32 {
        guard let index = indices[token] else {
            throw InteractionError.unknownIdentifier(kind: kind, token: token, known: count)
        }
        return index
    }

    /// The serving-time fallback: known tokens in order, and the unknown ones apart so that a caller can say so.
    public func indices(of tokens: [String]) -> (known: [Int32], unknown: [String]) {
        var known: [Int32] = []
        var unknown: [String] = []
        known.reserveCapacity(tokens.count)
        for token in tokens {
            if let index = indices[token] { known.append(index) } else { unknown.append(token) }
        }
        return (known, unknown)
    }
}
