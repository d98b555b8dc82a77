public import Corpora
public import Evaluation
import Tensors

/// Ranks the whole catalogue, or a sample of it, for the users of a split.
public struct RankingMeasurement: Sendable {
    public let split: InteractionSplit
    public let part: InteractionSplit.Part
    public let cutoffs: [Int]
    public let data: String
    public let seeds: [UInt64]
    public let candidates: RankingCandidates
    private let relevant: ItemSets
    private let excluded: ItemSets?
    private let sample: CandidateSample?

    /// - Parameters:
    ///   - part: whose items are to be found; what a user met before is history.
    ///   - excludesHistory: whether items of the history are no candidates.
    ///   - data: its name, for the printed protocol.
    ///   - candidates: all items, or for each item to be found some that the user meets in no part, drawn from the first
    ///     seed: all models are measured among the same. Users who have fewer left are measured among these.
    public init(
        _ split: InteractionSplit, part: InteractionSplit.Part, cutoffs: [Int] = [10], excludesHistory: Bool = true,
        data: String = "log", seeds: [UInt64] = [], candidates: RankingCandidates = .full
    ) {
        self.split = split
        self.part = part
        self.cutoffs = cutoffs
        self.data = data
        self.seeds = seeds
        relevant = split.targets(part)
        excluded = excludesHistory ? split.histories(before: part) : nil
        self.candidates = candidates
        sample = CandidateSample(candidates, of: split, for: relevant, seed: seeds.first ?? 0)
    }

    /// A user as this measurement asks for them: the rows before the part.
    public func context(ofUser user: Int) -> UserContext {
        UserContext(user: Int32(user), history: Array(split.log.items(split.history(before: part, user: user))))
    }

    /// How many users with something to be found the model has no answer for.
    public func usersWithoutAnswer(_ model: any Recommender) -> Int {
        (0..<relevant.count).count { !relevant[$0].isEmpty && !model.canScore(context(ofUser: $0)) }
    }

    /// Of the scores of the users that are asked for at once: memory does not grow with their number. A product with the
    /// vectors of all items costs little more for 64 users than for one, so that a large catalogue gets more room.
    package static func scoreBytes(itemCount: Int) -> Int { max(4 << 20, min(64 * 4 * itemCount, 32 << 20)) }

    /// - Parameter eachList: is told the list of each user as it is made.
    /// - Throws: `RankingError`, ``RecommendationError``, and what `eachList` throws.
    public func callAsFunction(
        _ model: some Recommender, keepsLists: Bool = false,
        eachList: ((_ user: Int, _ list: [RankedItem]) throws -> Void)? = nil
    ) throws -> RankingReport {
        guard model.itemCount == split.log.itemCount else {
            throw RecommendationError.mismatch(
                reason: "the model ranks \(model.itemCount) items, the data have \(split.log.itemCount)")
        }
        let ranking = try FullRanking(
            itemCount: model.itemCount,
            protocol: RankingProtocol(
                data: data, split: "\(split.name), \(part.rawValue)", candidates: candidates,
                excluded: sample?.excluded ?? (excluded == nil ? "nothing" : "history"), cutoffs: cutoffs, seeds: seeds),
            scoreBytes: Self.scoreBytes(itemCount: model.itemCount), keepsLists: keepsLists)
        let items = Array(0..<Int32(model.itemCount))
        return try ranking.evaluate(
            relevant: relevant, excluded: excluded,
            candidates: sample.map { sample in { try sample.items(ofUser: $0) } },
            eachList: eachList
        ) { users, buffer in
            // Users without targets are passed over by the ranking. Where the model has no answer all items are equal,
            // which the tie rule counts as a miss.
            let asked = users.filter { !relevant[$0].isEmpty && model.canScore(context(ofUser: $0)) }
            if asked.count < users.count { buffer.update(repeating: 0) }
            guard !asked.isEmpty else { return }
            let scores = try withoutGradients { try model.score(asked.map(context(ofUser:)), candidates: items) }
                .cast(to: .float32).contiguous()
            scores.withUnsafeBytes { bytes in
                let values = bytes.assumingMemoryBound(to: Float.self)
                for (row, user) in asked.enumerated() {
                    let from = (user - users.lowerBound) * items.count
                    let target = UnsafeMutableBufferPointer(rebasing: buffer[from..<(from + items.count)])
                    _ = target.update(fromContentsOf: values[(row * items.count)..<((row + 1) * items.count)])
                }
            }
        }
    }

    /// The report as metrics by name, such as `nDCG@10`.
    public func metrics(_ model: some Recommender) throws -> [String: Double] {
        let report = try self(model)
        var metrics: [String: Double] = [:]
        for metric in RankingReport.Metric.allCases {
            for k in cutoffs {
                if let found = report.value(metric, k: k) { metrics[found.metric] = found.value }
            }
        }
        return metrics
    }
}
