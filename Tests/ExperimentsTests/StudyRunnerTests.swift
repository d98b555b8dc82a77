import Evaluation
import Experiments
import Foundation
import Synchronization
import Testing

@Suite("Running studies")
struct StudyRunnerTests {
    let environment = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")

    @Test("A result has the agreed keys, the protocol and computed verdicts")
    func layout() async throws {
        let result = try await StudyRunner(environment: environment, commit: "abc").run(CountingStudy(), scale: .quick)
        let object = try jsonObject(result)
        #expect(Set(object.keys) == ["study", "paper", "commit", "scale", "protocol", "claims", "tables"])
        #expect(object["commit"] == "abc")
        #expect(object["scale"] == "quick")
        #expect(result.claims.map(\.verdict) == [.holds])
        #expect(result.protocol["precision"] == "f32")
        #expect(result.protocol["tokensPerSeed"] == 600)
        #expect(result.protocol["data"] == "counted")
        #expect(result.protocol["seeds"] == [0, 1, 2, 3, 4])
        #expect(result.tables.map(\.title) == ["Controls", "Measured values"])
    }

    @Test("The same result is the same text, with keys in alphabetical order")
    func stableText() async throws {
        let result = try await StudyRunner(environment: environment, commit: "abc").run(CountingStudy(), scale: .quick)
        let text = try StableJSON.text(result)
        #expect(try StableJSON.text(result) == text)
        let keys = ["\"claims\"", "\"commit\"", "\"paper\"", "\"protocol\"", "\"scale\"", "\"study\"", "\"tables\""]
        let positions = keys.compactMap { text.range(of: "\n  " + $0)?.lowerBound }
        #expect(positions.count == keys.count)
        #expect(positions == positions.sorted())
    }

    @Test("Ablated, the control stands in the method's place and nothing holds")
    func ablated() async throws {
        let study = CountingStudy()
        let result = try await StudyRunner(environment: environment, commit: "abc").run(
            study, scale: .quick, ablate: true)
        #expect(result.claims.map(\.verdict) == [.notShown])
        #expect(result.claims[0].values.method == [0, 1, 2, 3, 4])
        #expect(result.protocol["ablated"] == true)
        #expect(study.measuredMethods.withLock { $0 } == 0)
    }

    @Test("Ablated, a control that wins is exposed as holding")
    func ablatedWinning() async throws {
        let result = try await StudyRunner(environment: environment, commit: "abc")
            .run(CountingStudy(controlGain: 3), scale: .quick, ablate: true)
        #expect(result.claims.map(\.verdict) == [.holds])
    }

    @Test("The smoke scale never gives a verdict")
    func smoke() async throws {
        let result = try await StudyRunner(environment: environment, commit: "abc")
            .run(CountingStudy(), scale: .smoke, seeds: 6)
        #expect(result.claims.map(\.verdict) == [.notShown])
        #expect(result.claims[0].effect.low > 0)
    }

    @Test("An interrupted study continues after the last measured seed, and forgets once it is complete")
    func resume() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let study = CountingStudy()
        let stopping = StudyRunner(
            environment: environment, commit: "abc", cacheFolder: folder,
            isInterrupted: { study.seeds.withLock { $0 } >= 3 })
        await #expect(throws: CancellationError.self) { try await stopping.run(study, scale: .quick) }
        #expect(study.seeds.withLock { $0 } == 3)

        // A crash in the middle of a line leaves half of it.
        let file = folder.appending(path: "counting-quick.jsonl")
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"seed":3,"val"#.utf8))
        try handle.close()

        let again = StudyRunner(environment: environment, commit: "abc", cacheFolder: folder)
        let result = try await again.run(study, scale: .quick)
        #expect(study.seeds.withLock { $0 } == 5)
        let fresh = try await StudyRunner(environment: environment, commit: "abc").run(CountingStudy(), scale: .quick)
        #expect(result.claims == fresh.claims)
        #expect(!FileManager.default.fileExists(atPath: file.path))
    }

    @Test("Half a line of a crash does not swallow the seed written after it")
    func halfLine() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let study = CountingStudy()
        func runner(stopAfter count: Int) -> StudyRunner {
            StudyRunner(
                environment: environment, commit: "abc", cacheFolder: folder,
                isInterrupted: { study.seeds.withLock { $0 } >= count })
        }
        await #expect(throws: CancellationError.self) { try await runner(stopAfter: 1).run(study, scale: .quick) }
        let handle = try FileHandle(forWritingTo: folder.appending(path: "counting-quick.jsonl"))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(#"{"seed":1,"#.utf8))
        try handle.close()
        await #expect(throws: CancellationError.self) { try await runner(stopAfter: 2).run(study, scale: .quick) }
        _ = try await runner(stopAfter: .max).run(study, scale: .quick)
        #expect(study.seeds.withLock { $0 } == 5)
    }

    @Test("Values of another commit are not mixed in")
    func otherCommit() async throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let study = CountingStudy()
        let stopping = StudyRunner(
            environment: environment, commit: "abc", cacheFolder: folder,
            isInterrupted: { study.seeds.withLock { $0 } >= 3 })
        await #expect(throws: CancellationError.self) { try await stopping.run(study, scale: .quick) }
        _ = try await StudyRunner(environment: environment, commit: "def", cacheFolder: folder).run(
            study, scale: .quick)
        #expect(study.seeds.withLock { $0 } == 3 + 5)
    }

    @Test("What was not measured, or not finite, is named")
    func missing() async throws {
        let runner = StudyRunner(environment: environment, commit: "abc")
        await #expect(
            throws: StudyError.missingValue(study: "counting", seed: 0, variant: "control", metric: "score")
        ) { try await runner.run(CountingStudy(skipsControl: true), scale: .quick) }
        let error = await #expect(throws: StudyError.self) {
            try await runner.run(CountingStudy(controlGain: .nan), scale: .quick)
        }
        #expect(error?.description.contains("seed 0 measured score of control as nan") == true)
        await #expect(throws: StudyError.seeds(found: 0)) {
            try await runner.run(CountingStudy(), scale: .quick, seeds: 0)
        }
    }
}

/// A study whose method wins by 2 and whose control wins by `controlGain`.
struct CountingStudy: Study {
    let id = "counting"
    let paper = "Counting"
    let summary = "Counts."
    let world = World.synthetic
    let claims = [exampleClaim()]
    var controlGain = 0.0
    var skipsControl = false
    let seeds = SharedCount()
    let measuredMethods = SharedCount()

    func budget(_ scale: Scale) -> Budget { Budget(seeds: scale == .smoke ? 2 : 5, tokens: 600) }

    func run(_ context: StudyContext) async throws -> StudyResult {
        let measured = try await context.measure { seed in
            seeds.withLock { $0 += 1 }
            var values = SeedValues()
            values["baseline", "score"] = Double(seed)
            if context.needs("method") {
                measuredMethods.withLock { $0 += 1 }
                values["method", "score"] = Double(seed) + 2 + 0.01 * Double(seed)
            }
            if !skipsControl { values["control", "score"] = Double(seed) + controlGain }
            return values
        }
        return try context.result(measured, protocol: ["data": "counted"])
    }
}

final class SharedCount: Sendable {
    private let count = Mutex(0)

    func withLock<Result>(_ body: (inout sending Int) -> sending Result) -> Result { count.withLock(body) }
}

func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString, directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}
