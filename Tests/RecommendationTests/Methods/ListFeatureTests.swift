import Corpora
import Evaluation
import Foundation
import Recommendation
import Tensors
import Testing
import Training

/// Columns with several values in a cell, from files to scores.
@Suite("Features of lists", .serialized)
struct ListFeatureTests {
    private final class Said: @unchecked Sendable { var lines: [String] = [] }

    /// An interaction: who, with what, when, and whether it was clicked.
    private struct Row {
        let user: Int
        let item: Int
        let time: Int
        let click: Int
    }

    private static let itemCount = 90
    /// Those of the validation and test parts; the training has met none of them.
    private static let newItems = 60..<90

    /// Clicked is what is good: a coin for each item, which nothing but its tags tells.
    private static func isGood(_ item: Int) -> Bool { item * 7 % 10 < 5 }

    private static let rows: [Row] = {
        var generator = SeededGenerator(seed: 4)
        return (0..<1500).map { time in
            let item = time < 1200 ? generator.integer(below: 60) : 60 + generator.integer(below: 30)
            return Row(user: generator.integer(below: 20), item: item, time: time, click: isGood(item) ? 1 : 0)
        }
    }()

    /// One tag that decides among up to three that do not.
    private static func tags(_ item: Int) -> [String] {
        (0..<(item % 4)).map { "n\((item + $0) % 7)" } + [isGood(item) ? "good" : "bad"]
    }

    private static func items(_ column: String, _ cell: (Int) -> String) -> String {
        "item_id:token\t\(column)\n" + (0..<itemCount).map { "i\($0)\t\(cell($0))\n" }.joined()
    }

    private static func write(_ text: String, _ name: String, in folder: URL) throws {
        try Data(text.utf8).write(to: folder.appending(path: name))
    }

    private static func writeInteractions(in folder: URL) throws {
        try write(
            "user_id:token\titem_id:token\ttimestamp:float\tclick:float\n"
                + rows.map { "u\($0.user)\ti\($0.item)\t\($0.time)\t\($0.click)\n" }.joined(), "toy.inter", in: folder)
    }

    private static let common = [
        "data.interactions.validationShare=0.1", "data.interactions.testShare=0.1", "fitting.learningRate=0.05",
        "fitting.rowsPerBatch=64", "fitting.epochs=8", "fitting.patience=null", "data.historyLength=2",
    ]

    @discardableResult
    private func train(
        _ method: any RecommendationMethod.Type, _ source: URL, to artefact: URL, said: Said = Said(),
        _ values: [String] = []
    ) async throws -> URL {
        var document = try RecipeDocument(yaml: "method: \(method.name)", source: "test")
        for value in ["data.interactions.source=\(source.path)"] + Self.common + values { try document.set(value) }
        let recipe = document
        var session = TrainingSession(output: artefact)
        session.showsProgress = false
        session.say = { said.lines.append($0) }
        let quiet = session
        return try await TensorActor.run { try method.train(recipe: recipe, in: quiet).folder }
    }

    private func metrics(_ method: any RecommendationMethod.Type, _ artefact: URL) async throws -> [String: Double] {
        var session = TrainingSession(output: artefact)
        session.showsProgress = false
        session.say = { _ in }
        let quiet = session
        return try await TensorActor.run { try method.evaluate(artefact, recipe: nil, in: quiet).metrics }
    }

