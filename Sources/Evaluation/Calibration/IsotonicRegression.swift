/// The rising step function that is nearest to some values in the mean square (pool adjacent violators, Ayer et al. 1955):
/// gives scores of any scale a unit, and leaves their order as it is.
public struct IsotonicRegression: Sendable, Equatable {
    private struct Block: Sendable, Equatable {
        /// Lowest score.
        let start: Double
        var sum: Double
        var count: Double
        var mean: Double { sum / count }
    }

    private let blocks: [Block]

    /// - Throws: ``EvaluationError`` for lists of different lengths, none, or scores or values that are no finite numbers.
    public init(scores: [Double], values: [Double]) throws {
        try requirePaired("isotonic regression", scores.count, values.count)
        for list in [scores, values] {
            if let position = list.firstIndex(where: { !$0.isFinite }) {
                throw EvaluationError.outOfRange(
                    metric: "isotonic regression", value: "\(list[position])", position: position,
                    allowed: "finite numbers")
            }
        }
        var levels: [Block] = []  // one for each different score
        for index in scores.indices.sorted(by: { scores[$0] < scores[$1] }) {
            if levels.last?.start != scores[index] { levels.append(Block(start: scores[index], sum: 0, count: 0)) }
            levels[levels.count - 1].sum += values[index]
            levels[levels.count - 1].count += 1
        }
        var blocks: [Block] = []
        for var block in levels {
            while let last = blocks.last, last.mean >= block.mean {
                blocks.removeLast()
                block = Block(start: last.start, sum: last.sum + block.sum, count: last.count + block.count)
            }
            blocks.append(block)
        }
        self.blocks = blocks
    }

    /// The value of a score: that of the last step which begins at or below it, of the first below all.
    public func callAsFunction(_ score: Double) -> Double {
        var low = 0
        var high = blocks.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if blocks[middle].start <= score { low = middle } else { high = middle }
        }
        return blocks[low].mean
    }
}
