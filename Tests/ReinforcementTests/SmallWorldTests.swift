import Evaluation
import Foundation
import Layers
import Reinforcement
import Tensors
import Testing

/// Agents on worlds whose best values are known, beside a variant that must fail there.
@Suite("Small worlds", .serialized)
struct SmallWorldTests {
    /// Six places in a row. Action 1 walks right, reaching the last place pays 1 and ends; action 0 pays 0.1 and ends.
    /// With discount 0.9 the best value of place s is `max(0.1, 0.9^(4 - s))`.
    struct Corridor {
        static let places = 6
        static let discount = 0.9

        static func best(_ place: Int) -> Double { max(0.1, pow(discount, Double(places - 2 - place))) }

        static func state(_ place: Int) -> [Float] { (0..<places).map { $0 == place ? 1 : 0 } }

        /// Every step of the world, as often as asked; `forgetsEnds` stores terminal steps as if they went on.
        static func buffer(forgetsEnds: Bool) -> ReplayBuffer {
            var buffer = ReplayBuffer(capacity: 1_000, stateDimensions: places, actions: .discrete)
            for place in 0..<(places - 1) {
                buffer.append(
                    state: state(place), action: 0, reward: 0.1, nextState: state(place),
                    end: forgetsEnds ? .none : .terminal)
                let arrives = place + 1 == places - 1
                buffer.append(
                    state: state(place), action: 1, reward: arrives ? 1 : 0, nextState: state(place + 1),
                    end: arrives && !forgetsEnds ? .terminal : .none)
            }
            return buffer
        }

        static func learnedValues(isDouble: Bool = true, forgetsEnds: Bool = false) throws -> [Double] {
            var configuration = DeepQLearning<MultilayerPerceptron>.Configuration()
            configuration.discount = discount
            configuration.followRate = 0.05
            configuration.learningRate = 3e-3
            configuration.isDouble = isDouble
            let agent = DeepQLearning(
                MultilayerPerceptron([places, 32, 2], from: RandomSource(seed: 1)), configuration)
            let buffer = buffer(forgetsEnds: forgetsEnds)
            var generator = SeededGenerator(seed: 2)
            for _ in 0..<800 { try agent.step(buffer.sample(32, using: &generator)) }
            let states = Tensor((0..<(places - 1)).flatMap(state), shape: [places - 1, places])
            return withoutGradients { agent.values.online(states).maximum(along: 1).values(Double.self) }
        }
    }

    @Test("Fitted evaluation of walking right: its own value, not that of the best action", .timeLimit(.minutes(1)))
    func fittedEvaluation() throws {
        let buffer = Corridor.buffer(forgetsEnds: false)
        // A policy that always ends at once, though walking is better: 0.1 where it starts, 0.9 * 0.1 a step before.
        let evaluation = FittedPolicyEvaluation(
            MultilayerPerceptron([Corridor.places, 32, 2], from: RandomSource(seed: 1)), discount: Corridor.discount)
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<800 {
            let rows = (0..<32).map { _ in generator.integer(below: buffer.count) }
            try evaluation.step(buffer.transitions(rows), nextActions: Tensor([Int](repeating: 0, count: 32)))
        }
        let states = Tensor(Corridor.state(1), shape: [1, Corridor.places])
        #expect(abs(evaluation.value(states: states, actions: Tensor([0])) - 0.1) < 0.02)
        #expect(abs(evaluation.value(states: states, actions: Tensor([1])) - 0.09) < 0.02)
        #expect(Corridor.best(1) > 0.7)
    }

