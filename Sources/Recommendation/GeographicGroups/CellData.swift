import Evaluation
import Foundation

/// Rows of features whose domains are cells, split for grouping, and what is known of the cells themselves.
public struct CellData: Sendable {
    /// Everything there is to train on.
    public let training: FeatureRows
    /// The half that trains while groups are sought, and the half that deals the cells: groups found on the rows that
    /// trained them would confirm themselves.
    package let fitting: FeatureRows
    package let dealing: FeatureRows
    public let heldOut: FeatureRows
    /// The region of each cell, for cells with few rows.
    public let regions: [Int]
    /// Where each cell lies, for cells without rows; empty where unknown.
    public let positions: [SIMD2<Double>]

    public var cellCount: Int { training.schema.domainCount }

    /// - Parameters:
    ///   - rows: all rows; those at `heldOutRows` are held out.
    ///   - seed: deals the rest of each cell's rows to the two halves.
    /// - Throws: ``RecommendationError``.
    public init(
        _ rows: FeatureRows, heldOutRows: Set<Int>, regions: [Int], positions: [SIMD2<Double>] = [], seed: UInt64
    ) throws {
        precondition(regions.count == rows.schema.domainCount, "a region for each cell")
        precondition(positions.isEmpty || positions.count == regions.count, "a position for each cell")
        var generator = SeededGenerator(seed: seed).split("halves")
        var parts: [[Int]] = [[], [], [], []]
        var next = (0..<rows.schema.domainCount).map { _ in generator.bernoulli(0.5) }
        for row in generator.shuffled(0..<rows.count) {
            if heldOutRows.contains(row) {
                parts[3].append(row)
                continue
            }
            let cell = rows.domains.isEmpty ? 0 : Int(rows.domains[row])
            parts[0].append(row)
            parts[next[cell] ? 1 : 2].append(row)
            next[cell].toggle()
        }
        let found = try parts.map { try rows.selected($0.sorted()) }
        (training, fitting, dealing, heldOut) = (found[0], found[1], found[2], found[3])
        self.regions = regions
        self.positions = positions
    }

    /// Training rows of each cell.
    public var traffic: [Int] { training.rowsOfDomains }

    /// What the fitting half says of each cell: the mean of `(y - ȳ_z) x` for each number x, drawn to 0 where rows are few.
    package func statistics(strength: Double) -> [[Double]] {
        let width = fitting.schema.numbers.count
        let counts = fitting.rowsOfDomains
        var clicks = [Double](repeating: 0, count: cellCount)
        for row in 0..<fitting.count { clicks[fitting.cell(row)] += Double(fitting.labels[row]) }
        var sums = [[Double]](repeating: Array(repeating: 0, count: width), count: cellCount)
        for row in 0..<fitting.count {
            let cell = fitting.cell(row)
            let gap = Double(fitting.labels[row]) - clicks[cell] / Double(counts[cell])
            for axis in 0..<width { sums[cell][axis] += gap * Double(fitting.numbers[row * width + axis]) }
        }
        return (0..<cellCount).map { cell in
            // A click rate of 0.15 gives labels a spread of a third: statistics of about 1.
            sums[cell].map { $0 / (Double(counts[cell]) + strength) * 3 }
        }
    }

    /// The nearest cell with rows of each cell without; nil where positions are unknown.
    func nearest(to cell: Int, among traffic: [Int]) -> Int? {
        guard !positions.isEmpty else { return nil }
        func distance(_ other: Int) -> Double {
            let gap = positions[other] - positions[cell]
            return (gap * gap).sum()
        }
        return traffic.indices.filter { traffic[$0] > 0 }.min { distance($0) < distance($1) }
    }
}

extension FeatureRows {
    /// The cell of a row.
    func cell(_ row: Int) -> Int { domains.isEmpty ? 0 : Int(domains[row]) }

    var rowsOfDomains: [Int] {
        var counts = [Int](repeating: 0, count: schema.domainCount)
        for row in 0..<count { counts[cell(row)] += 1 }
        return counts
    }

    /// Rows of their own with the same schema.
    /// - Throws: ``RecommendationError``.
    func selected(_ rows: some Sequence<Int>) throws -> FeatureRows {
        var result = FeatureRows(schema: schema)
        let (fields, width) = (schema.categories.count, schema.numbers.count)
        for row in rows {
            try result.append(
                categories: Array(categories[(row * fields)..<((row + 1) * fields)]),
                numbers: Array(numbers[(row * width)..<((row + 1) * width)]), ranges: [],
                labels: [labels[row]], domain: cell(row))
        }
        return result
    }
}
