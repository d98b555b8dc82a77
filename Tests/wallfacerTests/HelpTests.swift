import Foundation
import Testing

/// The help of every verb, word for word.
///
/// After a change that is meant, `WALLFACER_SNAPSHOTS=write swift test --filter HelpTests` writes the files anew.
@Suite struct HelpTests {
    static let verbs = [
        [], ["demo"], ["chat"], ["generate"], ["perplexity"], ["train"], ["evaluate"], ["recipe"], ["recipe", "copy"],
        ["tokenize"], ["runs"], ["runs", "list"], ["runs", "report"],
        ["recommend"], ["simulate"], ["simulate", "feed"], ["study"], ["study", "run"], ["study", "tune"], ["papers"],
        ["models"], ["models", "get"], ["data"], ["data", "get"],
    ]

    @Test("Help is what it was", arguments: verbs)
    func helpIsUnchanged(verb: [String]) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let outcome = try tool.run(["help"] + verb)
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        let name = (["wallfacer"] + verb).joined(separator: "-") + ".txt"
        if ProcessInfo.processInfo.environment["WALLFACER_SNAPSHOTS"] == "write" {
            let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Snapshots")
            try Data(outcome.output.utf8).write(to: folder.appending(path: name))
            return
        }
        let folder = try #require(Bundle.module.resourceURL).appending(path: "Snapshots")
        let expected = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
        #expect(outcome.output == expected)
    }

    @Test("Every verb of the tool has its help under test")
    func everyVerbIsListed() throws {
        let tool = try Tool()
        defer { tool.clean() }
        let help = try tool.run("--help").output
        let shown = help.split(separator: "\n").filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
            .filter { $0.allSatisfy(\.isLowercase) && $0 != "wallfacer" }
        #expect(shown.count >= 6)
        #expect(Set(shown).subtracting(Self.verbs.compactMap(\.first)) == [])
    }

    @Test("No line of help is wider than a terminal, and examples are not broken", arguments: verbs)
    func helpFits(verb: [String]) throws {
        let tool = try Tool()
        defer { tool.clean() }
        let lines = try tool.run(["help"] + verb).output.split(separator: "\n")
        // The usage line is meant to be copied, so it is never broken.
        #expect(lines.allSatisfy { $0.count <= 80 || $0.hasPrefix("USAGE: ") })
        // A broken example leaves its last words at the start of a line.
        for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix("  wallfacer") {
            #expect(next.hasPrefix("  ") || next.count > 30 || next.hasPrefix("OPTIONS"), "\(next)")
        }
    }
}
