import Corpora
import Foundation
import Testing

@Suite("ESConv")
struct ESConvTests {
    private static let original = """
        [{"experience_type": "Current Experience", "emotion_type": "anxiety", "problem_type": "job crisis",
          "situation": " I may lose my job. ", "survey_score": {"seeker": {"empathy": "5"}},
          "dialog": [
            {"speaker": "seeker", "annotation": {}, "content": "Hello\\n"},
            {"speaker": "seeker", "annotation": {"feedback": "4"}, "content": "I am worried."},
            {"speaker": "supporter", "annotation": {"strategy": "Reflection of feelings"}, "content": "That sounds hard."},
            {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "What happened?"},
            {"speaker": "seeker", "annotation": {}, "content": "  "},
            {"speaker": "supporter", "annotation": {"strategy": "Others"}, "content": "Take your time."}]}]
        """
    private static let line = """
        {"emotion_type": "anxiety", "problem_type": "job crisis", "situation": "I may lose my job.", "dialog": [\
        {"text": "Hello", "speaker": "usr"}, {"text": "I am worried.", "speaker": "usr"}, \
        {"text": "That sounds hard.", "speaker": "sys", "strategy": "Reflection of feelings"}, \
        {"text": "What happened?", "speaker": "sys", "strategy": "Question"}, \
        {"text": "Take your time.", "speaker": "sys", "strategy": "Others"}]}
        """

    @Test("Both layouts give the same conversation: runs merged, the first strategy kept, empty messages dropped")
    func layouts() throws {
        try TestData.withTemporaryFolder { folder in
            let array = folder.appending(path: "ESConv.json")
            try Data(Self.original.utf8).write(to: array)
            let lines = folder.appending(path: "train.jsonl.gz")
            try Gzip.compressed(Data((Self.line + "\n").utf8)).write(to: lines)
            let first = try ESConv.conversations(array: array)
            let second = try ESConv.conversations(lines: lines)
            #expect(first == second)
            let conversation = try #require(first.first)
            #expect(
                conversation.turns == [
                    SupportTurn(speaker: .seeker, text: "Hello I am worried."),
                    SupportTurn(
                        speaker: .supporter, strategy: .reflectionOfFeelings,
                        text: "That sounds hard. What happened? Take your time."),
                ])
            #expect(conversation.situation == "I may lose my job.")
            #expect(conversation.strategies == [.reflectionOfFeelings])
        }
    }

    @Test("An unsplit file is split 70/15/15, always the same way, without a conversation lost")
    func splitting() throws {
        let all = (0..<1_300).map {
            SupportConversation(
                situation: "\($0)", problem: "", emotion: "", messages: [SupportTurn(speaker: .seeker, text: "hi")])
        }
        let parts = ESConv.split(all)
        #expect(parts.train.count == 910 && parts.validation.count == 195 && parts.test.count == 195)
        #expect(Set(parts.train + parts.validation + parts.test) == Set(all))
        #expect(ESConv.split(all).test == parts.test)
        #expect(ESConv.split(all, seed: 14).test != parts.test)
    }

    @Test("An unknown strategy, speaker or a missing text names the line and what is allowed")
    func badRecords() throws {
        let good = Self.line
        let cases = [
            (
                good.replacing("Reflection of feelings", with: "Applause"),
                "dialog[2].strategy is \"Applause\"; allowed: Question"
            ),
            (good.replacing("\"usr\"", with: "\"bot\""), "dialog[0].speaker is \"bot\"; allowed: usr, sys"),
            (
                good.replacing("{\"text\": \"Hello\"", with: "{\"words\": \"Hello\""),
                "dialog[0] has neither text nor content"
            ),
            ("{\"situation\": \"x\"}", "field dialog is missing"),
        ]
        try TestData.withTemporaryFolder { folder in
            let file = folder.appending(path: "train.jsonl")
            for (bad, detail) in cases {
                let text = Array(repeating: good, count: 6) + [bad, good]
                try Data(text.joined(separator: "\n").utf8).write(to: file)
                do {
                    _ = try ESConv.conversations(lines: file)
                    Issue.record("a bad record was read")
                } catch {
                    #expect("\(error)".hasPrefix("train.jsonl: line 7: \(detail)"), "found: \(error)")
                }
            }
        }
    }

    @Test("Neither layout, an empty file and a broken array are errors that say what is wanted")
    func missing() throws {
        try TestData.withTemporaryFolder { folder in
            #expect(throws: CorpusError.self) { try ESConv.load(folder: folder) }
            #expect(!ESConv.isPresent(in: folder))
            let file = folder.appending(path: "ESConv.json")
            for text in ["", "[]", "[{\"dialog\": 3}]"] {
                try Data(text.utf8).write(to: file)
                #expect(throws: CorpusError.self) { try ESConv.load(folder: folder) }
            }
        }
    }

    @Test("Names of strategies in any case, and the other spellings of ESConv's files")
    func strategyNames() {
        for strategy in SupportStrategy.allCases {
            #expect(SupportStrategy(name: strategy.name) == strategy)
            #expect(SupportStrategy(name: strategy.name.uppercased()) == strategy)
        }
        #expect(SupportStrategy(name: "Questions") == .question)
        #expect(SupportStrategy(name: " Other ") == .others)
        #expect(SupportStrategy(name: "Singing") == nil)
        #expect(SupportStrategy.allCases.map(\.stage?.rawValue) == [1, 1, 2, 2, 2, 3, 3, nil])
    }

    @Test("The real split: its size, its turns, and the shares of its strategies", .enabled(if: TestData.has("esconv")))
    func realData() throws {
        let folder = try #require(TestData.folder).appending(path: "esconv")
        let corpus = try ESConv.load(folder: folder)
        #expect(corpus.train.count == 910 && corpus.validation.count == 195)
        #expect(corpus.test.count == 98 || corpus.test.count == 195)
        let all = corpus.train + corpus.validation + corpus.test
        for conversation in all {
            #expect(zip(conversation.turns, conversation.turns.dropFirst()).allSatisfy { $0.speaker != $1.speaker })
        }
        let perConversation = Double(all.reduce(0) { $0 + $1.turns.count }) / Double(all.count)
        #expect(abs(perConversation - 23.4) < 0.5)  // as published for merged turns
        #expect(all.allSatisfy { $0.turns.allSatisfy { ($0.speaker == .supporter) == ($0.strategy != nil) } })
    }
}
