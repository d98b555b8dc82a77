import Foundation
import Testing

/// Names of trainings that begin at once, and of models that do not exist.
@Suite(.serialized) struct NameTests {
    private static let training = [
        "train", "recommend-bpr", "--threads", "1", "--set", "fitting.epochs=1", "--set", "fitting.rowsPerBatch=4096",
    ]

    /// - Returns: the exit codes and the errors of processes that were started together.
    private func together(_ tool: Tool, _ arguments: [[String]]) throws -> [(status: Int32, errors: String)] {
        let files = arguments.indices.map { tool.home.appending(path: "errors-\($0)") }
        let processes = try zip(arguments, files).map { try tool.start($0, errors: $1) }
        for process in processes { process.waitUntilExit() }
        return try zip(processes, files).map { ($0.terminationStatus, try String(contentsOf: $1, encoding: .utf8)) }
    }

    private func artefacts(_ tool: Tool) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: tool.home.appending(path: "artefacts").path).sorted()
    }

    @Test("Trainings without a name that begin at once get folders of their own")
    func automatic() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let ended = try together(tool, [[String]](repeating: Self.training, count: 4))
        #expect(ended.allSatisfy { $0.status == 0 }, "\(ended)")
        #expect(try artefacts(tool) == (1...4).map { "recommend-bpr-\($0)" })
        let left = try FileManager.default.contentsOfDirectory(atPath: tool.home.path)
        #expect(!left.contains { $0.hasSuffix(".training") })
    }

    @Test("Of trainings that begin at once under one name, one goes on, and the others say that it does")
    func given() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let long = Self.training.dropLast(4) + ["--name", "mine", "--set", "fitting.epochs=40"]
        let ended = try together(tool, [[String]](repeating: Array(long), count: 4))
        #expect(ended.count { $0.status == 0 } == 1)
        let refused = ended.filter { $0.status != 0 }
        #expect(
            refused.allSatisfy { $0.status == 1 && $0.errors.contains("mine: is being trained by another process") })
        #expect(try artefacts(tool) == ["mine"])
        // The name is given back, and is taken by what was trained.
        let later = try tool.run(Array(long))
        #expect(later.errors.contains("mine: is there already; choose another --name"))
    }

    @Test("A resumed training takes what the search chose, and ends with the weights of one that ran through")
    func search() throws {
        let tool = try Tool()
        defer { tool.clean() }
        func training(_ name: String) -> [String] {
            [
                "train", "recommend-bpr", "--threads", "1", "--name", name, "--set", "search=true", "--set",
                "fitting.epochs=60", "--set", "fitting.patience=1000", "--set", "fitting.rowsPerBatch=256",
            ]
        }
        func weights(_ name: String) throws -> Data {
            try Data(contentsOf: tool.home.appending(path: "artefacts/\(name)/model.safetensors"))
        }
        let whole = try tool.run(training("whole"))
        #expect(whole.status == 0, "\(whole.errors)")
        let chosen = try #require(whole.errors.split(separator: "\n").first { $0.hasPrefix("search: ") })
        let found = try #require(chosen.firstRange(of: " of 8 trials"))
        let choice = chosen[..<found.lowerBound]
        let errors = tool.home.appending(path: "errors")
        let process = try tool.start(training("broken"), errors: errors)
        for _ in 0..<60_000 where process.isRunning {
            if try String(contentsOf: errors, encoding: .utf8).contains("search: ") { break }
            usleep(2_000)
        }
        usleep(400_000)
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        let rest = try tool.run("train", "recommend-bpr", "--threads", "1", "--name", "broken", "--resume")
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(
            rest.errors.contains("\(choice), as chosen before the interruption\n") && !rest.errors.contains("trials"))
        #expect(try weights("broken") == weights("whole"))
    }

    @Test("A model that does not exist: what was looked for, where, and the nearest name")
    func nobody() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let fresh = try tool.run("recommend", "foo", "--user", "x")
        #expect(fresh.status == 1)
        #expect(
            fresh.errors.contains(
                "recommender foo: nothing was trained under this name in \(tool.home.path)/artefacts, no run is called so "
                    + "(`wallfacer runs list`), and no folder of this name is in \(tool.home.path); no recommender was "
                    + "trained here yet: `wallfacer train recommend-bpr` trains one\n"), "\(fresh.errors)")
        #expect(try tool.run(Self.training + ["--name", "shop"]).status == 0)
        #expect(
            try tool.run(["train", "pretrain", "--name", "sho"] + TrainTests.tiny + ["--set", "budget.tokens=300"])
                .status == 0)
        for arguments in [
            ["recommend", "shpo", "--user", "x"], ["evaluate", "recommend", "shpo"],
            ["evaluate", "recommend-bpr", "shpo"],
        ] {
            let outcome = try tool.run(arguments)
            #expect(outcome.status == 1)
            // Language models are no recommenders.
            #expect(outcome.errors.hasSuffix("; trained here: shop; did you mean shop?\n"), "\(outcome.errors)")
        }
        let talk = try tool.run("chat", "--model", "SmolLM2-135M-Instrct")
        #expect(talk.status == 1)
        #expect(
            talk.errors.contains("model SmolLM2-135M-Instrct: neither a file, nor a folder in \(tool.home.path)/models")
        )
        #expect(
            talk.errors.hasSuffix(", nor trained here: sho, shop; did you mean SmolLM2-135M-Instruct?\n"),
            "\(talk.errors)")
    }
}
