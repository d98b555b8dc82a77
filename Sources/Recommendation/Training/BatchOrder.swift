import Evaluation
import Training

/// Cuts the passes of a shuffled order into batches; the last batch of a pass may be smaller.
struct BatchOrder {
    struct Position: Codable, Sendable, Equatable {
        var pass = 0
        var batch = 0
        /// Of the data, to notice others.
        var count: Int
    }

    let size: Int
    /// The group of each row; a batch holds rows of one group only. Empty for one group.
    let groups: [Int32]
    private let order: ShuffledOrder
    private let generator: SeededGenerator
    private var batches: [[Int]] = []
    private(set) var position: Position

    init(count: Int, size: Int, groups: [Int32] = [], seed: UInt64) {
        precondition(count > 0 && size > 0, "batches of \(size) of \(count) rows")
        self.size = size
        self.groups = groups
        order = ShuffledOrder(count: count, seed: seed)
        generator = SeededGenerator(seed: seed).split("batches")
        position = Position(count: count)
        batches = batches(ofPass: 0)
    }

    var count: Int { order.count }
    var batchesPerPass: Int { batches.count }

    /// The generator of the batch that is given next: the same whenever it is given again.
    var batchGenerator: SeededGenerator {
        generator.split("batch").split(UInt64(position.pass)).split(UInt64(position.batch))
    }

    private func batches(ofPass pass: Int) -> [[Int]] {
        let rows = order.numbers(ofPass: pass)
        func cut(_ rows: [Int]) -> [[Int]] {
            stride(from: 0, to: rows.count, by: size).map { Array(rows[$0..<min($0 + size, rows.count)]) }
        }
        guard !groups.isEmpty else { return cut(rows) }
        let groupCount = Int(groups.max() ?? 0) + 1
        var parts = [[Int]](repeating: [], count: groupCount)
        for row in rows { parts[Int(groups[row])].append(row) }
        var stream = generator.split(UInt64(pass))
        return stream.shuffled(parts.flatMap(cut))
    }

    mutating func next() -> [Int] {
        let found = batches[position.batch]
        position.batch += 1
        if position.batch == batches.count {
            position = Position(pass: position.pass + 1, batch: 0, count: count)
            batches = batches(ofPass: position.pass)
        }
        return found
    }

    /// False where the position belongs to other data.
    mutating func restore(_ position: Position) -> Bool {
        guard position.count == count, position.pass >= 0 else { return false }
        let batches = batches(ofPass: position.pass)
        guard batches.indices.contains(position.batch) else { return false }
        self.position = position
        self.batches = batches
        return true
    }
}
