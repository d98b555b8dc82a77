import Foundation
import Testing

@Suite struct ExitCodeTests {
    @Test(
        "Bad usage exits with 2 and says what is wrong",
        arguments: [
            (["nonsense"], "Unexpected argument 'nonsense'"),
            (["tokenize", "--nonsense"], "Unknown option '--nonsense'"),
            (["tokenize", "--sample", "0"], "--sample is 0"),
            (["study", "run"], "Missing expected argument '<study>'"),
            (["study", "run", "x", "--scale", "huge"], "The value 'huge' is invalid"),
            (["study", "run", "x", "--threads", "0"], "--threads is 0"),
            (["study", "run", "qwen-context", "--seeds", "0"], "--seeds is 0; allowed: from 1 up"),
            (["study", "run", "nonsense"], "no such study"),
            (["papers", "nonsense"], "no system fits nonsense"),
            (["models", "get", "nonsense"], "not published"),
            (["data", "get", "nonsense"], "data set nonsense: unknown"),
            (["runs", "list", "--method", "nonsense"], "no such method"),
            (["help", "nonsense"], "no such command"),
            (["help", "study", "nonsense"], "no such command; there are list, run"),
            (["generate", "--prompt", "a", "--device", "nonsense"], "nonsense"),
            (["generate", "--prompt", "a", "--max-tokens", "-5"], "--max-tokens is -5; allowed: at least 1"),
            (["generate", "--prompt", "a", "--top-p", "2"], "--top-p is 2.0; allowed: above 0"),
            (["generate", "--prompt", "a", "--temperature", "-1"], "--temperature is -1.0; allowed: 0 or"),
            (["generate", "--prompt", ""], "--prompt is empty"),
            (["perplexity", "--window", "-1"], "--window is -1; allowed: from 2 up"),
            (["perplexity", "--stride", "-1"], "--stride is -1; allowed: from 1 up"),
            (["tokenize", "--model", ""], "the model's name is empty"),
            (["train", "pretrain", "--name", "pretrain-7"], "--name is pretrain-7"),
            (["train", "pretrain", "--model", ""], "--model is empty"),
            (["papers", "--output", ""], "--output is empty"),
            (["runs", "compare", "sft-1"], "at least two runs"),
        ])
    func badUsage(arguments: [String], complaint: String) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(arguments)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("wallfacer: "))
        #expect(outcome.errors.contains(complaint))
    }

    @Test(
        "What cannot be done exits with 1 and one line that begins with the tool's name",
        arguments: [
            (["runs", "show", "sft-9"], "run sft-9: there is no such run"),
            (["tokenize", "--model", "nonsense"], "neither a file, nor a folder"),
            (["tokenize", "--model", "./nonsense.gguf"], "no such file"),
            (["tokenize"], "run Scripts/bootstrap"),
            (["tokenize", "--model", "Qwen3-0.6B"], "wallfacer models get Qwen3-0.6B"),
            (["models", "get", "gemma-3-1b-it"], "asks for an agreement"),
            (["papers", "--output", "/nonexistent/papers.txt"], "/nonexistent/papers.txt: cannot be written"),
        ])
    func failure(arguments: [String], complaint: String) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(arguments)
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("wallfacer: "))
        #expect(outcome.errors.contains(complaint))
        #expect(outcome.errors.split(separator: "\n").count == 1)
    }

    @Test("An interrupted process exits with 130", arguments: [SIGINT, SIGTERM])
    func interrupted(signal: Int32) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let model = try TinyModel(in: tool.home)
        let process = try tool.start(["tokenize", "--model", model.folder.path])
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(process.terminationStatus == 130)
    }

    @Test("A home that cannot be made is named, with the reason")
    func badHome() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(["runs", "list"], environment: ["WALLFACER_HOME": "/proc/nonsense"])
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == "wallfacer: /proc/nonsense: this folder cannot be made: no such file or directory\n")
    }

    @Test("The version is a result")
    func version() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run("--version")
        #expect(outcome.status == 0)
        #expect(outcome.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
    }
}
