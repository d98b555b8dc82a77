/// Leaving out users and items with few rows, again and again until all that are left have enough: the core of the graph
/// whose edges are the rows (for one number k, the k-core of Seidman 1983, "Network structure and minimum degree").
extension InteractionLog {
    /// Which rows are of a user and of an item that are both left. A pair that stands twice counts twice.
    ///
    /// Every row is taken away at most once, so that time and memory grow with the number of rows.
    /// - Parameters:
    ///   - leastUserRows: the fewest rows with which a user is left; up to 1, whoever has a row.
    ///   - leastItemRows: likewise of an item.
    ///   - isCounted: which rows count; the others are left where their user and their item are.
    public func rowsOfCore(
        leastUserRows: Int, leastItemRows: Int, counting isCounted: (Int) -> Bool = { _ in true }
    ) -> [Bool] {
        var userOfRow = [Int32](repeating: 0, count: rowCount)
        for user in 0..<userCount { for row in rows(ofUser: user) { userOfRow[row] = Int32(user) } }
        let counted = (0..<rowCount).filter(isCounted).map(Int32.init)
        var sides = [
            CoreSide(userOfRow, rows: counted, count: userCount, least: max(1, leastUserRows)),
            CoreSide(itemIndices, rows: counted, count: itemCount, least: max(1, leastItemRows)),
        ]
        var isCountedStill = [Bool](repeating: true, count: rowCount)
        var poor = sides.indices.flatMap { side in sides[side].poor.map { (side: side, index: $0) } }
        while let (side, index) = poor.popLast() {
            for row in sides[side].rows(of: index) where isCountedStill[Int(row)] {
                isCountedStill[Int(row)] = false
                sides[side].take(row)
                if let next = sides[1 - side].take(row) { poor.append((1 - side, next)) }
            }
        }
        return (0..<rowCount).map { sides[0].isLeft(ofRow: $0) && sides[1].isLeft(ofRow: $0) }
    }

    /// Some of the rows, with the users and items that have one among them, in their old order.
    /// - Returns: nil where there is no row.
    public func keeping(_ isKept: [Bool]) -> InteractionLog? {
        precondition(isKept.count == rowCount, "an answer for each row")
        var counts = [Int32](repeating: 0, count: userCount)
        var isItemKept = [Bool](repeating: false, count: itemCount)
        for user in 0..<userCount {
            for row in rows(ofUser: user) where isKept[row] {
                counts[user] += 1
                isItemKept[Int(itemIndices[row])] = true
            }
        }
        let users = IdentifierMap(counts.indices.lazy.filter { counts[$0] > 0 }.map { self.users.tokens[$0] })
        guard users.count > 0 else { return nil }
        var items = IdentifierMap()
        let newItems = isItemKept.indices.map { isItemKept[$0] ? items.insert(self.items.tokens[$0]) : -1 }
        let kept = (0..<rowCount).filter { isKept[$0] }
        var offsets: [Int32] = [0]
        for count in counts where count > 0 { offsets.append(offsets[offsets.count - 1] + count) }
        return InteractionLog(
            users: users, items: items, offsets: offsets, itemIndices: kept.map { newItems[Int(itemIndices[$0])] },
            times: times.isEmpty ? [] : kept.map { times[$0] }, sourceRows: kept.map { sourceRows[$0] })
    }
}

/// The users or the items of a log, with the rows that each has left.
private struct CoreSide {
    private let values: [Int32]
    private let least: Int32
    /// Rows by value: those of value v are `sorted[offsets[v] ..< offsets[v + 1]]`.
    private var offsets: [Int32]
    private var sorted: [Int32]
    private var left: [Int32]

    /// - Parameters:
    ///   - values: of each row of the log.
    ///   - rows: which rows count.
    init(_ values: [Int32], rows: [Int32], count: Int, least: Int) {
        self.values = values
        self.least = Int32(clamping: least)
        left = [Int32](repeating: 0, count: count)
        for row in rows { left[Int(values[Int(row)])] += 1 }
        offsets = [0]
        for number in left { offsets.append(offsets[offsets.count - 1] + number) }
        var next = offsets
        sorted = [Int32](repeating: 0, count: rows.count)
        for row in rows {
            let value = Int(values[Int(row)])
            sorted[Int(next[value])] = row
            next[value] += 1
        }
    }

    /// Those with too few rows from the beginning.
    var poor: [Int] { left.indices.filter { left[$0] > 0 && left[$0] < least } }

    func rows(of index: Int) -> ArraySlice<Int32> { sorted[Int(offsets[index])..<Int(offsets[index + 1])] }

    func isLeft(ofRow row: Int) -> Bool { left[Int(values[row])] >= least }

    /// Takes a row away.
    /// - Returns: whose it was, where just this makes them too few.
    @discardableResult
    mutating func take(_ row: Int32) -> Int? {
        let value = Int(values[Int(row)])
        left[value] -= 1
        return left[value] == least - 1 ? value : nil
    }
}
