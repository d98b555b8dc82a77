import Evaluation
import Experiments
import Recommendation
import Tensors
import Testing
import Training
import Worlds

/// Scores items by how near they are to the number of views and clicks it has been told of, and notes the slots.
private final class CountingAgent: FeedAgent {
    let name = "counting"
    let catalogue: FeedCatalogue
    let carriesState: Bool
    let optionWidth = 0
    let lag = 0
    let sessionWidth = 1
    let stateWidth = 2
    /// `[views, clicks]` and the slot of each lane, call by call.
    var calls: [(states: [Float], slots: [Float])] = []

    init(_ catalogue: FeedCatalogue, carriesState: Bool) {
        self.catalogue = catalogue
        self.carriesState = carriesState
    }

    func begin(history: Tensor, context: Tensor, noise: Double, random: RandomSource) -> Tensor {
        .zeros([context.shape[0], 1])
    }

    func advance(_ state: Tensor, items: Tensor, clicks: Tensor, slots: Tensor) -> Tensor {
        state + .concatenated([.ones([items.count, 1]), clicks.expanded(axis: 1)], along: 1)
    }

    func scores(
        state: Tensor, session: Tensor, slots: Tensor, shown: [[Int32]], noise: Double, random: RandomSource
    ) -> Tensor {
        calls.append((state.contiguous().floats, slots.floats))
        // Every lane prefers 0, then 1, then 2 …
        return .zeros([state.shape[0], catalogue.itemCount])
            + Tensor((0..<catalogue.itemCount).map { -Float($0) }, shape: [1, catalogue.itemCount])
    }

    func warmUp(_: FeedReplay, sessions: Int, using: inout SeededGenerator, progress: Double) {}
    func learn(_: FeedReplay, sessions: Int, using: inout SeededGenerator, progress: Double) {}
}

@Suite("Agents of a feed in pages", .serialized)
struct FeedPageTests {
    @Test("A page's views reach the state when the page is used up, all of them and once", arguments: [false, true])
    func states(carriesState: Bool) async throws {
        try await TensorActor.run {
            let ground = try FeedAgentTests.ground()
            let world = ground.measurement.world
            let agent = CountingAgent(ground.catalogue, carriesState: carriesState)
            let rollout = FeedRollout(world: world, users: 0..<8, luckSeed: 5, pageLength: 3)
            var rounds: [[FeedOutcome]] = []
            let (report, runs) = try FeedDriver.run(
                agent, in: rollout, generator: SeededGenerator(seed: 4)
            ) { _, outcomes in rounds.append(outcomes) }
            #expect(agent.calls.count == 3 * rounds.count)
            #expect(runs.joined().reduce(0) { $0 + $1.items.count } == report.views)
            for session in runs.joined() { #expect(session.items == (0..<Int32(session.items.count)).map { $0 }) }

            // What each lane has seen by the beginning of its page; an agent that carries a state first takes in nothing.
            var views = [Float](repeating: carriesState ? 1 : 0, count: 8)
            var clicks = [Float](repeating: 0, count: 8)
            var slots = [Float](repeating: 1, count: 8)
            for (round, outcomes) in rounds.enumerated() {
                let lanes = Set(outcomes.map { Int($0.lane) }).sorted()
                for place in 0..<3 {
                    let call = agent.calls[3 * round + place]
                    #expect(call.states == lanes.flatMap { [views[$0], clicks[$0]] })
                    #expect(call.slots == lanes.map { (slots[$0] + Float(place)) / 20 })
                }
                for outcome in outcomes {
                    let lane = Int(outcome.lane)
                    views[lane] += 1
                    clicks[lane] += outcome.clicked ? 1 : 0
                    slots[lane] += 1
                    guard outcome.endsSession else { continue }
                    slots[lane] = 1
                    if !carriesState { (views[lane], clicks[lane]) = (0, 0) }
                }
            }
            #expect(Set(rounds[1].map(\.slot)).count > 1)
        }
    }

    @Test("A comparison in pages: said in the result, its title and its page; other lengths are refused")
    func simulation() async throws {
        var settings = FeedSimulationTests.small
        settings.page = 6
        let names = ["popularity", "planning-oracle"]
        let paged = try FeedSimulation(names, settings, locate: FeedSimulationTests.unknown)
        let single = try FeedSimulation(names, FeedSimulationTests.small, locate: FeedSimulationTests.unknown)
        let (reports, plain) = try await TensorActor.run { (try paged.run(), try single.run()) }
        // A list by popularity heeds nobody; the planner does.
        #expect(reports[0].expectedClicksByUser == plain[0].expectedClicksByUser)
        #expect(reports[1].expectedClicksByUser != plain[1].expectedClicksByUser)
        let result = try paged.result(reports)
        #expect(result.page == 6 && result.table.title == "Feed, 48 users, 12 days, pages of 6")
        #expect(result.report.html().contains("luck 0, pages of 6"))
        #expect(try single.result(plain).table.title == "Feed, 48 users, 12 days")

        func refused(_ page: Int, items: Int) -> FeedSimulationError? {
            var settings = FeedSimulationTests.small
            (settings.page, settings.items) = (page, items)
            do {
                _ = try FeedSimulation(["random"], settings, locate: FeedSimulationTests.unknown)
                return nil
            } catch { return error as? FeedSimulationError }
        }
        #expect(refused(0, items: 60) == .setting(field: "page", found: "0", allowed: "1 to 50"))
        #expect(refused(51, items: 60) == .setting(field: "page", found: "51", allowed: "1 to 50"))
        #expect(refused(21, items: 20) == .setting(field: "page", found: "21", allowed: "1 to 20, the number of items"))
        #expect(refused(20, items: 20) == nil)
    }
}
