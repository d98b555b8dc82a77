import Layers
import Reinforcement
public import Tensors
public import Training

/// Deep Q-learning over the catalogue from logged feedback (double DQN), and conservative Q-learning where a penalty is set
/// (CQL, Kumar et al. 2020): items are ranked by `Q(s, i)`, the discounted number of liked items from showing `i` on.
///
/// `½ (r + γ Q'(s', argmax_j Q(s', j)) - Q(s, i))² + α (logsumexp_j Q(s, j) - Q(s, i))`.
public final class DeepQRecommender: WindowRecommender {
    /// Sizes and rates are ours; `length` is the published window.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 64
        /// Units of the GRU.
        public var hidden = 64
        /// Liked items that are read.
        public var length = 12
        /// γ, from row to row.
        public var discount = 0.9
        /// τ of the target network, every step.
        public var followRate = 0.01
        public var isDouble = true
        /// α.
        public var conservatism = 0.0

        public init() {}
    }

    public let configuration: Configuration
    public let itemCount: Int
    private let learning: DeepQLearning<WindowValues>

    public init(_ configuration: Configuration = Configuration(), itemCount: Int, from source: RandomSource) {
        self.configuration = configuration
        self.itemCount = itemCount
        var settings = DeepQLearning<WindowValues>.Configuration()
        settings.discount = configuration.discount
        settings.followRate = configuration.followRate
        settings.isDouble = configuration.isDouble
        settings.conservatism = configuration.conservatism
        learning = DeepQLearning(
            WindowValues(
                itemCount: itemCount, dimensions: configuration.dimensions, hidden: configuration.hidden, from: source),
            settings)
    }

    public var length: Int { configuration.length }

    /// - Throws: ``RecommendationError/mismatch(reason:)`` for lists of several items.
    public func loss(_ batch: FeedbackBatch) throws -> BatchLoss {
        guard batch.items.size(1) == 1 else {
            throw RecommendationError.mismatch(reason: "Q-learning learns from one item at a time")
        }
        let transitions = Transitions(
            states: batch.windows, actions: batch.items.squeezed(axis: 1).shifted(by: -1),
            rewards: batch.liked.squeezed(axis: 1), nextStates: batch.nextWindows,
            notTerminal: .full([batch.count], 1))
        return BatchLoss(
            sum: learning.loss(transitions) * Double(batch.count), weight: Double(batch.count), tokens: batch.count)
    }

    public func didStep() { learning.follow() }

    public var trainingState: [NamedParameter] {
        learning.values.target.parameters.map { NamedParameter(name: "target.\($0.name)", tensor: $0.tensor) }
    }

    public func score(windows: Tensor, candidates: [Int32], histories: [[Int32]]) -> Tensor {
        let network = learning.values.online
        return network.scores(0, network.state(windows), candidates: ItemSelection(candidates, of: itemCount))
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        learning.values.online.visitParameters(path, visit)
    }
}
