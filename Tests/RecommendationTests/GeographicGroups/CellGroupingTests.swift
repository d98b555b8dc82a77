import Evaluation
import Foundation
import Recommendation
import Testing

@Suite("Geographic groups: dealing cells")
struct CellGroupingTests {
    private func evidence(_ values: [[Double]], rows: [Int], regions: [Int]? = nil) -> CellEvidence {
        CellEvidence(
            logLikelihoods: values, common: values.map { _ in -10 }, rows: rows, traffic: rows,
            regions: regions ?? values.map { _ in 0 })
    }

    @Test("Shares are softmax((l + log prior) / T), and one-hot when cold")
    func responsibilities() {
        let found = evidence([[-2, -3]], rows: [50]).responsibilities(
            prior: [0.25, 0.75], temperature: 2, hardTemperature: 0.5, shrinkage: 0)
        let (first, second) = (exp((-2 + log(0.25)) / 2), exp((-3 + log(0.75)) / 2))
        #expect(abs(found[0][0] - first / (first + second)) < 1e-9)
        let cold = evidence([[-2, -3]], rows: [50]).responsibilities(
            prior: [0.25, 0.75], temperature: 0.1, hardTemperature: 0.5, shrinkage: 0)
        // -2 + log 0.25 = -3.39 lies below -3 + log 0.75 = -3.29.
        #expect(cold == [[0, 1]])
    }

    @Test("A small cell follows its region, a large one its own rows, and one without rows only its region")
    func shrinkage() {
        // The region as a whole says group 0.
        let values = [[-1.0, -0.2], [-100, -400], [0, 0]]
        let found = evidence(values, rows: [2, 500, 0]).shrunk(20)
        #expect(found[0][0] > found[0][1])
        #expect(found[1][0] > found[1][1])
        let mean = (first: -101.0 / 502, second: -400.2 / 502)
        #expect(abs(found[2][0] - 20 * mean.first) < 1e-9 && abs(found[2][1] - 20 * mean.second) < 1e-9)
        let share = 2.0 / 22
        #expect(abs(found[0][1] - (share * -0.2 + (1 - share) * 20 * mean.second)) < 1e-9)
        // In a region of its own it keeps its choice.
        let alone = evidence(values, rows: [2, 500, 0], regions: [1, 0, 0]).shrunk(20)
        #expect(alone[0][1] > alone[0][0])
        #expect(evidence(values, rows: [2, 500, 0]).shrunk(0) == values)
    }

    @Test("Rewards are gains over the common head a row, of spread 1, and near 0 for cells with few rows")
    func rewards() {
        // 100 rows: 20 nats better and 10 worse than the common head's -10; 1 row: 2 better and 1 worse.
        let found = evidence([[10, -20], [-8, -11]], rows: [100, 1]).rewards(shrinkage: 20)
        #expect(abs(found[0][0] / found[0][1] + 2) < 1e-9)
        #expect(abs(found[0][0] / found[1][0] - (20.0 / 120) / (2.0 / 21)) < 1e-9)
        let spreads = found.map { pow(($0[0] - $0[1]) / 2, 2) }
        #expect(abs(spreads[0] + spreads[1] - 2) < 1e-9)
    }

    @Test("Changed traffic counts rows, not cells")
    func changes() {
        #expect(CellGrouping.changed([0, 1, 1], [0, 1, 0], rows: [80, 10, 10]) == 0.1)
        #expect(CellGrouping.traffic([[1, 0], [0.5, 0.5]], rows: [30, 10], groups: 2) == [0.875, 0.125])
    }

    @Test("K-means finds three clouds")
    func kMeans() {
        var generator = SeededGenerator(seed: 3)
        let truth = (0..<60).map { $0 % 3 }
        let points = truth.map { [Double($0) * 4 + 0.3 * generator.normal(), 0.3 * generator.normal()] }
        let found = CellGrouping.kMeans(
            points, weights: Array(repeating: 1, count: 60), groups: 3, using: &generator)
        #expect(GroupingMetrics.adjustedRandIndex(found, truth) == 1)
    }

    @Test("The policy learns which group pays for which statistics, and raises its reward")
    func policy() {
        var policy = GroupPolicy(groups: 3, statistics: 2, generator: SeededGenerator(seed: 1))
        let statistics = (0..<30).map { [$0 % 2 == 0 ? 1.0 : -1, 0.3] }
        // Group 2 pays for the even cells, group 0 for the odd ones.
        let rewards = (0..<30).map { $0 % 2 == 0 ? [0.0, 0.2, 1] : [1.0, 0.2, 0] }
        let weights = [Double](repeating: 1, count: 30)
        let first = policy.update(statistics, rewards: rewards, weights: weights, exploration: 0.1, rate: 0)
        var last = 0.0
        for _ in 0..<300 {
            last = policy.update(statistics, rewards: rewards, weights: weights, exploration: 0.1, rate: 0.5)
        }
        #expect(last > first + 0.3)
        #expect(policy.probabilities([1, 0.3])[2] > 0.8)
        #expect(policy.probabilities([-1, 0.3])[0] > 0.8)
        #expect(CellGrouping.hard(policy.actions(statistics, exploration: nil)).prefix(2) == [2, 0])
    }

    @Test("The rows that deal cells are not those that train them, and each cell has both")
    func halves() throws {
        let rows = try flippedRows(400, cells: 5, seed: 2) { _ in false }
        let data = try CellData(rows, heldOutRows: Set(0..<40), regions: [0, 0, 0, 0, 0], seed: 4)
        #expect(data.heldOut.count == 40)
        #expect(data.fitting.count + data.dealing.count == 360 && data.training.count == 360)
        let keys = { (rows: FeatureRows) in Set((0..<rows.count).map { rows.numbers[2 * $0] }) }
        #expect(keys(data.fitting).isDisjoint(with: keys(data.dealing)))
        #expect(keys(data.heldOut).isDisjoint(with: keys(data.training)))
        for cell in 0..<5 as Range<Int32> {
            let counts = [data.fitting, data.dealing].map { part in part.domains.count { $0 == cell } }
            #expect(abs(counts[0] - counts[1]) <= 1)
        }
    }
}
