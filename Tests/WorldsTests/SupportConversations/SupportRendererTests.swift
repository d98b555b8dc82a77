import Corpora
import Evaluation
import Foundation
import Testing
import Worlds

@Suite("Rendered support conversations")
struct SupportRendererTests {
    let renderer = SupportRenderer()

    @Test("The same seed gives the same conversations; parts and seeds share none")
    func reproducible() {
        let first = renderer.corpus(train: 40, validation: 10, test: 10, seed: 3)
        let again = renderer.corpus(train: 20, validation: 10, test: 10, seed: 3)
        #expect(Array(first.train.prefix(20)) == again.train)
        #expect(first.test == again.test)
        #expect(Set(first.train).isDisjoint(with: first.test) && Set(first.train).isDisjoint(with: first.validation))
        #expect(Set(first.train).isDisjoint(with: renderer.corpus(train: 40, seed: 4).train))
    }

    @Test("Turns alternate from seeker to seeker, every supporter turn has a strategy, and no slot is left open")
    func wellFormed() {
        for episode in renderer.episodes("train", count: 200) {
            let turns = episode.conversation.turns
            #expect(turns.first?.speaker == .seeker && turns.last?.speaker == .seeker)
            #expect(turns.count == 2 * episode.strategies.count + 1)
            #expect(episode.conversation.strategies == episode.strategies)
            #expect(turns.allSatisfy { turn in !turn.text.contains { "{}[]|".contains($0) } })
            #expect(!episode.conversation.situation.isEmpty)
        }
    }

    @Test("About 15 % of the seeker's lines mislead, and the rewards add up to the world's expectation")
    func shares() {
        let episodes = renderer.episodes("train", count: 3_000, seed: 5)
        let flags = episodes.flatMap(\.misleading)
        #expect(abs(Double(flags.count { $0 }) / Double(flags.count) - 0.15) < 0.01)
        let mean = episodes.reduce(0) { $0 + $1.rewards.reduce(0, +) } / Double(episodes.count)
        #expect(abs(mean - renderer.world.evaluate(renderer.policy).value) < 0.12)
    }

    @Test("The text tells the strategy: word counts beat every text-blind floor by far")
    func predictable() throws {
        let corpus = SupportRenderer.reading.corpus(train: 700, test: 150, seed: 6)
        let count = SupportStrategy.allCases.count
        let train = corpus.train.map { $0.strategies.map(\.rawValue) }
        let test = corpus.test.map { $0.strategies.map(\.rawValue) }
        let floors = try TextBlindFloors(train: train, classCount: count)
        let best = try floors.best(test: test)

        // Naive Bayes on the words of the seeker's last line: the weakest reader of text.
        var words = [[String: Double]](repeating: [:], count: count)
        var totals = [Double](repeating: 0, count: count)
        var labels = [Double](repeating: 0, count: count)
        forEachTurn(corpus.train) { text, label in
            labels[label] += 1
            for word in Set(text) {
                words[label][word, default: 0] += 1
                totals[label] += 1
            }
        }
        var predicted: [Int] = []
        forEachTurn(corpus.test) { text, _ in
            let distinctWords = Set(text)
            let scores = (0..<count).map { (label: Int) -> Double in
                var score = log2(labels[label] + 1)
                for word in distinctWords {
                    let seen: Double = words[label][word] ?? 0
                    score += log2((seen + 0.5) / (totals[label] + 500))
                }
                return score
            }
            predicted.append(scores.indices.max { scores[$0] < scores[$1] } ?? 0)
        }
        let read = try ConfusionMatrix(predicted: predicted, gold: test.flatMap(\.self), classCount: count)
        #expect(read.accuracy > best.accuracy + 0.12)
        #expect(read.macroF1 > best.macroF1 + 0.12)
        #expect(best.accuracy > 0.3 && best.accuracy < 0.6)
    }

    private func forEachTurn(_ conversations: [SupportConversation], _ body: ([String], Int) -> Void) {
        for conversation in conversations {
            for (index, turn) in conversation.turns.enumerated() {
                guard let strategy = turn.strategy, index > 0 else { continue }
                body(WordTokenizer.words(in: conversation.turns[index - 1].text), strategy.rawValue)
            }
        }
    }

}
