import Corpora
import Evaluation
import Foundation
import Recommendation
import Tensors
import Testing
import Training

/// What people's own logs hold: gaps, strangers, one answer only.
@Suite("Hard data", .serialized)
struct HardDataTests {
    private final class Said: @unchecked Sendable { var lines: [String] = [] }

    /// Trains on a CSV file and measures; what the method said stands in `said`.
    private func metrics(
        _ method: any RecommendationMethod.Type, _ csv: String, in folder: URL, said: Said = Said(), _ values: [String]
    ) async throws -> [String: Double] {
        let file = folder.appending(path: "log.csv")
        try Data(csv.utf8).write(to: file)
        var document = try RecipeDocument(yaml: "method: \(method.name)", source: "test")
        let isOfFeatures = method is any FeatureMethod.Type
        for value in ["data.\(isOfFeatures ? "interactions." : "")source=\(file.path)"] + values {
            try document.set(value)
        }
        let recipe = document
        var session = TrainingSession(output: folder.appending(path: "artefact"))
        session.showsProgress = false
        session.say = { said.lines.append($0) }
        let quiet = session
        return try await TensorActor.run {
            let trained = try method.train(recipe: recipe, in: quiet)
            return try method.evaluate(trained.folder, recipe: nil, in: quiet).metrics
        }
    }

