import Evaluation
import Layers
import Reinforcement
import Tensors
import Worlds

/// Learning to fill slates in the interest-evolution world, where a user chooses at most one of a few shown items.
///
/// SlateQ (Ie et al. 2019): the value of a slate is `Q(s, A) = Σ_(i in A) P(i | s, A) Q̄(s, i)`; `Q̄` is learned from what
/// was chosen. An item's value depends on its topic, the one thing that is seen of it, so the network gives the values
/// of all topics at once: `[batch, topics]` for interests `[batch, topics]`.
package final class SlateLearner {
    package struct Settings: Sendable, Equatable {
        package var hidden = [64]
        package var learningRate = 2e-3
        package var discount = 0.97
        package var followRate = 0.02
        package var batch = 64
        /// Share of uniform slates while it gathers experience.
        package var exploration = 0.1

        package init() {}
    }

    private let settings: Settings
    private let configuration: InterestEvolutionConfiguration
    private let values: TargetNetwork<MultilayerPerceptron>
    private let optimizer: NetworkOptimizer
    private var experience: [SlateStep] = []

    package init(_ configuration: InterestEvolutionConfiguration, settings: Settings = Settings(), seed: UInt64) {
        self.settings = settings
        self.configuration = configuration
        let network = MultilayerPerceptron(
            [configuration.topicCount + 1] + settings.hidden + [configuration.topicCount],
            from: RandomSource(seed: seed))
        network.train()
        values = TargetNetwork(network)
        optimizer = NetworkOptimizer(network.parameters, rate: settings.learningRate)
    }

    /// Shows slates to users until their budgets are used up, learning after every step of all of them.
    package func train(users: Int, updatesPerStep: Int = 1, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed).split("slates")
        var batch = try InterestEvolutionBatch(configuration, users: users, seed: generator.next())
        while !batch.isFinished {
            let lanes = batch.activeLanes.map(Int.init)
            let before = lanes.map { Array(batch.interests(lane: $0)) }
            let documents = lanes.map { batch.candidates(lane: $0) }
            var slates = slates(interests: before, documents: documents)
            for row in slates.indices where generator.bernoulli(settings.exploration) {
                slates[row] = Array(
                    generator.shuffled(0..<configuration.candidateCount).prefix(configuration.slateSize))
            }
            for (row, outcome) in try batch.step(slates).enumerated() {
                guard let chosen = outcome.chosen else { continue }
                let lane = Int(outcome.lane)
                experience.append(
                    SlateStep(
                        interests: before[row], topic: Int(documents[row][slates[row][chosen]].topic),
                        reward: outcome.reward, nextInterests: Array(batch.interests(lane: lane)),
                        nextTopics: batch.candidates(lane: lane).map { Int($0.topic) }, isTerminal: outcome.ended))
            }
            guard experience.count >= settings.batch else { continue }
            for _ in 0..<updatesPerStep { try learn(&generator) }
        }
    }

    /// One step on `mean (y - Q̄(s, i))²`, i the item that was chosen,
    /// `y = r + γ (1 - terminal) max_A Σ_j P(j | s', A) Q̄'(s', j)`.
    private func learn(_ generator: inout SeededGenerator) throws {
        let steps = (0..<settings.batch).map { _ in experience[generator.integer(below: experience.count)] }
        let next = withoutGradients { values.target(inputs(steps.map(\.nextInterests))).floats }
        let topics = configuration.topicCount
        let targets = steps.enumerated().map { row, step -> Float in
            guard !step.isTerminal else { return step.reward }
            let value = slateValue(
                interests: step.nextInterests, topics: step.nextTopics,
                values: Array(next[(row * topics)..<((row + 1) * topics)]))
            return step.reward + Float(settings.discount) * value
        }
        let all = values.online(inputs(steps.map(\.interests)))
        let taken = TemporalDifference.taken(all, Tensor(steps.map(\.topic)))
        try optimizer.descend(TemporalDifference.squaredError(taken, Tensor(targets)))
        values.follow(rate: settings.followRate)
    }

    /// The best slate by the learned values: the items of highest `P-score · Q̄` (RecSim's top-k), best first.
    package func slates(interests: [[Float]], documents: [[InterestEvolutionBatch.Document]]) -> [[Int]] {
        let found = withoutGradients { values.online(inputs(interests)).floats }
        let topics = configuration.topicCount
        return interests.indices.map { row in
            ranking(
                interests: interests[row], topics: documents[row].map { Int($0.topic) },
                values: Array(found[(row * topics)..<((row + 1) * topics)]))
        }
    }

    private func ranking(interests: [Float], topics: [Int], values: [Float]) -> [Int] {
        let scores = topics.map { (interests[$0] + 1) * values[$0] }
        let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
        return Array(order.prefix(configuration.slateSize))
    }

    private func slateValue(interests: [Float], topics: [Int], values: [Float]) -> Float {
        let slate = ranking(interests: interests, topics: topics, values: values)
        let probabilities = configuration.choice.probabilities(slate.map { interests[topics[$0]] })
        return Self.slateValue(probabilities: probabilities, values: slate.map { values[topics[$0]] })
    }

    /// `Σ_i P(i | A) Q̄(i)`; nothing is earned where nothing is chosen, whose probability stands last.
    package static func slateValue(probabilities: [Float], values: [Float]) -> Float {
        zip(probabilities, values).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private func inputs(_ interests: [[Float]]) -> Tensor {
        Tensor(
            interests.flatMap { $0 + [1] }, shape: [interests.count, configuration.topicCount + 1])
    }

    /// Mean watch time of a session.
    package func watchTime(users: Int, seed: UInt64) throws -> Double {
        var batch = try InterestEvolutionBatch(configuration, users: users, seed: seed)
        var total = 0.0
        while !batch.isFinished {
            let lanes = batch.activeLanes.map(Int.init)
            let slates = slates(
                interests: lanes.map { Array(batch.interests(lane: $0)) },
                documents: lanes.map { batch.candidates(lane: $0) })
            for outcome in try batch.step(slates) { total += Double(outcome.reward) }
        }
        return total / Double(users)
    }
}

/// One choice of a user.
package struct SlateStep: Sendable {
    package let interests: [Float]
    package let topic: Int
    package let reward: Float
    package let nextInterests: [Float]
    /// Topics of the next candidates.
    package let nextTopics: [Int]
    package let isTerminal: Bool
}
