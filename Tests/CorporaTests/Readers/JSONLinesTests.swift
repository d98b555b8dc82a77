import Corpora
import Foundation
import Testing

@Suite("JSON lines")
struct JSONLinesTests {
    struct Pair: Decodable, Equatable {
        let text: String
        let label: Int
    }

    private func lines(_ count: Int, broken: Int, with text: String) -> Data {
        let all = (1...count).map { $0 == broken ? text : "{\"text\": \"line \($0)\", \"label\": \($0)}" }
        return Data(all.joined(separator: "\n").utf8)
    }

    @Test("Values are read in order; blank lines, carriage returns and a byte-order mark do not matter")
    func reads() throws {
        let text = "\u{FEFF}{\"text\": \"a\", \"label\": 1}\r\n\r\n  \n{\"label\": 2, \"text\": \"b\", \"other\": null}"
        let values = try JSONLines.values(Pair.self, from: Data(text.utf8), file: "x.jsonl")
        #expect(values == [Pair(text: "a", label: 1), Pair(text: "b", label: 2)])
    }

    @Test(
        "A broken line 7 is named, with the field that is wrong",
        arguments: [
            ("{\"text\": \"x\"", "is not valid JSON"), ("{\"text\": \"x\"}", "field label is missing"),
            ("{\"text\": 3, \"label\": 1}", "field text should be text"),
            ("{\"text\": \"x\", \"label\": null}", "field label is null"), ("[]", "the value should be"),
        ])
    func brokenLine(text: String, detail: String) throws {
        do {
            _ = try JSONLines.values(Pair.self, from: lines(9, broken: 7, with: text), file: "train.jsonl")
            Issue.record("a broken line was read")
        } catch let error as CorpusError {
            #expect(error.description.hasPrefix("train.jsonl: line 7: \(detail)"), "found: \(error)")
        }
    }

    @Test("What other programs write as JSON lines is told how to be mended")
    func hints() throws {
        func complaint(_ text: String) -> String {
            let error = #expect(throws: CorpusError.self) {
                try JSONLines.values([String: Double].self, from: Data(text.utf8), file: "x")
            }
            return error?.description ?? ""
        }
        #expect(complaint("[\n{\"a\": 1}]").hasSuffix("; write one value a line, not a list of them"))
        #expect(complaint(" [{\"a\": 1}]").hasSuffix("; write one value a line, not a list of them"))
        #expect(complaint("{\"a\": 1}\n{\"a\": NaN}").hasSuffix("; NaN and Infinity are no JSON, null is"))
        #expect(complaint("{\"a\": -Infinity}").hasSuffix("; NaN and Infinity are no JSON, null is"))
        #expect(!complaint("{\"NaN\\\" Infinity\": }").contains("null is"))
    }

    @Test("Blank lines count in line numbers")
    func lineNumbers() {
        let text = Data("{\"text\": \"a\", \"label\": 1}\n\n\n{".utf8)
        do {
            _ = try JSONLines.values(Pair.self, from: text, file: "x")
            Issue.record("a broken line was read")
        } catch {
            #expect("\(error)".hasPrefix("x: line 4:"))
        }
    }

    @Test("An empty file is an error of its own")
    func empty() {
        for text in ["", "\n \n"] {
            #expect(throws: CorpusError.empty(file: "x", wanted: "one JSON value a line")) {
                try JSONLines.values(Pair.self, from: Data(text.utf8), file: "x")
            }
        }
    }
}
