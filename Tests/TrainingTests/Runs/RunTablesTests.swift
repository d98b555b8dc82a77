import Experiments
import Foundation
import Testing
import Training

@Suite("Runs as tables and pages")
struct RunTablesTests {
    private func withTwoRuns<Result>(_ body: (RunStore) throws -> Result) throws -> Result {
        try withTemporaryFolder { folder in
            let store = try RunStore(file: folder.appending(path: "runs.sqlite"))
            for (name, rate) in [("slow", 0.1), ("fast <b>", 0.2)] {
                let recorder = try store.start(
                    method: "sft", name: name, recipe: "method: sft\nlearningRate: \(rate)\ndata: [a, b]\n",
                    commit: "abc",
                    environment: .example)
                for step in 1...60 {
                    try recorder.record(
                        step: step, tokens: step * 10, ["loss": rate / Double(step), "learningRate": rate])
                }
                if rate == 0.2 { try recorder.record(step: 60, tokens: 600, ["accuracy": 0.5]) }
                try recorder.event("checkpoint", "saved", step: 30)
                try recorder.finish()
            }
            return try body(store)
        }
    }

    @Test("The list has the newest first, with its last loss")
    func list() throws {
        try withTwoRuns { store in
            let table = try store.listTable()
            #expect(table.rows.map { $0[0] } == ["sft-2", "sft-1"])
            #expect(table.rows[0][1] == "fast <b>")
            #expect(table.rows[1][2] == "done")
            #expect(table.rows[1][5] == .number(0.1 / 60))
            #expect(table.rows[0][3].text.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ?/) != nil)
        }
    }

    @Test("A comparison shows only what differs, and all last values")
    func compare() throws {
        try withTwoRuns { store in
            let tables = try store.compareTables(["sft-1", "sft-2"])
            #expect(tables[0].rows == [["learningRate", "0.1", "0.2"]])
            #expect(tables[1].rows.map { $0[0] } == ["accuracy", "learningRate", "loss"])
            #expect(tables[1].rows[0] == ["accuracy", .empty, 0.5])
            #expect(throws: RunStoreError.unknownRun(id: "sft-9", nearest: "sft-1")) {
                try store.compareTables(["sft-1", "sft-9"])
            }
        }
    }

    @Test("The page shows curves, values, events and the recipe, with names escaped")
    func page() throws {
        try withTwoRuns { store in
            let page = try store.report("sft-2").html()
            #expect(page.contains("<h1>fast &lt;b&gt;</h1>"))
            let loss = try #require(page.range(of: "<figcaption>loss</figcaption>"))
            let rate = try #require(page.range(of: "<figcaption>learning rate</figcaption>"))
            #expect(loss.lowerBound < rate.lowerBound)
            #expect(page.contains("class=\"faint c0\""))
            #expect(!page.contains("<figcaption>accuracy</figcaption>"))
            #expect(page.contains("<td>checkpoint</td><td>saved</td>"))
            #expect(page.contains("learningRate: 0.2"))
        }
    }
}