    @Test(
        "Tags of items tell everything about new items, and without them nothing does",
        arguments: [
            LogisticRegressionMethod.self, DeepFMMethod.self, DeepInterestNetworkMethod.self,
        ] as [any RecommendationMethod.Type])
    func newItems(method: any RecommendationMethod.Type) async throws {
        try await withTemporaryFolder { folder in
            try Self.writeInteractions(in: folder)
            try Self.write(
                Self.items("tags:token_seq") { Self.tags($0).joined(separator: " ") }, "toy.item", in: folder)
            let source = folder.appending(path: "toy")
            let (said, silent) = (Said(), Said())
            let with = try await train(method, source, to: folder.appending(path: "with"), said: said)
            let without = try await train(
                method, source, to: folder.appending(path: "without"), said: silent, ["data.ignored=[tags]"])
            let (found, baseline) = (try await metrics(method, with), try await metrics(method, without))
            #expect(found["newItems.share"] == 1)
            #expect(try #require(found["newItems.AUC"]) > 0.99)
            #expect(abs(try #require(baseline["newItems.AUC"]) - 0.5) < 0.1)
            let line = try #require(said.lines.first { $0.hasPrefix("data: ") })
            #expect(line.hasSuffix("fields: user, item, history, item.tags"), "\(line)")
            let other = try #require(silent.lines.first { $0.hasPrefix("data: ") })
            #expect(other.hasSuffix("fields: user, item, history; not read: item.tags (ignored)"), "\(other)")
        }
    }

    @Test("What was trained before there were lists opens: its file says nothing of them")
    func olderFiles() async throws {
        try await withTemporaryFolder { folder in
            try Self.writeInteractions(in: folder)
            let model = try await train(
                LogisticRegressionMethod.self, folder.appending(path: "toy"), to: folder.appending(path: "model"))
            let file = try Data(contentsOf: model.appending(path: "recommender.json"))
            let stored = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
            var encoder = try #require(stored["encoder"] as? [String: Any])
            let whole = try JSONDecoder().decode(
                FeatureEncoder.self, from: JSONSerialization.data(withJSONObject: encoder))
            #expect(encoder.removeValue(forKey: "contextBags") != nil)
            for side in ["userSide", "itemSide"] {
                var part = try #require(encoder[side] as? [String: Any])
                #expect(part.removeValue(forKey: "bags") != nil)
                encoder[side] = part
            }
            let older = try JSONDecoder().decode(
                FeatureEncoder.self, from: JSONSerialization.data(withJSONObject: encoder))
            #expect(older.schema == whole.schema && older.schema.bags.isEmpty)
        }
    }

    @Test("A name that the training did not meet is left out of a list; the others still count")
    func unknownNames() async throws {
        try await withTemporaryFolder { folder in
            try Self.writeInteractions(in: folder)
            func write(_ strange: (String) -> String) throws {
                try Self.write(
                    Self.items("tags:token_seq") { item in
                        let tags = Self.tags(item).joined(separator: " ")
                        return Self.newItems.contains(item) ? strange(tags) : tags
                    }, "toy.item", in: folder)
            }
            try write { $0 }
            let model = try await train(
                DeepFMMethod.self, folder.appending(path: "toy"), to: folder.appending(path: "model"))
            let plain = try await metrics(DeepFMMethod.self, model)
            try write { "strange0 \($0) strange1" }
            #expect(try await metrics(DeepFMMethod.self, model) == plain)
            try write { _ in "strange0" }
            let none = try await metrics(DeepFMMethod.self, model)
            #expect(abs(try #require(none["newItems.AUC"]) - 0.5) < 0.1)
            try write { _ in "" }
            #expect(try await metrics(DeepFMMethod.self, model) == none)
        }
    }

