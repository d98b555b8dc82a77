import Foundation
import Testing

/// Recommenders from a user's own log, through the tool.
@Suite("recommend", .serialized) struct RecommendTests {
    private struct Answer: Decodable {
        struct Item: Decodable { let item: String }
        let items: [Item]
        let unknownItems: [String]
        let isUserKnown: Bool
        let isDomainKnown: Bool
        let isFallback: Bool
    }
    private struct Measured: Decodable {
        let metrics: [String: Double]
        let count: Int
    }

    /// 12 users who like items of their own parity; the file is not in the order of time.
    private func log(in home: URL) throws -> String {
        var rows: [String] = []
        for user in 0..<12 {
            for step in 0..<10 {
                let item = (2 * ((user * 3 + step) % 9) + user % 2) % 18
                rows.append("u\(user),i\(item),\(step * 100 + user),1,a\(user % 2)")
                rows.append("u\(user),i\((item + 1) % 18),\(step * 100 + user),0,a\(user % 2)")
            }
        }
        let file = home.appending(path: "log.csv")
        let text = "user_id,item_id,timestamp,click,area\n" + rows.reversed().joined(separator: "\n") + "\n"
        try Data(text.utf8).write(to: file)
        return file.path
    }

    private static let short = ["--set", "fitting.epochs=2", "--set", "fitting.rowsPerBatch=32"]

