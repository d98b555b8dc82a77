import Foundation
import Testing

/// What `evaluate --predictions` writes, beside the metrics that it prints.
@Suite("evaluate --predictions") struct PredictionsTests {
    private struct Measured: Decodable {
        let metrics: [String: Double]
        let count: Int
    }

    /// 10 users, one of whom has a name that CSV quotes; some rows have no second label.
    private func log(in home: URL) throws -> String {
        var text = "user_id,item_id,timestamp,click,buy\n"
        for step in 0..<12 {
            for user in 0..<10 {
                let item = (user * 5 + step * 3) % 14
                let name = user == 0 ? "\"a, \"\"b\"\"\"" : "u\(user)"
                let buy = step % 4 == 1 ? "" : "\((item + step) % 2)"
                text += "\(name),i\(item),\(step * 10 + user),\(item % 3 == 0 || user % 4 == 1 ? 1 : 0),\(buy)\n"
            }
        }
        let file = home.appending(path: "log.csv")
        try Data(text.utf8).write(to: file)
        return file.path
    }

    /// Rows of plain cells by column; the one quoted name is put in their place.
    private func rows(_ file: URL) throws -> [[String: String]] {
        let text = try String(contentsOf: file, encoding: .utf8).replacing("\"a, \"\"b\"\"\"", with: "quoted")
        #expect(text.hasSuffix("\n") && !text.contains("\""))
        let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let header = lines[0].map(String.init)
        return lines.dropFirst().map { line in
            Dictionary(uniqueKeysWithValues: zip(header, line.map(String.init)))
        }
    }

    /// P(score of a positive > score of a negative) + ½ P(equal), pair by pair.
    private func areaUnderCurve(_ rows: [[String: String]], _ task: String) throws -> Double {
        let known = try rows.filter { $0["label.\(task)"] != "" }.map { row in
            (isPositive: row["label.\(task)"] == "1", score: try #require(Float(row["probability.\(task)"] ?? "")))
        }
        let negatives = known.filter { !$0.isPositive }
        let positives = known.filter(\.isPositive)
        var sum = 0.0
        for positive in positives {
            for negative in negatives {
                sum += positive.score > negative.score ? 1 : positive.score == negative.score ? 0.5 : 0
            }
        }
        return sum / Double(positives.count * negatives.count)
    }

    private static let short = ["--set", "fitting.epochs=2", "--set", "fitting.rowsPerBatch=16"]

    @Test("Of a model of features: each test row with its labels and probabilities, from which the printed AUC follows")
    func features() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let data = [
            "data.interactions.source=\(try log(in: tool.home))", "data.labels=[click, buy]",
            "data.interactions.missing=fill",
            "data.interactions.testShare=0.3",
        ].flatMap { ["--set", $0] }
        let trained = try tool.run(["train", "recommend-mmoe", "--name", "two"] + data + Self.short)
        #expect(trained.status == 0, "\(trained.errors)")
        let file = tool.home.appending(path: "rows.csv")
        // As with --output, an old result makes room for the new one.
        try Data("old\n".utf8).write(to: file)
        let outcome = try tool.run("evaluate", "recommend", "two", "--json", "--predictions", file.path)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let measured = try outcome.json(Measured.self)
        let rows = try rows(file)
        #expect(rows.count == measured.count && rows.count == 36)
        #expect(
            Set(rows[0].keys) == ["user", "item", "label.click", "probability.click", "label.buy", "probability.buy"])
        #expect(rows.count { $0["user"] == "quoted" } == 3 && rows[0]["user"] == "quoted" && rows[0]["item"] == "i13")
        // The last rows of the first user are steps 9 to 11: items 27, 30 and 33 of 14, without the second label in step 9.
        #expect(rows.prefix(3).map { $0["item"] } == ["i13", "i2", "i5"])
        #expect(rows.prefix(3).map { $0["label.click"] } == ["0", "0", "0"])
        #expect(rows.prefix(3).map { $0["label.buy"] } == ["", "0", "0"])
        for (task, metric) in [("click", "AUC"), ("buy", "buy.AUC")] {
            #expect(abs(try areaUnderCurve(rows, task) - #require(measured.metrics[metric])) < 1e-9, "\(task)")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: tool.home.path)
        #expect(!left.contains { $0.contains("partial") })
    }

    @Test("Of a model of identities: each user's list with scores and hits, from which the printed HR follows")
    func lists() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let data = ["--set", "data.source=\(try log(in: tool.home))"]
        let trained = try tool.run(["train", "recommend-bpr", "--name", "lists"] + data + Self.short)
        #expect(trained.status == 0, "\(trained.errors)")
        let file = tool.home.appending(path: "lists.csv")
        let measured = try tool.run(
            "evaluate", "recommend", "lists", "--json", "--set", "cutoffs=[1,2,3]", "--predictions", file.path
        ).json(Measured.self)
        let rows = try rows(file)
        // 11 of the 14 items are in the history of each user, which leaves three.
        #expect(rows.count == 30 && measured.count == 10)
        for start in stride(from: 0, to: rows.count, by: 3) {
            let list = rows[start..<(start + 3)]
            #expect(Set(list.map { $0["user"] }).count == 1 && list.map { $0["place"] } == ["1", "2", "3"])
            let scores = try list.map { try #require(Float($0["score"] ?? "")) }
            #expect(scores == scores.sorted(by: >))
        }
        #expect(rows[0]["user"] == "quoted")
        for k in 1...3 {
            let hits = rows.count { $0["hit"] == "1" && Int($0["place"] ?? "") ?? 9 <= k }
            #expect(abs(try #require(measured.metrics["HR@\(k)"]) - Double(hits) / 10) < 1e-6)
        }
        // User 0 meets item 33 - 28 last.
        #expect(rows.filter { $0["user"] == "quoted" && $0["hit"] == "1" }.allSatisfy { $0["item"] == "i5" })

        let nowhere = try tool.run("evaluate", "recommend", "lists", "--predictions", "none/lists.csv")
        #expect(nowhere.status == 1 && nowhere.output.isEmpty)
        #expect(nowhere.errors.contains("none/lists.csv: cannot be written: there is no folder none"))
        #expect(try tool.run("evaluate", "recommend", "lists", "--predictions", "a", "--output", "a").status == 2)
        let full = try tool.run("evaluate", "recommend", "lists", "--predictions", "/dev/full")
        #expect(full.status == 1 && full.errors.contains("/dev/full: cannot be written: no space left on device"))
    }

    @Test("What is not measured by rows refuses the file before anything is computed")
    func refused() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let tiny = TrainTests.tiny + ["--set", "budget.tokens=300"]
        #expect(try tool.run(["train", "pretrain", "--name", "tales"] + tiny).status == 0)
        let outcome = try tool.run("evaluate", "pretrain", "tales", "--predictions", "rows.csv")
        #expect(outcome.status == 2 && outcome.errors.contains("--predictions: pretrain is not measured by rows"))
        #expect(!FileManager.default.fileExists(atPath: tool.home.appending(path: "rows.csv").path))
    }
}
