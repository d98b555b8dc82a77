import Evaluation
import Testing

@Suite("Off-policy estimators") struct OffPolicyTests {
    /// Ten actions with known rewards, logged by a skewed policy; the evaluated policy is another one.
    private struct Bandit {
        let rewards = (0..<10).map { Double($0) / 10 }
        let logging = (1...10).map { 2 * Double($0) / 110 }
        let target = (1...10).map { 2 * Double(11 - $0) / 110 }
        var truth: Double { zip(rewards, target).reduce(0) { $0 + $1.0 * $1.1 } }

        func log(rows: Int, seed: UInt64) throws -> (LoggedDecisions, actions: [Int32]) {
            var generator = SeededGenerator(seed: seed)
            let actions = (0..<rows).map { _ in Int32(generator.index(weights: logging)) }
            let outcomes = actions.map { generator.bernoulli(rewards[Int($0)]) ? 1.0 : 0 }
            return (
                try LoggedDecisions(
                    rewards: outcomes, loggingProbabilities: actions.map { logging[Int($0)] },
                    targetProbabilities: actions.map { target[Int($0)] }), actions
            )
        }
    }

    @Test("IPS, SNIPS and DR find the true value within four standard errors; the log's own mean is far from it")
    func findTruth() throws {
        let bandit = Bandit()
        let (log, actions) = try bandit.log(rows: 40_000, seed: 3)
        let model = OffPolicyEstimators.actionMeans(actions: actions, rewards: log.rewards, actionCount: 10)
        let expected = zip(model, bandit.target).reduce(0.0) { $0 + $1.0 * $1.1 }
        let robust = try OffPolicyEstimators.doublyRobust(
            log, taken: actions.map { model[Int($0)] }, expected: [Double](repeating: expected, count: actions.count))
        for estimate in [OffPolicyEstimators.inversePropensity(log), OffPolicyEstimators.selfNormalized(log), robust] {
            #expect(abs(estimate.value - bandit.truth) < 4 * estimate.standardError, "\(estimate)")
            #expect(estimate.standardError < 0.02)
        }
        let logged = log.rewards.reduce(0, +) / Double(log.rewards.count)
        #expect(abs(logged - bandit.truth) > 0.2)
    }

    @Test("DR is right with a wrong model and the right propensities; the model alone is not")
    func doublyRobust() throws {
        let bandit = Bandit()
        let (log, actions) = try bandit.log(rows: 40_000, seed: 4)
        let wrong = [Double](repeating: 0.9, count: actions.count)
        let robust = try OffPolicyEstimators.doublyRobust(log, taken: wrong, expected: wrong)
        #expect(abs(robust.value - bandit.truth) < 4 * robust.standardError)
        #expect(abs(try OffPolicyEstimators.directMethod(expected: wrong).value - bandit.truth) > 0.3)
    }

    @Test("With equal policies the weights are 1: every estimate is the log's mean and all rows count")
    func equalPolicies() throws {
        let log = try LoggedDecisions(
            rewards: [1, 0, 0, 1, 0], loggingProbabilities: [0.2, 0.5, 0.1, 0.2, 0.7],
            targetProbabilities: [0.2, 0.5, 0.1, 0.2, 0.7])
        for estimate in [OffPolicyEstimators.inversePropensity(log), OffPolicyEstimators.selfNormalized(log)] {
            #expect(abs(estimate.value - 0.4) < 1e-12)
            #expect(abs(estimate.effectiveSampleSize - 5) < 1e-9)
        }
    }

    @Test("A cap lowers the estimate of rewards that are not negative, and the self-normalised one stays in range")
    func capAndRange() throws {
        let log = try LoggedDecisions(
            rewards: [1, 0, 1], loggingProbabilities: [0.01, 0.5, 0.5], targetProbabilities: [0.5, 0.5, 0.5])
        #expect(OffPolicyEstimators.inversePropensity(log).value > 1)
        #expect(OffPolicyEstimators.inversePropensity(log, cap: 5).value == 2)
        #expect(OffPolicyEstimators.selfNormalized(log).value <= 1)
        #expect(OffPolicyEstimators.inversePropensity(log).effectiveSampleSize < 1.2)
    }

    @Test("Logs with impossible numbers are refused by row")
    func badLogs() {
        #expect(throws: OffPolicyError.propensity(row: 1, found: 0)) {
            try LoggedDecisions(rewards: [0, 1], loggingProbabilities: [0.5, 0], targetProbabilities: [0.5, 0.5])
        }
        #expect(throws: OffPolicyError.lengths(2, 1, 1)) {
            try LoggedDecisions(rewards: [0, 1], loggingProbabilities: [0.5], targetProbabilities: [0.5])
        }
        #expect(throws: OffPolicyError.empty) {
            try LoggedDecisions(rewards: [], loggingProbabilities: [], targetProbabilities: [])
        }
        #expect(throws: OffPolicyError.targetProbability(row: 0, found: 1.5)) {
            try LoggedDecisions(rewards: [0], loggingProbabilities: [0.5], targetProbabilities: [1.5])
        }
    }
}
