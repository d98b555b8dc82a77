import Foundation

/// Agreement of a found grouping with the true one; labels need not be the same numbers.
public enum GroupingMetrics {
    /// Adjusted Rand index: 1 = same partition, 0 = what chance gives. Two one-group partitions agree (1).
    public static func adjustedRandIndex(_ first: [Int], _ second: [Int]) -> Double? {
        guard let table = Contingency(first, second) else { return nil }
        let pairs: (Int) -> Double = { Double($0) * Double($0 - 1) / 2 }
        let both = table.cells.values.reduce(0.0) { $0 + pairs($1) }
        let rows = table.rows.values.reduce(0.0) { $0 + pairs($1) }
        let columns = table.columns.values.reduce(0.0) { $0 + pairs($1) }
        let expected = table.count > 1 ? rows * columns / pairs(table.count) : 0
        let maximum = (rows + columns) / 2
        return maximum == expected ? 1 : (both - expected) / (maximum - expected)
    }

    /// Mutual information over the mean of the two entropies. Two one-group partitions agree (1).
    public static func normalizedMutualInformation(_ first: [Int], _ second: [Int]) -> Double? {
        guard let table = Contingency(first, second) else { return nil }
        let n = Double(table.count)
        // Terms are summed in sorted order: dictionaries have another order in every process.
        let entropy: ([Int: Int]) -> Double = {
            $0.values.sorted().reduce(0.0) { $0 - Double($1) / n * log(Double($1) / n) }
        }
        let mean = (entropy(table.rows) + entropy(table.columns)) / 2
        guard mean > 0 else { return 1 }
        let terms = table.cells.map { cell, count in
            let independent = Double(table.rows[cell.row]!) * Double(table.columns[cell.column]!) / n
            return Double(count) / n * log(Double(count) / independent)
        }
        return max(0, terms.sorted().reduce(0, +) / mean)
    }

    private struct Cell: Hashable {
        let row: Int
        let column: Int
    }

    private struct Contingency {
        var cells: [Cell: Int] = [:]
        var rows: [Int: Int] = [:]
        var columns: [Int: Int] = [:]
        let count: Int

        init?(_ first: [Int], _ second: [Int]) {
            precondition(first.count == second.count, "the two groupings differ in length")
            guard !first.isEmpty else { return nil }
            count = first.count
            for (row, column) in zip(first, second) {
                cells[Cell(row: row, column: column), default: 0] += 1
                rows[row, default: 0] += 1
                columns[column, default: 0] += 1
            }
        }
    }
}
