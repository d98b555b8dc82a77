import Foundation
import Recommendation
import Reinforcement
import Tensors
import Testing
import Training
import Worlds

@Suite("Slates of learned values", .serialized)
struct SlateLearnerTests {
    /// A fifth of the time: shorter sessions.
    private static var short: InterestEvolutionConfiguration {
        var configuration = InterestEvolutionConfiguration()
        configuration.budget = 40
        return configuration
    }

    @Test("The value of a slate is what its items and no choice are worth, weighed by how they are chosen")
    func slateValue() {
        #expect(SlateLearner.slateValue(probabilities: [0.5, 0.25, 0.25], values: [4, 8, 2]) == 4.5)
    }

    @Test("In no time nothing is earned, whatever the interests")
    func noTime() async throws {
        await TensorActor.run {
            let configuration = InterestEvolutionConfiguration()
            let values = TimedValues(configuration, choices: 3, from: RandomSource(seed: 1))
            let interests = [Float](repeating: 0.5, count: configuration.topicCount)
            let states: [Float] = interests + [0] + interests + [1]
            let found = withoutGradients { values(Tensor(states, shape: [2, configuration.stateCount])).floats }
            #expect(found.prefix(3).allSatisfy { $0 == 0 })
            #expect(found.suffix(3).allSatisfy { $0 != 0 })
        }
    }

    @Test("Where the session goes on without a choice, a slate of little worth is made unattractive")
    func nothing() async throws {
        await TensorActor.run {
            let configuration = InterestEvolutionConfiguration()
            let learner = SlateLearner(configuration, seed: 1)
            // Topics 0, 1 and 2 are liked, 3, 4 and 5 are not.
            let interests: [Float] = [0.9, 0.8, 0.7, -0.9, -0.8, -0.7] + [Float](repeating: 0, count: 14)
            let topics = [0, 1, 2, 3, 4, 5]
            func values(_ topic: Float, nothing: Float) -> [Float] {
                [Float](repeating: topic, count: 20) + [nothing]
            }
            let gain = learner.bestSlate(interests: interests, topics: topics, values: values(10, nothing: 0))
            #expect(Set(gain.items) == [0, 1, 2])
            // Attractions 1.9 + 1.8 + 1.7 against 2 of no choice.
            #expect(abs(gain.value - 10 * 5.4 / 7.4) < 1e-4)
            let loss = learner.bestSlate(interests: interests, topics: topics, values: values(1, nothing: 10))
            #expect(Set(loss.items) == [3, 4, 5])
            #expect(abs(loss.value - (0.6 + 20) / 2.6) < 1e-4)
        }
    }

    @Test("Where good items give back time, SlateQ keeps users longer than greedy slates", .timeLimit(.minutes(2)))
    func foresight() async throws {
        let configuration = Self.short
        let greedy = try InterestEvolutionRanker.greedy.watchTime(configuration, users: 400, seed: 11)
        let oracle = try InterestEvolutionRanker.qualityOracle.watchTime(configuration, users: 400, seed: 11)
        let learned = try await TensorActor.run {
            let learner = SlateLearner(configuration, seed: 1)
            try learner.train(users: 128, updates: 1_500, seed: 1)
            // No choice costs an eightieth of the time: what the best slate can still earn is nearly all to come.
            let state = try InterestEvolutionBatch(configuration, users: 1, seed: 5).state(lane: 0)
            let values = learner.choiceValues([state])[0]
            let best = learner.bestSlate(interests: state, topics: Array(0..<10), values: values).value
            #expect(best > 4 && values[configuration.topicCount] > 0.7 * best)
            return try learner.watchTime(users: 400, seed: 11)
        }
        #expect(oracle > 1.15 * greedy)
        #expect(learned > greedy + 0.4 * (oracle - greedy))
    }

    @Test("A log says what was shown, how likely that was, and what the greedy ranker would have shown next")
    func log() async throws {
        var configuration = Self.short
        configuration.slateSize = 1
        let log = try InterestEvolutionLog(configuration, users: 40, exploration: 0.5, seed: 3)
        #expect(log.buffer.count == log.rewards.count)
        // 0.5 and the greedy item's part of the uniform choices, or that part alone.
        for (isGreedy, propensity) in zip(log.isGreedy, log.propensities) {
            #expect(abs(propensity - (isGreedy ? 0.55 : 0.05)) < 1e-12)
        }
        let share = Double(log.isGreedy.count { $0 }) / Double(log.isGreedy.count)
        #expect(abs(share - 0.55) < 0.05)
        let returns = log.returns(discount: 1)
        for user in 0..<40 {
            let rows = log.users.indices.filter { log.users[$0] == user }
            let (actions, rewards) = await TensorActor.run {
                let steps = log.buffer.transitions(rows)
                return (steps.actions.integers, steps.rewards.floats)
            }
            #expect(abs(returns[user] - rows.reduce(0) { $0 + log.rewards[$1] }) < 1e-9)
            for (place, row) in rows.enumerated() {
                #expect(abs(Double(rewards[place] * configuration.watchTime) - log.rewards[row]) < 1e-4)
                let greedy = place == 0 ? log.firstGreedy[user] : log.nextGreedy[rows[place - 1]]
                if log.isGreedy[row] { #expect(actions[place] == greedy) }
            }
        }
    }

    @Test("Discounted returns count a user's later steps less")
    func returns() throws {
        var configuration = Self.short
        configuration.slateSize = 1
        let log = try InterestEvolutionLog(configuration, users: 1, exploration: 0, seed: 3)
        #expect(log.isGreedy.allSatisfy(\.self) && log.propensities.allSatisfy { $0 == 1 })
        let expected = log.rewards.enumerated().reduce(0) { $0 + pow(0.5, Double($1.offset)) * $1.element }
        #expect(expected > 0 && abs(log.returns(discount: 0.5)[0] - expected) < 1e-9)
    }

    @Test("Fitted evaluation of the greedy ranker comes near what it earns", .timeLimit(.minutes(2)))
    func evaluation() async throws {
        let rows = try await TensorActor.run {
            try OffPolicyCheck.interestEvolution(users: 64, updates: 2_500, seed: 1)
        }
        let fitted = try #require(rows.first { $0.estimator == "FQE" })
        // The log alone is a fifth below.
        #expect(fitted.logged < 0.88 * fitted.truth)
        #expect(abs(fitted.estimate - fitted.truth) < 0.08 * fitted.truth)
    }
}
