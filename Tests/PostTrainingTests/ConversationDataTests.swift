import Corpora
import Foundation
import LanguageModel
import PostTraining
import Testing
import Training
import Worlds

@Suite("Conversations to train on")
struct ConversationDataTests {
    let conversation = SupportConversation(
        situation: "", problem: "", emotion: "",
        messages: [
            SupportTurn(speaker: .seeker, text: "I lost my job."),
            SupportTurn(speaker: .supporter, strategy: .question, text: "When did that happen?"),
            SupportTurn(speaker: .seeker, text: "Yesterday."),
            SupportTurn(speaker: .supporter, strategy: .reflectionOfFeelings, text: "You sound sad."),
        ])

    func counted(_ counting: SupportDialogueFormat.Counted) throws -> String {
        let tokenizer = try ByteTokenizer.make()
        let messages = SupportDialogueFormat.messages(conversation, counting: counting)
        let encoded = try SupportDialogueFormat.template.encode(messages, with: tokenizer)
        let kept = zip(encoded.tokens, encoded.lossMask).filter(\.1).map(\.0)
        return String(decoding: kept.flatMap { tokenizer.bytes(of: $0) }, as: UTF8.self)
    }

    @Test("Training counts strategies, words and ends of turns; perplexity counts the words alone")
    func masks() throws {
        #expect(
            try counted(.turns)
                == "[Question] When did that happen?<|im_end|>[Reflection of feelings] You sound sad.<|im_end|>")
        #expect(try counted(.words) == " When did that happen? You sound sad.")
        let messages = SupportDialogueFormat.messages(conversation)
        #expect(messages.map(\.role) == [.user, .assistant, .user, .assistant])
        #expect(messages[1].content == "[Question] When did that happen?")
        #expect(
            messages.map(\.content) == SupportDialogueFormat.messages(conversation, counting: .words).map(\.content))
    }

    @Test("A strategy may count more than the words behind it, in training alone")
    func strategyWeight() throws {
        let corpus = SupportCorpus(
            train: [conversation], validation: [conversation], test: [conversation], origin: "test")
        let data = ConversationData(corpus, strategyWeight: 4)
        let tokenizer = try ByteTokenizer.make()
        func weight(_ examples: [ChatExample]) throws -> Float {
            let encoded = try SupportDialogueFormat.template.encode(examples[0].messages, with: tokenizer)
            return encoded.lossWeights.reduce(0, +)
        }
        let strategies = "[Question][Reflection of feelings]".utf8.count
        let words = " When did that happen? You sound sad.".utf8.count
        #expect(try weight(data.train) == Float(4 * strategies + words + 2))
        #expect(try weight(data.heldOut) == Float(strategies + words + 2))
        #expect(try weight(data.measured) == Float(words))
    }

    @Test("The strategy comes off the front of an answer, and only a known one")
    func parse() {
        let parsed = SupportDialogueFormat.parse(" [Providing Suggestions] Try to rest.")
        #expect(parsed.strategy == .suggestions && parsed.words == "Try to rest.")
        #expect(SupportDialogueFormat.parse("[Nonsense] x") == (nil, "[Nonsense] x"))
        #expect(SupportDialogueFormat.parse("Hello") == (nil, "Hello"))
        #expect(SupportDialogueFormat.parse("[Question") == (nil, "[Question"))
    }

    @Test("Shuffled strategies keep their shares and the words, and move most labels")
    func shuffled() {
        let corpus = SupportRenderer.reading.corpus(train: 60, validation: 1, test: 1)
        let shuffled = SupportDialogueFormat.shufflingStrategies(corpus.train, seed: 1)
        let before = corpus.train.flatMap(\.strategies)
        let after = shuffled.flatMap(\.strategies)
        #expect(before.map(\.rawValue).sorted() == after.map(\.rawValue).sorted())
        #expect(corpus.train.flatMap { $0.turns.map(\.text) } == shuffled.flatMap { $0.turns.map(\.text) })
        let same = zip(before, after).count { $0 == $1 }
        #expect(Double(same) < 0.5 * Double(before.count))
        #expect(shuffled == SupportDialogueFormat.shufflingStrategies(corpus.train, seed: 1))
    }

    @Test("A chat file without held-out conversations gives a share of its own, disjoint from the rest")
    func split() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "chat.jsonl")
            let lines = (0..<40).map {
                #"{"messages":[{"role":"user","content":"q\#($0)"},{"role":"assistant","content":"a\#($0)"}]}"#
            }
            try Data(lines.joined(separator: "\n").utf8).write(to: file)
            var recipe = ConversationDataRecipe()
            recipe.train = file.path
            recipe.heldOutShare = 0.1
            let data = try ConversationData.load(recipe, seed: 1)
            #expect(data.heldOut.count == 4)
            #expect(data.train.count == 36)
            #expect(Set(data.train).isDisjoint(with: data.heldOut))
            #expect(data.measured == data.heldOut)
        }
    }

    @Test("Missing, broken and unsuitable data are named")
    func errors() async throws {
        #expect(throws: TrainingDataError.self) { try ConversationData.load(.init(), seed: 0) }
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "chat.jsonl")
            let good = #"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}"#
            try Data((Array(repeating: good, count: 6) + ["{\"messages\": [}"]).joined(separator: "\n").utf8)
                .write(to: file)
            var recipe = ConversationDataRecipe()
            recipe.train = file.path
            let broken = #expect(throws: ChatFileError.self) { try ConversationData.load(recipe, seed: 0) }
            #expect("\(try #require(broken))".hasPrefix("\(file.path): line 7: "))
            try Data().write(to: file)
            #expect(throws: ChatFileError.empty(file: file.path)) { try ConversationData.load(recipe, seed: 0) }
        }
        let tokenizer = try ByteTokenizer.make()
        let silent = ChatExample(messages: [Message(.user, "hello")])
        let error = #expect(throws: TrainingDataError.self) {
            try ConversationData.sequences(
                [silent], template: .chatML(), tokenizer: tokenizer, length: 64, source: "chat.jsonl")
        }
        #expect("\(try #require(error))".hasPrefix("chat.jsonl: conversation 1: None of the conversation's"))
        let long = ChatExample(messages: [Message(.user, String(repeating: "x", count: 200)), Message(.assistant, "y")])
        #expect(throws: TrainingDataError.nothingFits(source: "chat.jsonl", length: 64)) {
            try ConversationData.sequences(
                [long], template: .chatML(), tokenizer: tokenizer, length: 64, source: "chat.jsonl")
        }
    }

    @Test("A byte tokenizer gives every byte back, and keeps control tokens out of text")
    func bytes() throws {
        let tokenizer = try ByteTokenizer.make()
        let text = "Añ 你好 🤗\n\t<|im_end|>"
        let tokens = tokenizer.encode(text)
        #expect(tokens.count == text.utf8.count)
        #expect(tokens.allSatisfy { $0 < 256 })
        #expect(tokens.flatMap { tokenizer.bytes(of: $0) } == Array(text.utf8))
        #expect(tokenizer.vocabularySize == 259)
        #expect(tokenizer.controlTokens["<|im_end|>"] == 258)
        #expect(tokenizer.endOfSequence == 256)
    }
}
