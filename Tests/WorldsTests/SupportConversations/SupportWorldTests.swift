import Corpora
import Evaluation
import Testing
import Worlds

@Suite("Support world")
struct SupportWorldTests {
    let world = SupportWorld()

    private func expect(_ policy: SupportPolicy, value: Double, distress: Double) {
        let outcome = world.evaluate(policy)
        #expect(abs(outcome.value - value) < 0.0051, "return \(outcome.value)")
        #expect(abs(outcome.finalDistress - distress) < 0.0051, "distress \(outcome.finalDistress)")
    }

    @Test("Exact returns and final distress of random, greedy, noisy expert and planners")
    func exactReturns() {
        expect(.random(), value: 1.06, distress: 3.34)
        expect(world.greedyPolicy, value: 3.65, distress: 2.32)
        expect(world.noisyExpert, value: 5.39, distress: 0.49)
        expect(world.optimalPolicy(discount: 0.85), value: 6.14, distress: 0.12)
        expect(world.optimalPolicy(discount: 0.95), value: 6.65, distress: 0.05)
        expect(world.optimalPolicy(discount: 1), value: 6.65, distress: 0.03)
    }

    @Test("Short-sighted planning up to a discount of 0.7 is no better than greed")
    func shortSight() {
        let greedy = world.evaluate(world.greedyPolicy).value
        #expect(abs(world.evaluate(world.optimalPolicy(discount: 0.5)).value - greedy) < 0.01)
        #expect(abs(world.evaluate(world.optimalPolicy(discount: 0.7)).value - greedy) < 0.01)
    }

    @Test("With a larger bait, a discount of 0.85 is far from optimal")
    func largerBait() {
        let baited = SupportWorld(bait: 0.4)
        #expect(abs(baited.evaluate(baited.optimalPolicy(discount: 0.85)).value - 6.07) < 0.01)
        #expect(abs(baited.evaluate(baited.optimalPolicy(discount: 1)).value - 8.01) < 0.01)
    }

    @Test("The greedy policy opens with affirmation, the planner with a question")
    func openings() {
        let start = world.startStates[1]
        #expect(world.greedyPolicy.mostLikely(start, turn: 0) == .affirmation)
        let planner = world.optimalPolicy(discount: 1)
        #expect(planner.mostLikely(start, turn: 0) == .question)
        let ready = SupportState(distress: 4, understanding: 3, rapport: 1)
        #expect(planner.mostLikely(ready, turn: 4) == .suggestions)
        // At rest, one who does not discount takes the bait until the last turn; one who does closes at once.
        let rest = SupportState(distress: 0, understanding: 3, rapport: 1)
        #expect(planner.mostLikely(rest, turn: 7) == .affirmation)
        #expect(planner.mostLikely(rest, turn: 11) == .others)
        #expect(world.optimalPolicy(discount: 0.85).mostLikely(rest, turn: 7) == .others)
    }

    @Test("Probabilities of every state and strategy sum to 1 and stay in range; only others at rest ends")
    func transitions() {
        for state in SupportState.allCases {
            #expect(SupportState.allCases[state.index] == state)
            for strategy in SupportStrategy.allCases {
                let outcomes = world.transitions(from: state, strategy)
                #expect(abs(outcomes.reduce(0) { $0 + $1.probability } - 1) < 1e-12)
                #expect(outcomes.contains { $0.ends } == (strategy == .others && state.distress == 0))
            }
        }
    }

    @Test("Optimal values agree with the evaluation of the optimal policy")
    func valuesAgree() {
        let values = world.optimalValues(discount: 0.9)
        let start = world.startStates.reduce(0.0) { $0 + (values[0][$1.index].max() ?? 0) } / 2
        #expect(abs(start - world.evaluate(world.optimalPolicy(discount: 0.9), discount: 0.9).value) < 1e-12)
    }

    @Test("A simulated batch earns what was computed, and each conversation does not depend on its neighbours")
    func simulation() {
        let count = 4_000
        let policy = world.noisyExpert
        func run(first: Int, count: Int) -> [Double] {
            var batch = SupportBatch(world, seed: 7, first: first, count: count)
            var sums = [Double](repeating: 0, count: count)
            for turn in 0..<world.horizon {
                let strategies = batch.states.enumerated().map { index, state in
                    var generator = SeededGenerator(seed: 8, UInt64(first + index), UInt64(turn))
                    return policy.strategy(state, turn: turn, using: &generator)
                }
                for (index, reward) in batch.step(strategies).enumerated() { sums[index] += reward }
            }
            return sums
        }
        let all = run(first: 0, count: count)
        let mean = all.reduce(0, +) / Double(count)
        #expect(abs(mean - world.evaluate(policy).value) < 0.1)
        #expect(run(first: 100, count: 50) == Array(all[100..<150]))
    }
}