    @Test("A reopened model scores candidates by the lists of the user and of the items, as rows made by hand")
    func reopened() async throws {
        try await withTemporaryFolder { folder in
            try Self.writeInteractions(in: folder)
            try Self.write(
                Self.items("tags:token_seq") { Self.tags($0).joined(separator: " ") }, "toy.item", in: folder)
            // User 3 has no row, user 4 an empty list.
            try Self.write(
                "user_id:token\tages:token_seq\n"
                    + (0..<20).filter { $0 != 3 }.map { "u\($0)\t\($0 == 4 ? "" : "a\($0 % 3) a\($0 % 2)")\n" }.joined(),
                "toy.user", in: folder)
            let artefact = try await train(
                DeepFMMethod.self, folder.appending(path: "toy"), to: folder.appending(path: "model"))
            try await TensorActor.run {
                let saved = try SavedRecommender.open(artefact)
                let recommender = try #require(saved.recommender as? FeatureRecommender<DeepFM>)
                let schema = recommender.encoder.schema
                #expect(schema.bags.map(\.name) == ["user.ages", "item.tags"])
                // Vocabularies are in the order of the files.
                var (ages, tags): ([String], [String]) = ([], [])
                for user in 0..<20 where user != 3 && user != 4 {
                    for age in ["a\(user % 3)", "a\(user % 2)"] where !ages.contains(age) { ages.append(age) }
                }
                for item in 0..<60 { for tag in Self.tags(item) where !tags.contains(tag) { tags.append(tag) } }
                #expect(schema.bags.map(\.count) == [ages.count + 1, tags.count + 1])
                func indices(_ names: [String], _ all: [String]) throws -> [Int32] {
                    try names.map { Int32(try #require(all.firstIndex(of: $0))) + 1 }
                }
                let candidates = ["i3", "i17", "i0", "i44", "i3"]
                let known = try candidates.map { try #require(saved.items[$0]) }
                let history = [try #require(saved.items["i8"])]
                for user in [0, 3, 4, 7] {
                    let own = user == 3 || user == 4 ? [] : ["a\(user % 3)", "a\(user % 2)"]
                    let index = try #require(saved.users["u\(user)"])
                    var rows = FeatureRows(schema: schema)
                    for (name, item) in zip(candidates, known) {
                        let number = try #require(Int(name.dropFirst()))
                        try rows.append(
                            categories: [index + 1, item + 1], sequences: [history.map { $0 + 1 }],
                            bags: [try indices(own, ages), try indices(Self.tags(number), tags)])
                    }
                    let expected = withoutGradients { recommender.model.logits(rows.all) }.transposed(0, 1)
                    let context = UserContext(user: index, history: history)
                    let found = try recommender.score([context], candidates: known)
                    #expect(found.isClose(to: expected, absoluteTolerance: 1e-5))
                    // The encoder as it stands in the file.
                    let stored = try JSONDecoder().decode(
                        FeatureEncoder.self, from: try JSONEncoder().encode(recommender.encoder))
                    let again = FeatureRecommender(recommender.model, encoder: stored)
                    #expect(try again.score([context], candidates: known).isClose(to: found, absoluteTolerance: 0))
                }
                // A stranger has no list.
                let stranger = try recommender.score([UserContext()], candidates: known)
                #expect(stranger.isFinite().allTrue)
                let best = try saved.recommend(user: "u1", count: 25).items.map(\.item)
                #expect(best.allSatisfy { Self.isGood(Int($0.dropFirst()) ?? 0) })
            }
        }
    }

    @Test("CSV with a separator, JSON lists and atomic files are the same features, with hostile cells too")
    func sources() async throws {
        try await withTemporaryFolder { folder in
            // Repeated values, blanks, nothing but separators.
            func cell(_ row: Row) -> [String] {
                switch row.time % 5 {
                case 0: []
                case 1: ["t\(row.item % 3)", "t\(row.item % 3)", "x"]
                default: Self.tags(row.item)
                }
            }
            var csv = "user_id,item_id,timestamp,click,tags,note\n"
            var lines = ""
            var atomic = "user_id:token\titem_id:token\ttimestamp:float\tclick:float\ttags:token_seq\n"
            for row in Self.rows {
                let tags = cell(row)
                let text = tags.isEmpty ? ["", "||", " | "][row.time % 3] : "|" + tags.joined(separator: " | ")
                let list = tags.map { "\"\($0)\"" }.joined(separator: ", ")
                csv += "u\(row.user),i\(row.item),\(row.time),\(row.click),\(text),x\n"
                lines +=
                    "{\"user_id\": \"u\(row.user)\", \"item_id\": \"i\(row.item)\", \"timestamp\": \(row.time), \"click\": \(row.click), \"tags\": [\(list)]}\n"
                atomic +=
                    "u\(row.user)\ti\(row.item)\t\(row.time)\t\(row.click)\t\(tags.joined(separator: "  "))\n"
            }
            try Self.write(csv, "log.csv", in: folder)
            try Self.write(lines, "log.jsonl", in: folder)
            try Self.write(atomic, "log.inter", in: folder)
            let said = Said()
            func found(_ name: String, _ values: [String]) async throws -> [String: Double] {
                let artefact = try await train(
                    LogisticRegressionMethod.self, folder.appending(path: name),
                    to: folder.appending(path: "model-\(name)"), said: said, values)
                return try await metrics(LogisticRegressionMethod.self, artefact)
            }
            let declared = ["data.interactions.tokenLists=[tags]"]
            let delimited = try await found("log.csv", declared + ["data.interactions.separator='|'"])
            #expect(try #require(delimited["newItems.AUC"]) > 0.8)
            #expect(try await found("log.jsonl", declared) == delimited)
            #expect(try await found("log", []) == delimited)
            let named = said.lines.filter { $0.hasPrefix("data: ") }
            #expect(named.count == 3 && named.allSatisfy { $0.contains("fields: user, item, history, tags") })
            #expect(named[0].hasSuffix("; not read: note") && !named[1].contains("not read"))

            // What a request says nothing of is an empty list.
            try await TensorActor.run {
                let saved = try SavedRecommender.open(folder.appending(path: "model-log.csv"))
                let recommender = try #require(saved.recommender as? FeatureRecommender<LogisticRegression>)
                #expect(recommender.encoder.schema.bags.map(\.name) == ["tags"])
                var rows = FeatureRows(schema: recommender.encoder.schema)
                for item in [4, 2] as [Int32] {
                    try rows.append(categories: [1, item + 1], sequences: [[]], bags: [[]])
                }
                let expected = withoutGradients { recommender.model.logits(rows.all) }.transposed(0, 1)
                let scores = try recommender.score([UserContext(user: 0)], candidates: [4, 2])
                #expect(scores.isClose(to: expected, absoluteTolerance: 1e-6))
            }

            for wrong in ["ab", "é", "''"] {
                let refusal = await #expect(throws: RecipeError.self) {
                    try await found("log.csv", declared + ["data.interactions.separator=\(wrong)"])
                }
                let text = "\(try #require(refusal))"
                #expect(text.contains("data.interactions.separator") && text.contains("one ASCII character"), "\(text)")
            }
        }
    }

    @Test("Lists of numbers of one length are a number for each place; others are named and not read")
    func numbers() async throws {
        try await withTemporaryFolder { folder in
            try Self.writeInteractions(in: folder)
            let long = [String](repeating: "1", count: 4097).joined(separator: " ")
            // The second number decides; every ninth list is empty, which is the mean.
            try Self.write(
                Self.items("vector:float_seq\tprices:float_seq\tnone:float_seq\tlong:float_seq") { item in
                    let vector = item % 9 == 8 ? "" : "\(item % 5) \(Self.isGood(item) ? 7 : 3) 1"
                    return "\(vector)\t\((0..<(item % 3)).map { "\($0)" }.joined(separator: " "))\t\t\(long)"
                }, "toy.item", in: folder)
            let said = Said()
            let artefact = try await train(
                LogisticRegressionMethod.self, folder.appending(path: "toy"), to: folder.appending(path: "model"),
                said: said)
            let line = try #require(said.lines.first { $0.hasPrefix("data: ") })
            #expect(
                line.hasSuffix(
                    "fields: user, item, item.vector[0], item.vector[1], item.vector[2], history; not read: "
                        + "item.prices (1 to 2 numbers in a row; one length of at most 4096 is needed), "
                        + "item.none (no number in a row; one length of at most 4096 is needed), "
                        + "item.long (4097 to 4097 numbers in a row; one length of at most 4096 is needed)"), "\(line)")
            let found = try await metrics(LogisticRegressionMethod.self, artefact)
            #expect(try #require(found["newItems.AUC"]) > 0.9)
            // A file whose lists have become shorter no longer has what the model reads.
            try Self.write(Self.items("vector:float_seq") { "\($0)" }, "toy.item", in: folder)
            await #expect(throws: InteractionError.self) { try await metrics(LogisticRegressionMethod.self, artefact) }
        }
    }
}
