import Layers
import Reinforcement
public import Tensors
public import Training

/// SlateQ (Ie et al. 2019) from logged lists: the value of a list is that of what is chosen from it,
/// `Q(s, A) = Σ_(i in A or none) P(i | s, A) Q̄(s, i)`.
///
/// Both parts are learned together on the same vectors: the choice, a conditional logit `P(i | s, A) ∝ exp v(s, i)` over the
/// list and choosing nothing, by its cross-entropy; `Q̄` of what was chosen towards `r + γ V'(s')`. Where several items of a
/// list were liked, each counts as chosen with an equal share.
public final class SlateQRecommender: WindowRecommender {
    /// The list whose value stands for the time after a list.
    public enum Target: String, Sendable, Codable, CaseIterable {
        /// The best one of the whole catalogue, by `exp(v_i) Q̄_i` (§4.3 of the paper, top-k).
        case best
        /// The one that was shown next (SARSA); nothing after a user's last list.
        case logged
    }

    /// Sizes and rates are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 64
        /// Units of the GRU.
        public var hidden = 64
        /// Liked items that are read.
        public var length = 12
        /// γ, from list to list.
        public var discount = 0.9
        /// τ of the target network, every step.
        public var followRate = 0.01
        /// The longest list: rows of a user at one time.
        public var listLength = 10
        public var target = Target.best

        public init() {}
    }

    public let configuration: Configuration
    private let network: TargetNetwork<WindowValues>

    public init(_ configuration: Configuration = Configuration(), itemCount: Int, from source: RandomSource) {
        self.configuration = configuration
        network = TargetNetwork(
            WindowValues(
                itemCount: itemCount, dimensions: configuration.dimensions, hidden: configuration.hidden, heads: 2,
                from: source))
    }

    public var itemCount: Int { network.online.itemCount }
    public var length: Int { configuration.length }

    public func loss(_ batch: FeedbackBatch) throws -> BatchLoss {
        let (values, choices) = parts(batch.windows)
        // Nothing stands in front of the list.
        let list = Tensor.concatenated([.zeros(like: batch.items.slice(0..<1, along: 1)), batch.items], along: 1)
        let chosen = Self.chosen(batch.liked)
        let logits = Self.masked(choices.gather(list, along: 1), list)
        let entropy = -(logits.logSoftmax() * chosen).sum()
        let rewards = batch.liked.sum(along: 1).clamped(to: 1)
        let targets = (rewards + nextValue(batch) * configuration.discount).expanded(axis: 1)
        let error = ((targets - values.gather(list, along: 1)).squared() * chosen).sum()
        return BatchLoss(sum: entropy + error, weight: Double(batch.count), tokens: batch.count)
    }

    /// `Q̄` and `v` of nothing, which stands first, and of all items: `[rows, items + 1]` both.
    package func parts(_ windows: Tensor) -> (values: Tensor, choices: Tensor) { Self.parts(network.online, windows) }

    private static func parts(_ network: WindowValues, _ windows: Tensor) -> (values: Tensor, choices: Tensor) {
        let state = network.state(windows)
        return (network.all(0, state), network.all(1, state))
    }

    /// The share of nothing and of every place of a list in what was chosen: `[lists, width + 1]`.
    package static func chosen(_ liked: Tensor) -> Tensor {
        let count = liked.sum(along: 1, keepingAxes: true)
        return .concatenated([1.0 - count.clamped(to: 1), liked / count.clamped(from: 1)], along: 1)
    }

    /// Places behind the end of a list are never chosen; the first place is nothing and always there.
    private static func masked(_ logits: Tensor, _ list: Tensor) -> Tensor {
        let isEmpty = list.slice(1..<list.size(1), along: 1).isEqual(to: 0)
        let first = logits.slice(0..<1, along: 1)
        return .concatenated(
            [first, logits.slice(1..<logits.size(1), along: 1).filled(where: isEmpty, with: -1e9)], along: 1)
    }

    /// `V'(s')`: the value of the list that follows `[lists]`.
    package func nextValue(_ batch: FeedbackBatch) -> Tensor {
        withoutGradients {
            let (values, choices) = Self.parts(network.target, batch.nextWindows)
            if configuration.target == .logged {
                let list = Tensor.concatenated(
                    [.zeros(like: batch.nextItems.slice(0..<1, along: 1)), batch.nextItems], along: 1)
                let shares = Self.masked(choices.gather(list, along: 1), list).softmax()
                let isThere = batch.nextItems.select(0, along: 1).isGreater(than: 0).cast(to: .float32)
                return (shares * values.gather(list, along: 1)).sum(along: 1) * isThere
            }
            // Scaled by the largest weight, which leaves the quotient as it is.
            let weights = (choices - choices.maximum(along: 1).expanded(axis: 1)).exponential()
            let worth = weights * values
            let width = worth.size(1)
            let best = worth.slice(1..<width, along: 1).top(min(configuration.listLength, itemCount), along: 1)
            let own = weights.slice(1..<width, along: 1).gather(best.indices, along: 1)
            return (best.values.sum(along: 1) + worth.select(0, along: 1))
                / (own.sum(along: 1) + weights.select(0, along: 1))
        }
    }

    public func didStep() { network.follow(rate: configuration.followRate) }

    public var trainingState: [NamedParameter] {
        network.target.parameters.map { NamedParameter(name: "target.\($0.name)", tensor: $0.tensor) }
    }

    /// `exp(v_i) Q̄_i`, scaled by the largest weight of a user.
    public func score(windows: Tensor, candidates: [Int32], histories: [[Int32]]) -> Tensor {
        let state = network.online.state(windows)
        let pool = ItemSelection(candidates, of: itemCount)
        let choices = network.online.scores(1, state, candidates: pool)
        let weights = (choices - choices.maximum(along: 1).expanded(axis: 1)).exponential()
        return weights * network.online.scores(0, state, candidates: pool)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        network.online.visitParameters(path, visit)
    }
}
