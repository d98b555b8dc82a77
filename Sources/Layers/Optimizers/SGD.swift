import Tensors

/// Stochastic gradient descent with momentum (Sutskever et al. 2013): `b = μ b + g + λ p`, `p = p - η b`; Nesterov's
/// variant steps along `g + λ p + μ b`.
public final class SGD: Optimizer {
    public let groups: [ParameterGroup]
    public let momentum: Double
    public let nesterov: Bool
    private let buffers: [[Tensor]]

    public init(_ groups: [ParameterGroup], momentum: Double = 0, nesterov: Bool = false) {
        precondition(!nesterov || momentum > 0, "Nesterov's variant needs momentum")
        self.groups = groups
        self.momentum = momentum
        self.nesterov = nesterov
        buffers = groups.map { group in
            momentum > 0 ? group.parameters.map { Tensor.zeros(like: $0.tensor.detached()) } : []
        }
    }

    public func step(learningRate: Double, gradientScale: Double) {
        withoutGradients {
            for (index, group) in groups.enumerated() {
                let active = group.parameters.indices.filter { group.parameters[$0].tensor.gradient != nil }
                guard !active.isEmpty else { continue }
                let parameters = active.map { group.parameters[$0].tensor }
                var direction = parameters.compactMap(\.gradient)
                if gradientScale != 1 { Tensor.scale(direction, by: gradientScale) }
                if group.weightDecay > 0 {
                    direction = zip(direction, parameters).map { $0 + $1 * group.weightDecay }
                }
                if momentum > 0 {
                    let velocities = active.map { buffers[index][$0] }
                    Tensor.scale(velocities, by: momentum)
                    Tensor.accumulate(velocities, direction)
                    direction = nesterov ? zip(direction, velocities).map { $0 + $1 * momentum } : velocities
                }
                Tensor.accumulate(parameters, direction, scale: -learningRate * group.learningRateScale)
            }
        }
    }

    public var state: [NamedParameter] {
        zip(groups, buffers).flatMap { group, buffers in
            zip(group.parameters, buffers).map { NamedParameter(name: "\($0.name).momentum", tensor: $1) }
        }
    }
}
