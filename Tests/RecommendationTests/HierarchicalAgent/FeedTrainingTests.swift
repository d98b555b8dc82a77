import Evaluation
import Layers
import Recommendation
import Tensors
import Testing
import Training

@Suite("Training of feed agents", .serialized)
struct FeedTrainingTests {
    @Test("The log stays in the experience beside what an agent serves")
    func experience() async throws {
        try await TensorActor.run {
            let ground = try FeedAgentTests.ground()
            let agent = Listener(ground.catalogue)
            try ground.train(agent, exploration: .ranking)
            let log = ground.logRuns.joined().map(\.items)
            #expect(agent.logged?.sessions.map(\.items) == log)
            let learned = try #require(agent.learned).sessions.map(\.items)
            #expect(learned.count > log.count && Array(learned.prefix(log.count)) == log)
        }
    }

    @Test("The rate of an optimiser falls with progress, to a twentieth")
    func fallingRate() async throws {
        try await TensorActor.run {
            func step(progress: Double) throws -> Double {
                let number = Tensor([Float(1)]).requiringGradient()
                let optimizer = NetworkOptimizer([.init(name: "number", tensor: number)], rate: 0.1)
                try optimizer.descend((number * 2.0).sum(), progress: progress)
                return 1 - number.item
            }
            let first = try step(progress: 0)
            #expect(first > 0.05)
            #expect(abs(try step(progress: 0.5) - 0.525 * first) < 1e-5)
            #expect(abs(try step(progress: 1) - 0.05 * first) < 1e-5)
        }
    }
}

/// An agent that likes all items alike and keeps what it is given to learn from.
private final class Listener: FeedAgent {
    let name = "listener"
    let catalogue: FeedCatalogue
    let optionWidth = 0
    let lag = 0
    let sessionWidth = 1
    let stateWidth = 1
    private(set) var logged: FeedReplay?
    private(set) var learned: FeedReplay?

    init(_ catalogue: FeedCatalogue) { self.catalogue = catalogue }

    func begin(history: Tensor, context: Tensor, noise: Double, random: RandomSource) -> Tensor {
        .zeros([history.size(0), 1])
    }

    func advance(_ state: Tensor, items: Tensor, clicks: Tensor, slots: Tensor) -> Tensor { state }

    func scores(
        state: Tensor, session: Tensor, slots: Tensor, shown: [[Int32]], noise: Double, random: RandomSource
    ) -> Tensor {
        .zeros([state.size(0), catalogue.itemCount])
    }

    func warmUp(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) { logged = replay }

    func learn(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) { learned = replay }
}
