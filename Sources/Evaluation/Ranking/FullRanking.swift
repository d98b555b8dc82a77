/// Ranks the whole catalogue for every user in bounded memory.
///
/// The scorer fills the scores of a few users at a time; only these scores (`usersPerChunk * itemCount` floats), one heap
/// of the largest cutoff and one row of metrics per user are ever held. 50,000 users × 100,000 items need tens of
/// megabytes beyond the model.
public struct FullRanking: Sendable {
    public let itemCount: Int
    public let `protocol`: RankingProtocol
    public let usersPerChunk: Int
    /// Whether the lists of the largest cutoff are kept in the report (`users * k` items).
    public let keepsLists: Bool

    /// - Parameters:
    ///   - itemCount: number of items, all of which are ranked.
    ///   - protocol: what the numbers answer, with the cutoffs.
    ///   - scoreBytes: upper bound of the score buffer; at least one user is scored at a time.
    ///   - keepsLists: whether the report keeps the lists of the largest cutoff.
    /// - Throws: `RankingError.invalidCutoffs`.
    public init(
        itemCount: Int, protocol: RankingProtocol, scoreBytes: Int = 32 << 20, keepsLists: Bool = false
    ) throws {
        guard !`protocol`.cutoffs.isEmpty, `protocol`.cutoffs.allSatisfy({ $0 > 0 }) else {
            throw RankingError.invalidCutoffs(`protocol`.cutoffs)
        }
        self.itemCount = itemCount
        self.protocol = `protocol`
        self.usersPerChunk = max(1, scoreBytes / (4 * max(1, itemCount)))
        self.keepsLists = keepsLists
    }

    /// Evaluates every user that has relevant items; the others are skipped and counted.
    ///
    /// - Parameters:
    ///   - relevant: the targets of each user.
    ///   - excluded: items that may not be recommended to the user (the history); a relevant item is never excluded.
    ///   - candidates: where the protocol samples candidates, the negatives of a user; `nil` ranks the catalogue.
    ///   - eachList: is told the list of the largest cutoff of each evaluated user as it is made, best item first.
    ///   - scores: fills `[users.count, itemCount]` scores row by row for the given user range.
    /// - Throws: `RankingError`, and what the scorer and `eachList` throw.
    public func evaluate(
        relevant: ItemSets, excluded: ItemSets? = nil, candidates: ((Int) throws -> [Int32])? = nil,
        eachList: ((_ user: Int, _ list: [RankedItem]) throws -> Void)? = nil,
        scores: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws -> RankingReport {
        let users = relevant.count
        precondition(excluded == nil || excluded!.count == users, "excluded and relevant have other users")
        precondition(
            (candidates == nil) == (`protocol`.candidates == .full), "candidates must be as the protocol names them")
        let longest = `protocol`.cutoffs.max()!
        var report = RankingReport(protocol: `protocol`, keepsLists: keepsLists)
        var top = TopItems(capacity: min(longest, max(1, itemCount)))
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(
            capacity: usersPerChunk * max(1, itemCount) + (candidates == nil ? 0 : itemCount))
        defer { buffer.deallocate() }

        for start in stride(from: 0, to: users, by: usersPerChunk) {
            let range = start..<min(start + usersPerChunk, users)
            let filled = UnsafeMutableBufferPointer(rebasing: buffer[0..<(range.count * itemCount)])
            try scores(range, filled)
            for user in range {
                let targets = relevant[user]
                guard !targets.isEmpty else {
                    report.skip()
                    continue
                }
                try check(targets, user)
                let from = (user - start) * itemCount
                var row = UnsafeMutableBufferPointer(rebasing: buffer[from..<(from + itemCount)])
                if let candidates {
                    let negatives = try candidates(user)
                    try check(negatives[...], user)
                    let spare = buffer.count - itemCount
                    let few = UnsafeMutableBufferPointer(rebasing: buffer[spare..<buffer.count])
                    few.update(repeating: -.infinity)
                    for item in negatives { few[Int(item)] = row[Int(item)] }
                    for item in targets { few[Int(item)] = row[Int(item)] }
                    row = few
                }
                if let excluded {
                    try check(excluded[user], user)
                    for item in excluded[user] where !contains(targets, item) { row[Int(item)] = -.infinity }
                }
                guard let list = top.rank(UnsafeBufferPointer(row), relevant: targets, ties: `protocol`.ties) else {
                    throw RankingError.scoreNotANumber(user: user)
                }
                report.add(user: user, list: list.lazy.map(\.item), relevant: targets)
                try eachList?(
                    user,
                    list.map { RankedItem(item: $0.item, score: $0.score, isRelevant: contains(targets, $0.item)) })
            }
        }
        guard report.evaluatedUsers > 0 else { throw RankingError.noRelevantItems(users: users) }
        return report
    }

    private func check(_ items: ArraySlice<Int32>, _ user: Int) throws {
        for item in items where item < 0 || Int(item) >= itemCount {
            throw RankingError.itemOutOfRange(user: user, item: item, itemCount: itemCount)
        }
    }
}

/// An item at its place in a ranked list.
public struct RankedItem: Sendable, Hashable {
    public let item: Int32
    public let score: Float
    /// Whether the user met it: a hit.
    public let isRelevant: Bool
}
