/// How items with equal scores are ordered inside a ranked list.
///
/// A scorer that gives every item the same value must not look good: `relevantLast` is the default everywhere.
public enum TieRule: String, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// Relevant items stand behind all others of the same score (pessimistic).
    case relevantLast
    /// Relevant items stand before all others of the same score (optimistic).
    case relevantFirst
    /// The smaller item index stands first, whatever its relevance.
    case itemIndex

    public var description: String {
        switch self {
        case .relevantLast: "relevant last"
        case .relevantFirst: "relevant first"
        case .itemIndex: "item index"
        }
    }
}

/// The items that compete with the relevant ones.
public enum RankingCandidates: Sendable, Hashable, CustomStringConvertible {
    /// The whole catalogue without the items excluded for the user.
    case full
    /// For each relevant item `count` items drawn uniformly without the user's positives: kept for comparison with
    /// published tables only. Sampled metrics may order models otherwise than full ones do (Krichene & Rendle 2020).
    case uniform(count: Int)
    /// For each relevant item `count` items drawn by training popularity without the user's positives.
    case popularity(count: Int)

    public var description: String {
        switch self {
        case .full: "full"
        case .uniform(let count): "sampled, \(count) drawn uniformly for each target,"
        case .popularity(let count): "sampled, \(count) drawn by popularity for each target,"
        }
    }

    /// What a reader must know beside the numbers.
    var warning: String { self == .full ? "" : "; sampled metrics are not comparable with full ones" }
}

/// Everything a reader needs to know which question a number answers; it is printed with every number.
public struct RankingProtocol: Sendable, Hashable, CustomStringConvertible {
    public var data: String
    public var split: String
    public var candidates: RankingCandidates
    public var excluded: String
    public var cutoffs: [Int]
    public var ties: TieRule
    public var seeds: [UInt64]

    public init(
        data: String, split: String, candidates: RankingCandidates = .full, excluded: String = "history",
        cutoffs: [Int], ties: TieRule = .relevantLast, seeds: [UInt64]
    ) {
        self.data = data
        self.split = split
        self.candidates = candidates
        self.excluded = excluded
        self.cutoffs = cutoffs
        self.ties = ties
        self.seeds = seeds
    }

    public var description: String {
        let cuts = cutoffs.map(String.init).joined(separator: ", ")
        let seedList = seeds.isEmpty ? "none" : seeds.map { String($0) }.joined(separator: ", ")
        return
            "\(data); \(split); candidates \(candidates) without \(excluded); k = \(cuts); ties \(ties); seeds \(seedList)"
            + candidates.warning
    }
}

/// One measured number with its protocol and how many users stand behind it.
public struct RankingValue: Sendable, Hashable, CustomStringConvertible {
    public let metric: String
    public let value: Double
    public let users: Int
    public let `protocol`: RankingProtocol

    public init(metric: String, value: Double, users: Int, protocol: RankingProtocol) {
        self.metric = metric
        self.value = value
        self.users = users
        self.protocol = `protocol`
    }

    public var description: String { "\(metric) \(fixed(value, digits: 4)) (\(users) users; \(`protocol`))" }
}

/// A decimal with a fixed number of digits, without Foundation.
package func fixed(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return value.isNaN ? "undefined" : (value < 0 ? "-infinity" : "infinity") }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    guard abs(value) * scale < 9e15 else { return String(value) }
    let scaled = (abs(value) * scale).rounded()
    let whole = Int(scaled / scale)
    let fraction = String(Int(scaled) - whole * Int(scale))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + String(whole) }
    return sign + String(whole) + "." + String(repeating: "0", count: max(0, digits - fraction.count)) + fraction
}
