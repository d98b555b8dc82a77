import Corpora
import Evaluation
import Foundation
import Recommendation
import Tensors
import Testing
import Training

@Suite("Recommendation methods", .serialized)
struct RecommendationMethodTests {
    @Test("Every setting of every method is documented, and its defaults pass their own checks")
    func recipes() throws {
        let optional: Set = ["fitting.patience", "fitting.maximumGradientNorm"]
        func check<M: Method>(_ method: M.Type) throws {
            let (missing, unknown) = try RecipeText.undocumentedFields(of: M.Settings.self, optional: optional)
            #expect(missing == [], "\(M.name)")
            #expect(unknown == [], "\(M.name)")
            try M.validate(RecipeDocument(yaml: try M.commentedRecipe(), source: M.name))
        }
        for method in RecommendationMethods.all { try check(method) }
        #expect(Set(RecommendationMethods.all.map { $0.name }).count == RecommendationMethods.all.count)
    }

    @Test("Every method trains on the built-in clicks, is measured, opened again, and recommends the same")
    func roundTrip() async throws {
        let counted = ["recommend-popularity", "recommend-ucb"]
        let learnsVectors = ["recommend-ddpg", "recommend-td3", "recommend-lird"]
        try await withTemporaryFolder { folder in
            for method in RecommendationMethods.all {
                var document = try RecipeDocument(yaml: "method: \(method.name)", source: "test")
                if !counted.contains(method.name) {
                    try document.set("fitting.epochs=2")
                    try document.set("fitting.rowsPerBatch=256")
                }
                if learnsVectors.contains(method.name) { try document.set("model.vectorEpochs=2") }
                let recipe = document
                var session = TrainingSession(output: folder.appending(path: method.name))
                session.showsProgress = false
                let quiet = session
                let trained = try await TensorActor.run { try method.train(recipe: recipe, in: quiet) }
                let manifest = try ArtefactManifest.read(from: trained.folder)
                try manifest.verify(in: trained.folder)
                #expect(manifest.kind == method.name)
                let measured = try await TensorActor.run {
                    try method.evaluate(trained.folder, recipe: nil, in: quiet)
                }
                #expect(measured.count > 0)
                #expect(measured.metrics["nDCG@10"] ?? measured.metrics["AUC"] ?? 0 > 0, "\(method.name)")

                let answers = try await TensorActor.run {
                    let saved = try SavedRecommender.open(trained.folder)
                    let history = Array(saved.items.tokens.prefix(3))
                    let answer = try saved.recommend(user: saved.users.tokens[0], history: history, count: 5)
                    let again = try SavedRecommender.open(trained.folder)
                        .recommend(user: saved.users.tokens[0], history: history, count: 5)
                    #expect(answer == again)
                    #expect(Set(answer.items.map(\.item)).isDisjoint(with: history))
                    let stranger = try saved.recommend(user: "nobody", history: ["nothing"], count: 3)
                    #expect(stranger.unknownItems == ["nothing"] && !stranger.isUserKnown)
                    #expect(stranger.items.count == 3)
                    #expect(throws: RecommendationError.unknownCandidates(["nothing"])) {
                        try saved.recommend(user: nil, history: history, count: 3, candidates: ["nothing"])
                    }
                    return (answer, stranger)
                }
                #expect(answers.0.items.count == 5)
                #expect(!answers.0.isFallback)
                let knowsIdentitiesOnly = ["recommend-bpr", "recommend-gru4rec", "recommend-sasrec"]
                #expect(answers.1.isFallback == knowsIdentitiesOnly.contains(method.name), "\(method.name)")
            }
        }
    }

    @Test("With search=true a method first tries eight settings and says which it trains with")
    func search() async throws {
        final class Said: @unchecked Sendable { var lines: [String] = [] }
        try await withTemporaryFolder { folder in
            let methods: [any RecommendationMethod.Type] = [
                PairwiseRankingMethod.self, LogisticRegressionMethod.self, DeepQMethod.self,
                PopularityMethod.self, UpperConfidenceBoundMethod.self,
            ]
            for method in methods {
                var document = try RecipeDocument(yaml: "method: \(method.name)", source: "test")
                try document.set("search=true")
                if !["recommend-popularity", "recommend-ucb"].contains(method.name) {
                    for value in ["fitting.epochs=2", "fitting.rowsPerBatch=512"] { try document.set(value) }
                }
                let recipe = document
                let said = Said()
                var session = TrainingSession(output: folder.appending(path: method.name))
                session.showsProgress = false
                session.say = { said.lines.append($0) }
                let quiet = session
                _ = try await TensorActor.run { try method.train(recipe: recipe, in: quiet) }
                let line = try #require(said.lines.first { $0.hasPrefix("search: ") })
                #expect(line.contains("of 8 trials"))
            }
        }
    }

    @Test(
        "Atomic files with users and items: features are joined, histories lie strictly before, strangers are index 0")
    func atomicFiles() async throws {
        try await withTemporaryFolder { folder in
            func write(_ text: String, _ name: String) throws {
                try Data(text.utf8).write(to: folder.appending(path: name))
            }
            var rows = "user_id:token\titem_id:token\tclick:float\ttimestamp:float\tplace:token\n"
            var generator = SeededGenerator(seed: 3)
            for step in 0..<200 {
                let item = generator.integer(below: 12)
                let click = generator.bernoulli(item % 2 == 0 ? 0.95 : 0.05) ? 1 : 0
                rows += "u\(generator.integer(below: 8))\ti\(item)\t\(click)\t\(step)\tp\(step % 3)\n"
            }
            try write(rows, "toy.inter")
            try write("user_id:token\tage:float\n" + (0..<8).map { "u\($0)\t\(20 + $0)\n" }.joined(), "toy.user")
            try write(
                "item_id:token\tkind:token\n" + (0..<12).map { "i\($0)\tk\($0 % 2)\n" }.joined(), "toy.item")
            var document = try RecipeDocument(yaml: "method: recommend-lr", source: "test")
            try document.set("data.interactions.source=\(folder.path)/toy")
            try document.set("fitting.learningRate=0.05")
            try document.set("fitting.rowsPerBatch=32")
            let recipe = document
            var session = TrainingSession(output: folder.appending(path: "lr"))
            session.showsProgress = false
            let quiet = session
            let trained = try await TensorActor.run {
                try LogisticRegressionMethod.train(recipe: recipe, in: quiet)
            }
            let measured = try await TensorActor.run {
                try LogisticRegressionMethod.evaluate(trained.folder, recipe: nil, in: quiet)
            }
            #expect(try #require(measured.metrics["AUC"]) > 0.85)
            let loss = try #require(measured.metrics["logLoss"])
            #expect(loss < (try #require(measured.metrics["baseRate.logLoss"])) - 0.1)
            #expect(measured.count == 20)
            let best = try await TensorActor.run {
                try SavedRecommender.open(trained.folder).recommend(user: "u1", count: 4).items.map(\.item)
            }
            #expect(best.allSatisfy { (Int($0.dropFirst()) ?? 1) % 2 == 0 }, "\(best)")

            try document.set("data.interactions.user=person")
            let wrong = document
            let refusal = await #expect(throws: RecommendationDataError.self) {
                try await TensorActor.run { try LogisticRegressionMethod.train(recipe: wrong, in: quiet) }
            }
            #expect(
                refusal
                    == .missingColumn(
                        file: "toy.inter", column: "person", field: "user",
                        found: ["user_id", "item_id", "click", "timestamp", "place"]))
        }
    }

    @Test("Sources that are not there, of another kind or without labels are typed errors")
    func refusals() async throws {
        try await withTemporaryFolder { folder in
            func failure(_ method: any RecommendationMethod.Type, _ values: String...) async throws -> (any Error)? {
                var document = try RecipeDocument(yaml: "method: \(method.name)", source: "test")
                for value in values { try document.set(value) }
                let recipe = document
                let session = TrainingSession(output: folder.appending(path: "none"))
                do {
                    _ = try await TensorActor.run { try method.train(recipe: recipe, in: session) }
                    return nil
                } catch { return error }
            }
            let missing = try await failure(PairwiseRankingMethod.self, "data.source=nowhere/none")
            #expect(missing as? RecommendationDataError == .noSource("nowhere/none"))
            let file = folder.appending(path: "log.parquet")
            try Data("x".utf8).write(to: file)
            let kind = try await failure(PairwiseRankingMethod.self, "data.source=\(file.path)")
            #expect(kind as? RecommendationDataError == .unknownFormat(file.path))
            let column = try await failure(DeepFMMethod.self, "data.labels=[purchase]")
            guard case .missingColumn(_, "purchase", "features or labels", _) = column as? RecommendationDataError
            else {
                Issue.record("\(String(describing: column))")
                return
            }
            let csv = folder.appending(path: "log.csv")
            try Data("user_id,item_id,timestamp,click\nu1,i1,1,NaN\n".utf8).write(to: csv)
            let number = try await failure(DeepFMMethod.self, "data.interactions.source=\(csv.path)")
            #expect(number is InteractionError)
            let heads = try await failure(SelfAttentiveSequenceMethod.self, "model.heads=3")
            #expect(heads is RecommendationError)
        }
    }
}
