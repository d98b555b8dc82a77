import Evaluation
import Layers
import Reinforcement
import Tensors
import Worlds

/// Learning to fill slates in the interest-evolution world, where a user chooses at most one of a few shown items.
///
/// SlateQ (Ie et al. 2019): the value of a slate is `Q(s, A) = Σ_(i in A or none) P(i | s, A) Q̄(s, i)`; `Q̄` is learned
/// from what was chosen. To choose nothing is a choice too, the paper's null item: the session goes on and has a value.
/// Without it every step without a click is an end, and the best slate is nearly the myopic one.
///
/// An item's value depends on its topic, the one thing that is seen of it, so the network gives the values of all topics
/// and of nothing at once: `[batch, topics + 1]` for states `[batch, topics + 1]` of interests and time left.
package final class SlateLearner {
    package struct Settings: Sendable, Equatable {
        package var hidden = [64]
        package var learningRate = 2e-3
        /// Sessions end, and what is measured is not discounted.
        package var discount = 1.0
        package var followRate = 0.1
        package var batch = 64
        /// Share of uniform slates while it gathers experience.
        package var exploration = 0.1
        /// Groups of users that are served one after the other: later ones by what was learned from the earlier.
        package var rounds = 4

        package init() {}
    }

    private let settings: Settings
    private let configuration: InterestEvolutionConfiguration
    private let values: TargetNetwork<TimedValues>
    private let optimizer: NetworkOptimizer
    private var experience: [SlateStep] = []

    package init(_ configuration: InterestEvolutionConfiguration, settings: Settings = Settings(), seed: UInt64) {
        self.settings = settings
        self.configuration = configuration
        let network = TimedValues(
            configuration, choices: configuration.topicCount + 1, hidden: settings.hidden,
            from: RandomSource(seed: seed))
        network.train()
        values = TargetNetwork(network)
        optimizer = NetworkOptimizer(network.parameters, rate: settings.learningRate)
    }

    /// Shows slates to users until their time is used up, group after group, and learns from all so far after each.
    package func train(users: Int, updates: Int, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed).split("slates")
        let groups = min(settings.rounds, users)
        func share(_ total: Int, _ group: Int) -> Int { total * (group + 1) / groups - total * group / groups }
        for group in 0..<groups {
            var batch = try InterestEvolutionBatch(
                configuration, users: share(users, group), seed: generator.next())
            while !batch.isFinished { try serve(&batch, &generator) }
            for update in 0..<share(updates, group) {
                let done = updates * group / groups + update
                try learn(&generator, progress: Double(done) / Double(updates))
            }
        }
    }

    /// One step of all users, kept as experience.
    private func serve(_ batch: inout InterestEvolutionBatch, _ generator: inout SeededGenerator) throws {
        let lanes = batch.activeLanes.map(Int.init)
        let before = lanes.map { batch.state(lane: $0) }
        let topics = lanes.map { batch.candidates(lane: $0).map { Int($0.topic) } }
        var slates = slates(states: before, topics: topics)
        for row in slates.indices where generator.bernoulli(settings.exploration) {
            slates[row] = Array(generator.shuffled(0..<configuration.candidateCount).prefix(configuration.slateSize))
        }
        for (row, outcome) in try batch.step(slates).enumerated() {
            let lane = Int(outcome.lane)
            experience.append(
                SlateStep(
                    state: before[row],
                    choice: outcome.chosen.map { topics[row][slates[row][$0]] } ?? configuration.topicCount,
                    reward: outcome.reward, nextState: batch.state(lane: lane),
                    nextTopics: batch.candidates(lane: lane).map { Int($0.topic) }, isTerminal: outcome.ended))
        }
    }

    /// One step on `mean (y - Q̄(s, i))²`, i what was chosen,
    /// `y = r + γ (1 - terminal) max_A Σ_j P(j | s', A) Q̄'(s', j)`.
    private func learn(_ generator: inout SeededGenerator, progress: Double) throws {
        let steps = (0..<settings.batch).map { _ in experience[generator.integer(below: experience.count)] }
        let next = choiceValues(steps.map(\.nextState), by: values.target)
        let targets = steps.enumerated().map { row, step -> Float in
            let reward = step.reward / configuration.watchTime
            guard !step.isTerminal else { return reward }
            let best = bestSlate(
                interests: step.nextState, topics: step.nextTopics, values: next[row])
            return reward + Float(settings.discount) * best.value
        }
        let all = values.online(inputs(steps.map(\.state)))
        let taken = TemporalDifference.taken(all, Tensor(steps.map(\.choice)))
        try optimizer.descend(TemporalDifference.squaredError(taken, Tensor(targets)), progress: progress)
        values.follow(rate: settings.followRate)
    }

    /// The slates of the learned values for states (interests and time left) and the topics of candidates.
    package func slates(states: [[Float]], topics: [[Int]]) -> [[Int]] {
        let found = choiceValues(states)
        return states.indices.map { row in
            bestSlate(interests: states[row], topics: topics[row], values: found[row]).items
        }
    }

    /// What was learned of every topic, and of nothing last, in watched items: one row for each state.
    package func choiceValues(_ states: [[Float]]) -> [[Float]] { choiceValues(states, by: values.online) }

    private func choiceValues(_ states: [[Float]], by network: TimedValues) -> [[Float]] {
        let width = configuration.topicCount + 1
        let found = withoutGradients { network(inputs(states)).floats }
        return states.indices.map { Array(found[($0 * width)..<(($0 + 1) * width)]) }
    }

    /// Greedy filling (Ie et al. 2019): item after item, the one that makes the slate's value highest.
    ///
    /// - Parameter values: of every topic, and of nothing last.
    package func bestSlate(interests: [Float], topics: [Int], values: [Float]) -> (items: [Int], value: Float) {
        var slate: [Int] = []
        var value = -Float.infinity
        for _ in 0..<configuration.slateSize {
            var best: (item: Int, value: Float)?
            for item in topics.indices where !slate.contains(item) {
                let shown = (slate + [item]).map { topics[$0] }
                let found = Self.slateValue(
                    probabilities: configuration.choice.probabilities(shown.map { interests[$0] }),
                    values: shown.map { values[$0] } + [values[configuration.topicCount]])
                if found > best?.value ?? -.infinity { best = (item, found) }
            }
            guard let best else { break }
            slate.append(best.item)
            value = best.value
        }
        return (slate, value)
    }

    /// `Σ_i P(i | A) Q̄(i)`, to choose nothing included.
    package static func slateValue(probabilities: [Float], values: [Float]) -> Float {
        zip(probabilities, values).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private func inputs(_ states: [[Float]]) -> Tensor {
        Tensor(states.flatMap(\.self), shape: [states.count, configuration.stateCount])
    }

    /// Mean watch time of a session.
    package func watchTime(users: Int, seed: UInt64) throws -> Double {
        var batch = try InterestEvolutionBatch(configuration, users: users, seed: seed)
        var total = 0.0
        while !batch.isFinished {
            let lanes = batch.activeLanes.map(Int.init)
            let slates = slates(
                states: lanes.map { batch.state(lane: $0) },
                topics: lanes.map { batch.candidates(lane: $0).map { Int($0.topic) } })
            for outcome in try batch.step(slates) { total += Double(outcome.reward) }
        }
        return total / Double(users)
    }
}

/// One choice of a user.
package struct SlateStep: Sendable {
    /// Interests and time left.
    package let state: [Float]
    /// The topic that was chosen; the number of topics where nothing was.
    package let choice: Int
    package let reward: Float
    package let nextState: [Float]
    /// Topics of the next candidates.
    package let nextTopics: [Int]
    package let isTerminal: Bool
}
