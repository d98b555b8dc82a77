public import Corpora
import Evaluation
import Tensors
public import Training

/// Batches of a split's training rows, pass after pass in random order. Negatives are drawn anew for each batch and follow
/// from the seed, so that a resumed run sees the same.
public final class InteractionSource: BatchSource {
    /// What one row of a batch is.
    public enum Layout: Sendable, Hashable {
        /// A user and an item met; with negatives, the pairs of Bayesian personalised ranking.
        case pairs
        /// The rows before a training row and that row: every prefix is an example (RecBole's sequence models).
        case nextItem(length: Int)
        /// A user's whole training sequence, each place of which predicts the next one (SASRec's paper).
        case everyStep(length: Int)
    }

    public struct Position: Codable, Sendable, Equatable {
        var order: BatchOrder.Position
    }

    public let split: InteractionSplit
    public let layout: Layout
    private let sampler: NegativeSampler?
    private var order: BatchOrder
    /// Of `pairs`: the user of each training row and the row itself. Of `everyStep`: users with at least two rows.
    private var rows: [(user: Int32, row: Int32)] = []
    private var examples: SequenceExamples?
    /// Users with training rows who met everything that can be drawn: without a negative there is nothing to learn from
    /// them, and their rows are left out.
    public private(set) var usersWithoutNegatives = 0

    /// - Parameter sampler: gives each target one negative; nil for objectives without.
    /// - Throws: `BatchSourceError.empty` where the split has nothing to train on in this layout.
    public init(
        _ split: InteractionSplit, layout: Layout, rowsPerBatch: Int, sampler: NegativeSampler? = nil, seed: UInt64
    ) throws {
        self.split = split
        self.layout = layout
        self.sampler = sampler
        let isLearnt = (0..<split.log.userCount).map { sampler?.hasNegatives(user: $0) ?? true }
        usersWithoutNegatives = isLearnt.indices.count { !isLearnt[$0] && !split.rows(.train, user: $0).isEmpty }
        var count = 0
        switch layout {
        case .pairs:
            for user in 0..<split.log.userCount where isLearnt[user] {
                for row in split.rows(.train, user: user) { rows.append((Int32(user), Int32(row))) }
            }
            count = rows.count
        case .nextItem(let length):
            let found = SequenceExamples(split, part: .train, maximumLength: length) { isLearnt[$0] }
            examples = found
            count = found.count
        case .everyStep:
            for user in 0..<split.log.userCount where isLearnt[user] && split.rows(.train, user: user).count > 1 {
                rows.append((Int32(user), 0))
            }
            count = rows.count
        }
        guard count > 0 else {
            let left =
                usersWithoutNegatives > 0
                ? "; \(usersWithoutNegatives) of \(split.log.userCount) users met every item, which leaves none to compare with"
                : ""
            throw BatchSourceError.empty(what: "the training part (\(split.name)\(left))")
        }
        order = BatchOrder(count: count, size: rowsPerBatch, seed: seed)
    }

    public var batchesPerPass: Int { order.batchesPerPass }
    /// Examples of one pass.
    public var count: Int { order.count }

    public func next() throws -> InteractionBatch? {
        var generator = order.batchGenerator
        let chosen = order.next()
        switch layout {
        case .pairs: return try pairs(chosen, &generator)
        case .nextItem(let length): return try nextItems(chosen, length, &generator)
        case .everyStep(let length): return try steps(chosen, length, &generator)
        }
    }

    private func pairs(_ chosen: [Int], _ generator: inout SeededGenerator) throws -> InteractionBatch {
        let users = chosen.map { rows[$0].user }
        let targets = chosen.map { split.log.itemIndices[Int(rows[$0].row)] }
        return InteractionBatch(
            users: Tensor(users.map(Int.init)), targets: Tensor(targets.map { Int($0) + 1 }),
            negatives: try negatives(users, &generator), targetCount: chosen.count)
    }

    private func nextItems(
        _ chosen: [Int], _ length: Int, _ generator: inout SeededGenerator
    ) throws -> InteractionBatch {
        guard let examples else { preconditionFailure("next items without examples") }
        let found = chosen.map { examples[$0] }
        let (histories, lengths) = PaddedHistories.tensors(
            found.map { split.log.items($0.history) }, length: length)
        let users = found.map(\.user)
        return InteractionBatch(
            users: Tensor(users.map(Int.init)), histories: histories, lengths: lengths,
            targets: Tensor(found.map { Int(split.log.itemIndices[$0.target]) + 1 }),
            negatives: try negatives(users, &generator), targetCount: chosen.count)
    }

    private func steps(_ chosen: [Int], _ length: Int, _ generator: inout SeededGenerator) throws -> InteractionBatch {
        let users = chosen.map { rows[$0].user }
        // The newest `length` places and the item that follows each.
        let sequences = users.map { split.log.items(split.rows(.train, user: Int($0))).suffix(length + 1) }
        let (histories, lengths) = PaddedHistories.tensors(sequences.map { $0.dropLast() }, length: length)
        let (targets, _) = PaddedHistories.tensors(sequences.map { $0.dropFirst() }, length: length)
        var drawn: Tensor?
        if let sampler {
            let lists = try zip(users, sequences).map { user, sequence in
                try sampler.sample(user: Int(user), count: sequence.count - 1, using: &generator)[...]
            }
            drawn = PaddedHistories.tensors(lists, length: length).indices
        }
        return InteractionBatch(
            users: Tensor(users.map(Int.init)), histories: histories, lengths: lengths, targets: targets,
            negatives: drawn, targetCount: sequences.reduce(0) { $0 + $1.count - 1 })
    }

    private func negatives(_ users: [Int32], _ generator: inout SeededGenerator) throws -> Tensor? {
        guard let sampler else { return nil }
        return Tensor(try users.map { Int(try sampler.sample(user: Int($0), count: 1, using: &generator)[0]) + 1 })
    }

    public var position: Position { Position(order: order.position) }

    public func restore(_ position: Position) throws {
        guard order.restore(position.order) else {
            throw BatchSourceError.position(reason: "\(order.count) examples, saved with \(position.order.count)")
        }
    }
}
