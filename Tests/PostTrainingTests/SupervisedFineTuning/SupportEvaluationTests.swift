import Corpora
import Evaluation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Testing

@Suite("Support conversations measured")
struct SupportEvaluationTests {
    private let conversation = SupportConversation(
        situation: "", problem: "job crisis", emotion: "anxiety",
        messages: [
            SupportTurn(speaker: .seeker, text: "I lost my job."),
            SupportTurn(speaker: .supporter, strategy: .question, text: "When did it happen?"),
            SupportTurn(speaker: .seeker, text: "Last week."),
            SupportTurn(speaker: .supporter, strategy: .others, text: "I see."),
            SupportTurn(speaker: .seeker, text: "Thanks."),
        ])

    @Test("One pass over the tree gives what a pass per option and per turn gives")
    func treeEqualsPlainPasses() throws {
        let tokenizer = try ByteTokenizer.make()
        let decoder = tinyDecoder()
        var score = SupportScore()
        try SupportEvaluation(tokenizer: tokenizer).add(conversation, by: decoder, to: &score)

        // The words, by teacher forcing over the rendered text.
        let template = SupportDialogueFormat.template
        let messages = SupportDialogueFormat.messages(conversation, counting: .words)
        let encoded = try template.encode(messages, with: tokenizer)
        let logarithms = decoder(row(encoded.tokens)).logSoftmax().select(0, along: 0)
        let end = try #require(tokenizer.id(of: "<|im_end|>"))
        var loss = 0.0
        var count = 0
        for (index, token) in encoded.tokens.enumerated() where encoded.lossMask[index] && token != end {
            loss -= logarithms.select(index - 1, along: 0).select(Int(token), along: 0).item
            count += 1
        }
        #expect(count == " When did it happen?".utf8.count + " I see.".utf8.count)
        #expect(score.words.tokens == count)
        #expect(abs(score.words.meanLoss * Double(count) - loss) < 1e-2)

        // The strategies, one whole text per option.
        var predicted: [Int] = []
        for place in [1, 3] {
            let prompt = try template.prompt(
                SupportDialogueFormat.messages(conversation, counting: .words).prefix(place).map { $0 }, with: tokenizer
            )
            let scores = SupportStrategy.allCases.map { strategy in
                let option = tokenizer.encode(SupportDialogueFormat.prefix(strategy))
                let all = decoder(row(prompt + option)).logSoftmax().select(0, along: 0)
                return option.enumerated().reduce(0.0) { sum, pair in
                    sum + all.select(prompt.count + pair.offset - 1, along: 0).select(Int(pair.element), along: 0).item
                }
            }
            predicted.append(scores.indices.max { scores[$0] < scores[$1] }!)
        }
        let expected = try ConfusionMatrix(
            predicted: predicted, gold: [SupportStrategy.question.rawValue, SupportStrategy.others.rawValue],
            classCount: SupportStrategy.allCases.count)
        #expect(score.strategies == [expected])
        #expect(score.confusion == expected)
    }

    @Test("A conversation that is too long is cut between turns")
    func cut() throws {
        var evaluation = SupportEvaluation(tokenizer: try ByteTokenizer.make())
        evaluation.maximumTokens = 100
        var score = SupportScore()
        try evaluation.add(conversation, by: tinyDecoder(), to: &score)
        #expect(score.turns == 1)
        #expect(score.words.tokens == " When did it happen?".utf8.count)
    }

    private func row(_ tokens: [TokenID]) -> Tensor { Tensor(tokens.map(Int.init), shape: [1, tokens.count]) }

    private func tinyDecoder() -> TransformerDecoder {
        let configuration = DecoderConfiguration(
            family: .llama, layers: 2, hiddenDimensions: 32, heads: 4, keyValueHeads: 2, feedForwardDimensions: 48,
            vocabularySize: 259)
        let decoder = TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: 5))
        for parameter in decoder.parameters where parameter.tensor.rank == 2 { parameter.tensor.scale(by: 6) }
        return decoder
    }
}
