import Layers
public import Tensors

/// A recommender that turns a history into one vector and compares it with the vectors of the items.
public protocol SequenceModel: Recommender, TrainableModel where Batch == InteractionBatch {
    /// Item vectors `[items + 1, dimensions]`; row 0 is padding.
    var itemVectors: Tensor { get }
    /// The longest history that is read.
    var length: Int { get }
    /// Of errors.
    static var title: String { get }

    /// What a history stands for.
    /// - Parameters:
    ///   - histories: `[rows, length]`, items plus one, padding on the right.
    ///   - lengths: `[rows]`, all above 0.
    /// - Returns: `[rows, dimensions]`.
    func encode(_ histories: Tensor, lengths: Tensor) -> Tensor
}

extension SequenceModel {
    public var itemCount: Int { itemVectors.size(0) - 1 }

    public func canScore(_ user: UserContext) -> Bool { !user.history.isEmpty }

    /// - Throws: ``RecommendationError/noHistory(model:)`` for a user without history.
    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        guard users.allSatisfy(canScore) else { throw RecommendationError.noHistory(model: Self.title) }
        return withoutGradients {
            let (histories, lengths) = PaddedHistories.tensors(users.map { $0.history[...] }, length: length)
            let items = itemVectors.slice(1..<itemVectors.size(0), along: 0)
            return encode(histories, lengths: lengths)
                .matmul(ItemSelection(candidates, of: itemCount)(items).transposed())
        }
    }
}
