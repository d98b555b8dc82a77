/// A set of tokens, held as ranges: large vocabularies cost as little as single tokens.
public struct TokenSet: Sendable, Hashable, Codable {
    /// Ascending, neither empty nor touching each other.
    public private(set) var ranges: [Range<TokenID>]

    public init(_ range: Range<TokenID>) { ranges = range.isEmpty ? [] : [range] }

    public init(_ tokens: some Sequence<TokenID>) {
        // No vocabulary has the highest number, behind which no range can end.
        ranges = Self.joined(tokens.filter { $0 < .max }.map { $0..<$0 + 1 })
    }

    private enum CodingKeys: CodingKey { case ranges }

    /// Ranges may come in any order, empty ones and ones that overlap among them.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let found = try container.decode([Range<TokenID>].self, forKey: .ranges)
        ranges = Self.joined(found.filter { !$0.isEmpty })
    }

    public func union(_ other: TokenSet) -> TokenSet {
        var result = self
        result.ranges = Self.joined(ranges + other.ranges)
        return result
    }

    public func subtracting(_ other: TokenSet) -> TokenSet {
        var result = self
        for gap in other.ranges {
            result.ranges = result.ranges.flatMap { range in
                [
                    range.lowerBound..<max(range.lowerBound, min(range.upperBound, gap.lowerBound)),
                    min(range.upperBound, max(range.lowerBound, gap.upperBound))..<range.upperBound,
                ].filter { !$0.isEmpty }
            }
        }
        return result
    }

    public func contains(_ token: TokenID) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound <= token { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(token)
    }

    public var isEmpty: Bool { ranges.isEmpty }
    public var count: Int { ranges.reduce(0) { $0 + $1.count } }

    private static func joined(_ ranges: [Range<TokenID>]) -> [Range<TokenID>] {
        var result: [Range<TokenID>] = []
        for range in ranges.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }
}
