import Experiments
import Foundation
import Testing
import Training

@Suite struct RunsTests {
    private func store(_ tool: Tool) throws -> RunStore {
        let store = try RunStore(file: tool.home.appending(path: "runs.sqlite"))
        let machine = RunEnvironment(processor: "test", threads: 1, precision: "f32", system: "test")
        for rate in ["0.1", "0.2"] {
            let run = try store.start(
                method: "sft", recipe: "method: sft\nlearningRate: \(rate)\n", commit: "abc", environment: machine)
            for step in 1...3 { try run.record(step: step, tokens: step * 10, ["loss": 3 / Double(step)]) }
            try run.finish()
        }
        return store
    }

    @Test("Runs are listed, shown, compared and reported")
    func runs() throws {
        struct Row: Decodable {
            let id: String
            let status: String
        }
        let tool = try Tool()
        defer { tool.clean() }
        _ = try store(tool)
        let rows = try tool.run("runs", "list", "--json").json([Row].self)
        #expect(rows.map(\.id) == ["sft-2", "sft-1"])
        #expect(rows.allSatisfy { $0.status == "done" })
        #expect(try tool.run("runs", "list").output.contains("sft-2"))
        #expect(try tool.run("runs", "list", "--method", "pretrain", "--json").output == "[\n\n]\n")
        let shown = try tool.run("runs", "show", "sft-1").output
        #expect(shown.contains("learningRate: 0.1"))
        #expect(shown.contains("loss"))
        let compared = try tool.run("runs", "compare", "sft-1", "sft-2").output
        #expect(compared.contains("learningRate"))
        #expect(!compared.contains("machine"))
        let reported = try tool.run("runs", "report", "sft-1")
        let file = reported.output.trimmingCharacters(in: .newlines)
        #expect(file == tool.home.appending(path: "reports/sft-1.html").path)
        let page = try String(contentsOfFile: file, encoding: .utf8)
        #expect(page.contains("<svg") && page.contains("learningRate"))
    }

    @Test("A run store that is none is refused, and nothing is written over it")
    func brokenStore() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let file = tool.home.appending(path: "runs.sqlite")
        let content = Data(String(repeating: "no database", count: 100).utf8)
        try content.write(to: file)
        let outcome = try tool.run("runs", "list")
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("runs.sqlite"))
        #expect(try Data(contentsOf: file) == content)
    }
}
