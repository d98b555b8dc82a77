import Layers
import Reinforcement
import Tensors
import Worlds

/// Values of choices in a session whose time runs out: `Q(s, a) = most · timeLeft · f(s)_a`, the time left being the last
/// number of the state.
///
/// What is left to earn goes to 0 with the time left, and a unit of time is worth about as much at any moment. A network
/// that has to find this out moves a value backwards through a whole session, update by update.
package final class TimedValues: DiscreteActionValue {
    private let network: MultilayerPerceptron
    private let most: Double

    /// - Parameter choices: numbered actions.
    package init(
        _ configuration: InterestEvolutionConfiguration, choices: Int, hidden: [Int] = [64], from source: RandomSource
    ) {
        network = MultilayerPerceptron(
            [configuration.stateCount] + hidden + [choices], outputScale: 0.1, from: source)
        most = Self.most(configuration)
    }

    private init(_ network: MultilayerPerceptron, most: Double) {
        self.network = network
        self.most = most
    }

    /// Items that fill a session: rewards are counted in watched items.
    private static func most(_ configuration: InterestEvolutionConfiguration) -> Double {
        Double(configuration.budget / configuration.watchTime)
    }

    package func copy() -> TimedValues { TimedValues(network.copy(), most: most) }

    /// `[batch, topics + 1]` to `[batch, choices]`, in watched items.
    package func callAsFunction(_ states: Tensor) -> Tensor {
        let width = states.size(1)
        return network(states) * states.slice((width - 1)..<width, along: 1) * most
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        network.visitParameters(path, visit)
    }
}
