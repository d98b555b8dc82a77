import Evaluation

/// What happens when the rows of a user are not in the order of their times.
public enum InteractionOrder: String, Sendable {
    /// Rows are sorted by time; rows of equal time keep the order of the file.
    case byTime
    /// A step back in time is an error.
    case ascending
    /// The order of the file counts; times are not looked at.
    case asGiven
}

/// Who met what and when, sorted by user and time. A sequence is a range of rows: nothing is ever expanded.
public struct InteractionLog: Sendable, Equatable {
    public let users: IdentifierMap
    public let items: IdentifierMap
    /// Rows of user `u` are `offsets[u] ..< offsets[u + 1]`.
    public let offsets: [Int32]
    /// The item of each row.
    public let itemIndices: [Int32]
    /// The time of each row; empty where the source has none.
    public let times: [Double]
    /// The row of the source table that each row came from, for its other columns.
    public let sourceRows: [Int32]

    public var userCount: Int { users.count }
    public var itemCount: Int { items.count }
    public var rowCount: Int { itemIndices.count }

    /// The rows of a user, oldest first; empty for a user without history.
    public func rows(ofUser user: Int) -> Range<Int> { Int(offsets[user])..<Int(offsets[user + 1]) }

    /// The items of a range of rows, without a copy.
    public func items(_ rows: Range<Int>) -> ArraySlice<Int32> { itemIndices[rows] }

    /// Sorts interactions by user (counting sort, stable) and time.
    /// - Throws: ``InteractionError/noRows(_:)``, ``InteractionError/timeBackwards(user:previous:found:)``.
    public init(
        users: IdentifierMap, items: IdentifierMap, userIndices: [Int32], itemIndices: [Int32], times: [Double] = [],
        order: InteractionOrder = .byTime, name: String = "the log"
    ) throws {
        precondition(userIndices.count == itemIndices.count, "users and items differ in length")
        precondition(times.isEmpty || times.count == userIndices.count, "times differ in length")
        guard !userIndices.isEmpty else { throw InteractionError.noRows(name) }
        var offsets = [Int32](repeating: 0, count: users.count + 1)
        for user in userIndices { offsets[Int(user) + 1] += 1 }
        for user in 0..<users.count { offsets[user + 1] += offsets[user] }
        var next = offsets
        var sourceRows = [Int32](repeating: 0, count: userIndices.count)
        for (row, user) in userIndices.enumerated() {
            sourceRows[Int(next[Int(user)])] = Int32(row)
            next[Int(user)] += 1
        }
        if !times.isEmpty, order != .asGiven {
            for user in 0..<users.count {
                let range = Int(offsets[user])..<Int(offsets[user + 1])
                guard range.count > 1 else { continue }
                var sorted = true
                for place in range.dropFirst() {
                    let previous = times[Int(sourceRows[place - 1])]
                    let found = times[Int(sourceRows[place])]
                    guard found < previous else { continue }
                    if order == .ascending {
                        throw InteractionError.timeBackwards(
                            user: users.tokens[user], previous: previous, found: found)
                    }
                    sorted = false
                    break
                }
                if !sorted {
                    sourceRows[range].sort {
                        (times[Int($0)], $0) < (times[Int($1)], $1)
                    }
                }
            }
        }
        self.users = users
        self.items = items
        self.offsets = offsets
        self.itemIndices = sourceRows.map { itemIndices[Int($0)] }
        self.times = times.isEmpty ? [] : sourceRows.map { times[Int($0)] }
        self.sourceRows = sourceRows
    }

    /// - Parameters:
    ///   - time: a float or time column; nil takes the order of the file.
    ///   - keep: rows to keep, for example positive ratings; users and items of other rows keep their indices.
    /// - Throws: ``InteractionError``.
    public init(
        table: FeatureTable, user: String, item: String, time: String? = nil, order: InteractionOrder = .byTime,
        keep: ((Int) -> Bool)? = nil
    ) throws {
        let (userValues, users) = try table.tokens(user)
        let (itemValues, items) = try table.tokens(item)
        let times = try time.map { try table.numbers($0) } ?? []
        let rows = userValues.indices.filter { row in
            userValues[row] >= 0 && itemValues[row] >= 0 && (keep?(row) ?? true)
        }
        let sorted = try InteractionLog(
            users: users, items: items, userIndices: rows.map { userValues[$0] },
            itemIndices: rows.map { itemValues[$0] }, times: times.isEmpty ? [] : rows.map { times[$0] },
            order: time == nil ? .asGiven : order, name: table.name)
        self.users = sorted.users
        self.items = sorted.items
        offsets = sorted.offsets
        itemIndices = sorted.itemIndices
        self.times = sorted.times
        sourceRows = sorted.sourceRows.map { Int32(rows[Int($0)]) }
    }

    /// Rows that are in order already.
    init(
        users: IdentifierMap, items: IdentifierMap, offsets: [Int32], itemIndices: [Int32], times: [Double],
        sourceRows: [Int32]
    ) {
        self.users = users
        self.items = items
        self.offsets = offsets
        self.itemIndices = itemIndices
        self.times = times
        self.sourceRows = sourceRows
    }

    /// How often each item occurs in the given ranges of rows.
    public func itemCounts(_ ranges: some Sequence<Range<Int>>) -> [Int32] {
        var counts = [Int32](repeating: 0, count: items.count)
        for range in ranges { for item in itemIndices[range] { counts[Int(item)] += 1 } }
        return counts
    }

    /// Distinct items of one range of rows for each user.
    public func itemSets(_ range: (Int) -> Range<Int>) -> ItemSets {
        var sets = ItemSets()
        for user in 0..<userCount { sets.append(itemIndices[range(user)]) }
        return sets
    }
}
