import Evaluation
import Layers
import Reinforcement
import Tensors
import Worlds

/// Q-learning from the log of a ranker that shows one item a step, with a conservative penalty or without: what it
/// chooses is measured in the world, what it learns from is the log alone.
struct SlateLogLearner {
    /// What the study's search found best for conservative learning; ``plain`` for learning without a penalty.
    struct Settings: Sendable, Equatable {
        /// α; 0 is plain Q-learning.
        var conservatism = 0.1
        var updates = 1_000
        var batch = 64
        /// Sessions end, and what is measured is not discounted.
        var discount = 1.0
        var learningRate = 3e-4
        var followRate = 0.1

        static var plain: Settings {
            var settings = Settings()
            settings.conservatism = 0
            settings.followRate = 0.02
            return settings
        }
    }

    private let agent: DeepQLearning<TimedValues>
    private let configuration: InterestEvolutionConfiguration

    init(
        _ log: InterestEvolutionLog, configuration: InterestEvolutionConfiguration, settings: Settings, seed: UInt64
    ) throws {
        self.configuration = configuration
        var learning = DeepQLearning<TimedValues>.Configuration()
        learning.conservatism = settings.conservatism
        learning.discount = settings.discount
        learning.learningRate = settings.learningRate
        learning.followRate = settings.followRate
        agent = DeepQLearning(
            TimedValues(configuration, choices: configuration.topicCount, from: RandomSource(seed: seed)), learning)
        var generator = SeededGenerator(seed: seed).split("log")
        for _ in 0..<settings.updates { try agent.step(log.buffer.sample(settings.batch, using: &generator)) }
    }

    /// Mean watch time of a session when the candidate of the best topic is shown.
    func watchTime(users: Int, seed: UInt64) throws -> Double {
        var batch = try InterestEvolutionBatch(configuration, users: users, seed: seed)
        let topics = configuration.topicCount
        var total = 0.0
        while !batch.isFinished {
            let lanes = batch.activeLanes.map(Int.init)
            let states = lanes.flatMap { batch.state(lane: $0) }
            let values = withoutGradients {
                agent.values.online(Tensor(states, shape: [lanes.count, configuration.stateCount])).floats
            }
            let slates = lanes.enumerated().map { row, lane -> [Int] in
                let documents = batch.candidates(lane: lane)
                let best = documents.indices.max {
                    values[row * topics + Int(documents[$0].topic)] < values[row * topics + Int(documents[$1].topic)]
                }
                return [best ?? 0]
            }
            for outcome in try batch.step(slates) { total += Double(outcome.reward) }
        }
        return total / Double(users)
    }
}
