import Foundation
import Testing

@Suite struct TokenizeTests {
    @Test("One array of ids for each line, empty lines included")
    func idsOfLines() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let model = try TinyModel(in: tool.home)
        let outcome = try tool.run(
            ["tokenize", "--json", "--model", model.folder.path], input: "abc d\n\nb<|im_end|>\n")
        #expect(outcome.status == 0)
        // 256: ab, 257: abc, 258: a blank and d. What looks like a control token stays text.
        let mark = Array("<|im_end|>".utf8).map { "\($0)" }.joined(separator: ",")
        #expect(outcome.output == "[257,258]\n[]\n[98,\(mark)]\n")
        #expect(outcome.errors.isEmpty)
    }

    @Test("Control tokens are read where asked for")
    func controlTokens() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let model = try TinyModel(in: tool.home)
        let outcome = try tool.run(
            ["tokenize", "--json", "--control-tokens", "--model", model.folder.path], input: "b<|im_end|>")
        #expect(outcome.output == "[98,260]\n")
    }

    @Test("For people, borders between tokens can be seen and control characters cannot act")
    func textForPeople() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let model = try TinyModel(in: tool.home)
        let outcome = try tool.run(["tokenize", "--model", model.folder.path], input: "abc d\u{1B}\n")
        #expect(outcome.output == "abc│ d│⟨1B⟩\n")
        #expect(outcome.errors == "tokens: 3, lines: 1\n")
    }

    @Test("The mask holds the assistant's words and the end of its turn, and nothing else")
    func mask() throws {
        struct Masked: Decodable {
            let tokens: [Int32]
            let mask: [Int]
        }
        let tool = try Tool()
        defer { tool.clean() }
        let model = try TinyModel(in: tool.home)
        let file = tool.home.appending(path: "chats.jsonl")
        let line = #"{"messages":[{"role":"user","content":"d d"},{"role":"assistant","content":"abc"}]}"#
        try Data((line + "\n").utf8).write(to: file)
        let arguments = ["tokenize", "--mask", "--model", model.folder.path, "--file", file.path]
        let masked = try tool.run(arguments + ["--json"]).json(Masked.self)
        let trained = zip(masked.tokens, masked.mask).filter { $0.1 == 1 }.map(\.0)
        #expect(trained == [257, 260])
        #expect(masked.tokens.count == masked.mask.count)
        let text = try tool.run(arguments).output
        #expect(text.contains("<|im_start|>assistant\n⟦abc<|im_end|>⟧"))
        #expect(text.contains("<|im_start|>user\nd d<|im_end|>"))
    }

    @Test("Conversations come through standard input too")
    func maskOfInput() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let model = try TinyModel(in: tool.home)
        let line = #"{"messages":[{"role":"user","content":"d"},{"role":"assistant","content":"abc"}]}"#
        let outcome = try tool.run(["tokenize", "--mask", "--model", model.folder.path], input: line)
        #expect(outcome.output.contains("⟦abc<|im_end|>⟧"))
        let broken = try tool.run(["tokenize", "--mask", "--model", model.folder.path], input: line + "\n{\n")
        #expect(broken.status == 1)
        #expect(broken.errors.contains("standard input: line 2: "))
    }

    @Test("Broken input names its file and line")
    func brokenInput() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let model = try TinyModel(in: tool.home)
        func complaint(_ content: Data, _ arguments: [String]) throws -> String {
            let file = tool.home.appending(path: "input")
            try content.write(to: file)
            let outcome = try tool.run(
                ["tokenize", "--model", model.folder.path, "--file", file.path] + arguments)
            #expect(outcome.status == 1)
            #expect(outcome.output.isEmpty)
            return outcome.errors
        }
        let good = #"{"messages":[{"role":"user","content":"d"},{"role":"assistant","content":"a"}]}"# + "\n"
        let broken = String(repeating: good, count: 6) + "{\"messages\": [\n"
        #expect(try complaint(Data(broken.utf8), ["--mask"]).contains("line 7"))
        #expect(try complaint(Data(), ["--mask"]).contains("no conversation"))
        #expect(try complaint(Data("a\nb\n".utf8) + Data([0xFF, 0x0A]), []).contains("line 3: no UTF-8"))
        let unanswered = #"{"messages":[{"role":"user","content":"d"}]}"#
        #expect(try complaint(Data(unanswered.utf8), ["--mask"]).contains("counts in the loss"))
        let second = try complaint(Data((good + "\n" + unanswered).utf8), ["--mask", "--json"])
        #expect(second.contains("/input: line 3: "))
        let missing = try tool.run("tokenize", "--model", model.folder.path, "--file", "/nonexistent/input")
        #expect(missing.status == 1)
        #expect(missing.errors == "wallfacer: /nonexistent/input: no such file\n")
    }
}
