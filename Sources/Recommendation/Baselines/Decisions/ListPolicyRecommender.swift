import Layers
import Reinforcement
public import Tensors
public import Training

/// A list at a time from logged feedback (LIRD, Zhao et al. 2018): a GRU over the newest liked items leads to one weight vector
/// for each place of a list, and the place shows the item that its vector scores highest.
///
/// `y = Σ_k Γ^k r_k + γ Q'(s', a')` for a whole list, a' the items that the target actor shows. Vectors of items stay as they are. As a log cannot be explored,
/// where `anchor` is above 0 the weight vectors are also pulled to the items that were liked in their places.
public final class ListPolicyRecommender: WindowRecommender {
    /// Sizes of the author's earlier code where it has them (spec 05 §1.5); the others are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 32
        /// Units of both GRUs.
        public var hidden = 64
        /// Layers of the critic.
        public var criticHidden = [64, 32]
        /// Liked items that are read; published 12.
        public var length = 12
        /// Published 4.
        public var listLength = 4
        /// γ, from list to list.
        public var discount = 0.9
        /// Γ, within a list; published 0.9.
        public var positionDiscount = 0.9
        /// τ of target networks, every step.
        public var followRate = 0.01
        /// The actor's learning rate for one of the critic's; published 0.1.
        public var actorRateShare = 0.1
        /// λ of the pull to liked items.
        public var anchor = 1.0
        /// Passes over the liked rows that item vectors are learned in, at most.
        public var vectorEpochs = 60

        public init() {}
    }

    public let configuration: Configuration
    private let vectors: ItemVectors
    private let policy: TargetNetwork<ListPolicy>
    private let critic: TargetNetwork<ListCritic>

    public init(_ configuration: Configuration = Configuration(), vectors: ItemVectors, from source: RandomSource) {
        self.configuration = configuration
        self.vectors = vectors
        policy = TargetNetwork(
            ListPolicy(
                dimensions: vectors.dimensions, norm: vectors.norm, listLength: configuration.listLength,
                hidden: configuration.hidden, from: source))
        critic = TargetNetwork(
            ListCritic(
                dimensions: vectors.dimensions, listLength: configuration.listLength, hidden: configuration.hidden,
                headHidden: configuration.criticHidden, from: source))
    }

    public var itemCount: Int { vectors.itemCount }
    public var length: Int { configuration.length }

    /// - Throws: `TensorError`.
    public func loss(_ batch: FeedbackBatch) throws -> BatchLoss {
        let windows = vectors.table.rows(batch.windows)
        let shown = vectors.table.rows(batch.items)
        let targets = targets(batch)
        let error = TemporalDifference.squaredError(critic.online(windows, shown), targets)
        let weights = policy.online(windows)
        let leaf = weights.detached().copy().requiringGradient()
        let slope = try critic.online(windows, leaf).mean().gradients(withRespectTo: [leaf])[0] ?? .zeros(like: leaf)
        var loss = error - (slope.detached() * weights).sum()
        if configuration.anchor > 0 {
            let distance = (weights - shown).squared().mean(along: 2)
            loss =
                loss + (distance * batch.liked).sum() / batch.liked.sum().clamped(from: 1) * configuration.anchor
        }
        return BatchLoss(sum: loss * Double(batch.count), weight: Double(batch.count), tokens: batch.count)
    }

    /// `y` of every list, without a gradient: `[lists]`.
    package func targets(_ batch: FeedbackBatch) -> Tensor {
        withoutGradients {
            var weight: Float = 1
            let weights = (0..<configuration.listLength).map { _ -> Float in
                defer { weight *= Float(configuration.positionDiscount) }
                return weight
            }
            let next = vectors.table.rows(batch.nextWindows)
            // What the places show, and not their weight vectors: the critic has seen lists of items only.
            let shown = vectors.items.rows(policy.target(next).linear(vectors.items).indexOfMaximum(along: 2))
            return TemporalDifference.target(
                rewards: (batch.liked * Tensor(weights)).sum(along: 1), notTerminal: .full([batch.count], 1),
                nextValues: critic.target(next, shown), discount: configuration.discount)
        }
    }

    public func didStep() {
        policy.follow(rate: configuration.followRate)
        critic.follow(rate: configuration.followRate)
    }

    public func learningRateScale(of parameter: String) -> Double {
        parameter.contains("policy") ? configuration.actorRateShare : 1
    }

    public var buffers: [NamedParameter] { [NamedParameter(name: "vectors", tensor: vectors.table)] }

    public var trainingState: [NamedParameter] {
        policy.target.parameters.map { NamedParameter(name: "target.policy.\($0.name)", tensor: $0.tensor) }
            + critic.target.parameters.map { NamedParameter(name: "target.critic.\($0.name)", tensor: $0.tensor) }
    }

    /// What a place scores its item, the items of the list above all others by the places that are left; then every item by
    /// the highest score that a place gives it. No item stands twice, and none of the user's own history.
    public func score(windows: Tensor, candidates: [Int32], histories: [[Int32]]) -> Tensor {
        let items = ItemSelection(candidates, of: itemCount)(vectors.items)
        let scores = weights(windows).linear(items) * (1 / vectors.norm)
        let isMet = FeedbackBatch.places(of: histories, among: candidates)
        var open = scores.filled(where: isMet.expanded(axis: 1), with: -1e30)
        var found = scores.maximum(along: 1)
        let highest = found.maximum(along: 1).expanded(axis: 1)
        for place in 0..<min(configuration.listLength, candidates.count) {
            let best = open.select(place, along: 1).indexOfMaximum(along: 1, keepingAxes: true)
            let left = Double(configuration.listLength - place)
            found = found.scattered(highest + left, at: best, along: 1)
            let taken = best.expanded(axis: 1).broadcast(to: [open.size(0), open.size(1), 1])
            open = open.scattered(.full(taken.shape, -1e30), at: taken, along: 2)
        }
        return found
    }

    /// One vector for each place of a list: `[users, places, dimensions]`.
    package func weights(_ windows: Tensor) -> Tensor { policy.online(vectors.table.rows(windows)) }

    /// The critic's values of lists of vectors `[users, places, dimensions]`: `[users]`.
    package func values(_ windows: Tensor, lists: Tensor) -> Tensor {
        critic.online(vectors.table.rows(windows), lists)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        policy.online.visitParameters(path / "policy", visit)
        critic.online.visitParameters(path / "critic", visit)
    }
}