    @Test("A model of histories that is asked without one says that its answer is anyone's, and where to find one")
    func withoutHistory() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let data = ["--set", "data.source=\(try log(in: tool.home))"]
        let trained = try tool.run(["train", "recommend-dqn", "--name", "window"] + data + Self.short)
        #expect(trained.status == 0, "\(trained.errors)")
        let plain = try tool.run("recommend", "window", "--user", "u1", "--json")
        #expect(
            plain.errors.contains("recommend-dqn reads histories, and there is none")
                && plain.errors.contains("--known-history"))
        let other = try tool.run("recommend", "window", "--user", "u2", "--json")
        #expect(try plain.json(Answer.self).items.map(\.item) == other.json(Answer.self).items.map(\.item))
        #expect(try !plain.json(Answer.self).isFallback)
        for history in [["--known-history"], ["--history", "i3"]] {
            let asked = try tool.run(["recommend", "window", "--user", "u1", "--json"] + history)
            #expect(asked.status == 0 && !asked.errors.contains("there is none"))
        }
    }

    @Test("From a log out of order: trained, measured beside popularity, and asked; strangers fall back and are named")
    func identities() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let file = try log(in: tool.home)
        let data = ["--set", "data.source=\(file)", "--set", "data.rating=click", "--set", "data.numbers=[click]"]
        let trained = try tool.run(["train", "recommend-bpr", "--name", "shop"] + data + Self.short)
        #expect(trained.status == 0, "\(trained.errors)")
        let measured = try tool.run("evaluate", "recommend-bpr", "shop", "--json").json(Measured.self)
        #expect(measured.count == 12)
        #expect(measured.metrics["nDCG@10"] != nil && measured.metrics["popularity.nDCG@10"] != nil)
        #expect(trained.errors.contains("nDCG@10: ") && !trained.errors.contains("-nDCG@10"))
        // Longer lists hit at least as often; 18 items are hit by all.
        let lengths = try tool.run("evaluate", "recommend", "shop", "--set", "cutoffs=[1,10,18]", "--json")
            .json(Measured.self).metrics
        #expect(lengths["HR@10"] == measured.metrics["HR@10"] && lengths["nDCG@10"] == measured.metrics["nDCG@10"])
        #expect(lengths["HR@1"] == lengths["nDCG@1"] && lengths["HR@18"] == 1 && lengths["popularity.HR@18"] == 1)
        #expect(try #require(lengths["HR@1"]) <= #require(lengths["HR@10"]))
        let none = try tool.run("evaluate", "recommend", "shop", "--set", "cutoffs=[]")
        #expect(none.status == 1 && none.errors.contains("cutoffs: found none, allowed: at least one length"))
        let same = try tool.run("evaluate", "recommend", "shop", "--json").json(Measured.self)
        #expect(same.metrics == measured.metrics)

        // Of one user alone there is no interval.
        let other = tool.home.appending(path: "other.csv")
        try Data("user_id,item_id,timestamp,click\nu1,i1,1,1\nu1,i2,2,1\nu1,new,3,1\n".utf8).write(to: other)
        let single = try tool.run(
            ["train", "recommend-bpr", "--name", "single", "--set", "data.source=\(other.path)"] + Self.short)
        #expect(single.status == 0, "\(single.errors)")
        let alone = try tool.run("evaluate", "recommend", "single", "--json")
        #expect(
            try alone.json(Measured.self).metrics["HR@10"] == 1 && alone.output.contains("\"intervals\" : {\n\n  }"))

        let known = try tool.run(
            "recommend", "shop", "--user", "u3", "--history", "i1,nothing", "--count", "5", "--json")
        let answer = try known.json(Answer.self)
        #expect(answer.items.count == 5 && !answer.items.contains { $0.item == "i1" })
        #expect(answer.unknownItems == ["nothing"] && answer.isUserKnown && !answer.isFallback)
        #expect(known.errors.contains("unknown items, passed over: nothing"))

        let stranger = try tool.run("recommend", "shop", "--user", "nobody", "--json")
        #expect(stranger.status == 0)
        #expect(try stranger.json(Answer.self).isFallback)
        #expect(stranger.errors.contains("user nobody is not in the training data"))
        #expect(stranger.errors.contains("recommend-bpr does not know this user: these are the most popular items"))

        let shelf = tool.home.appending(path: "shelf.txt")
        try Data("x\ny\n".utf8).write(to: shelf)
        let empty = try tool.run("recommend", "shop", "--user", "u3", "--candidates", shelf.path)
        #expect(empty.status == 1)
        #expect(empty.errors.contains("none of the 2 candidates is an item of the training data: x, y"))
        // Lines may end as on Windows.
        try Data("i1\r\nx\r\ni3\r\n".utf8).write(to: shelf)
        let some = try tool.run("recommend", "shop", "--user", "u3", "--candidates", shelf.path, "--json").json(
            Answer.self)
        #expect(Set(some.items.map(\.item)) == ["i1", "i3"] && some.unknownItems == ["x"])
        // With the mark that some editors write, and blank lines.
        try Data("\u{FEFF}i1\n\n i3 \n".utf8).write(to: shelf)
        let marked = try tool.run("recommend", "shop", "--user", "u3", "--candidates", shelf.path, "--json").json(
            Answer.self)
        #expect(Set(marked.items.map(\.item)) == ["i1", "i3"] && marked.unknownItems == [])
        let quoted = try tool.run("recommend", "shop", "--user", "u3", "--history", "\"a, b\",i1", "--json")
        #expect(try quoted.json(Answer.self).unknownItems == ["a, b"])
        #expect(quoted.errors.contains("unknown items, passed over: \"a, b\"\n"))
        let nothing = try tool.run(
            "recommend", "shop", "--user", "u3", "--history", "i1,i3", "--candidates", shelf.path)
        #expect(nothing.status == 0 && nothing.errors.contains("nothing is left"))
    }

    @Test(
        "A model of features knows an area without training rows as a stranger, and answers for users without history")
    func features() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let file = try log(in: tool.home)
        let data = [
            "--set", "data.interactions.source=\(file)", "--set", "data.domain=area", "--set",
            "data.interactions.tokens=[area]",
        ]
        let trained = try tool.run(["train", "recommend-star", "--name", "areas"] + data + Self.short)
        #expect(trained.status == 0, "\(trained.errors)")
        let asked = try tool.run("recommend", "areas", "--user", "u1", "--domain", "a0", "--count", "3", "--json")
        let answer = try asked.json(Answer.self)
        #expect(answer.items.count == 3 && answer.isUserKnown && !answer.isFallback)
        #expect(answer.isDomainKnown && !asked.errors.contains("domain"))
        let nowhere = try tool.run("recommend", "areas", "--user", "u1", "--count", "3", "--json")
        #expect(try !nowhere.json(Answer.self).isDomainKnown)
        #expect(nowhere.errors.contains("no --domain: the model was trained with several"))
        let strange = try tool.run("recommend", "areas", "--user", "u1", "--domain", "b", "--count", "3")
        #expect(strange.status == 0 && strange.errors.contains("domain b is not in the training data"))
        // The test rows come from an area that nobody trained with.
        let elsewhere = tool.home.appending(path: "elsewhere.csv")
        let text = try String(contentsOfFile: file, encoding: .utf8)
            .replacingOccurrences(of: ",a0", with: ",b").replacingOccurrences(of: ",a1", with: ",b")
        try Data(text.utf8).write(to: elsewhere)
        let measured = try tool.run(
            "evaluate", "recommend-star", "areas", "--set", "data.interactions.source=\(elsewhere.path)", "--json")
        #expect(measured.status == 0, "\(measured.errors)")
        #expect(try #require(measured.json(Measured.self).metrics["logLoss"]).isFinite)
    }

    @Test("A model of histories says that it needs one, and what is no recommender is not measured as one")
    func histories() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let file = try log(in: tool.home)
        let trained = try tool.run(
            [
                "train", "recommend-gru4rec", "--name", "next", "--set", "data.source=\(file)", "--set",
                "data.rating=click",
            ]
                + Self.short)
        #expect(trained.status == 0, "\(trained.errors)")
        let silent = try tool.run("recommend", "next", "--user", "u3", "--json")
        #expect(try silent.json(Answer.self).isFallback)
        #expect(silent.errors.contains("recommend-gru4rec reads histories, and --history has no known item"))
        // u3 met the nine odd items, which leaves the even ones; strangers met nothing.
        let known = try tool.run("recommend", "next", "--user", "u3", "--known-history", "--count", "18", "--json")
        let answer = try known.json(Answer.self)
        #expect(!answer.isFallback && known.status == 0)
        let evens = Set((0..<9).map { "i\(2 * $0)" })
        #expect(Set(answer.items.map(\.item)) == evens, "\(known.output)")
        let more = try tool.run(
            "recommend", "next", "--user", "u3", "--known-history", "--history", "i0", "--count", "18", "--json")
        #expect(Set(try more.json(Answer.self).items.map(\.item)) == evens.subtracting(["i0"]))
        #expect(
            try tool.run("recommend", "next", "--user", "x", "--known-history", "--json").json(Answer.self).isFallback)
        #expect(try tool.run("recommend", "next", "--history", "i1", "--known-history").status == 2)
        let wrong = try tool.run("evaluate", "recommend-bpr", "next")
        #expect(wrong.status == 1 && wrong.errors.contains("was trained by recommend-gru4rec"))
        #expect(try tool.run("evaluate", "recommends", "next").status == 2)
    }

    @Test("An interrupted training may be given fewer passes when it goes on, but no other rate")
    func limits() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let training = [
            "train", "recommend-bpr", "--name", "long", "--set", "data.source=\(try log(in: tool.home))", "--set",
            "data.rating=click", "--set", "fitting.epochs=1000000", "--set", "fitting.patience=1000000", "--threads",
            "1",
        ]
        let checkpoint = tool.home.appending(path: "artefacts/long.checkpoint").path
        // A signal before there is something to save ends the process at once.
        for attempt in 1...5 where !FileManager.default.fileExists(atPath: checkpoint) {
            let process = try tool.start(training, errors: tool.home.appending(path: "errors"))
            usleep(UInt32(attempt) * 2_000_000)
            process.interrupt()
            process.waitUntilExit()
        }
        try #require(FileManager.default.fileExists(atPath: checkpoint))
        let faster = try tool.run(
            "train", "recommend-bpr", "--name", "long", "--resume", "--set", "fitting.learningRate=0.5")
        #expect(faster.status == 1 && faster.errors.contains("fitting.learningRate is 0.5, was 0.001"))
        let ended = try tool.run("train", "recommend-bpr", "--name", "long", "--resume", "--set", "fitting.epochs=1")
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(try tool.run("evaluate", "recommend", "long", "--json").json(Measured.self).count == 12)
    }

    @Test(
        "A broken log is one line that names file, place and column",
        arguments: [
            ("recommend-bpr", "user_id,thing,timestamp\nu1,i1,1\n", "item_id"),
            ("recommend-bpr", "user_id,item_id,timestamp\nu1,i1,soon\n", "soon"),
            ("recommend-bpr", "user_id,item_id,timestamp\nu1,i1\n", "line 2"),
            ("recommend-bpr", "user_id,item_id,timestamp\n", "log.csv"),
            ("recommend-deepfm", "user_id,item_id,timestamp,click\nu1,i1,1,NaN\n", "NaN"),
            ("recommend-deepfm", "user_id,item_id,timestamp\nu1,i1,1\n", "click"),
        ])
    func broken(method: String, text: String, complaint: String) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let file = tool.home.appending(path: "log.csv")
        try Data(text.utf8).write(to: file)
        let key = method == "recommend-bpr" ? "data.source" : "data.interactions.source"
        let outcome = try tool.run("train", method, "--set", "\(key)=\(file.path)")
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(complaint), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("wallfacer: ") } == 1)
        #expect(!FileManager.default.fileExists(atPath: tool.home.appending(path: "artefacts").path + "/\(method)-1"))
    }
}
