public import Layers
public import Tensors

/// States `[batch, state]` to the values of all numbered actions `[batch, actions]`.
public protocol DiscreteActionValue: Network {
    func callAsFunction(_ states: Tensor) -> Tensor
}

extension MultilayerPerceptron: DiscreteActionValue {}

/// States `[batch, state]` to actions `[batch, action]`.
public protocol DeterministicPolicy: Network {
    func callAsFunction(_ states: Tensor) -> Tensor
}

/// States `[batch, state]` and actions `[batch, action]` to values `[batch]`.
public protocol ActionValue: Network {
    func callAsFunction(_ states: Tensor, _ actions: Tensor) -> Tensor
}

/// A perceptron whose actions lie within ± `bound` (through tanh).
public final class BoundedPolicy: DeterministicPolicy {
    public let bound: Double
    private let network: MultilayerPerceptron

    public init(
        stateDimensions: Int, hidden: [Int], actionDimensions: Int, bound: Double = 1, from source: RandomSource
    ) {
        self.bound = bound
        // The published 3e-3 of the last layer in units of its fan-in keeps first actions near 0.
        network = MultilayerPerceptron(
            [stateDimensions] + hidden + [actionDimensions], outputScale: 0.05, from: source)
    }

    private init(network: MultilayerPerceptron, bound: Double) {
        self.network = network
        self.bound = bound
    }

    public func copy() -> BoundedPolicy { BoundedPolicy(network: network.copy(), bound: bound) }

    public func callAsFunction(_ states: Tensor) -> Tensor { network(states).tanh() * bound }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        network.visitParameters(path, visit)
    }
}

/// A perceptron on state and action behind one another.
public final class PerceptronActionValue: ActionValue {
    private let network: MultilayerPerceptron

    public init(stateDimensions: Int, actionDimensions: Int, hidden: [Int], from source: RandomSource) {
        network = MultilayerPerceptron([stateDimensions + actionDimensions] + hidden + [1], from: source)
    }

    private init(network: MultilayerPerceptron) { self.network = network }

    public func copy() -> PerceptronActionValue { PerceptronActionValue(network: network.copy()) }

    public func callAsFunction(_ states: Tensor, _ actions: Tensor) -> Tensor {
        network(.concatenated([states, actions], along: -1)).squeezed(axis: -1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        network.visitParameters(path, visit)
    }
}
