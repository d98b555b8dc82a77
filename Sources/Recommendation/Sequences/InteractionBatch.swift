public import Tensors

/// Interactions as tensors of indices. Items are shifted by one: 0 is padding.
public struct InteractionBatch {
    public var users: Tensor  // [rows], int64
    public var histories: Tensor?  // [rows, length], int64; padding on the right
    public var lengths: Tensor?  // [rows], int64; filled places of each history
    /// The items to predict: `[rows]`, or one for each place of the history `[rows, length]`; 0 where there is none.
    public var targets: Tensor
    public var negatives: Tensor?  // like the targets, not met by the user
    /// Ratings of the targets, for objectives that predict them; `[rows]`.
    public var ratings: Tensor?
    /// Targets that are not padding.
    public var targetCount: Int

    public init(
        users: Tensor, histories: Tensor? = nil, lengths: Tensor? = nil, targets: Tensor, negatives: Tensor? = nil,
        ratings: Tensor? = nil, targetCount: Int
    ) {
        self.users = users
        self.histories = histories
        self.lengths = lengths
        self.targets = targets
        self.negatives = negatives
        self.ratings = ratings
        self.targetCount = targetCount
    }
}

/// Item lists as a padded tensor.
package enum PaddedHistories {
    /// - Parameters:
    ///   - histories: items, oldest first; the newest `length` are kept.
    ///   - length: the longest; the tensor is as wide as the longest list needs.
    /// - Returns: `[rows, width]` of items plus one with padding on the right, and the filled places `[rows]`.
    package static func tensors(_ histories: [ArraySlice<Int32>], length: Int) -> (indices: Tensor, lengths: Tensor) {
        let kept = histories.map { $0.suffix(length) }
        let width = max(1, kept.map(\.count).max() ?? 1)
        var values = [Int64](repeating: 0, count: histories.count * width)
        for (row, items) in kept.enumerated() {
            for (place, item) in items.enumerated() { values[row * width + place] = Int64(item) + 1 }
        }
        return (Tensor(values, shape: [histories.count, width]), Tensor(kept.map(\.count)))
    }
}
