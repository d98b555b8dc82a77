import Layers
public import Tensors

/// Deep Q-learning (Mnih et al. 2015) with double targets, and conservative Q-learning where a penalty is set.
public final class DeepQLearning<Values: DiscreteActionValue> {
    /// Settings; the published ones are for pictures of games, these for small vectors.
    public struct Configuration: Sendable, Equatable {
        public var discount = 0.99
        public var learningRate = 1e-3
        /// τ of the target network, every step.
        public var followRate = 0.005
        /// Double targets (van Hasselt et al. 2016); off: `max_a Q'(s', a)`.
        public var isDouble = true
        /// α of the conservative penalty (Kumar et al. 2020: 0.1 to 5); 0 is plain Q-learning.
        public var conservatism = 0.0
        public var maximumGradientNorm = 10.0

        public init() {}
    }

    public let configuration: Configuration
    public let values: TargetNetwork<Values>
    private lazy var optimizer = AdamW([ParameterGroup(values.online.parameters)])

    public init(_ network: Values, _ configuration: Configuration = Configuration()) {
        network.train()
        self.configuration = configuration
        values = TargetNetwork(network)
    }

    /// `y` of a batch: `[batch]`.
    public func targets(_ batch: Transitions) -> Tensor {
        withoutGradients {
            let next = values.target(batch.nextStates)
            let value =
                configuration.isDouble
                ? TemporalDifference.doubleValue(online: values.online(batch.nextStates), target: next)
                : next.maximum(along: 1)
            return TemporalDifference.target(
                rewards: batch.rewards, notTerminal: batch.notTerminal, nextValues: value,
                discount: configuration.discount)
        }
    }

    /// `½ mean (y - Q(s, a))² + α (logsumexp_a Q(s, a) - Q(s, a))`.
    public func loss(_ batch: Transitions) -> Tensor {
        let all = values.online(batch.states)
        let error = TemporalDifference.squaredError(
            TemporalDifference.taken(all, batch.actions), targets(batch))
        guard configuration.conservatism > 0 else { return error * 0.5 }
        return error * 0.5 + ConservativePenalty.discrete(all, actions: batch.actions) * configuration.conservatism
    }

    /// One step on a batch; returns its loss.
    /// - Throws: `TensorError.gradientFailed`.
    @discardableResult
    public func step(_ batch: Transitions) throws -> Double {
        optimizer.clearGradients()
        let loss = loss(batch)
        try loss.backward()
        GradientScaling.scaleAndClip(values.online.parameters, maximumNorm: configuration.maximumGradientNorm)
        optimizer.step(learningRate: configuration.learningRate)
        follow()
        return loss.item
    }

    /// Moves the target network: part of ``step(_:)``, and after every step of whoever minimises ``loss(_:)`` on their own.
    public func follow() { values.follow(rate: configuration.followRate) }

    /// The best action of every state: `[batch]`.
    public func greedyActions(_ states: Tensor) -> [Int] {
        withoutGradients { values.online(states).indexOfMaximum(along: 1).integers }
    }
}
