import Foundation
import Layers
public import Tensors

/// Deep deterministic policy gradient (Lillicrap et al. 2016), its twin-delayed form TD3 (Fujimoto et al. 2018), and
/// continuous conservative Q-learning (Kumar et al. 2020) where a penalty is set.
public final class DeterministicPolicyGradient<Policy: DeterministicPolicy, Value: ActionValue> {
    /// The published values of DDPG; ``twinDelayed`` are those of TD3.
    public struct Configuration: Sendable, Equatable {
        public var discount = 0.99
        public var actorLearningRate = 1e-4
        public var criticLearningRate = 1e-3
        /// τ of all target networks.
        public var followRate = 1e-3
        /// Noise on the target policy's action and the bound it is cut to, in units of the action; 0 for none.
        public var smoothingDeviation = 0.0
        public var smoothingBound = 0.5
        /// Critic steps between two actor steps.
        public var actorDelay = 1
        /// Actions lie within ± this; nil does not cut.
        public var actionBound: Double? = 1
        /// α of the conservative penalty; 0 for none.
        public var conservatism = 0.0
        /// Uniform actions, and as many noisy actions of the policy, in the penalty's sum.
        public var conservativeSamples = 10
        public var maximumGradientNorm = 10.0

        public init() {}

        public static var twinDelayed: Configuration {
            var configuration = Configuration()
            configuration.actorLearningRate = 1e-3
            configuration.followRate = 5e-3
            configuration.smoothingDeviation = 0.2
            configuration.actorDelay = 2
            return configuration
        }
    }

    public let configuration: Configuration
    public let policy: TargetNetwork<Policy>
    /// One critic, or two whose smaller value counts.
    public let critics: [TargetNetwork<Value>]
    private lazy var actorOptimizer = AdamW([ParameterGroup(policy.online.parameters)])
    private lazy var criticOptimizer = AdamW([ParameterGroup(critics.flatMap(\.online.parameters))])
    private let random: RandomSource
    /// States and the policy's answers `[batch, action]` to what is carried out for them, `[batch, action]`: where actions are
    /// vectors of things, one of these (Dulac-Arnold et al. 2015). Targets value what it gives; nil carries answers out.
    public var carriesOut: ((_ states: Tensor, _ answers: Tensor) -> Tensor)?
    private var steps = 0

    /// - Parameters:
    ///   - critics: one (DDPG) or two (TD3), independently initialised.
    ///   - random: noise of target actions and of the penalty's samples.
    public init(
        policy: Policy, critics: [Value], _ configuration: Configuration = Configuration(), random: RandomSource
    ) {
        precondition(critics.count == 1 || critics.count == 2, "\(critics.count) critics")
        policy.train()
        for critic in critics { critic.train() }
        self.configuration = configuration
        self.policy = TargetNetwork(policy)
        self.critics = critics.map { TargetNetwork($0) }
        self.random = random
    }

    /// `y = r + γ (1 - terminal) min_j Q'_j(s', a')`, a' what is carried out for `μ'(s') + ε`: `[batch]`.
    public func targets(_ batch: Transitions) -> Tensor {
        withoutGradients {
            var actions = policy.target(batch.nextStates)
            if configuration.smoothingDeviation > 0 {
                let noise = Tensor.normal(
                    actions.shape, standardDeviation: configuration.smoothingDeviation, from: random)
                actions = bounded(
                    actions + noise.clamped(from: -configuration.smoothingBound, to: configuration.smoothingBound))
            }
            if let carriesOut { actions = carriesOut(batch.nextStates, actions) }
            let values = critics.map { $0.target(batch.nextStates, actions) }
            return TemporalDifference.target(
                rewards: batch.rewards, notTerminal: batch.notTerminal,
                nextValues: values.dropFirst().reduce(values[0], TemporalDifference.clippedTwinValue),
                discount: configuration.discount)
        }
    }

