public import Tensors

/// Off-policy REINFORCE for lists of K items (Chen et al. 2019).
public enum TopKPolicyGradient {
    /// The weight of a logged step (eq. 4 and 6): `min(π/β, cap) · K (1 - π)^(K-1)`, without a gradient.
    ///
    /// - Parameters:
    ///   - policy: `π(a | s)` of the logged actions `[batch]`.
    ///   - behaviour: `β(a | s)`, which logged them `[batch]`.
    ///   - cap: the published e³.
    public static func weights(policy: Tensor, behaviour: Tensor, listLength: Int, cap: Double) -> Tensor {
        withoutGradients {
            let ratio = (policy / behaviour).clamped(to: cap)
            return ratio * (1.0 - policy).power(Double(listLength - 1)) * Double(listLength)
        }
    }

    /// `-mean(weight · R · log π(a | s))`, whose gradient is the corrected policy gradient.
    public static func loss(logPolicy: Tensor, weights: Tensor, returns: Tensor) -> Tensor {
        -(weights * returns * logPolicy).mean()
    }
}
