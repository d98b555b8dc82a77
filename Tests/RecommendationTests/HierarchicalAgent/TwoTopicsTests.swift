import Evaluation
import Recommendation
import Testing
import Training
import Worlds

/// Shows the items of one topic in turn.
private struct OneTopicPolicy: FeedPolicy {
    let name = "one topic"
    let topic: Int32

    func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let items = batch.world.items.topics.indices.filter { batch.world.items.topics[$0] == topic }
        for (index, lane) in batch.activeLanes.enumerated() {
            choices[index] = Int32(items[(Int(batch.slots[Int(lane)]) - 1) % items.count])
        }
    }
}

@Suite("Two levels in a world whose best policy is known", .serialized)
struct TwoTopicsTests {
    private static func ground(learns: Bool, seed: UInt64) throws -> FeedTrainingGround {
        var world = FeedConfiguration.twoTopics
        var budget = FeedTrainingBudget.small
        world.userCount = budget.trainingUsers + budget.measuredUsers
        if !learns { budget.episodes = 0 }
        return try FeedTrainingGround(world, budget: budget, seed: seed)
    }

    @Test("One topic is best for the users, the other for a myopic ranker")
    func bounds() throws {
        let rollout = try Self.ground(learns: true, seed: 1).measurement
        let topics = try [0, 1].map { try rollout.run(OneTopicPolicy(topic: $0)).expectedClicksPerUser }
        let random = try rollout.run(RandomFeedPolicy(seed: 1)).expectedClicksPerUser
        let myopic = try rollout.run(MyopicOracle()).expectedClicksPerUser
        #expect(topics[1] > 3 * random && random > 1.3 * topics[0])
        #expect(abs(myopic - topics[0]) < 0.3 * random)
    }

    @Test(
        "Two levels find the better topic; without what they learn from rewards they do not", .timeLimit(.minutes(2)),
        arguments: [1, 2] as [UInt64])
    func learning(seed: UInt64) async throws {
        try await TensorActor.run {
            func clicks(learns: Bool) throws -> (found: Double, random: Double, best: Double) {
                let ground = try Self.ground(learns: learns, seed: seed)
                let agent = HierarchicalAgent(ground.catalogue, seed: seed)
                try ground.train(agent, exploration: .twoLevel)
                return (
                    try ground.measure(agent).expectedClicksPerUser,
                    try ground.measurement.run(RandomFeedPolicy(seed: seed)).expectedClicksPerUser,
                    try ground.measurement.run(OneTopicPolicy(topic: 1)).expectedClicksPerUser
                )
            }
            let learned = try clicks(learns: true)
            #expect(learned.found > learned.random + 0.6 * (learned.best - learned.random))
            let warm = try clicks(learns: false)
            #expect(warm.found < warm.random + 0.2 * (warm.best - warm.random))
        }
    }
}
