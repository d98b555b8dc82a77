import Corpora
import Evaluation
import Experiments
import Foundation
import Recommendation
import Testing
import Training

@Suite("The study session-context", .serialized)
struct SessionContextStudyTests {
    private func run(ablate: Bool = false) async throws -> StudyResult {
        try await StudyRunner(
            environment: RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test"), commit: "abc"
        ).run(SessionContextStudy(), scale: .smoke, ablate: ablate)
    }

    @Test("Smoke measures every claim with its null control and gives no verdict", .timeLimit(.minutes(2)))
    func smoke() async throws {
        let result = try await run()
        #expect(result.claims.count == 11)
        #expect(result.claims.allSatisfy { $0.claim.id.hasPrefix("session-context-") && $0.verdict == .notShown })
        #expect(result.claims.allSatisfy { $0.claim.control.kind == .null })
        // Where browsing depends on nothing that is shown, every list gets the same views.
        let views = try #require(result.claims.first { $0.claim.id == "session-context-views" })
        #expect(abs(views.control.effect.estimate) < 1e-6)
        #expect(views.values.method.allSatisfy { $0 > 1 && $0 < 6 })
        let search = try #require(result.tables.first { $0.title == "Search" })
        #expect(search.rows.count == 4 && search.rows.allSatisfy { $0[2] == 8 })
    }

    @Test("Ablated, the null worlds stand in the method's place")
    func ablated() async throws {
        let result = try await run(ablate: true)
        #expect(result.claims.allSatisfy { $0.effect == $0.control.effect && $0.verdict == .notShown })
    }
}

@Suite("The method session-context", .serialized)
struct SessionContextMethodTests {
    @Test("Categories and numbers come from the item file; items it does not have are of no category and average")
    func itemFile() async throws {
        try await withTemporaryFolder { folder in
            func write(_ text: String, _ name: String) throws -> String {
                let file = folder.appending(path: name)
                try Data(text.utf8).write(to: file)
                return file.path
            }
            var recipe = SessionDataRecipe()
            recipe.source = try write(
                "user_id,session_id,item_id,click\nu,s,b,1\nu,s,a,0\nv,s,c,1\n", "log.csv")
            recipe.itemFile = try write("item_id,kind,price\na,book,1\nb,film,5\nunseen,book,9\n", "items.csv")
            recipe.categoryColumn = "kind"
            recipe.featureColumns = ["price"]
            let data = try SessionData.load(recipe, seed: 1)
            #expect(data.items == ["b", "a", "c"])
            #expect(data.catalogue.categoryCount == 3)
            #expect(data.catalogue.categories == [2, 1, 0])
            // Prices 5, 1 and the file's mean of 5: over the three, mean 11/3 and variance 32/9.
            let (mean, deviation): (Double, Double) = (11.0 / 3, (32.0 / 9).squareRoot())
            let prices: [Double] = [5, 1, 5]
            for (found, price) in zip(data.catalogue.features, prices) {
                let wanted = (price - mean) / deviation
                #expect(abs(Double(found) - wanted) < 1e-5)
            }

            var settings = SessionContextRecipe()
            settings.data = recipe
            #expect(settings.problems().isEmpty)
            settings.data.itemFile = nil
            #expect(settings.problems().map(\.path) == ["data.itemFile"])
            settings.data = SessionDataRecipe()
            settings.data.itemFile = "items.csv"
            #expect(settings.problems().map(\.path) == ["data.itemFile"])
        }
    }

    @Test("It trains on a CSV log, saves, and evaluates to the same numbers; broken data are errors")
    func csv() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "session-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let log = folder.appending(path: "log.csv")
        var text = "user_id,session_id,item_id,click,full\n"
        for user in 0..<40 {
            for session in 0..<3 {
                let length = 2 + (user + session) % 4
                for slot in 0..<length {
                    let item = (user * 3 + session * 5 + slot * 7) % 12
                    text +=
                        "u\(user),s\(session),i\(item),\(item % 3 == 0 ? 1 : 0),\(length == 5 && slot == 4 ? 1 : 0)\n"
                }
            }
        }
        try text.write(to: log, atomically: true, encoding: .utf8)
        var recipe = SessionContextRecipe()
        recipe.data.source = log.path
        recipe.data.listEndColumn = "full"
        recipe.training.epochs = 20
        recipe.training.learningRate = 1e-2
        let settings = recipe
        var session = TrainingSession(output: folder.appending(path: "model"))
        session.showsProgress = false
        let quiet = session
        let trained = try await TensorActor.run { try SessionContext.train(settings, in: quiet) }
        let measured = try await TensorActor.run { try SessionContext.evaluate(trained.folder, recipe: nil, in: quiet) }
        #expect(try #require(measured.metrics["clickAUC"]) > 0.9)
        let logLoss = try #require(trained.metrics["clickLogLoss"])
        #expect(abs(try #require(measured.metrics["clickLogLoss"]) - logLoss) < 1e-5)

        // Served by name: the list of the highest expected value without what was met.
        try await TensorActor.run {
            let saved = try SavedRecommender.open(trained.folder)
            let (model, names) = try SessionContextFile.load(trained.folder)
            let answer = try saved.recommend(user: nil, history: ["i3", "i6", "nothing"], count: 4)
            let history = [try #require(saved.items["i3"]), try #require(saved.items["i6"])]
            let list = try model.lists(
                for: [SessionRequest(history: history)], length: 4, excludesHistory: true)[0]
            #expect(answer.items.map(\.item) == list.items.map { names[Int($0)] })
            #expect(answer.items.map(\.score) == list.clicks)
            #expect(answer.unknownItems == ["nothing"] && !answer.isFallback)
            #expect(Set(answer.items.map(\.item)).isDisjoint(with: ["i3", "i6"]))
            // Twelve items, of which ten are left.
            let longest = try saved.recommend(user: nil, history: ["i3", "i6"], count: 20).items.map(\.item)
            #expect(longest.count == 10 && Set(longest).count == 10)
            // The only liked ones of the candidates: i0 and i9.
            let some = try saved.recommend(user: nil, count: 2, candidates: ["i1", "i0", "i5", "i9"])
            #expect(Set(some.items.map(\.item)) == ["i0", "i9"])
            #expect(throws: RecommendationError.self) { try saved.recommend(user: nil, count: 0) }
        }

        // Other users held out: some of them trained it.
        for change in [{ $0.seed = 1 }, { $0.data.heldOutShare = 0.3 }] as [(inout SessionContextRecipe) -> Void] {
            var other = settings
            change(&other)
            let redrawn = other
            await #expect(throws: RecommendationError.self) {
                try await TensorActor.run { try SessionContext.evaluate(trained.folder, with: redrawn, in: quiet) }
            }
        }

        try (text + "u1,s0,i1,2,0\n").write(to: log, atomically: true, encoding: .utf8)
        await #expect(throws: SessionDataError.self) {
            try await TensorActor.run { try SessionContext.train(settings, in: quiet) }
        }
        try Data("{}".utf8).write(to: trained.folder.appending(path: "model.json"))
        await #expect(throws: SessionDataError.self) {
            try await TensorActor.run { try SessionContext.evaluate(trained.folder, recipe: nil, in: quiet) }
        }
    }
}
