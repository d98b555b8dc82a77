import Recommendation
import Testing

@Suite("Lifetime value: ranking")
struct DualRankTests {
    @Test("Without weight the order is the click rate's; with all of it, the score's")
    func ends() {
        let rates = [0.01, 0.05, 0.03]
        let plain = DualRank.scores(clickRates: rates, scores: [3, 1, 2], values: [1, 2, 3], maximumWeight: 0)
        for (found, expected) in zip(plain, rates) { #expect(abs(found - expected) < 1e-12) }
        // Equal values: everybody gets the whole weight, and the best score the best rate.
        let own = DualRank.scores(clickRates: rates, scores: [3, 1, 2], values: [1, 1, 1], maximumWeight: 1)
        for (found, expected) in zip(own, [0.05, 0.01, 0.03]) { #expect(abs(found - expected) < 1e-12) }
    }

    @Test("Weights rise from the 5 % to the 95 % quantile of what the critic expects")
    func weights() {
        let weights = DualRank.weights((0...100).map(Double.init), maximum: 0.2)
        #expect(weights[5] == 0 && weights[0] == 0)
        #expect(abs(weights[50] - 0.1) < 1e-9)
        #expect(weights[95] == 0.2 && weights[100] == 0.2)
    }

    @Test("Items of one score share the rates of their ranks, whatever their places")
    func ties() {
        // The two best scores share √(0.16 · 0.04) = 0.08, whichever item stands first.
        let shared = DualRank.calibrate([1, -1, 1], to: [0.04, 0.16, 0.01])
        #expect(abs(shared[0] - 0.08) < 1e-12 && shared[0] == shared[2])
        #expect(shared[1] == 0.01)
        // Where all scores stand at a bound, the order is that of the click rates.
        let rates = [0.02, 0.05, 0.03]
        let mixed = DualRank.scores(clickRates: rates, scores: [1, 1, 1], values: [0, 0, 0], maximumWeight: 0.5)
        #expect(mixed[1] > mixed[2] && mixed[2] > mixed[0])
    }

    @Test("A geometric mean: a quarter of the weight moves a quarter of the way on the log scale")
    func mixture() {
        let mixed = DualRank.scores(clickRates: [0.01, 0.16], scores: [2, 1], values: [0, 0], maximumWeight: 0.25)
        #expect(abs(mixed[0] - 0.02) < 1e-9)
        #expect(abs(mixed[1] - 0.08) < 1e-9)
    }
}
