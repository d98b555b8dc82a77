import Evaluation
import Reinforcement
import Tensors
import Testing

@Suite("Experience")
struct ExperienceTests {
    @Test("The oldest step makes room, and a sample holds whole steps only")
    func ring() {
        var buffer = ReplayBuffer(capacity: 3, stateDimensions: 2, actions: .discrete)
        for step in 0..<5 {
            let value = Float(step)
            buffer.append(
                state: [value, -value], action: step, reward: 10 * value, nextState: [value + 1, -value - 1],
                end: step == 4 ? .terminal : .none)
        }
        #expect(buffer.count == 3)
        var generator = SeededGenerator(seed: 1)
        let batch = buffer.sample(64, using: &generator)
        #expect(Set(batch.actions.integers) == [2, 3, 4])
        let states = batch.states.floats
        for (row, action) in batch.actions.integers.enumerated() {
            #expect(states[2 * row] == Float(action) && states[2 * row + 1] == -Float(action))
            #expect(batch.rewards.floats[row] == Float(10 * action))
            #expect(batch.nextStates.floats[2 * row] == Float(action + 1))
            #expect(batch.notTerminal.floats[row] == (action == 4 ? 0 : 1))
        }
        var again = SeededGenerator(seed: 1)
        #expect(buffer.sample(64, using: &again).actions.integers == batch.actions.integers)
    }

    @Test("A truncated step bootstraps, a terminal one does not")
    func ends() {
        var buffer = ReplayBuffer(capacity: 4, stateDimensions: 1, actions: .continuous(1))
        for end in [EpisodeEnd.none, .terminal, .truncated] {
            buffer.append(state: [0], action: [0], reward: 1, nextState: [0], end: end)
        }
        let batch = buffer.transitions([0, 1, 2])
        #expect(batch.notTerminal.floats == [1, 0, 1])
        let targets = TemporalDifference.target(
            rewards: batch.rewards, notTerminal: batch.notTerminal, nextValues: Tensor([Float(10), 10, 10]),
            discount: 0.5)
        #expect(targets.floats == [6, 1, 6])
    }

    @Test("Returns by hand: 1 + 0.5 (2 + 0.5 · 4) = 3 before an end, bootstrapped where truncated")
    func returns() {
        let rewards: [Float] = [1, 2, 4, 8, 16]
        let ends: [EpisodeEnd] = [.none, .none, .terminal, .truncated, .none]
        let returns = Returns.discounted(
            rewards: rewards, ends: ends, discount: 0.5, bootstrap: [100, 100, 100, 100, 100])
        #expect(returns == [3, 4, 4, 58, 66])
    }

    @Test("Traced returns: λ = 0 is one step, λ = 1 the whole episode, 0.5 by hand")
    func traced() {
        let rewards: [Float] = [1, 2, 4]
        let following: [Float] = [10, 20, 0]
        func traced(_ trace: Float, isLast: [Bool] = [false, false, true]) -> [Float] {
            Returns.traced(rewards: rewards, following: following, isLast: isLast, discount: 0.5, trace: trace)
        }
        #expect(traced(0) == [11, 22, 4])
        #expect(traced(1) == [3, 4, 4])
        // 2 + 0.5 · 20 + 0.5 · 0.5 · 4 = 13; 1 + 0.5 · 10 + 0.25 · 13 = 9.25.
        #expect(traced(0.5) == [9.25, 13, 4])
        #expect(traced(1, isLast: [true, false, true]) == [11, 4, 4])
    }

    @Test("Advantages with trace 1 are returns minus values, with trace 0 one-step errors")
    func advantages() {
        let rewards: [Float] = [1, 2, 4, 8]
        let ends: [EpisodeEnd] = [.none, .none, .terminal, .truncated]
        let values: [Float] = [1, 1, 2, 3]
        let nextValues: [Float] = [1, 2, 99, 4]
        let returns = Returns.discounted(rewards: rewards, ends: ends, discount: 0.5, bootstrap: nextValues)
        let whole = Returns.advantages(
            rewards: rewards, ends: ends, values: values, nextValues: nextValues, discount: 0.5, trace: 1)
        for step in 0..<4 { #expect(abs(whole[step] - (returns[step] - values[step])) < 1e-6) }
        let short = Returns.advantages(
            rewards: rewards, ends: ends, values: values, nextValues: nextValues, discount: 0.5, trace: 0)
        #expect(short == [0.5, 2, 2, 7])
    }

    @Test("Exploration noise has mean 0 and the size that was asked for")
    func noise() {
        var plain = GaussianNoise(standardDeviation: 0.3, generator: SeededGenerator(seed: 5))
        var wandering = OrnsteinUhlenbeckNoise(pull: 0.5, step: 0.2, generator: SeededGenerator(seed: 6))
        let count = 40_000
        let first = plain.next(count)
        let second = (0..<count).map { _ in wandering.next(1)[0] }
        func moments(_ values: [Float]) -> (mean: Float, deviation: Float) {
            let mean = values.reduce(0, +) / Float(values.count)
            let squares = values.reduce(Float(0)) { $0 + ($1 - mean) * ($1 - mean) }
            return (mean, (squares / Float(values.count)).squareRoot())
        }
        #expect(abs(moments(first).mean) < 0.01 && abs(moments(first).deviation - 0.3) < 0.01)
        // σ / √(1 - (1 - θ)²) = 0.2 / √0.75.
        #expect(abs(moments(second).mean) < 0.01 && abs(moments(second).deviation - 0.2309) < 0.01)
    }
}
