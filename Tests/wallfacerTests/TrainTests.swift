import Foundation
import Testing

@Suite struct TrainTests {
    /// A model that trains in about a second.
    static let tiny = [
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
            (["recipe", "validate", "/tmp"], "/tmp: is a folder"),
            (["train", "pretrain", "--set", "data.2.source=x"], "data.2: found 2, allowed: a place from 0 to 1"),
            (["train", "pretrain", "--set", "optimizer.learningRat=1"], "did you mean learningRate?"),
            (["train", "pretrain", "--set", "optimizer.learningRate=-1"], "above 0"),
            (["train", "pretrain", "--recipe", "nonsense.yaml"], "no such file"),
            (["train", "pretrain", "--resume"], "nothing to resume"),
            (["train", "pretrain", "--set", "data=[{source: /nonexistent/book.txt}]"], "no such file or folder"),
            (["train", "sft", "--model", "nonsense", "--set", "data.train=simulator"], "model nonsense"),
            (["evaluate", "pretrain", "nonsense"], "model nonsense"),
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

    @Test(
        "Names that no method or recipe has are bad usage",
        arguments: [
            (["train", "nonsense"], "no such method"), (["train", "pretrian"], "did you mean pretrain?"),
            (["evaluate", "nonsense", "x"], "no such method"), (["recipe", "copy", "nonsense"], "there is none"),
        ])
    func unknownMethod(arguments: [String], complaint: String) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(arguments)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains(complaint))
    }

    @Test("The examples of the help are understood; what is missing is their files", arguments: ["train", "evaluate"])
    func examples(verb: String) throws {
        let tool = try Tool()
        defer { tool.clean() }
        #expect(try tool.run("recipe", "copy", "sft", "--output", "mine.yaml").status == 0)
        let help = try tool.run("help", verb).output
        let examples = help.split(separator: "\n").filter { $0.hasPrefix("  wallfacer \(verb) ") }
        #expect(examples.count >= 3)
        let missing = [
            "is not here", "neither a file, nor a folder", "no such file", "nothing to resume",
            "nothing was trained under this name",
        ]
        for example in examples {
            let outcome = try tool.run(example.split(separator: " ").dropFirst().map(String.init))
            #expect(outcome.status == 1)
            #expect(missing.contains { outcome.errors.contains($0) }, "\(example): \(outcome.errors)")
        }
    }

    @Test("Runs and what they trained bear the same names, and open by either")
    func names() throws {
        struct Row: Decodable {
            let artefact: String
            let run: String
        }
        let tool = try Tool()
        defer { tool.clean() }
        let short = Self.tiny + ["--set", "budget.tokens=300", "--json"]
        let unnamed = try tool.run(["train", "pretrain"] + short).json(Row.self)
        #expect(unnamed.run == "pretrain-1")
        #expect(unnamed.artefact.hasSuffix("/artefacts/pretrain-1"))
        let named = try tool.run(["train", "pretrain", "--name", "tales"] + short).json(Row.self)
        #expect(named.run == "pretrain-2")
        #expect(named.artefact.hasSuffix("/artefacts/tales"))
        let third = try tool.run(["train", "pretrain"] + short).json(Row.self)
        #expect(third.run == "pretrain-3" && third.artefact.hasSuffix("/pretrain-3"))
        for name in ["tales", "pretrain-2"] {
            let tokens = try tool.run(["tokenize", "--json", "--model", name], input: "ab\n")
            #expect(tokens.output == "[97,98]\n", "\(tokens.errors)")
            #expect(try tool.run("runs", "show", name).output.hasPrefix("run"))
            #expect(try tool.run("runs", "show", name).output.contains("pretrain-2"))
        }
        #expect(try tool.run("runs", "report", "tales").output.hasSuffix("/reports/pretrain-2.html\n"))
        let unknown = try tool.run("chat", "--model", "nonsense")
        #expect(unknown.errors.contains("nor trained here: pretrain-1, pretrain-3, tales"))
        let long = try tool.run(["train", "pretrain", "--name", String(repeating: "ü", count: 65)] + short)
        #expect(long.status == 2)
        #expect(long.errors.contains("--name has 130 bytes; allowed: up to 128"), "\(long.errors)")
        let finished = try tool.run("train", "pretrain", "--name", "tales", "--resume")
        #expect(finished.status == 1)
        #expect(finished.errors.contains("tales: is complete, so there is nothing to resume"))
        try FileManager.default.removeItem(atPath: named.artefact)
        let gone = try tool.run("chat", "--model", "pretrain-2")
        #expect(gone.errors == "wallfacer: run pretrain-2: what it trained is no longer there\n")
    }

    @Test("A training without a step fails and leaves nothing")
    func noSteps() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(
            ["train", "pretrain", "--name", "tales"] + Self.tiny + ["--set", "budget.seconds=0.000001"])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("stopped by the time limit before the first step"))
        #expect(!FileManager.default.fileExists(atPath: tool.home.appending(path: "artefacts/tales").path))
        #expect(try tool.run("runs", "list").output.contains("failed"))
    }

    @Test("A trained model whose weights were changed is not opened")
    func changedWeights() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let short = Self.tiny + ["--set", "budget.tokens=300"]
        #expect(try tool.run(["train", "pretrain", "--name", "tales"] + short).status == 0)
        let file = tool.home.appending(path: "artefacts/tales/model.safetensors")
        var weights = try Data(contentsOf: file)
        weights[weights.count - 1] ^= 1
        try weights.write(to: file)
        for arguments in [
            ["generate", "--raw", "--prompt", "a", "--model", "tales"], ["evaluate", "pretrain", "tales"],
        ] {
            let outcome = try tool.run(arguments)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("model.safetensors: SHA-256"))
        }
        try Data().write(to: file)
        let short2 = try tool.run("generate", "--raw", "--prompt", "a", "--model", "tales")
        #expect(short2.errors.contains("model.safetensors: 0 bytes, but its manifest says"))
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
