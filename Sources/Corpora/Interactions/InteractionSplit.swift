import Evaluation

/// Train, validation and test of a log as two boundaries per user: rows before the first are train, up to the second
/// validation, the rest test. Histories of a target are always the rows before it.
public struct InteractionSplit: Sendable, Equatable {
    public enum Part: String, Sendable, CaseIterable {
        case train
        case validation
        case test
    }

    public let log: InteractionLog
    /// How it was split, as printed in a protocol.
    public let name: String
    /// Whether no training row of anyone is later than a row that is held out.
    public let isByTime: Bool
    private let trainEnds: [Int32]
    private let validationEnds: [Int32]

    private init(
        log: InteractionLog, name: String, isByTime: Bool = false, boundaries: (Int, Range<Int>) -> (Int, Int)
    ) {
        self.log = log
        self.name = name
        self.isByTime = isByTime
        var trainEnds: [Int32] = []
        var validationEnds: [Int32] = []
        for user in 0..<log.userCount {
            let (train, validation) = boundaries(user, log.rows(ofUser: user))
            trainEnds.append(Int32(train))
            validationEnds.append(Int32(validation))
        }
        self.trainEnds = trainEnds
        self.validationEnds = validationEnds
    }

    /// The last row of each user is test, the one before validation. Users with fewer than three rows are train only.
    public static func leaveOneOut(_ log: InteractionLog) -> InteractionSplit {
        InteractionSplit(log: log, name: "leave-one-out") { _, rows in
            rows.count < 3 ? (rows.upperBound, rows.upperBound) : (rows.upperBound - 2, rows.upperBound - 1)
        }
    }

    /// Rows before `validationFrom` are train, from `testFrom` on test: no training row is later than any test row.
    /// - Throws: ``InteractionError/invalidSplit(field:found:allowed:)`` if the log has no times or the order is wrong.
    public static func byTime(
        _ log: InteractionLog, validationFrom: Double, testFrom: Double
    ) throws -> InteractionSplit {
        guard !log.times.isEmpty else {
            throw InteractionError.invalidSplit(field: "time", found: "absent", allowed: "a log with times")
        }
        guard validationFrom <= testFrom else {
            throw InteractionError.invalidSplit(
                field: "validationFrom", found: "\(validationFrom)", allowed: "at most testFrom (\(testFrom))")
        }
        return InteractionSplit(
            log: log, name: "by time (\(validationFrom), \(testFrom))", isByTime: true
        ) { user, rows in
            func first(from time: Double) -> Int {
                var low = rows.lowerBound
                var high = rows.upperBound
                while low < high {
                    let middle = (low + high) / 2
                    if log.times[middle] < time { low = middle + 1 } else { high = middle }
                }
                return low
            }
            return (first(from: validationFrom), first(from: testFrom))
        }
    }

    /// By the quantiles of all times: the latest `test` share of rows is test, the share before it validation. Rows of one
    /// time stay together.
    /// - Throws: ``InteractionError/invalidSplit(field:found:allowed:)``.
    public static func byTime(_ log: InteractionLog, validation: Double, test: Double) throws -> InteractionSplit {
        try checkShares(validation, test)
        guard !log.times.isEmpty else {
            throw InteractionError.invalidSplit(field: "time", found: "absent", allowed: "a log with times")
        }
        let sorted = log.times.sorted()
        func cut(_ share: Double) -> Double {
            let index = Int((Double(sorted.count) * (1 - share)).rounded())
            return index < sorted.count ? sorted[index] : .infinity
        }
        return try byTime(log, validationFrom: cut(validation + test), testFrom: cut(test))
    }

    /// Whole users: all rows of a validation or test user belong to that part.
    /// - Throws: ``InteractionError/invalidSplit(field:found:allowed:)``.
    public static func byUser(
        _ log: InteractionLog, validation: Double, test: Double, seed: UInt64
    ) throws -> InteractionSplit {
        try checkShares(validation, test)
        var generator = SeededGenerator(seed: seed).split("split by user")
        let order = generator.shuffled(0..<log.userCount)
        let testCount = Int((Double(log.userCount) * test).rounded())
        let validationCount = Int((Double(log.userCount) * validation).rounded())
        var parts = [Part](repeating: .train, count: log.userCount)
        for user in order.prefix(testCount) { parts[user] = .test }
        for user in order.dropFirst(testCount).prefix(validationCount) { parts[user] = .validation }
        return InteractionSplit(log: log, name: "by user (\(validation), \(test); seed \(seed))") { user, rows in
            switch parts[user] {
            case .train: (rows.upperBound, rows.upperBound)
            case .validation: (rows.lowerBound, rows.upperBound)
            case .test: (rows.lowerBound, rows.lowerBound)
            }
        }
    }

    private static func checkShares(_ validation: Double, _ test: Double) throws {
        for (field, share) in [("validation", validation), ("test", test), ("validation + test", validation + test)]
        where !(0..<1).contains(share) {
            throw InteractionError.invalidSplit(field: field, found: "\(share)", allowed: "at least 0 and below 1")
        }
    }

    /// The rows of a user in a part, contiguous and maybe empty.
    public func rows(_ part: Part, user: Int) -> Range<Int> {
        let all = log.rows(ofUser: user)
        let train = Int(trainEnds[user])
        let validation = Int(validationEnds[user])
        return switch part {
        case .train: all.lowerBound..<train
        case .validation: train..<validation
        case .test: validation..<all.upperBound
        }
    }

    /// The rows of a user before a part: the history that its first target may use.
    public func history(before part: Part, user: Int) -> Range<Int> {
        log.rows(ofUser: user).lowerBound..<rows(part, user: user).lowerBound
    }

    public func rowCount(_ part: Part) -> Int {
        (0..<log.userCount).reduce(0) { $0 + rows(part, user: $1).count }
    }

    /// Training counts: what popularity and negative sampling by popularity use.
    public var trainItemCounts: [Int32] {
        log.itemCounts((0..<log.userCount).lazy.map { rows(.train, user: $0) })
    }

    /// The items of a part, distinct, as targets of a ranking.
    public func targets(_ part: Part) -> ItemSets { log.itemSets { rows(part, user: $0) } }

    /// The items before a part, distinct, as exclusions of a ranking.
    public func histories(before part: Part) -> ItemSets { log.itemSets { history(before: part, user: $0) } }
}