    /// Sum over critics of `mean (y - Q(s, a))²`, and of the penalty.
    public func criticLoss(_ batch: Transitions) -> Tensor {
        let targets = targets(batch)
        let losses = critics.map { critic -> Tensor in
            let logged = critic.online(batch.states, batch.actions)
            let error = TemporalDifference.squaredError(logged, targets)
            guard configuration.conservatism > 0 else { return error }
            return error + penalty(critic.online, batch, logged: logged) * configuration.conservatism
        }
        return losses.dropFirst().reduce(losses[0], +)
    }

    /// `-Σ ∂(mean Q_1(s, a))/∂a · μ(s)` with the slope taken at `a = μ(s)`: its gradient in the policy is that of
    /// `-mean Q_1(s, μ(s))`, so that a step down it climbs the critic, and it leaves the critic alone.
    /// - Throws: `TensorError.gradientFailed`.
    public func actorLoss(_ states: Tensor) throws -> Tensor {
        let actions = policy.online(states)
        let leaf = actions.detached().copy().requiringGradient()
        let slope = try critics[0].online(states, leaf).mean().gradients(withRespectTo: [leaf])[0]
        return -((slope ?? .zeros(like: leaf)).detached() * actions).sum()
    }

    /// Moves all target networks: part of every ``step(_:)`` of the actor, and of whoever minimises the losses on their own.
    public func follow() {
        policy.follow(rate: configuration.followRate)
        for critic in critics { critic.follow(rate: configuration.followRate) }
    }

    /// One step on a batch; returns the critics' loss.
    /// - Throws: `TensorError.gradientFailed`.
    @discardableResult
    public func step(_ batch: Transitions) throws -> Double {
        steps += 1
        let loss = criticLoss(batch)
        criticOptimizer.clearGradients()
        try loss.backward()
        GradientScaling.scaleAndClip(
            critics.flatMap(\.online.parameters), maximumNorm: configuration.maximumGradientNorm)
        criticOptimizer.step(learningRate: configuration.criticLearningRate)
        if steps % configuration.actorDelay == 0 {
            actorOptimizer.clearGradients()
            try actorLoss(batch.states).backward()
            GradientScaling.scaleAndClip(
                policy.online.parameters, maximumNorm: configuration.maximumGradientNorm)
            actorOptimizer.step(learningRate: configuration.actorLearningRate)
            follow()
        }
        return loss.item
    }

    private func bounded(_ actions: Tensor) -> Tensor {
        configuration.actionBound.map { actions.clamped(from: -$0, to: $0) } ?? actions
    }

    /// Uniform actions of the box have the density `(2 bound)^-d`; noisy actions of the policy have their normal one
    /// (before they are cut to the box).
    private func penalty(_ critic: Value, _ batch: Transitions, logged: Tensor) -> Tensor {
        let samples = configuration.conservativeSamples
        let rows = batch.count
        let width = batch.actions.size(1)
        let bound = configuration.actionBound ?? 1
        let deviation = max(configuration.smoothingDeviation, 0.1)
        let (actions, densities) = withoutGradients { () -> (Tensor, Tensor) in
            let uniform = Tensor.uniform([rows, samples, width], in: -bound..<bound, from: random)
            let noise = Tensor.normal([rows, samples, width], from: random)
            let own = bounded(policy.online(batch.states).expanded(axis: 1) + noise * deviation)
            let constant = -Double(width) * log(deviation * (2 * Double.pi).squareRoot())
            let normal = noise.squared().sum(along: 2) * -0.5 + constant
            let flat = Tensor.full([rows, samples], -Double(width) * log(2 * bound))
            return (.concatenated([uniform, own], along: 1), .concatenated([flat, normal], along: 1))
        }
        let states = batch.states.expanded(axis: 1).broadcast(to: [rows, 2 * samples, batch.states.size(1)])
        let values = critic(
            states.reshaped(rows * 2 * samples, batch.states.size(1)), actions.reshaped(rows * 2 * samples, width))
        return ConservativePenalty.continuous(
            sampled: values.reshaped(rows, 2 * samples), logDensities: densities, logged: logged)
    }
}
