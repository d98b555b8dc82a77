public import Corpora

/// Rows with and without success, for methods that learn what to show: what was shown or met, and whether it was liked.
///
/// The liked rows are divided as every other method divides them, so that all are measured by one protocol. Rows that were
/// not liked are experience to learn from where they are older than what is to be found; later ones are left out.
public struct FeedbackData: Sendable {
    /// All rows.
    public let log: InteractionLog
    /// Of each row of ``log``.
    public let isLiked: [Bool]
    /// Of the liked rows alone; its users and items are those of ``log``.
    public let split: InteractionSplit
    public let name: String
    /// The end of each user's rows that may be learned from.
    private let trainEnds: [Int]

    /// - Parameter isLiked: by row of `log`.
    /// - Throws: `InteractionError`.
    public init(
        log: InteractionLog, isLiked: [Bool], name: String = "log", divide: (InteractionLog) throws -> InteractionSplit
    ) throws {
        precondition(isLiked.count == log.rowCount, "an answer for each row")
        self.log = log
        self.isLiked = isLiked
        self.name = name
        guard isLiked.contains(false) else {
            let split = try divide(log)
            self.split = split
            trainEnds = (0..<log.userCount).map { split.rows(.train, user: $0).upperBound }
            return
        }
        let kept = (0..<log.rowCount).filter { isLiked[$0] }
        var userOfRow = [Int32](repeating: 0, count: log.rowCount)
        for user in 0..<log.userCount { for row in log.rows(ofUser: user) { userOfRow[row] = Int32(user) } }
        let liked = try InteractionLog(
            users: log.users, items: log.items, userIndices: kept.map { userOfRow[$0] },
            itemIndices: kept.map { log.itemIndices[$0] }, times: log.times.isEmpty ? [] : kept.map { log.times[$0] },
            order: .asGiven, name: name)
        let split = try divide(liked)
        var firstHeldOut = Double.infinity
        if !log.times.isEmpty, split.isByTime {
            for user in 0..<log.userCount {
                let from = split.history(before: .validation, user: user).upperBound
                if from < liked.rows(ofUser: user).upperBound { firstHeldOut = min(firstHeldOut, liked.times[from]) }
            }
        }
        trainEnds = (0..<log.userCount).map { user in
            let rows = log.rows(ofUser: user)
            let train = split.rows(.train, user: user)
            // The first liked row that is to be found ends what is learned from.
            var end = rows.upperBound
            if train.upperBound < liked.rows(ofUser: user).upperBound { end = kept[train.upperBound] }
            guard firstHeldOut < .infinity else { return end }
            return rows.first { $0 < end && log.times[$0] >= firstHeldOut } ?? end
        }
        self.split = split
    }

    /// The rows of a user that may be learned from, oldest first.
    public func trainRows(ofUser user: Int) -> Range<Int> { log.rows(ofUser: user).lowerBound..<trainEnds[user] }
}

extension InteractionDataRecipe {
    /// Every row with its answer: liked from ``minimumRating`` on, and all where there is no ``rating``.
    /// - Throws: `InteractionError`, `CorpusError`, ``RecommendationDataError``.
    package func feedback(seed: UInt64) throws -> FeedbackData {
        var lenient = self
        // Features are not read here, so that none can be missing.
        lenient.missing = .fill
        let tables = try lenient.tables(seed: seed)
        var log: InteractionLog
        var isLiked: [Bool]
        if let sequences = tables.sequences {
            log = sequences
            isLiked = [Bool](repeating: true, count: log.rowCount)
        } else if let rows = tables.rows {
            let ratings = rating.isEmpty ? nil : try rows.numbers(rating)
            if let ratings, let highest = ratings.max(), highest < minimumRating {
                throw RecommendationDataError.noneRated(
                    source: tables.name, column: rating, minimum: minimumRating, highest: highest)
            }
            log = try InteractionLog(table: rows, user: user, item: item, time: time.isEmpty ? nil : time)
            isLiked = log.sourceRows.map { row in ratings.map { $0[Int(row)] >= minimumRating } ?? true }
        } else {
            throw RecommendationDataError.noSource(source)
        }
        let answers = isLiked
        let (left, name, rows) = try core(log, tables.name) { answers[$0] }
        if let rows {
            log = left
            isLiked = zip(isLiked, rows).filter(\.1).map(\.0)
        }
        return try FeedbackData(log: log, isLiked: isLiked, name: name, divide: divided)
    }

    /// Train, validation and test of a log.
    /// - Throws: `InteractionError.invalidSplit(field:found:allowed:)`.
    func divided(_ log: InteractionLog) throws -> InteractionSplit {
        switch split {
        case .leaveOneOut: .leaveOneOut(log)
        case .byTime: try .byTime(log, validation: validationShare, test: testShare)
        }
    }
}
