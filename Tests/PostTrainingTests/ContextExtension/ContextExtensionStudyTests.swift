import Corpora
import Experiments
import Foundation
import LanguageModel
import PostTraining
import Testing

@Suite("The study qwen-context", .serialized)
struct ContextExtensionStudyTests {
    static let environment = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")
    let noData = DataDirectory(folders: [])

    func run(ablate: Bool = false) async throws -> StudyResult {
        try await StudyRunner(environment: Self.environment, commit: "abc")
            .run(ContextExtensionStudy(data: noData), scale: .smoke, ablate: ablate)
    }

    @Test("Its claims have fixed identifiers, and each a control of its own against the same baseline")
    func claims() {
        let claims = ContextExtensionStudy(data: noData).claims
        #expect(
            claims.map(\.id) == [
                "ntk-beats-plain-4x", "logn-beats-ntk-8x", "windows-beat-logn-8x", "fp32-frequencies-beat-bf16",
            ])
        #expect(claims.map(\.metric) == [4, 8, 8, 8].map { "log-perplexity-\($0)x" })
        #expect(claims.allSatisfy { $0.direction == .lower && $0.control.baseline == nil && $0.minimumSeeds == 5 })
        #expect(
            claims.map(\.control.name) == [
                "shuffled-growth", "shuffled-logn", "reversed-windows", "shuffled-rounding",
            ])
    }

    @Test("Its decoder has between one and five million parameters, untied, at length 128")
    func size() {
        let decoder = ContextExtensionConfiguration().decoder
        #expect((1_000_000...5_000_000).contains(decoder.parameterCount))
        #expect(decoder.trainingLength == 128 && !decoder.isEmbeddingTied && decoder.hasQueryKeyValueBiases)
        #expect(!decoder.usesDynamicNTK && !decoder.usesLogN)
    }

    @Test("The smoke scale trains, reads with every variant, and gives no verdict", .timeLimit(.minutes(5)))
    func smoke() async throws {
        let result = try await run()
        #expect(result.claims.map(\.verdict) == Array(repeating: .notShown, count: 4))
        #expect(result.claims.allSatisfy { $0.world == .synthetic && $0.values.method.count == 2 })
        let losses = result.claims.flatMap { $0.values.method + $0.values.baseline }
        // Below a uniform guess among 2,048 tokens by a nat: training has happened.
        #expect(losses.allSatisfy { $0 > 1 && $0 < log(2048) - 1 })
        // Every control was measured for itself.
        for claim in result.claims { #expect(claim.control.effect != claim.effect) }
        let table = try #require(result.tables.first)
        #expect(table.rows.count == ContextExtension.allCases.count)
        let atTrainingLength = zip(ContextExtension.allCases, table.rows).filter(\.0.keepsTrainingLength).map(\.1[1])
        #expect(Set(atTrainingLength.map(\.text)).count == 1)
        // The built-in tales have 1,000 words besides the bytes, so the decoder is smaller than with real text.
        #expect(result.protocol["parameters"] == 1_176_448)
    }

    @Test("Ablated, the controls stand in the methods' place and the windows are not measured", .timeLimit(.minutes(5)))
    func ablated() async throws {
        let result = try await run(ablate: true)
        #expect(result.claims.allSatisfy { $0.verdict == .notShown && $0.effect == $0.control.effect })
        let rows = try #require(result.tables.first).rows
        let windows = try #require(rows.first { $0[0] == .text(ContextExtension.windows.rawValue) })
        #expect(windows.dropFirst().allSatisfy { $0 == .empty })
    }

    @Test("Text that is too short is an error with numbers")
    func shortText() async {
        var configuration = ContextExtensionConfiguration()
        configuration.trainingLength = 1 << 20
        await #expect(throws: ContextExtensionError.self) {
            try await StudyRunner(environment: Self.environment, commit: "abc")
                .run(ContextExtensionStudy(data: noData, configuration: configuration), scale: .smoke)
        }
    }
}
