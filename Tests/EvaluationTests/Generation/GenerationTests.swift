import Evaluation
import Foundation
import Testing

@Suite("Generation")
struct GenerationTests {
    @Test("BLEU-1 to BLEU-4 equal sacrebleu's on the same tokens")
    func bleu() throws {
        let expected = try Fixture.load().generation
        let bleu = try BLEU(candidates: expected.candidates, references: expected.references)
        for order in 1...4 { #expect(isClose(bleu.score(order: order), expected.bleu[order - 1], relative: 1e-9)) }
        #expect(bleu.brevityPenalty < 1)
    }

    @Test("BLEU is 1 for equal texts, 0 without a common bigram or without a word")
    func bleuAtTheEnds() throws {
        let text = [["a", "b", "c", "d"]]
        let equal = try BLEU(candidates: text, references: text)
        let noBigram = try BLEU(candidates: [["a", "c"]], references: [["a", "b", "c"]])
        let wordless = try BLEU(candidates: [[]], references: [["a"]])
        #expect(equal.score(order: 4) == 1)
        #expect(noBigram.score(order: 2) == 0)
        #expect(wordless.score(order: 1) == 0)
        #expect(throws: EvaluationError.self) { try BLEU(candidates: [], references: []) }
    }

    @Test("ROUGE-L equals rouge-score's on the same tokens")
    func rouge() throws {
        let expected = try Fixture.load().generation
        for (index, wanted) in expected.rouge.enumerated() {
            let found = ROUGE(candidate: expected.candidates[index], reference: expected.references[index])
            #expect(isClose(found.precision, wanted.precision))
            #expect(isClose(found.recall, wanted.recall))
            #expect(isClose(found.f(), wanted.f))
        }
        #expect(ROUGE(candidate: [], reference: ["a"]).f() == 0)
    }

    @Test("ROUGE-L with a large β approaches recall")
    func rougeRecall() {
        let overlap = ROUGE(candidate: ["a", "b", "c", "d"], reference: ["a", "x", "c"])
        #expect(isClose(overlap.f(beta: 1e6), 2.0 / 3, relative: 1e-6))
    }

    @Test("Distinct-n counts n-grams across texts and never across a border")
    func distinctGrams() {
        let texts = [["a", "b", "a", "b"], ["a", "b"]]
        #expect(isClose(distinct(texts, order: 1), 2.0 / 6))
        #expect(isClose(distinct(texts, order: 2), 2.0 / 4))
        #expect(distinct([["a"]], order: 2) == 0)
    }

    @Test("The tokenizer lowers, keeps inner apostrophes, and splits punctuation and ideographs")
    func tokenizer() {
        #expect(
            WordTokenizer.words(in: "I'm SO tired... ‘really’ 你好, 2nd-try don’t' ")
                == [
                    "i'm", "so", "tired", ".", ".", ".", "‘", "really", "'", "你", "好", ",", "2nd", "-", "try", "don't",
                    "'",
                ])
        #expect(WordTokenizer.words(in: " \n\t").isEmpty)
    }

    @Test("Perplexity weighs tokens, not conversations")
    func perplexity() throws {
        let tally = PerplexityTally([.init(loss: 2, tokens: 1), .init(loss: 9, tokens: 9), .init(loss: 0, tokens: 0)])
        #expect(isClose(tally.perplexity, exp(1.1)))
        let interval = try tally.interval(resamples: 400, seed: 1)
        #expect(isClose(interval.estimate, exp(1.1)))
        #expect(isClose(interval.low, exp(1.0), relative: 1e-9) && isClose(interval.high, exp(2.0), relative: 1e-9))
        #expect(interval.count == 2)
        #expect(throws: EvaluationError.self) { try PerplexityTally().interval() }
    }

    @Test("The ratio of two perplexities is paired: a constant gain has no spread")
    func perplexityRatio() throws {
        var base = PerplexityTally()
        var tuned = PerplexityTally()
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<30 {
            let tokens = 5 + generator.integer(below: 50)
            let loss = Double(tokens) * generator.uniform(in: 2..<4)
            base.add(loss: loss, tokens: tokens)
            tuned.add(loss: loss - 0.25 * Double(tokens), tokens: tokens)
        }
        let ratio = try base.ratio(to: tuned, resamples: 200)
        #expect(isClose(ratio.estimate, exp(-0.25)))
        #expect(isClose(ratio.low, exp(-0.25), relative: 1e-9) && isClose(ratio.high, exp(-0.25), relative: 1e-9))
        #expect(throws: EvaluationError.self) { try base.ratio(to: PerplexityTally()) }
    }
}
