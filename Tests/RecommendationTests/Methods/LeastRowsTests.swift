import Corpora
import Foundation
import Recommendation
import Tensors
import Testing
import Training

@Suite("Users and items with few rows", .serialized)
struct LeastRowsTests {
    /// ada, bob and cy like x, y and z; dan likes x and y only; eve likes what nobody else does. Nobody likes w, which ada
    /// and dan met, and ada met x again without liking it.
    private func log(in folder: URL) throws -> String {
        let rows = [
            "ada,x,1,1", "ada,y,2,1", "ada,z,3,1", "ada,w,4,0", "ada,x,5,0", "bob,x,1,1", "bob,y,2,1", "bob,z,3,1",
            "cy,z,1,1", "cy,y,2,1", "cy,x,3,1", "dan,x,1,1", "dan,y,2,1", "dan,w,3,0", "eve,p,1,1", "eve,q,2,1",
            "eve,r,3,1",
        ]
        let file = folder.appending(path: "log.csv")
        try Data(("user_id,item_id,timestamp,click\n" + rows.joined(separator: "\n") + "\n").utf8).write(to: file)
        return file.path
    }

    private func trained(
        _ method: any RecommendationMethod.Type, in folder: URL, _ values: [String]
    ) async throws -> (said: String, users: [String], items: [String], count: Int, protocol: String) {
        final class Said: @unchecked Sendable { var lines: [String] = [] }
        var document = try RecipeDocument(yaml: "method: \(method.name)", source: "test")
        for value in values + ["fitting.epochs=1", "fitting.rowsPerBatch=4"] { try document.set(value) }
        let recipe = document
        let said = Said()
        var session = TrainingSession(output: folder.appending(path: UUID().uuidString))
        session.showsProgress = false
        session.say = { said.lines.append($0) }
        let quiet = session
        return try await TensorActor.run {
            let artefact = try method.train(recipe: recipe, in: quiet).folder
            let saved = try SavedRecommender.open(artefact)
            let measured = try method.evaluate(artefact, recipe: nil, in: quiet)
            return (
                try #require(said.lines.first { $0.hasPrefix("data: ") }), saved.users.tokens, saved.items.tokens,
                measured.count, measured.description
            )
        }
    }

    @Test("Models of identities count liked rows: dan has two, eve's items have one each, and both leave")
    func interactions() async throws {
        try await withTemporaryFolder { folder in
            let data = ["data.source=\(try log(in: folder))", "data.rating=click"]
            let found = try await trained(
                PairwiseRankingMethod.self, in: folder, data + ["data.leastUserRows=3", "data.leastItemRows=2"])
            let name =
                "log.csv without users of fewer than 3 rows and items of fewer than 2 rows (2 users, 4 items, 5 rows left out)"
            #expect(found.said == "data: \(name), 3 users, 3 items, 9 interactions, leave-one-out")
            #expect(found.users == ["ada", "bob", "cy"] && found.items == ["x", "y", "z"])
            #expect(found.count == 3 && found.protocol.hasPrefix("\(name); leave-one-out, test"))
            // Without the settings, the items that nobody liked are in the catalogue.
            let all = try await trained(PairwiseRankingMethod.self, in: folder, data)
            #expect(all.said == "data: log.csv, 5 users, 7 items, 14 interactions, leave-one-out")
            let nobody = await #expect(throws: RecommendationDataError.self) {
                try await trained(PairwiseRankingMethod.self, in: folder, data + ["data.leastUserRows=100"])
            }
            #expect(
                nobody == .allLeftOut(source: "log.csv", leastUserRows: 100, leastItemRows: 0, rows: 14))
            let text = try #require(nobody).description
            #expect(text.contains("(leastUserRows)") && text.contains("(leastItemRows)"))
        }
    }

    @Test("Models of features count all rows: dan has three, and only eve and her items leave")
    func features() async throws {
        try await withTemporaryFolder { folder in
            let found = try await trained(
                LogisticRegressionMethod.self, in: folder,
                [
                    "data.interactions.source=\(try log(in: folder))", "data.interactions.split=leave-one-out",
                    "data.interactions.leastUserRows=3", "data.interactions.leastItemRows=2",
                ])
            #expect(
                found.said.hasPrefix(
                    "data: log.csv without users of fewer than 3 rows and items of fewer than 2 rows (1 users, 3 items, 3 rows "
                        + "left out), 6 rows to train on, 4 to validate, 4 to test; "))
            #expect(found.users == ["ada", "bob", "cy", "dan"] && found.count == 4)
        }
    }

    @Test("Rows without success leave with their user or their item, and others stay")
    func feedback() async throws {
        try await withTemporaryFolder { folder in
            var recipe = InteractionDataRecipe()
            recipe.source = try log(in: folder)
            recipe.rating = "click"
            let all = try recipe.feedback(seed: 0)
            #expect(all.log.rowCount == 17 && all.name == "log.csv")
            (recipe.leastUserRows, recipe.leastItemRows) = (3, 2)
            let found = try recipe.feedback(seed: 0)
            // ada met x again; her w and dan's are gone.
            #expect(found.log.users.tokens == ["ada", "bob", "cy"] && found.log.items.tokens == ["x", "y", "z"])
            #expect(found.log.itemIndices == [0, 1, 2, 0, 0, 1, 2, 2, 1, 0])
            #expect(found.isLiked == [true, true, true, false, true, true, true, true, true, true])
            #expect(found.split.log.rowCount == 9 && found.split.rowCount(.test) == 3)
            #expect(found.name.hasSuffix("(2 users, 4 items, 5 rows left out)"))
            // By users alone dan leaves, and with him w, which is liked by nobody who is left.
            recipe.leastItemRows = 0
            let name = try recipe.feedback(seed: 0).name
            #expect(name == "log.csv without users of fewer than 3 rows (1 users, 1 items, 2 rows left out)")
        }
    }
}
