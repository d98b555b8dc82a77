import Evaluation

/// One training or evaluation example: the rows before a target row. Both are places in the log.
public struct SequenceExample: Sendable, Equatable {
    public let user: Int32
    /// The newest rows before the target, at most the wanted length.
    public let history: Range<Int>
    public let target: Int

    public init(user: Int32, history: Range<Int>, target: Int) {
        self.user = user
        self.history = history
        self.target = target
    }
}

/// All next-item examples of a part of a split, computed from their index: nothing is stored per example.
public struct SequenceExamples: Sendable {
    public let split: InteractionSplit
    public let part: InteractionSplit.Part
    public let maximumLength: Int
    /// Whether targets without any history are examples too.
    public let includesEmptyHistories: Bool
    private let cumulative: [Int32]

    /// - Parameters:
    ///   - maximumLength: the newest rows of a history that are kept.
    ///   - includes: users whose targets are examples.
    public init(
        _ split: InteractionSplit, part: InteractionSplit.Part, maximumLength: Int,
        includesEmptyHistories: Bool = false, includes: (Int) -> Bool = { _ in true }
    ) {
        precondition(maximumLength > 0, "a history of at most \(maximumLength) rows is none")
        self.split = split
        self.part = part
        self.maximumLength = maximumLength
        self.includesEmptyHistories = includesEmptyHistories
        var cumulative: [Int32] = [0]
        var total: Int32 = 0
        for user in 0..<split.log.userCount {
            if includes(user) { total += Int32(Self.targets(split, part, user, includesEmptyHistories).count) }
            cumulative.append(total)
        }
        self.cumulative = cumulative
    }

    private static func targets(
        _ split: InteractionSplit, _ part: InteractionSplit.Part, _ user: Int, _ empty: Bool
    ) -> Range<Int> {
        let rows = split.rows(part, user: user)
        let first = split.log.rows(ofUser: user).lowerBound
        return !empty && rows.lowerBound == first && !rows.isEmpty ? (first + 1)..<rows.upperBound : rows
    }

    public var count: Int { Int(cumulative[cumulative.count - 1]) }

    public subscript(index: Int) -> SequenceExample {
        precondition(index >= 0 && index < count, "example \(index) of \(count)")
        var low = 0
        var high = cumulative.count - 1
        while high - low > 1 {
            let middle = (low + high) / 2
            if Int(cumulative[middle]) <= index { low = middle } else { high = middle }
        }
        let target = Self.targets(split, part, low, includesEmptyHistories).lowerBound + index - Int(cumulative[low])
        let first = max(split.log.rows(ofUser: low).lowerBound, target - maximumLength)
        return SequenceExample(user: Int32(low), history: first..<target, target: target)
    }

    /// Example indices in batches, in an order of the generator's or as they stand.
    public func batches(size: Int, shuffledBy generator: SeededGenerator? = nil) -> [[Int]] {
        precondition(size > 0, "batches of \(size) examples")
        var order = Array(0..<count)
        if var generator { order = generator.shuffled(order) }
        return stride(from: 0, to: order.count, by: size).map { Array(order[$0..<min($0 + size, order.count)]) }
    }
}

/// Where the padding of short sequences stands.
public enum PaddingSide: String, Sendable {
    case left
    case right
}

extension InteractionLog {
    /// The items of several ranges as `[ranges, length]`, shifted by one so that 0 is padding. Long ranges keep their
    /// newest rows.
    public func padded(_ ranges: [Range<Int>], length: Int, side: PaddingSide) -> [Int32] {
        var result = [Int32](repeating: 0, count: ranges.count * length)
        for (index, range) in ranges.enumerated() {
            let kept = max(range.lowerBound, range.upperBound - length)..<range.upperBound
            let start = index * length + (side == .left ? length - kept.count : 0)
            for (place, row) in kept.enumerated() { result[start + place] = itemIndices[row] + 1 }
        }
        return result
    }
}
