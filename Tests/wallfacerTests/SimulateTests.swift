import Foundation
import Testing

@Suite struct SimulateTests {
    private struct Result: Decodable {
        struct Row: Decodable {
            let policy: String
            let views: Int
            let clicksPerUser: Double
            let survival: [Double]
            let clicksByDay: [Double]
        }
        let world: String
        let users: Int
        let days: Int
        let seed: Int
        let page: Int
        let policies: [Row]
    }

    @Test("Policies side by side as JSON and as a page; the same call gives the same numbers")
    func feed() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let call = [
            "simulate", "feed", "--policy", "random", "myopic-oracle", "--users", "24", "--days", "6", "--items", "60",
            "--seed", "3", "--json", "--report", "feed.html",
        ]
        let outcome = try tool.run(call)
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        let result = try JSONDecoder().decode(Result.self, from: Data(outcome.output.utf8))
        #expect(result.world == "longTerm" && result.users == 24 && result.days == 6 && result.seed == 3)
        #expect(result.page == 1)
        #expect(result.policies.map(\.policy) == ["random", "myopic-oracle"])
        #expect(result.policies[1].clicksPerUser > result.policies[0].clicksPerUser)
        #expect(result.policies.allSatisfy { $0.clicksByDay.count == 6 && $0.survival.first == 1 })
        let page = try String(contentsOf: tool.home.appending(path: "feed.html"), encoding: .utf8)
        #expect(page.contains("Sessions that last") && page.contains("Reward over days"))
        #expect(try tool.run(call).output == outcome.output)
        let pages = try tool.run(call + ["--page", "4"])
        let paged = try JSONDecoder().decode(Result.self, from: Data(pages.output.utf8))
        #expect(paged.page == 4 && paged.policies[0].clicksPerUser != 0)
        #expect(
            try String(contentsOf: tool.home.appending(path: "feed.html"), encoding: .utf8).contains("pages of 4"))
        let table = try tool.run("simulate", "feed", "--policy", "popularity", "--users", "8", "--days", "3")
        #expect(
            table.status == 0 && table.output.contains("length is views a session")
                && table.output.contains("popularity"))
    }

    @Test("Bad calls are refused with what is allowed")
    func refusals() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let unknown = try tool.run("simulate", "feed", "--policy", "populairty")
        #expect(unknown.status == 1)
        #expect(
            unknown.errors.contains("populairty: no policy and no trained model")
                && unknown.errors.contains("popularity"))
        for (call, text) in [
            (["--policy", "random", "--users", "0"], "--users is 0"),
            (["--policy", "random", "--days", "-1"], "--days is -1"),
            (["--policy", "random", "--items", "5"], "--items is 5"), ([], "--policy"),
            (["--policy", "random", "--page", "0"], "--page is 0; allowed: 1 to 50"),
            (["--policy", "random", "--page", "51"], "--page is 51; allowed: 1 to 50"),
        ] {
            let outcome = try tool.run(["simulate", "feed"] + call)
            #expect(outcome.status == 2 && outcome.errors.contains(text), "\(call)")
        }
        let twice = try tool.run("simulate", "feed", "--policy", "random", "--policy", "random")
        #expect(twice.status == 1 && twice.errors.contains("named twice"))
    }

    @Test("A study without a search names those that have one")
    func tuning() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run("study", "tune", "qwen-context")
        #expect(outcome.status == 2 && outcome.errors.contains("slate-sanity"))
        let stranger = try tool.run("study", "tune", "hierarchical-agent", "--learner", "nobody")
        #expect(stranger.status == 2 && stranger.errors.contains("two-topics-flat"))
    }
}