    @Test("Missing features are refused, or filled where the recipe says so; a missing label does not train")
    func missing() async throws {
        // Odd items are clicked; the price is the mean of the others where it is missing.
        var csv = "user_id,item_id,timestamp,click,price,place\n"
        for step in 0..<120 {
            let item = step * 7 % 10
            let click = step % 13 == 5 ? "" : "\(item % 2)"
            let price = step % 5 == 0 ? ["", "NaN", "inf"][step % 3] : "\(item)"
            csv += "u\(step % 6),i\(item),\(step),\(click),\(price),\(step % 4 == 0 ? "" : "p\(step % 3)")\n"
        }
        let text = csv
        try await withTemporaryFolder { folder in
            let columns = ["data.interactions.numbers=[price]", "data.interactions.tokens=[place]"]
            await #expect(throws: InteractionError.self) {
                try await metrics(DeepFMMethod.self, text, in: folder, columns)
            }
            let found = try await metrics(
                LogisticRegressionMethod.self, text, in: folder,
                columns + ["data.interactions.missing=fill", "fitting.learningRate=0.1", "fitting.rowsPerBatch=32"])
            #expect(try #require(found["AUC"]) > 0.95)
            #expect(found.values.allSatisfy { $0.isFinite })
            // Users are never filled.
            await #expect(throws: InteractionError.missingValue(file: "log.csv", line: 2, column: "user_id")) {
                try await metrics(
                    DeepFMMethod.self, text.replacing("u0,i0,0", with: ",i0,0"), in: folder,
                    columns + ["data.interactions.missing=fill"])
            }
        }
    }

    @Test("A missing number stands in the middle of those in training, wherever 0 is")
    func missingIsMean() async throws {
        // Clicks follow the price, 9 or 11, and where there is none they are a coin.
        var csv = "user_id,item_id,timestamp,click,price\n"
        var generator = SeededGenerator(seed: 8)
        for step in 0..<400 {
            let (price, rate) = [("9", 0.1), ("11", 0.9), ("", 0.5)][step % 3]
            csv += "u\(step % 7),i\(step % 5),\(step),\(generator.bernoulli(rate) ? 1 : 0),\(price)\n"
        }
        for step in 400..<440 {
            csv += "u\(step % 7),i\(step % 5),\(step),\(step % 2),\(step % 2 == 0 ? "9" : "")\n"
        }
        let text = csv
        try await withTemporaryFolder { folder in
            let found = try await metrics(
                LogisticRegressionMethod.self, text, in: folder,
                [
                    "data.interactions.numbers=[price]", "data.interactions.missing=fill",
                    "data.interactions.testShare=0.09", "data.historyLength=0", "fitting.learningRate=0.05",
                    "fitting.epochs=40", "fitting.patience=null",
                ])
            #expect(try #require(found["AUC"]) > 0.95)
        }
    }

    @Test("Users who are new in the test part are groups of their own in the grouped AUC")
    func strangers() async throws {
        // A click depends more on the level than on which of two items is seen.
        var csv = "user_id,item_id,timestamp,click,level\n"
        var generator = SeededGenerator(seed: 5)
        var time = 0
        for step in 0..<400 {
            let (level, good) = (step % 2 == 0 ? 1 : -1, step / 2 % 2 == 0)
            let click = generator.bernoulli(level > 0 ? (good ? 0.9 : 0.7) : (good ? 0.3 : 0.1))
            csv += "u\(step % 19),i\(good ? 0 : 1),\(time),\(click ? 1 : 0),\(level)\n"
            time += 1
        }
        for user in 0..<20 {
            for good in [true, false] {
                csv += "new\(user),i\(good ? 0 : 1),\(time),\(good ? 1 : 0),\(user % 2 == 0 ? 1 : -1)\n"
                time += 1
            }
        }
        let text = csv
        try await withTemporaryFolder { folder in
            let found = try await metrics(
                LogisticRegressionMethod.self, text, in: folder,
                [
                    "data.interactions.numbers=[level]", "data.interactions.testShare=0.09", "data.historyLength=0",
                    "fitting.learningRate=0.05", "fitting.epochs=40", "fitting.patience=null",
                ])
            #expect(found["GAUC"] == 1)
            #expect(try #require(found["AUC"]) < 0.9)
            // All test rows are of new users, so that the slice is the whole; both items are known.
            #expect(found["newUsers.share"] == 1 && found["newUsers.AUC"] == found["AUC"])
            #expect(found["newItems.share"] == 0 && found["newItems.AUC"] == nil)
        }
    }

    @Test("Labels that are all alike are said before the training, and their metrics left out")
    func oneClass() async throws {
        var csv = "user_id,item_id,timestamp,click\n"
        for step in 0..<60 { csv += "u\(step % 6),i\(step % 7),\(step),1\n" }
        let text = csv
        try await withTemporaryFolder { folder in
            let said = Said()
            let found = try await metrics(DeepFMMethod.self, text, in: folder, said: said, ["fitting.epochs=1"])
            #expect(said.lines.contains { $0.contains("AUC is not defined") })
            #expect(found["AUC"] == nil && found["GAUC"] == nil)
            #expect(try #require(found["logLoss"]).isFinite)
            // There is nothing to search by, which is no failure of the trials.
            let searched = try await metrics(DeepFMMethod.self, text, in: folder, ["fitting.epochs=1", "search=true"])
            #expect(searched == found)
        }
    }

    @Test("A log in which nobody has three interactions is refused before the training")
    func nothingToValidate() async throws {
        try await withTemporaryFolder { folder in
            let refusal = await #expect(throws: RecommendationDataError.self) {
                try await metrics(
                    SelfAttentiveSequenceMethod.self, "user_id,item_id,timestamp\na,x,1\na,y,2\nb,y,1\n", in: folder, []
                )
            }
            #expect(refusal == .noRows(source: "log.csv", part: "validation"))
        }
    }

    @Test("A validation share of 0, with which no training can stop, is refused where it is said")
    func validationShare() async throws {
        try await withTemporaryFolder { folder in
            let refusal = await #expect(throws: (any Error).self) {
                try await metrics(
                    DeepFMMethod.self, "user_id,item_id,timestamp,click\na,x,1,1\na,y,2,0\nb,y,3,1\n", in: folder,
                    ["data.interactions.validationShare=0"])
            }
            let said = "\(try #require(refusal))"
            #expect(said.contains("data.interactions.validationShare: found 0.0, allowed: above 0, to 0.5"))
        }
    }

    @Test("Columns that a recipe names anywhere are read, once each; ratings that are all too low are named")
    func columns() async throws {
        var csv = "user_id,item_id,timestamp,click,city\n"
        var lines = ""
        for step in 0..<120 {
            csv += "u\(step % 6),i\(step % 7),\(step),\(step % 2),c\(step % 3)\n"
            lines +=
                "{\"user_id\": \(step % 6), \"item_id\": \(step % 7), \"timestamp\": \(step), \"click\": \(step % 2)}\n"
        }
        let (text, objects) = (csv, lines)
        try await withTemporaryFolder { folder in
            let found = try await metrics(
                StarTopologyMethod.self, text, in: folder, ["data.domain=city", "fitting.epochs=1"])
            #expect(found["logLoss"] != nil)
            let refusal = await #expect(throws: RecommendationDataError.self) {
                try await metrics(
                    PairwiseRankingMethod.self, text, in: folder, ["data.rating=click", "data.minimumRating=5"])
            }
            #expect(refusal == .noneRated(source: "log.csv", column: "click", minimum: 5, highest: 1))
            let file = folder.appending(path: "log.jsonl")
            try Data(objects.utf8).write(to: file)
            let twice = try await metrics(
                LogisticRegressionMethod.self, text, in: folder,
                [
                    "data.interactions.source=\(file.path)", "data.interactions.numbers=[click,click]",
                    "data.interactions.tokens=[user_id]", "fitting.epochs=1",
                ])
            #expect(twice["logLoss"] != nil)
        }
    }

    @Test("A column that is constant in the training, and is not afterwards, does not blow up")
    func constant() async throws {
        // The sum of these is rounded, so that their variance is not quite 0.
        var csv = "user_id,item_id,timestamp,click,price\n"
        for step in 0..<400 {
            csv += "u\(step % 7),i\(step % 5),\(step),\(step % 3 == 0 ? 1 : 0),\(step < 360 ? 0.1 : 0.2)\n"
        }
        let text = csv
        try await withTemporaryFolder { folder in
            let found = try await metrics(
                LogisticRegressionMethod.self, text, in: folder,
                ["data.interactions.numbers=[price]", "data.historyLength=0", "fitting.epochs=2"])
            #expect(try #require(found["logLoss"]) < 0.75)
        }
    }

    @Test("A model of identities trains beside features with gaps; a folder stands for the atomic files of its name")
    func gaps() async throws {
        var rows = "user_id:token\titem_id:token\ttimestamp:float\tprice:float\n"
        for step in 0..<90 { rows += "u\(step % 6)\ti\(step * 7 % 40)\t\(step)\t\(step % 4 == 0 ? "" : "1.5")\n" }
        let text = rows
        try await withTemporaryFolder { folder in
            let set = folder.appending(path: "shop")
            try FileManager.default.createDirectory(at: set, withIntermediateDirectories: true)
            let refusal = await #expect(throws: RecommendationDataError.self) {
                try await metrics(PairwiseRankingMethod.self, "", in: folder, ["data.source=\(set.path)"])
            }
            #expect(refusal == .isFolder(set.path))
            try Data(text.utf8).write(to: set.appending(path: "shop.inter"))
            var measured: [[String: Double]] = []
            for source in [set.path, "\(set.path)/shop"] {
                measured.append(
                    try await metrics(
                        PairwiseRankingMethod.self, "", in: folder, ["data.source=\(source)", "fitting.epochs=1"]))
                try FileManager.default.removeItem(at: folder.appending(path: "artefact"))
            }
            #expect(measured[0]["HR@10"] != nil && measured[0] == measured[1])
            // A model of features does read them.
            await #expect(
                throws: InteractionError.missingValue(file: "shop.inter", line: 2, column: "price")
            ) {
                try await metrics(
                    DeepFMMethod.self, "", in: folder,
                    ["data.interactions.source=\(set.path)", "data.labels=[price]"])
            }
        }
    }

    @Test("The recipe of a trained model names its log by the whole path, so that it is measured from any folder")
    func located() async throws {
        var csv = "user_id,item_id,timestamp\n"
        for step in 0..<60 { csv += "u\(step % 6),i\(step * 5 % 11),\(step)\n" }
        let text = csv
        try await withTemporaryFolder { folder in
            let working = FileManager.default.currentDirectoryPath
            let up = String(repeating: "../", count: working.split(separator: "/").count)
            let found = try await metrics(
                PairwiseRankingMethod.self, text, in: folder,
                ["data.source=\(up)\(folder.path.dropFirst())/log.csv", "fitting.epochs=1"])
            #expect(found["HR@10"] != nil)
            let manifest = try ArtefactManifest.read(from: folder.appending(path: "artefact"))
            #expect(manifest.recipe.contains("  source: \"\(folder.path)/log.csv\"\n"), "\(manifest.recipe)")
        }
    }

    @Test("A missing column is named with the setting of the recipe that asks for it")
    func missingColumns() async throws {
        let csv = "User,item_id,timestamp\na,x,1\n"
        try await withTemporaryFolder { folder in
            func refusal(_ method: any RecommendationMethod.Type, _ csv: String, _ values: [String]) async throws
                -> String
            {
                let error = await #expect(throws: RecommendationDataError.self) {
                    try await metrics(method, csv, in: folder, values)
                }
                return error.map { "\($0)" } ?? ""
            }
            #expect(
                try await refusal(PairwiseRankingMethod.self, csv, [])
                    == "log.csv: column \"user_id\" is missing, which the recipe names under user; "
                    + "the file has User, item_id, timestamp")
            #expect(
                try await refusal(PairwiseRankingMethod.self, csv, ["data.user=User", "data.time=when"])
                    .hasSuffix("\"\" in place of the name takes the order of the file"))
            #expect(
                try await refusal(DeepFMMethod.self, csv, ["data.interactions.user=User"])
                    .contains("column \"click\" is missing, which the recipe names under features or labels"))
            let columns = (0..<3_000).map { "c\($0)" }.joined(separator: ",")
            #expect(
                try await refusal(PairwiseRankingMethod.self, "\(columns)\n", []).hasSuffix(", c19 and 2980 more"))
            try Data("user_id:token\titem_id:token\ttime:float\nu\ti\t1\n".utf8)
                .write(to: folder.appending(path: "x.inter"))
            #expect(
                try await refusal(
                    DeepFMMethod.self, "",
                    ["data.interactions.source=\(folder.path)/x", "data.interactions.time=time"]
                ).contains("x.inter: column \"click\" is missing"))
        }
    }

    @Test("A half-life without times names its setting; times of any size do not spoil the search for one")
    func halfLives() async throws {
        func csv(_ times: [String]) -> String {
            "user_id,item_id,timestamp\n"
                + (0..<12).flatMap { user in
                    times.enumerated().map { "u\(user),i\((user / 4 + $0.offset) % 9),\($0.element)\n" }
                }.joined()
        }
        let usual = csv(["1", "2", "3", "4"])
        try await withTemporaryFolder { folder in
            let refusal = await #expect(throws: RecommendationError.self) {
                try await metrics(PopularityMethod.self, usual, in: folder, ["data.time=", "model.halfLife=3"])
            }
            #expect(
                refusal.map { "\($0)" }?.hasSuffix(
                    "log.csv has no times (data.time), by which model.halfLife = 3.0 counts older rows less; allowed "
                        + "without times: 0") == true, "\(String(describing: refusal))")
        }
        try await withTemporaryFolder { folder in
            let found = try await metrics(
                PopularityMethod.self, csv(["-1.7e308", "0", "1e308", "1.7e308"]), in: folder, ["search=true"])
            #expect(found["HR@10"] == 1)
        }
    }

    @Test("A log whose users met every item is named where vectors of its items cannot be learned")
    func nothingToCompareWith() async throws {
        let csv = "user_id,item_id,timestamp,click\n" + (0..<5).map { "a,x,\($0),1\n" }.joined()
        try await withTemporaryFolder { folder in
            _ = await #expect(
                throws: BatchSourceError.empty(
                    what:
                        "log.csv: the training part (leave-one-out; 1 of 1 users met every item, which leaves none to "
                        + "compare with)")
            ) { try await metrics(ListPolicyMethod.self, csv, in: folder, []) }
        }
    }

    @Test(
        "Settings that contradict one another or make no network are refused where they are said",
        arguments: [
            ("data.interactions.item=user_id", "data.interactions.item: found user_id, allowed: another column"),
            ("data.labels=[click,click]", "data.labels: found [\"click\", \"click\"], allowed: each column once"),
            ("model.widths=[16,-1]", "model.widths.1: found -1, allowed: from 1 to 16384"),
            ("model.widths=[1000000000000]", "model.widths.0: found 1000000000000, allowed: from 1 to 16384"),
            ("model.attentionWidths=[0]", "model.attentionWidths.0: found 0, allowed: from 1 to 16384"),
            ("fitting.epochs=9223372036854775807", "fitting.epochs: found 9223372036854775807, allowed: from 1 to"),
        ])
    func contradictions(value: String, complaint: String) async throws {
        try await withTemporaryFolder { folder in
            let refusal = await #expect(throws: RecipeError.self) {
                try await metrics(DeepInterestNetworkMethod.self, "", in: folder, [value])
            }
            let said = "\(try #require(refusal))"
            #expect(said.contains(complaint), "\(said)")
            let both = await #expect(throws: RecipeError.self) {
                try await metrics(
                    DeepFMMethod.self, "", in: folder,
                    ["data.interactions.tokens=[a]", "data.interactions.numbers=[b,a]"])
            }
            let contradiction = "\(try #require(both))"
            #expect(
                contradiction.contains("data.interactions.numbers: found a, allowed: columns that are not in tokens"))
        }
    }
}
