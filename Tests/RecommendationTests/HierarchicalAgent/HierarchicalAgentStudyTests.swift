import Experiments
import Foundation
import Recommendation
import Testing
import Training

@Suite("The studies of learners from rewards", .serialized)
struct RewardStudyTests {
    static let environment = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")

    func run(_ study: any Study, ablate: Bool = false) async throws -> StudyResult {
        try await StudyRunner(environment: Self.environment, commit: "abc").run(study, scale: .smoke, ablate: ablate)
    }

    @Test("hierarchical-agent has fixed claims, each with ten seeds and a control of its own")
    func claims() {
        let claims = HierarchicalAgentStudy().claims
        #expect(
            claims.map(\.id) == [
                "hierarchical-agent-temporal-abstraction", "hierarchical-agent-temporal-abstraction-sessions",
                "hierarchical-agent-temporal-abstraction-null", "hierarchical-agent-temporal-abstraction-myopic",
                "hierarchical-agent-temporal-abstraction-two-topics",
                "hierarchical-agent-temporal-abstraction-myopic-two-topics", "hierarchical-agent-stale-cloud",
            ])
        #expect(claims.allSatisfy { $0.minimumSeeds == 10 })
        #expect(claims.map(\.control.kind) == [.ablated, .ablated, .null, .null, .ablated, .null, .ablated])
        #expect(HierarchicalAgentStudy().budget(.quick).seeds == 10)
    }

    @Test("The smoke scale trains every variant, measures it and gives no verdict", .timeLimit(.minutes(2)))
    func smoke() async throws {
        let result = try await run(HierarchicalAgentStudy())
        #expect(result.claims.allSatisfy { $0.verdict == .notShown })
        let clicks = result.claims.prefix(6).flatMap { $0.values.method + $0.values.baseline }
        #expect(clicks.allSatisfy { $0 > 0.5 && $0 < 200 })
        // Every control was measured for itself.
        for claim in result.claims { #expect(claim.control.effect != claim.effect) }
        let table = try #require(result.tables.first)
        #expect(table.rows.count == 16 + 17)
    }

    @Test("Ablated, the controls stand in the methods' place", .timeLimit(.minutes(2)))
    func ablated() async throws {
        let result = try await run(HierarchicalAgentStudy(), ablate: true)
        #expect(result.claims.allSatisfy { $0.effect == $0.control.effect })
    }

    @Test("slate-sanity runs through and knows its bounds", .timeLimit(.minutes(2)))
    func slates() async throws {
        let result = try await run(SlateSanityStudy())
        #expect(
            result.claims.map(\.claim.id) == [
                "slate-sanity-slateq-greedy", "slate-sanity-greedy-random", "slate-sanity-conservative",
            ])
        #expect(result.claims.flatMap(\.values.method).allSatisfy { $0 > 10 })
    }
}
