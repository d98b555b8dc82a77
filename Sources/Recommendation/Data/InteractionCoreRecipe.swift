import Corpora

/// Leaving out users and items with few rows: ``InteractionDataRecipe/leastUserRows``,
/// ``InteractionDataRecipe/leastItemRows``.
extension InteractionDataRecipe {
    /// What is left of a log.
    /// - Parameter isCounted: which rows users and items are counted by; the others leave with their user or their item.
    /// - Returns: the log with the users and items that are left, its name with what was left out, and which of the given
    ///   rows these are; nil for all, with nobody left out.
    /// - Throws: ``RecommendationDataError/allLeftOut(source:leastUserRows:leastItemRows:rows:)``.
    func core(
        _ log: InteractionLog, _ name: String, counting isCounted: (Int) -> Bool = { _ in true }
    ) throws -> (log: InteractionLog, name: String, rows: [Bool]?) {
        guard leastUserRows > 0 || leastItemRows > 0 else { return (log, name, nil) }
        let rows = log.rowsOfCore(
            leastUserRows: leastUserRows, leastItemRows: leastItemRows, counting: isCounted)
        guard let left = log.keeping(rows) else {
            throw RecommendationDataError.allLeftOut(
                source: name, leastUserRows: leastUserRows, leastItemRows: leastItemRows,
                rows: (0..<log.rowCount).count(where: isCounted))
        }
        let limits = [("users", leastUserRows), ("items", leastItemRows)].filter { $0.1 > 0 }
            .map { "\($0.0) of fewer than \($0.1) rows" }
        let text =
            "\(name) without \(limits.joined(separator: " and ")) "
            + "(\(log.userCount - left.userCount) users, \(log.itemCount - left.itemCount) items, "
            + "\((0..<log.rowCount).count { isCounted($0) && !rows[$0] }) rows left out)"
        return (left, text, rows)
    }

    /// Which rows of a table are left; nil for all.
    /// - Throws: ``RecommendationDataError/allLeftOut(source:leastUserRows:leastItemRows:rows:)``, `InteractionError`.
    func core(_ table: FeatureTable, _ name: String) throws -> (rows: [Bool]?, name: String) {
        guard leastUserRows > 0 || leastItemRows > 0 else { return (nil, name) }
        let log = try InteractionLog(table: table, user: user, item: item)
        let (_, text, rows) = try core(log, name)
        guard let rows else { return (nil, name) }
        var isLeft = [Bool](repeating: false, count: table.rowCount)
        for (row, source) in log.sourceRows.enumerated() where rows[row] { isLeft[Int(source)] = true }
        return (isLeft, text)
    }
}
