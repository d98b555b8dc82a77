public import Layers
public import Tensors
public import Training

/// Matrix factorisation `ŷ = μ + b_u + b_i + p_u · q_i`, for pairs (BPR, Rendle et al. 2009) or for ratings (Koren et
/// al. 2009).
public final class MatrixFactorization: Recommender, TrainableModel {
    /// Sizes are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        /// What the factors are trained for.
        public enum Objective: String, Sendable, Codable, CaseIterable {
            /// `-log σ(ŷ_ui - ŷ_uj)` for an item i met and an item j not met. The user's bias and μ cancel.
            case pairs
            /// `(ŷ - rating)²`.
            case ratings
        }

        public var objective = Objective.pairs
        public var dimensions = 64
        /// λ of `λ (|p_u|² + |q_i|² + |q_j|²)`, of the vectors in the batch (Rendle et al. 2009, §4.3.1).
        public var regularization = 0.0
        public var hasBiases = true

        public init() {}
    }

    public let configuration: Configuration
    public var users: Tensor  // [users, dimensions]
    public var items: Tensor  // [items, dimensions]
    public var userBias: Tensor  // [users]
    public var itemBias: Tensor  // [items]
    public var mean: Tensor  // []

    /// Vectors from Glorot's normal distribution, biases 0.
    /// - Parameter mean: μ, the mean of training ratings.
    public init(
        _ configuration: Configuration = Configuration(), userCount: Int, itemCount: Int, mean: Double = 0,
        from source: RandomSource
    ) {
        self.configuration = configuration
        func vectors(_ count: Int) -> Tensor {
            let deviation = (2 / Double(count + configuration.dimensions)).squareRoot()
            return .normal([count, configuration.dimensions], standardDeviation: deviation, from: source)
        }
        users = vectors(userCount)
        items = vectors(itemCount)
        userBias = .zeros([userCount])
        itemBias = .zeros([itemCount])
        self.mean = Tensor(Float(mean))
    }

    public var itemCount: Int { items.size(0) }
    public var userCount: Int { users.size(0) }

    public func loss(_ batch: InteractionBatch) throws -> BatchLoss {
        let user = users.rows(batch.users)
        let target = batch.targets.shifted(by: -1)
        let item = items.rows(target)
        var penalty = user.squared().sum() + item.squared().sum()
        let sum: Tensor
        switch configuration.objective {
        case .pairs:
            guard let negatives = batch.negatives else {
                throw RecommendationError.mismatch(reason: "pairwise ranking needs negatives in the batch")
            }
            let negative = negatives.shifted(by: -1)
            let other = items.rows(negative)
            var difference = (user * (item - other)).sum(along: 1)
            if configuration.hasBiases {
                difference =
                    difference + itemBias.selected(target, along: 0)
                    - itemBias.selected(negative, along: 0)
            }
            sum = -difference.logSigmoid().sum()
            if configuration.regularization > 0 { penalty = penalty + other.squared().sum() }
        case .ratings:
            guard let ratings = batch.ratings else {
                throw RecommendationError.mismatch(reason: "predicting ratings needs ratings in the batch")
            }
            var predicted = (user * item).sum(along: 1) + mean
            if configuration.hasBiases {
                predicted = predicted + userBias.selected(batch.users, along: 0) + itemBias.selected(target, along: 0)
            }
            sum = (predicted - ratings).squared().sum()
        }
        let whole = configuration.regularization > 0 ? sum + penalty * configuration.regularization : sum
        return BatchLoss(sum: whole, weight: Double(batch.targetCount), tokens: batch.targetCount)
    }

    public func canScore(_ user: UserContext) -> Bool { user.user.map { (0..<Int32(userCount)).contains($0) } ?? false }

    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        let known = try users.map { context in
            guard let user = context.user else { throw RecommendationError.unknownUser(model: "matrix factorisation") }
            guard canScore(context) else { throw RecommendationError.userOutOfRange(user, count: userCount) }
            return Int(user)
        }
        return withoutGradients {
            let rows = Tensor(known)
            let part = ItemSelection(candidates, of: itemCount)
            let scores = self.users.rows(rows).matmul(part(items).transposed())
            guard configuration.hasBiases else { return scores }
            return scores + part(itemBias) + userBias.selected(rows, along: 0).expanded(axis: 1) + mean
        }
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "users", &users)
        visit(path / "items", &items)
        guard configuration.hasBiases else { return }
        visit(path / "itemBias", &itemBias)
        guard configuration.objective == .ratings else { return }
        visit(path / "userBias", &userBias)
        visit(path / "mean", &mean)
    }
}

/// Rows of a table of items: the table itself where the candidates are the whole catalogue in order.
package struct ItemSelection {
    private let indices: Tensor?

    package init(_ candidates: [Int32], of count: Int) {
        let isWhole = candidates.count == count && candidates.enumerated().allSatisfy { $0.offset == Int($0.element) }
        indices = isWhole ? nil : Tensor(candidates.map(Int.init))
    }

    package func callAsFunction(_ table: Tensor) -> Tensor { indices.map { table.selected($0, along: 0) } ?? table }
}
