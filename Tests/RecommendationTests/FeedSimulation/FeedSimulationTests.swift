import Experiments
import Foundation
import Recommendation
import Testing
import Training
import Worlds

@Suite("Feed policies side by side", .serialized)
struct FeedSimulationTests {
    static var small: FeedSimulation.Settings {
        var settings = FeedSimulation.Settings()
        (settings.users, settings.items, settings.days) = (48, 60, 12)
        return settings
    }

    static func unknown(_ name: String) throws -> URL {
        throw FeedSimulationError.otherData(name: name, found: "nothing")
    }

    @Test("The same users with the same luck: a policy beside itself earns the same, an oracle more")
    func commonLuck() async throws {
        let simulation = try FeedSimulation(
            ["random", "popularity", "most-clicked", "myopic-oracle"], Self.small, locate: Self.unknown)
        let reports = try await TensorActor.run { try simulation.run() }
        let again = try await TensorActor.run {
            try FeedSimulation(["popularity", "random"], Self.small, locate: Self.unknown).run()
        }
        #expect(again[0].expectedClicksByUser == reports[1].expectedClicksByUser)
        #expect(again[1].clicksByUser == reports[0].clicksByUser)
        let result = try simulation.result(reports)
        #expect(result.policies.map(\.policy) == ["random", "popularity", "most-clicked", "myopic-oracle"])
        let clicks = result.policies.map(\.clicksPerUser)
        #expect(clicks[3] > 1.2 * clicks[0])
        #expect(result.policies[0].difference == nil)
        let difference = try #require(result.policies[3].difference)
        #expect(abs(difference.estimate - (clicks[3] - clicks[0])) < 1e-9 && difference.low > 0)
        for row in result.policies {
            #expect(row.survival.first == 1 && row.clicksByDay.count == 12)
            #expect(zip(row.survival, row.survival.dropFirst()).allSatisfy { $0 >= $1 })
        }
        let html = result.report.html()
        #expect(html.contains("Sessions that last") && html.contains("Clicks so far") && html.contains("<svg"))
        #expect(result.table.rows.count == 4)
    }

    @Test("A result names the world that was served", arguments: HierarchicalAgentRecipe.Preset.allCases)
    func worldName(preset: HierarchicalAgentRecipe.Preset) async throws {
        var settings = Self.small
        (settings.preset, settings.users, settings.days) = (preset, 4, 2)
        let simulation = try FeedSimulation(["random"], settings, locate: Self.unknown)
        #expect(simulation.world.configuration.topicCount == (preset == .twoTopics ? 2 : 20))
        let reports = try await TensorActor.run { try simulation.run() }
        let result = try simulation.result(reports)
        #expect(result.world == preset.rawValue)
        #expect(result.report.html().contains("world \(preset.rawValue) 0"))
    }

    @Test("Other luck is other luck; fewer days are a beginning of more")
    func seedsAndDays() async throws {
        var other = Self.small
        other.days = 6
        let (short, long) = try await TensorActor.run { [other] in
            (
                try FeedSimulation(["random"], other, locate: Self.unknown).run()[0],
                try FeedSimulation(["random"], Self.small, locate: Self.unknown).run()[0]
            )
        }
        #expect(Array(long.clicksByDay.prefix(6)) == short.clicksByDay)
    }

    @Test("What cannot be compared is named")
    func errors() throws {
        #expect(throws: FeedSimulationError.noPolicy) { try FeedSimulation([], locate: Self.unknown) }
        #expect(throws: FeedSimulationError.twice("random")) {
            try FeedSimulation(["random", "popularity", "random"], locate: Self.unknown)
        }
        var none = Self.small
        none.users = 0
        #expect(throws: FeedSimulationError.setting(field: "users", found: "0", allowed: "1 to 1000000")) {
            try FeedSimulation(["random"], none, locate: Self.unknown)
        }
        var few = Self.small
        few.items = 3
        #expect(throws: WorldError.self) { try FeedSimulation(["random"], few, locate: Self.unknown) }
        #expect(throws: FeedSimulationError.otherData(name: "stranger", found: "nothing")) {
            try FeedSimulation(["stranger"], locate: Self.unknown)
        }
    }

    @Test("Trained models serve the world they know, users they have not learned from", .timeLimit(.minutes(3)))
    func trained() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "wallfacer-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        func session(_ name: String) -> TrainingSession {
            var session = TrainingSession(output: folder.appending(path: name))
            session.showsProgress = false
            return session
        }
        func locate(_ name: String) -> URL { folder.appending(path: name) }
        var agent = HierarchicalAgentMethodTests.recipe
        agent.items = 300
        agent.seed = 1
        agent.training.warmUpdates = 2
        var context = SessionContextRecipe()
        context.seed = 1
        context.data.users = 100
        context.training.steps = 3
        let (agentRecipe, contextRecipe) = (agent, context)
        let (one, two, three) = (session("agent"), session("context"), session("bpr"))
        try await TensorActor.run {
            _ = try HierarchicalAgentMethod.train(agentRecipe, in: one)
            _ = try SessionContext.train(contextRecipe, in: two)
            _ = try PairwiseRankingMethod.train(PairwiseRankingMethod.settings(RecipeDocument()), in: three)
        }
        var settings = FeedSimulation.Settings()
        (settings.users, settings.days) = (32, 5)
        let names = ["random", "agent", "context", "bpr"]
        let simulation = try FeedSimulation(names, settings, locate: locate)
        // The first 90 of 100 users were learned from; all know the world of seed 1.
        #expect(simulation.users == 90..<122 && simulation.world.seed == 1 && simulation.world.items.count == 300)
        let reports = try await TensorActor.run { try simulation.run() }
        let clicks = reports.map(\.expectedClicksPerUser)
        #expect(clicks.allSatisfy { $0 > 0.3 && $0 < 100 })
        #expect(Set(clicks).count == 4)
        var paged = settings
        paged.page = 4
        let pages = try FeedSimulation(names, paged, locate: locate)
        let inPages = try await TensorActor.run { try pages.run() }
        // Lists that are made when a session begins are the same in pages; an agent that heeds views is not.
        #expect(inPages[2].expectedClicksByUser == reports[2].expectedClicksByUser)
        #expect(inPages[3].expectedClicksByUser == reports[3].expectedClicksByUser)
        #expect(inPages[1].expectedClicksByUser != reports[1].expectedClicksByUser)
        #expect(inPages.allSatisfy { $0.expectedClicksPerUser > 0.3 })

        var asked = settings
        asked.items = 60
        #expect(
            throws: FeedSimulationError.setting(
                field: "items", found: "60", allowed: "300, which agent was trained with")
        ) { try FeedSimulation(["random", "agent"], asked, locate: locate) }
        // Another seed is another world.
        var other = contextRecipe
        other.seed = 2
        let otherRecipe = other
        let four = session("elsewhere")
        try await TensorActor.run { _ = try SessionContext.train(otherRecipe, in: four) }
        #expect(throws: FeedSimulationError.otherWorld("agent", "elsewhere", field: "seed")) {
            try FeedSimulation(["agent", "elsewhere"], settings, locate: locate)
        }
    }
}
