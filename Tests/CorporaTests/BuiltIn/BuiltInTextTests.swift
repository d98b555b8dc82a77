import Corpora
import Evaluation
import Foundation
import Testing

@Suite("Built-in text")
struct BuiltInTextTests {
    @Test("Any amount, always the same, a longer request continuing a shorter one; parts and seeds share no tale")
    func deterministic() {
        let short = BuiltInText.documents(characters: 5_000)
        let long = BuiltInText.documents(characters: 40_000)
        #expect(Array(long.prefix(short.count)) == short)
        let total = long.reduce(0) { $0 + $1.text.count }
        #expect(total >= 40_000 && total < 45_000)
        let corpus = BuiltInText.corpus(characters: 20_000)
        let texts = Set(corpus.train.map(\.text))
        #expect(
            texts.isDisjoint(with: corpus.test.map(\.text)) && texts.isDisjoint(with: corpus.validation.map(\.text)))
        #expect(texts.isDisjoint(with: BuiltInText.documents(characters: 5_000, seed: 1).map(\.text)))
    }

    @Test("Varied (no tale twice, many words) and learnable (a bigram model beats the unigram entropy by far)")
    func learnable() {
        let documents = BuiltInText.documents(characters: 400_000)
        #expect(Set(documents.map(\.text)).count == documents.count)
        #expect(documents.allSatisfy { document in !document.text.contains { "{}[]|".contains($0) } })
        let words = documents.map { WordTokenizer.words(in: $0.text) }
        let held = words.count / 10
        var single: [String: Double] = [:]
        var pairs: [String: [String: Double]] = [:]
        for text in words.dropFirst(held) {
            for (first, second) in zip(text, text.dropFirst()) {
                single[second, default: 0] += 1
                pairs[first, default: [:]][second, default: 0] += 1
            }
        }
        #expect(single.count > 800)
        let total = single.values.reduce(0, +)
        var unigramLoss = 0.0
        var bigramLoss = 0.0
        var count = 0.0
        for text in words.prefix(held) {
            for (first, second) in zip(text, text.dropFirst()) {
                let unigram = ((single[second] ?? 0) + 0.5) / (total + 0.5 * Double(single.count + 1))
                let following = pairs[first] ?? [:]
                let bigram = 0.9 * (following[second] ?? 0) / max(1, following.values.reduce(0, +)) + 0.1 * unigram
                unigramLoss -= log(unigram)
                bigramLoss -= log(bigram)
                count += 1
            }
        }
        #expect(unigramLoss / count > 4.5)
        #expect(bigramLoss / count < unigramLoss / count - 2)
    }

    @Test("Names come back through a tale")
    func recurringNames() {
        for document in BuiltInText.documents(characters: 20_000) {
            let capitals = document.text.split { !$0.isLetter }.filter { $0.first?.isUppercase == true }
            let counts = capitals.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            #expect((counts.values.max() ?? 0) >= 5)
        }
    }
}
