/// Metrics of every evaluated user and their means, each printed with the protocol.
public struct RankingReport: Sendable, CustomStringConvertible {
    public enum Metric: String, Sendable, CaseIterable {
        case hitRate = "HR"
        case recall = "Recall"
        case precision = "Precision"
        case discountedGain = "nDCG"
        case reciprocalRank = "MRR"
        case averagePrecision = "MAP"
    }

    public let `protocol`: RankingProtocol
    /// The evaluated users in order; users without relevant items are not here.
    public private(set) var users: [Int32] = []
    public private(set) var skippedUsers = 0
    /// The lists of the largest cutoff, when they were asked for.
    public private(set) var lists: [[Int32]] = []
    private let keepsLists: Bool
    private var values: [Float] = []  // [users, metrics, cutoffs]

    init(protocol: RankingProtocol, keepsLists: Bool) {
        self.protocol = `protocol`
        self.keepsLists = keepsLists
    }

    public var evaluatedUsers: Int { users.count }

    mutating func skip() { skippedUsers += 1 }

    mutating func add(user: Int, list: some Sequence<Int32>, relevant: ArraySlice<Int32>) {
        users.append(Int32(user))
        var hits: [Int] = []
        var kept: [Int32] = []
        for (position, item) in list.enumerated() {
            if contains(relevant, item) { hits.append(position) }
            if keepsLists { kept.append(item) }
        }
        if keepsLists { lists.append(kept) }
        for metric in Metric.allCases {
            for k in `protocol`.cutoffs {
                values.append(Float(Self.compute(metric, hits, relevant.count, k) ?? 0))
            }
        }
    }

    /// The metric of each evaluated user, aligned with `users`: what paired comparisons need.
    public func perUser(_ metric: Metric, k: Int) -> [Float] {
        guard let cutoff = `protocol`.cutoffs.firstIndex(of: k) else { return [] }
        let width = `protocol`.cutoffs.count
        let row = Metric.allCases.count * width
        let offset = Metric.allCases.firstIndex(of: metric)! * width + cutoff
        return users.indices.map { values[$0 * row + offset] }
    }

    /// The mean over evaluated users; `nil` for a cutoff outside the protocol.
    public func value(_ metric: Metric, k: Int) -> RankingValue? {
        let all = perUser(metric, k: k)
        guard !all.isEmpty else { return nil }
        return RankingValue(
            metric: "\(metric.rawValue)@\(k)", value: all.reduce(0.0) { $0 + Double($1) } / Double(all.count),
            users: all.count, protocol: `protocol`)
    }

    public var description: String {
        var lines: [String] = []
        for metric in Metric.allCases {
            for k in `protocol`.cutoffs {
                if let found = value(metric, k: k) { lines.append("\(found.metric) \(fixed(found.value, digits: 4))") }
            }
        }
        return lines.joined(separator: "  ")
            + "\n(\(evaluatedUsers) users, \(skippedUsers) without targets; \(`protocol`))"
    }

    private static func compute(_ metric: Metric, _ hits: [Int], _ relevant: Int, _ k: Int) -> Double? {
        switch metric {
        case .hitRate: RankingMetrics.hitRate(hits: hits, relevantCount: relevant, k: k)
        case .recall: RankingMetrics.recall(hits: hits, relevantCount: relevant, k: k)
        case .precision: RankingMetrics.precision(hits: hits, relevantCount: relevant, k: k)
        case .discountedGain: RankingMetrics.discountedGain(hits: hits, relevantCount: relevant, k: k)
        case .reciprocalRank: RankingMetrics.reciprocalRank(hits: hits, relevantCount: relevant, k: k)
        case .averagePrecision: RankingMetrics.averagePrecision(hits: hits, relevantCount: relevant, k: k)
        }
    }
}
