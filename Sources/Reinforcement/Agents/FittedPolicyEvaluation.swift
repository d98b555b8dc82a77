import Layers
public import Tensors

/// Fitted Q evaluation (Le et al. 2019): the value of a given policy from another policy's log. Nothing is improved: the
/// next action is the one that the evaluated policy takes.
///
/// `y = r + γ (1 - terminal) Q'(s', π(s'))`, and the policy's value is the mean of `Q(s_0, π(s_0))`.
public final class FittedPolicyEvaluation<Values: DiscreteActionValue> {
    public let values: TargetNetwork<Values>
    private let discount: Double
    private let learningRate: Double
    private let followRate: Double
    private let optimizer: AdamW

    public init(_ network: Values, discount: Double, learningRate: Double = 2e-3, followRate: Double = 0.05) {
        network.train()
        values = TargetNetwork(network)
        self.discount = discount
        self.learningRate = learningRate
        self.followRate = followRate
        optimizer = AdamW([ParameterGroup(network.parameters)])
    }

    /// One step on a batch; returns its loss.
    ///
    /// - Parameter nextActions: what the evaluated policy does in the next states: `[batch]`, `int64`. What stands in a
    ///   terminal row does not matter.
    /// - Throws: `TensorError.gradientFailed`.
    @discardableResult
    public func step(_ batch: Transitions, nextActions: Tensor) throws -> Double {
        let targets = withoutGradients {
            TemporalDifference.target(
                rewards: batch.rewards, notTerminal: batch.notTerminal,
                nextValues: TemporalDifference.taken(values.target(batch.nextStates), nextActions),
                discount: discount)
        }
        optimizer.clearGradients()
        let taken = TemporalDifference.taken(values.online(batch.states), batch.actions)
        let loss = TemporalDifference.squaredError(taken, targets)
        try loss.backward()
        GradientScaling.scaleAndClip(values.online.parameters, maximumNorm: 10)
        optimizer.step(learningRate: learningRate)
        values.follow(rate: followRate)
        return loss.item
    }

    /// Mean value of actions in states: the policy's value where these are its own first ones.
    public func value(states: Tensor, actions: Tensor) -> Double {
        withoutGradients { TemporalDifference.taken(values.online(states), actions).mean().item }
    }
}
