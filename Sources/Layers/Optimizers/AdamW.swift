import Tensors

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019), one pass a group:
/// `m = β₁ m + (1 - β₁) g`, `v = β₂ v + (1 - β₂) g²`, `p = p (1 - η λ) - η m̂ / (√v̂ + ε)`.
public final class AdamW: Optimizer {
    public let groups: [ParameterGroup]
    public let beta1: Double
    public let beta2: Double
    public let epsilon: Double

    private struct Moments {
        let first: Tensor
        let second: Tensor
        /// Steps taken: one f32 number.
        let step: Tensor
    }

    private let moments: [[Moments]]

    public init(_ groups: [ParameterGroup], beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
        self.groups = groups
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        moments = groups.map { group in
            group.parameters.map { parameter in
                let like = parameter.tensor.detached()
                return Moments(first: .zeros(like: like), second: .zeros(like: like), step: Tensor(Float(0)))
            }
        }
    }

    public func step(learningRate: Double, gradientScale: Double) {
        for (group, moments) in zip(groups, moments) {
            let active = zip(group.parameters, moments).compactMap { parameter, moments in
                parameter.tensor.gradient.map {
                    Tensor.AdamWPart(
                        parameter: parameter.tensor, gradient: $0, first: moments.first, second: moments.second,
                        step: moments.step)
                }
            }
            guard !active.isEmpty else { continue }
            Tensor.adamWStep(
                active, gradientScale: gradientScale, learningRate: learningRate * group.learningRateScale,
                beta1: beta1, beta2: beta2, weightDecay: group.weightDecay, epsilon: epsilon)
        }
    }

    public var state: [NamedParameter] {
        zip(groups, moments).flatMap { group, moments in
            zip(group.parameters, moments).flatMap { parameter, moments in
                [
                    NamedParameter(name: "\(parameter.name).first", tensor: moments.first),
                    NamedParameter(name: "\(parameter.name).second", tensor: moments.second),
                    NamedParameter(name: "\(parameter.name).step", tensor: moments.step),
                ]
            }
        }
    }
}
