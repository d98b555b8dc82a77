import Layers
import Reinforcement
import Tensors
import Training

/// Itemwise episodic recurrent deterministic policy gradient (RL-LTV's IE-RDPG): one actor and one critic for all items,
/// each with a memory, learned from whole item episodes.
///
/// ```
/// y_t = r_t + γ (1 - delisted) Q'(m_{t+1}, μ'(m_{t+1}))
/// critic: Σ mask (y_t - Q(m_t, a_t))²      actor: climbs Σ mask Q(m_t, μ(m_t))
/// ```
/// Days are aligned by the age of the item; padding is masked; an item that still lived at the end of the log is
/// truncated (its value is bootstrapped), a delisted one ends.
package final class LifetimeValueAgent: Learner {
    package let configuration: LifetimeValueConfiguration
    package let actor: TargetNetwork<ItemActor>
    package let critic: TargetNetwork<ItemCritic>
    package let staticCount: Int

    package init(inputs: Int, statics: Int, _ configuration: LifetimeValueConfiguration, seed: UInt64) {
        let source = RandomSource(seed: seed)
        let actor = ItemActor(inputs: inputs, statics: statics, configuration, from: source)
        let critic = ItemCritic(inputs: inputs, statics: statics, configuration, from: source)
        actor.train()
        critic.train()
        self.configuration = configuration
        staticCount = statics
        self.actor = TargetNetwork(actor)
        self.critic = TargetNetwork(critic)
    }

    private static func named(_ prefix: String, _ layer: some Layer) -> [NamedParameter] {
        layer.parameters.map { NamedParameter(name: "\(prefix).\($0.name)", tensor: $0.tensor) }
    }

    package var trainedParameters: [NamedParameter] {
        Self.named("actor", actor.online) + Self.named("critic", critic.online)
    }
    package var changingState: [NamedParameter] {
        Self.named("targetActor", actor.target) + Self.named("targetCritic", critic.target)
    }

    /// Two groups, so that actor and critic have rates of their own.
    package func optimizer() -> AdamW {
        AdamW([
            ParameterGroup(
                Self.named("actor", actor.online),
                learningRateScale: configuration.actorLearningRate / configuration.criticLearningRate),
            ParameterGroup(Self.named("critic", critic.online)),
        ])
    }

    package func loss(_ batch: EpisodeBatch) throws -> BatchLoss {
        BatchLoss(sum: criticLoss(batch) + (try actorLoss(batch)), weight: 1, tokens: batch.actions.count)
    }

    package func didStep(_ step: Int) {
        actor.follow(rate: configuration.followRate)
        critic.follow(rate: configuration.followRate)
    }

    /// y of every day, `[items, days]`, without gradient.
    package func targets(_ batch: EpisodeBatch) -> Tensor {
        withoutGradients {
            let actions = actor.target(batch.days)
            let values = critic.target(batch.days, actions: actions)
            let next = values.slice(1..<values.size(1), along: 1)
            return TemporalDifference.target(
                rewards: batch.rewards, notTerminal: batch.notTerminal, nextValues: next,
                discount: configuration.discount)
        }
    }

    package func criticLoss(_ batch: EpisodeBatch) -> Tensor {
        let days = batch.days.days(0..<batch.actions.size(1))
        return TemporalDifference.squaredError(
            critic.online(days, actions: batch.actions), targets(batch), mask: batch.mask)
    }

    /// A loss whose gradient in the actor climbs `Σ mask Q(m_t, μ(m_t))`, and which leaves the critic alone:
    /// `-Σ mask s(∂Q/∂a) μ(m_t)`, with the critic's slope taken at the actor's own actions and turned down towards the
    /// bounds (``BoundedActions``).
    package func actorLoss(_ batch: EpisodeBatch) throws -> Tensor {
        let days = batch.days.days(0..<batch.actions.size(1))
        let memory = withoutGradients { critic.online.remember(days) }
        let actions = actor.online.unbounded(days)
        let leaf = actions.detached().clamped(from: -1, to: 1).copy().requiringGradient()
        let values = (critic.online.value(memory, days, actions: leaf) * batch.mask).sum()
        let slope = try values.gradients(withRespectTo: [leaf])[0] ?? .zeros(like: leaf)
        let turned = BoundedActions.inverted(slope: slope.detached(), actions: actions.detached())
        return -(turned * actions).sum() / batch.mask.sum().clamped(from: 1)
    }
}
