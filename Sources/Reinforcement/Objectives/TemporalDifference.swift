import Foundation
public import Tensors

/// The equations of learning from values, as functions of tensors.
public enum TemporalDifference {
    /// `y = r + γ (1 - terminal) V(s')`, without a gradient.
    ///
    /// - Parameters:
    ///   - notTerminal: 0 where the world ended; truncated steps have 1.
    ///   - nextValues: same shape as `rewards`.
    public static func target(
        rewards: Tensor, notTerminal: Tensor, nextValues: Tensor, discount: Double
    ) -> Tensor {
        withoutGradients { rewards + notTerminal * nextValues * discount }
    }

    /// The value of the action that the online network prefers, as the target network sees it (van Hasselt et al. 2016):
    /// `Q'(s', argmax_a Q(s', a))`.
    ///
    /// - Parameters:
    ///   - online: `[batch, actions]`.
    ///   - target: `[batch, actions]`.
    /// - Returns: `[batch]`.
    public static func doubleValue(online: Tensor, target: Tensor) -> Tensor {
        withoutGradients {
            target.gather(online.indexOfMaximum(along: 1, keepingAxes: true), along: 1).squeezed(axis: 1)
        }
    }

    /// The smaller of two critics' values (Fujimoto et al. 2018, eq. 10).
    public static func clippedTwinValue(_ first: Tensor, _ second: Tensor) -> Tensor {
        withoutGradients { first.minimum(second) }
    }

    /// The values of the actions taken: `[batch, actions]` at `[batch]` gives `[batch]`.
    public static func taken(_ values: Tensor, _ actions: Tensor) -> Tensor {
        values.gather(actions.expanded(axis: 1), along: 1).squeezed(axis: 1)
    }

    /// Mean of `(target - value)²` over the elements where `mask` is 1, all of them without one.
    public static func squaredError(_ values: Tensor, _ targets: Tensor, mask: Tensor? = nil) -> Tensor {
        let errors = (targets - values).squared()
        guard let mask else { return errors.mean() }
        return (errors * mask).sum() / mask.sum().clamped(from: 1)
    }
}

/// Conservative penalties: values of actions that the log does not have are pushed below those it has (Kumar et al.
/// 2020).
public enum ConservativePenalty {
    /// CQL(H) for numbered actions (eq. 4): mean of `log Σ_a exp Q(s, a) - Q(s, a_D)`.
    ///
    /// - Parameters:
    ///   - values: `[batch, actions]`.
    ///   - actions: `[batch]`, those of the log.
    public static func discrete(_ values: Tensor, actions: Tensor) -> Tensor {
        (values.logSumExp(along: 1) - TemporalDifference.taken(values, actions)).mean()
    }

    /// The same for vectors, the sum over actions estimated from samples with their densities (appendix F):
    /// mean of `log (1/m) Σ_j exp(Q(s, a_j) - log p(a_j)) - Q(s, a_D)`.
    ///
    /// - Parameters:
    ///   - sampled: values of the sampled actions `[batch, samples]`.
    ///   - logDensities: of the samples, `[batch, samples]` or broadcast to it.
    ///   - logged: values of the log's actions `[batch]`.
    public static func continuous(sampled: Tensor, logDensities: Tensor, logged: Tensor) -> Tensor {
        let weighted = (sampled - logDensities).logSumExp(along: 1) - log(Double(sampled.size(1)))
        return (weighted - logged).mean()
    }
}
