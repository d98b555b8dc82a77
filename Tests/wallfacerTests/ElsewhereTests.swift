import Foundation
import Testing

/// Models of identities and of sequences on another file than that of their training.
@Suite("evaluate recommend on another file", .serialized) struct ElsewhereTests {
    private struct Measured: Decodable {
        let description: String
        let metrics: [String: Double]
        let count: Int
    }
    private struct Answer: Decodable {
        struct Item: Decodable { let item: String }
        let items: [Item]
    }

    private static let header = "user_id,item_id,timestamp\n"

    /// 8 users, each of whom meets 7 of 12 items in the order of a ring.
    private func log(in home: URL) throws -> String {
        let rows = (0..<8).flatMap { user in
            (0..<7).map { "u\(user),i\((user * 5 + $0) % 12),\($0 * 10 + user)" }
        }
        return try write(rows, "log.csv", home)
    }

    private func write(_ rows: [String], _ name: String, _ home: URL) throws -> String {
        let file = home.appending(path: name)
        try Data((Self.header + rows.joined(separator: "\n") + "\n").utf8).write(to: file)
        return file.path
    }

    private func train(_ tool: Tool, _ method: String) throws {
        let outcome = try tool.run(
            "train", method, "--name", "ring", "--set", "data.source=\(log(in: tool.home))", "--set",
            "fitting.epochs=3", "--set", "fitting.rowsPerBatch=16")
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    private func evaluate(_ tool: Tool, _ source: String, _ more: [String] = []) throws -> Tool.Outcome {
        try tool.run(
            ["evaluate", "recommend", "ring", "--json", "--set", "data.source=\(source)", "--set", "cutoffs=[1,3]"]
                + more)
    }

    private func best(_ tool: Tool, _ arguments: [String]) throws -> [String] {
        try tool.run(["recommend", "ring", "--count", "3", "--json"] + arguments).json(Answer.self).items.map(\.item)
    }

    @Test("Strangers are measured by what they met; rows of unknown items are passed over and counted")
    func sequences() throws {
        let tool = try Tool()
        defer { tool.clean() }
        try train(tool, "recommend-gru4rec")
        let best = try best(tool, ["--history", "i1,i2"])
        // zoe meets the first of the list next, tim the third of it; both met a thing that the model does not know.
        let other = try write(
            [
                "zoe,i1,1", "zoe,new,2", "zoe,i2,3", "zoe,\(best[0]),4", "tim,i1,1", "tim,i2,2", "tim,\(best[2]),3",
                "tim,new,4",
            ],
            "other.csv", tool.home)
        let outcome = try evaluate(tool, other)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let measured = try outcome.json(Measured.self)
        #expect(measured.count == 2)
        #expect(measured.metrics["HR@1"] == 0.5 && measured.metrics["HR@3"] == 1)
        // Places 1 and 3: 1 and 1 / log2(4).
        #expect(abs(try #require(measured.metrics["nDCG@3"]) - 0.75) < 1e-6)
        #expect(
            measured.description.hasPrefix(
                "other.csv (not the file of the training: rows that stand in both may have been trained on; 2 rows of 1 "
                    + "unknown items passed over; 2 users new); leave-one-out, test; candidates full"))
        #expect(!measured.description.contains("without an answer"))
        let file = tool.home.appending(path: "lists.csv")
        #expect(try evaluate(tool, other, ["--predictions", file.path]).status == 0)
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(lines[1].hasPrefix("zoe,1,\(best[0]),") && lines[1].hasSuffix(",1"))
        #expect(lines[6].hasPrefix("tim,3,\(best[2]),") && lines[6].hasSuffix(",1") && lines.count == 7)

        let strange = try evaluate(tool, write(["a,x,1", "a,y,2", "a,z,3"], "strange.csv", tool.home))
        #expect(
            strange.status == 1
                && strange.errors.contains("strange.csv: the model knows none of its 3 items, such as \"x\""))
        let short = try evaluate(tool, write(["a,i1,1", "a,i2,2", "a,z,3"], "short.csv", tool.home))
        #expect(
            short.status == 1 && short.errors.contains("of which the model knows 2 rows: the test part has no rows"))
    }

    @Test("A model of identities finds its users by name, and those that it does not know are misses")
    func identities() throws {
        let tool = try Tool()
        defer { tool.clean() }
        try train(tool, "recommend-bpr")
        let best = try best(tool, ["--user", "u5", "--history", "i1,i2"])
        let rows = ["zoe", "u5"].flatMap { ["\($0),i1,1", "\($0),i2,2", "\($0),\(best[0]),3"] }
        let outcome = try evaluate(tool, write(rows, "other.csv", tool.home))
        #expect(outcome.status == 0, "\(outcome.errors)")
        let measured = try outcome.json(Measured.self)
        #expect(measured.count == 2 && measured.metrics["HR@1"] == 0.5 && measured.metrics["HR@3"] == 0.5)
        #expect(measured.description.contains("; 0 rows of 0 unknown items passed over; 1 users new)"))
        #expect(measured.description.hasSuffix("; 1 users without an answer count as misses"))
    }

    @Test(
        "The file of the training, also a copy of it in another order, is measured by the parts of the training alone")
    func leaks() throws {
        let tool = try Tool()
        defer { tool.clean() }
        try train(tool, "recommend-bpr")
        let file = tool.home.appending(path: "log.csv").path
        let own = try evaluate(tool, file).json(Measured.self)
        #expect(own.description.hasPrefix("log.csv; leave-one-out, test"))
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst().map(
            String.init)
        let copy = try write(lines.reversed(), "copy.csv", tool.home)
        let copied = try evaluate(tool, copy).json(Measured.self)
        #expect(copied.metrics == own.metrics && copied.description.hasPrefix("copy.csv; leave-one-out, test"))
        for source in [file, copy] {
            for setting in ["data.split=by-time", "data.leastUserRows=3", "data.time="] {
                let refused = try evaluate(tool, source, ["--set", setting])
                #expect(refused.status == 1 && refused.output.isEmpty)
                #expect(
                    refused.errors.contains("rows that it was trained on would be measured"),
                    "\(setting): \(refused.errors)")
            }
        }
        // Rows of which the training knew nothing, under its path.
        _ = try write(lines + ["u9,i1,1"], "log.csv", tool.home)
        let grown = try evaluate(tool, file)
        #expect(grown.status == 1 && grown.errors.contains("its users are not those of the training: 1 of 9 are new"))
        #expect(grown.errors.contains("new rows are measured from a file of their own"))
    }

    @Test("A model of features is not measured on other parts of the file of its training")
    func featureLeaks() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let rows = (0..<60).map { "u\($0 % 6),i\($0 * 7 % 11),\($0),\($0 % 3 == 0 ? 1 : 0)" }
        let file = tool.home.appending(path: "log.csv")
        try Data("user_id,item_id,timestamp,click\n\(rows.joined(separator: "\n"))\n".utf8).write(to: file)
        let trained = try tool.run(
            "train", "recommend-lr", "--name", "lr", "--set", "data.interactions.source=log.csv", "--set",
            "fitting.epochs=1")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(try tool.run("evaluate", "recommend", "lr", "--json").json(Measured.self).count == 6)
        let refused = try tool.run("evaluate", "recommend", "lr", "--set", "data.interactions.testShare=0.3")
        #expect(refused.status == 1 && refused.errors.contains("rows that it was trained on would be measured"))
    }

    @Test("Another file is divided as it is asked for")
    func division() throws {
        let tool = try Tool()
        defer { tool.clean() }
        try train(tool, "recommend-gru4rec")
        // Of ten rows, the latest two are test: of zoe, who met four before, and of ann, who met nothing and is a miss.
        let rows = (0..<8).map { "\($0 % 2 == 0 ? "zoe" : "tim"),i\($0),\($0)" } + ["zoe,i10,8", "ann,i11,9"]
        let outcome = try evaluate(
            tool, write(rows, "week.csv", tool.home),
            ["--set", "data.split=by-time", "--set", "data.testShare=0.2", "--set", "data.validationShare=0.1"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let measured = try outcome.json(Measured.self)
        #expect(measured.count == 2 && measured.description.contains("by time (7.0, 8.0), test"))
        #expect(measured.description.hasSuffix("; 1 users without an answer count as misses"))
    }
}
