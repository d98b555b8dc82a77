import Tensors

/// Wolpertinger (Dulac-Arnold et al. 2015): of the items nearest to an actor's answer the critic chooses.
enum Wolpertinger {
    /// Scores that rank as is shown: the nearest items above all others, in the order of the critic; the others by nearness.
    ///
    /// - Parameters:
    ///   - nearness: of items to answers, `[rows, items]`.
    ///   - count: of neighbours; all items where there are fewer.
    ///   - closed: where items are no neighbours, bool `[rows, items]`; nil where all may be.
    ///   - values: of places in the catalogue `[rows, neighbours]` by the critic, `[rows, neighbours]`.
    static func scores(
        _ nearness: Tensor, count: Int, without closed: Tensor? = nil, values: (Tensor) -> Tensor
    ) -> Tensor {
        let open = closed.map { nearness.filled(where: $0, with: -1e30) } ?? nearness
        let nearest = open.top(min(count, nearness.size(1)), along: 1).indices
        let found = values(nearest)
        let least = found.minimum(along: 1, keepingAxes: true)
        let highest = nearness.maximum(along: 1, keepingAxes: true)
        return nearness.scattered(found - least + highest + 1.0, at: nearest, along: 1)
    }
}
