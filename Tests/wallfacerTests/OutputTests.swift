import Foundation
import Testing

@Suite struct OutputTests {
    @Test("A pipe that --output names stays one and gets the result")
    func pipe() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let path = tool.home.appending(path: "pipe").path
        try #require(mkfifo(path, 0o600) == 0)
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        try #require(reader >= 0)
        defer { close(reader) }
        let outcome = try tool.run("data", "list", "--json", "--output", path)
        #expect(outcome.status == 0)
        var status = stat()
        let found = stat(path, &status)
        #expect(found == 0)
        #expect(status.st_mode & S_IFMT == S_IFIFO)
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(reader, &bytes, bytes.count)
        #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).hasPrefix("[\n"))
    }

    @Test("A link that --output names stays one; the file behind it is written and keeps its rights")
    func links() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let files = FileManager.default
        let target = tool.home.appending(path: "target.txt").path
        let link = tool.home.appending(path: "link.txt").path
        try files.createSymbolicLink(atPath: link, withDestinationPath: "target.txt")
        for attempt in ["new", "replaced"] {
            #expect(try tool.run("papers", "--output", link).status == 0, "\(attempt)")
            #expect(try files.destinationOfSymbolicLink(atPath: link) == "target.txt")
            #expect(try String(contentsOfFile: target, encoding: .utf8).contains("straQ*"))
            if attempt == "replaced" {
                #expect(try files.attributesOfItem(atPath: target)[.posixPermissions] as? Int == 0o640)
            }
            try Data("old".utf8).write(to: URL(fileURLWithPath: target))
            try files.setAttributes([.posixPermissions: 0o640], ofItemAtPath: target)
        }
        #expect(try files.contentsOfDirectory(atPath: tool.home.path).sorted() == ["link.txt", "target.txt"])
    }

    @Test(
        "What cannot be written is said before the work",
        arguments: [
            ["evaluate", "pretrain", "nonsense", "--output", "/nonexistent/x"],
            ["perplexity", "--model", "nonsense", "--output", "/nonexistent/x"],
            ["generate", "--prompt", "a", "--model", "nonsense", "--output", "/nonexistent/x"],
            ["study", "run", "qwen-context", "--output", "/nonexistent/x"],
            ["study", "run", "qwen-context", "--report", "/nonexistent/x"],
        ])
    func checkedFirst(arguments: [String]) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(arguments)
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == "wallfacer: /nonexistent/x: cannot be written: there is no folder /nonexistent\n")
    }

    @Test("A folder is no file")
    func folder() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run("papers", "--output", tool.home.path)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("cannot be written: it is a folder"))
    }

    #if os(Linux)
        @Test(
            "A result that nobody takes is no success",
            arguments: [["papers"], ["papers", "--json"], ["--help"], ["--version"], ["tokenize", "--json"]])
        func fullOutput(arguments: [String]) throws {
            let tool = try Tool()
            defer { tool.clean() }
            let model = try TinyModel(in: tool.home)
            let full = try FileHandle(forWritingTo: URL(fileURLWithPath: "/dev/full"))
            let more = arguments[0] == "tokenize" ? ["--model", model.folder.path] : []
            let outcome = try tool.run(arguments + more, input: Data("ab\n".utf8), output: full)
            #expect(outcome.status == 1)
            #expect(
                outcome.errors.contains("wallfacer: standard output: cannot be written: no space left on device\n"))
        }
    #endif
}