    @Test("Q-learning finds the values of a corridor, double or not", arguments: [true, false])
    func corridor(isDouble: Bool) throws {
        let values = try Corridor.learnedValues(isDouble: isDouble)
        for (place, value) in values.enumerated() { #expect(abs(value - Corridor.best(place)) < 0.07) }
    }

    @Test("With terminal steps taken for truncated ones the values are wrong")
    func forgottenEnds() throws {
        let values = try Corridor.learnedValues(forgetsEnds: true)
        // Taking 0.1 for ever at one place is worth 0.1 / (1 - 0.9) = 1.
        #expect(values[0] > Corridor.best(0) + 0.2)
    }

    /// A log of two of ten actions: one costs 1, the other 2, which is which the state tells. Nothing is known of the
    /// other eight, and a network's first guess of 0 is better than everything in the log.
    private func logOnly(conservatism: Double) throws -> (inLog: Double, right: Double) {
        let source = RandomSource(seed: 3)
        var configuration = DeepQLearning<MultilayerPerceptron>.Configuration()
        configuration.conservatism = conservatism
        configuration.discount = 0.9
        let agent = DeepQLearning(MultilayerPerceptron([4, 64, 10], from: source), configuration)
        var buffer = ReplayBuffer(capacity: 2_000, stateDimensions: 4, actions: .discrete)
        var generator = SeededGenerator(seed: 4)
        func state() -> [Float] { (0..<4).map { _ in Float(generator.normal()) } }
        var now = state()
        for _ in 0..<2_000 {
            let action = generator.integer(below: 2)
            let next = state()
            buffer.append(
                state: now, action: action, reward: (now[0] > 0) == (action == 0) ? -1 : -2, nextState: next)
            now = next
        }
        for _ in 0..<600 { try agent.step(buffer.sample(64, using: &generator)) }
        let probes = (0..<500).map { _ in state() }
        let actions = agent.greedyActions(Tensor(Array(probes.joined()), shape: [500, 4]))
        let inLog = Double(actions.count { $0 < 2 }) / 500
        let right = Double(zip(actions, probes).count { $0 < 2 && ($1[0] > 0) == ($0 == 0) }) / 500
        return (inLog, right)
    }

    @Test("From logs alone, conservative Q-learning keeps to the log's actions and finds the better; plain does not")
    func conservative() throws {
        let careful = try logOnly(conservatism: 1)
        let plain = try logOnly(conservatism: 0)
        #expect(careful.inLog > 0.97 && careful.right > 0.9)
        #expect(plain.inLog < 0.8)
    }

    /// `x' = x + a`, reward `-(x² + a²)`, discount 0.9: the best action is `-k x`, k from Riccati's equation
    /// `p = 1 + 0.9 p - (0.9 p)² / (1 + 0.9 p)`, `k = 0.9 p / (1 + 0.9 p)`.
    private static let bestGain: Double = {
        var p = 1.0
        for _ in 0..<200 { p = 1 + 0.9 * p - pow(0.9 * p, 2) / (1 + 0.9 * p) }
        return 0.9 * p / (1 + 0.9 * p)
    }()

    private func gain(isTwin: Bool, discount: Double, conservatism: Double = 0) throws -> Double {
        typealias Agent = DeterministicPolicyGradient<BoundedPolicy, PerceptronActionValue>
        let source = RandomSource(seed: 5)
        var configuration = isTwin ? Agent.Configuration.twinDelayed : Agent.Configuration()
        configuration.discount = discount
        configuration.actorLearningRate = 1e-3
        configuration.criticLearningRate = 3e-3
        configuration.followRate = 0.02
        configuration.smoothingDeviation = isTwin ? 0.05 : 0
        configuration.smoothingBound = 0.1
        configuration.conservatism = conservatism
        let critics = (0..<(isTwin ? 2 : 1)).map { _ in
            PerceptronActionValue(stateDimensions: 1, actionDimensions: 1, hidden: [48, 48], from: source)
        }
        let agent = Agent(
            policy: BoundedPolicy(stateDimensions: 1, hidden: [32], actionDimensions: 1, from: source),
            critics: critics, configuration, random: source)
        var buffer = ReplayBuffer(capacity: 4_000, stateDimensions: 1, actions: .continuous(1))
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<4_000 {
            let x = generator.uniform(in: -1..<1)
            let a = generator.uniform(in: -1..<1)
            buffer.append(
                state: [Float(x)], action: [Float(a)], reward: Float(-(x * x + a * a)),
                nextState: [Float(min(1, max(-1, x + a)))])
        }
        for _ in 0..<3_000 { try agent.step(buffer.sample(64, using: &generator)) }
        let xs = stride(from: Float(-0.5), through: 0.5, by: 0.05).map { $0 }
        let actions = withoutGradients { agent.policy.online(Tensor(xs, shape: [xs.count, 1])).floats }
        let products = zip(xs, actions).reduce(0.0) { $0 - Double($1.0 * $1.1) }
        return products / xs.reduce(0.0) { $0 + Double($1 * $1) }
    }

    @Test("DDPG and TD3 find the gain of a linear-quadratic regulator", arguments: [false, true])
    func regulator(isTwin: Bool) throws {
        let found = try gain(isTwin: isTwin, discount: 0.9)
        #expect(abs(found - Self.bestGain) < 0.1)
    }

    @Test("Without a future there is nothing to regulate: the myopic gain is 0")
    func myopicRegulator() throws {
        #expect(abs(try gain(isTwin: true, discount: 0)) < 0.15)
    }
}
