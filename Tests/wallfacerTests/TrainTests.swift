import Foundation
import Testing

@Suite struct TrainTests {
    /// A model that trains in about a second.
    private static let tiny = [
        "budget.tokens=4000", "characters=20000", "shape.layers=1", "shape.hiddenDimensions=32",
        "shape.feedForwardDimensions=64", "shape.heads=2", "budget.length=64", "optimizer.learningRate=0.01",
    ].flatMap { ["--set", $0] }

    @Test("What was trained has a path, a run and a perplexity, and continues a text")
    func trainEvaluateGenerate() throws {
        struct Row: Decodable {
            let id: String
            let status: String
            let artefact: String?
        }
        struct Measured: Decodable {
            let metrics: [String: Double]
            let count: Int
        }
        struct Answer: Decodable {
            let text: String
            let finishReason: String
        }
        let tool = try Tool()
        defer { tool.clean() }
        let trained = try tool.run(["train", "pretrain", "--name", "tales", "--precision", "f32"] + Self.tiny)
        #expect(trained.status == 0)
        #expect(trained.output == tool.home.appending(path: "artefacts/tales").path + "\n")
        #expect(trained.errors.contains("pretrain, f32"))
        #expect(!trained.errors.contains("\u{1B}"), "progress bars are for terminals")
        let runs = try tool.run("runs", "list", "--json").json([Row].self)
        #expect(runs.map(\.status) == ["done"])
        let evaluated = try tool.run("evaluate", "pretrain", "tales", "--json").json(Measured.self)
        let perplexity = try #require(evaluated.metrics["perplexity"])
        // A model of bytes that knows nothing has a perplexity of at least 256.
        #expect(perplexity > 1 && perplexity < 60)
        #expect(evaluated.count > 0)
        let arguments = ["generate", "--model", "tales", "--raw", "--prompt", "The ", "--max-tokens", "8"]
        let answer = try tool.run(arguments + ["--json"]).json(Answer.self)
        let plain = try tool.run(arguments)
        #expect(plain.output == answer.text)
        #expect(["length", "stop"].contains(answer.finishReason))
        let again = try tool.run(["train", "pretrain", "--name", "tales"] + Self.tiny)
        #expect(again.status == 1)
        #expect(again.errors.contains("is there already"))
    }

    @Test(
        "What cannot be trained is said before anything is written",
        arguments: [
            (["train", "nonsense"], "no such method"),
            (["train", "pretrian"], "did you mean pretrain?"),
            (["train", "pretrain", "--set", "optimizer.learningRat=1"], "did you mean learningRate?"),
            (["train", "pretrain", "--set", "optimizer.learningRate=-1"], "above 0"),
            (["train", "pretrain", "--recipe", "nonsense.yaml"], "no such file"),
            (["train", "pretrain", "--resume"], "nothing to resume"),
            (["train", "pretrain", "--set", "data=[{source: /nonexistent/book.txt}]"], "no such file or folder"),
            (["train", "sft", "--model", "nonsense", "--set", "data.train=simulator"], "model nonsense"),
            (["evaluate", "pretrain", "nonsense"], "model nonsense"),
            (["recipe", "copy", "nonsense"], "there is none"),
            (["recipe", "validate", "/nonexistent/recipe.yaml"], "no such file"),
        ])
    func refused(arguments: [String], complaint: String) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(arguments)
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains(complaint))
        #expect(!FileManager.default.fileExists(atPath: tool.home.appending(path: "artefacts").path))
    }

    @Test("A recipe is copied, refuses to replace a file, and is valid as it stands", arguments: ["sft", "pretrain"])
    func recipes(method: String) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let file = tool.home.appending(path: "mine.yaml").path
        #expect(try tool.run("recipe", "copy", method, "--output", file).status == 0)
        #expect(try tool.run("recipe", "copy", method, "--output", file).status == 1)
        let valid = try tool.run("recipe", "validate", file)
        #expect(valid.output == "\(file): a valid recipe for \(method)\n")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try Data(text.replacing("learningRate:", with: "learningRat:").utf8).write(to: URL(fileURLWithPath: file))
        let broken = try tool.run("recipe", "validate", file)
        #expect(broken.status == 1)
        #expect(broken.errors.contains("did you mean learningRate?"))
    }
}
