import Foundation
import Testing
import Worlds

@Suite("Slates") struct SlateTests {
    @Test("Choice probabilities by hand")
    func choices() {
        let logit = SlateChoice.multinomialLogit(noClick: 0).probabilities([log(2), log(5)])
        #expect(isClose(logit, [2.0 / 8, 5.0 / 8, 1.0 / 8]))
        let proportional = SlateChoice.proportional(floor: -1, noClick: 1).probabilities([0, 1, -3])
        #expect(isClose(proportional, [1.0 / 5, 2.0 / 5, 0, 2.0 / 5]))
        let cascade = SlateChoice.proportionalCascade(attention: 0.5, scale: 0.4, floor: -1).probabilities([0, 1])
        #expect(isClose(cascade, [0.2, 0.8 * 0.4, 0.8 * 0.6]))
        let exponential = SlateChoice.exponentialCascade(attention: 1, scale: 0.1).probabilities([0, 9])
        #expect(isClose(exponential, [0.1, 0.9, 0]))
        #expect(SlateChoice.multinomialLogit(noClick: 1_000).probabilities([0]).allSatisfy { $0.isFinite })
    }

    private func isClose(_ found: [Float], _ wanted: [Double]) -> Bool {
        found.count == wanted.count && zip(found, wanted).allSatisfy { abs(Double($0) - $1) < 1e-6 }
    }

    @Test("Luck chooses positions in their order, the rest is no click")
    func choose() {
        let choice = SlateChoice.proportional(floor: -1, noClick: 1)
        #expect(choice.choose([0, 1, -3], luck: 0.19) == 0)
        #expect(choice.choose([0, 1, -3], luck: 0.21) == 1)
        #expect(choice.choose([0, 1, -3], luck: 0.61) == nil)
    }

    @Test("Watch time: random < greedy < who knows the quality; without the bonus quality gains nothing")
    func bounds() throws {
        let configuration = InterestEvolutionConfiguration()
        let random = try InterestEvolutionRanker.random(seed: 1).watchTime(configuration, users: 150, seed: 3)
        let greedy = try InterestEvolutionRanker.greedy.watchTime(configuration, users: 150, seed: 3)
        let quality = try InterestEvolutionRanker.qualityOracle.watchTime(configuration, users: 150, seed: 3)
        #expect(random < greedy && 1.15 * greedy < quality)
        let nullGreedy = try InterestEvolutionRanker.greedy.watchTime(.null, users: 150, seed: 3)
        let nullQuality = try InterestEvolutionRanker.qualityOracle.watchTime(.null, users: 150, seed: 3)
        #expect(nullGreedy == nullQuality)
    }

    @Test("A state is interests and the share of time left: 4 of 40 go for what is watched, 0.5 for no choice")
    func timeLeft() throws {
        var configuration = InterestEvolutionConfiguration()
        configuration.budget = 40
        configuration.qualityBonus = 0
        var batch = try InterestEvolutionBatch(configuration, users: 20, seed: 1)
        var left = [Float](repeating: 1, count: 20)
        while !batch.isFinished {
            for lane in batch.activeLanes.map(Int.init) {
                let state = batch.state(lane: lane)
                #expect(state.count == configuration.stateCount)
                #expect(Array(state.dropLast()) == Array(batch.interests(lane: lane)))
                #expect(abs(state[state.count - 1] - left[lane]) < 1e-4)
            }
            for outcome in try batch.step([[Int]](repeating: [0, 1, 2], count: batch.activeLanes.count)) {
                left[Int(outcome.lane)] -= outcome.chosen == nil ? 0.0125 : 0.1
            }
        }
        #expect((0..<20).allSatisfy { batch.timeLeft(lane: $0) == 0 })
    }

    @Test(
        "Interest moves by (0.3 - 0.3 |I|)(1 - I), towards what is watched with probability (I + 1)/2, and no other does"
    )
    func interests() throws {
        var configuration = InterestEvolutionConfiguration()
        configuration.qualityBonus = 0
        var batch = try InterestEvolutionBatch(configuration, users: 400, seed: 6)
        var (moved, towards, expected, variance) = (0, 0.0, 0.0, 0.0)
        while !batch.isFinished {
            let before = batch.interests
            let documents = Dictionary(
                uniqueKeysWithValues: batch.activeLanes.map { ($0, batch.candidates(lane: Int($0))) })
            let outcomes = try batch.step([[Int]](repeating: [0, 1, 2], count: batch.activeLanes.count))
            for outcome in outcomes {
                let from = Int(outcome.lane) * configuration.topicCount
                let own = from..<(from + configuration.topicCount)
                guard let chosen = outcome.chosen, let documents = documents[outcome.lane] else {
                    #expect(Array(batch.interests[own]) == Array(before[own]))
                    continue
                }
                let place = from + Int(documents[chosen].topic)
                for other in own where other != place { #expect(batch.interests[other] == before[other]) }
                let interest = Double(before[place])
                let size = (0.3 - 0.3 * abs(interest)) * (1 - interest)
                let change = Double(batch.interests[place]) - interest
                // Within the bounds of an interest.
                let up = min(1, interest + size) - interest
                let down = max(-1, interest - size) - interest
                #expect(min(abs(change - up), abs(change - down)) < 1e-5)
                guard up - down > 1e-3 else { continue }
                let probability = (interest + 1) / 2
                moved += 1
                towards += abs(change - up) < abs(change - down) ? 1 : 0
                expected += probability
                variance += probability * (1 - probability)
            }
        }
        #expect(moved > 5_000)
        #expect(abs(towards - expected) < 4 * variance.squareRoot())
    }

    @Test("Sessions end when the budget is used up; repeated and unknown items are refused")
    func sessions() throws {
        var configuration = InterestEvolutionConfiguration()
        configuration.budget = 4
        configuration.qualityBonus = 0
        var batch = try InterestEvolutionBatch(configuration, users: 20, seed: 1)
        #expect(throws: WorldError.self) { try batch.step([[Int]](repeating: [0, 0, 1], count: 20)) }
        #expect(throws: WorldError.self) { try batch.step([[Int]](repeating: [0, 1, 10], count: 20)) }
        #expect(throws: WorldError.self) { try batch.step([[0, 1, 2]]) }
        var steps = 0
        while !batch.isFinished {
            let outcomes = try batch.step([[Int]](repeating: [0, 1, 2], count: batch.activeLanes.count))
            for outcome in outcomes {
                // One click uses up all of the budget; eight steps without one do, too.
                #expect(outcome.ended == (outcome.chosen != nil || steps == 7))
                #expect(abs(outcome.probabilities.reduce(0, +) - 1) < 1e-5)
            }
            steps += 1
        }
        #expect(steps <= 8)
    }
}
