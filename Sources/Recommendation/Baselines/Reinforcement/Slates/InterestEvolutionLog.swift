import Evaluation
import Reinforcement
import Worlds

/// What the greedy ranker of the interest-evolution world showed, one item a step, with a share of uniform choices: learners
/// of values and estimators of a policy's value see nothing else of the world.
package struct InterestEvolutionLog {
    /// Steps with the topic shown as the action, rewards in watched items.
    package private(set) var buffer: ReplayBuffer
    /// Watch time of each step.
    package private(set) var rewards: [Double] = []
    /// The user of each step; a user's steps stand in the order of time.
    package private(set) var users: [Int] = []
    /// How likely the item of each step was to be shown.
    package private(set) var propensities: [Double] = []
    /// Whether the greedy ranker would have shown the item too.
    package private(set) var isGreedy: [Bool] = []
    /// The topic that the greedy ranker shows after each step.
    package private(set) var nextGreedy: [Int] = []
    /// Of each user, before the first step.
    package private(set) var firstStates: [[Float]] = []
    package private(set) var firstGreedy: [Int] = []

    /// - Parameter exploration: the share of uniform choices; 1 for a uniform log.
    package init(
        _ configuration: InterestEvolutionConfiguration, users count: Int, exploration: Double, seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed).split("behaviour")
        var batch = try InterestEvolutionBatch(configuration, users: count, seed: generator.next())
        buffer = ReplayBuffer(
            capacity: count * configuration.maximumSteps, stateDimensions: configuration.stateCount,
            actions: .discrete)
        for lane in 0..<count {
            firstStates.append(batch.state(lane: lane))
            firstGreedy.append(Self.greedy(batch, lane).topic)
        }
        let uniform = exploration / Double(configuration.candidateCount)
        while !batch.isFinished {
            let lanes = batch.activeLanes.map(Int.init)
            let before = lanes.map { batch.state(lane: $0) }
            let topics = lanes.map { batch.candidates(lane: $0).map { Int($0.topic) } }
            let best = lanes.map { Self.greedy(batch, $0).item }
            let shown = best.map {
                generator.bernoulli(exploration) ? generator.integer(below: configuration.candidateCount) : $0
            }
            for (row, outcome) in try batch.step(shown.map { [$0] }).enumerated() {
                let lane = lanes[row]
                let isBest = shown[row] == best[row]
                buffer.append(
                    state: before[row], action: topics[row][shown[row]],
                    reward: outcome.reward / configuration.watchTime, nextState: batch.state(lane: lane),
                    end: outcome.ended ? .terminal : outcome.truncated ? .truncated : .none)
                rewards.append(Double(outcome.reward))
                users.append(lane)
                propensities.append(uniform + (isBest ? 1 - exploration : 0))
                isGreedy.append(isBest)
                nextGreedy.append(Self.greedy(batch, lane).topic)
            }
        }
    }

    private static func greedy(_ batch: InterestEvolutionBatch, _ lane: Int) -> (item: Int, topic: Int) {
        let item = InterestEvolutionRanker.greedy.slate(batch, lane: lane)[0]
        return (item, Int(batch.candidates(lane: lane)[item].topic))
    }

    /// `Σ_t discount^t · watch time` of each user.
    package func returns(discount: Double) -> [Double] {
        var found = [Double](repeating: 0, count: firstStates.count)
        for row in rewards.indices.reversed() { found[users[row]] = rewards[row] + discount * found[users[row]] }
        return found
    }
}
