import Corpora
import Evaluation
import Experiments
import Foundation
import Recommendation
import Testing
import Training

@Suite("The study geographic-groups", .serialized)
struct GeographicGroupsStudyTests {
    private func run(ablate: Bool = false) async throws -> StudyResult {
        try await StudyRunner(
            environment: RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test"), commit: "abc"
        ).run(GeographicGroupsStudy(), scale: .smoke, ablate: ablate)
    }

    @Test(
        "Smoke trains every model once, gives no verdict, and true groups agree with themselves",
        .timeLimit(.minutes(2)))
    func smoke() async throws {
        let result = try await run()
        #expect(result.claims.count == 11)
        #expect(result.claims.allSatisfy { $0.claim.id.hasPrefix("geographic-groups-") && $0.verdict == .notShown })
        let areas = result.claims.filter { $0.claim.metric == "gauc" }.flatMap { $0.values.method + $0.values.baseline }
        #expect(areas.allSatisfy { $0 > 0.45 && $0 < 0.9 })
        let recovery = try #require(result.claims.first { $0.claim.metric == "ari" })
        // Random groups agree with the true ones by chance only, and less than groups by coordinates, which the control's
        // effect is measured from.
        let coordinates = Summary(recovery.values.baseline).mean
        #expect(abs(recovery.control.effect.estimate + coordinates) < 0.1)
        #expect(recovery.control.effect.estimate < 0)
        // Every claim over another model is controlled by that model's own lead where there are no groups.
        for claim in result.claims.map(\.claim) where claim.metric == "gauc" {
            #expect(claim.control.baseline == "null-\(claim.baseline)")
        }
        // Nine tenths of the true groups' lead, by the table's own means.
        let table = try #require(result.tables.first)
        func area(_ name: String) throws -> Double {
            try #require(table.rows.first { $0[0].text == name }.flatMap { Double($0[1].text) })
        }
        let near = try #require(result.claims.last)
        let lead = try area("geographic-groups") - area("single")
        #expect(abs(Summary(near.values.method).mean - lead) < 2e-3)
        let wanted = 0.9 * (try area("true groups") - area("single"))
        #expect(abs(Summary(near.values.baseline).mean - wanted) < 2e-3)
        let search = try #require(result.tables.first { $0.title == "Search" })
        #expect(search.rows.count == 12)
        #expect(search.rows.allSatisfy { $0[2] == 14 && $0[3].text <= $0[4].text })
    }

    @Test("Check-ins that are nowhere are an error that names the set")
    func noCheckIns() async {
        let runner = StudyRunner(
            environment: RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test"), commit: "abc")
        await #expect(throws: CorpusError.self) {
            _ = try await runner.run(GeographicGroupsCheckInStudy(data: DataDirectory(folders: [])), scale: .smoke)
        }
    }

    @Test(
        "Check-ins of New York train every model; random groups are the control",
        .enabled(if: DataDirectory().find(dataSet: "foursquare-nyc", anyOf: ["NYC.npy"]) != nil),
        .timeLimit(.minutes(2)))
    func checkIns() async throws {
        let result = try await StudyRunner(
            environment: RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test"), commit: "abc"
        ).run(GeographicGroupsCheckInStudy(), scale: .smoke)
        #expect(result.claims.map(\.control.name) == ["random groups", "random groups", "random groups"])
        // Distance and earlier visits tell most of the five places apart.
        #expect(result.claims.flatMap { $0.values.method + $0.values.baseline }.allSatisfy { $0 > 0.6 && $0 < 0.99 })
    }

    @Test("Ablated, the null world and random groups stand in the method's place", .timeLimit(.minutes(2)))
    func ablated() async throws {
        let result = try await run(ablate: true)
        #expect(result.claims.allSatisfy { $0.effect == $0.control.effect && $0.verdict == .notShown })
    }
}

@Suite("The method geographic-groups", .serialized)
struct GeographicGroupsMethodTests {
    @Test("It trains on a CSV file, saves its groups, and evaluates to the same numbers; broken data are errors")
    func csv() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "groups-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let rows = try flippedRows(3_000, cells: 10, seed: 5) { $0 < 4 }
        var text = "cell,label,a,b\n"
        for row in 0..<rows.count {
            text +=
                "c\(rows.domains[row]),\(Int(rows.labels[row])),\(rows.numbers[2 * row]),\(rows.numbers[2 * row + 1])\n"
        }
        let file = folder.appending(path: "rows.csv")
        try text.write(to: file, atomically: true, encoding: .utf8)
        var recipe = GeographicGroupsRecipe()
        recipe.data.source = file.path
        recipe.data.numberColumns = ["a", "b"]
        recipe.model = smallGroups()
        recipe.learningRate = 1e-2
        recipe.rowsPerBatch = 64
        let settings = recipe
        var session = TrainingSession(output: folder.appending(path: "model"))
        session.showsProgress = false
        let quiet = session
        let trained = try await TensorActor.run { try GeographicGroups.train(settings, in: quiet) }
        let measured = try await TensorActor.run {
            try GeographicGroups.evaluate(trained.folder, recipe: nil, in: quiet)
        }
        #expect(try #require(measured.metrics["GAUC"]) > 0.8)
        #expect(abs(try #require(measured.metrics["logLoss"]) - #require(trained.metrics["loss"])) < 1e-5)
        let stored = try String(contentsOf: trained.folder.appending(path: "model.json"), encoding: .utf8)
        #expect(stored.contains("\"c3\""))

        try (text + "c1,0.5,1,1\n").write(to: file, atomically: true, encoding: .utf8)
        await #expect(throws: CellDataError.self) {
            try await TensorActor.run { try GeographicGroups.train(settings, in: quiet) }
        }
        try "cell,label,a,b\nc1,1,0,0\nc1,0,1,1\n".write(to: file, atomically: true, encoding: .utf8)
        await #expect(throws: CellDataError.oneCell(file: "rows.csv", column: "cell")) {
            try await TensorActor.run { try GeographicGroups.train(settings, in: quiet) }
        }
    }
}
