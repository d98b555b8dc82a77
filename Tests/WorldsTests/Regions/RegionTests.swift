import Evaluation
import Testing
import Worlds

@Suite("Region world") struct RegionTests {
    @Test("Only items of the own and the touching cells are candidates")
    func feasible() throws {
        let world = try RegionWorld(RegionConfiguration(), seed: 1)
        #expect(world.neighbours(0) == [0, 1, 20, 21])
        #expect(world.neighbours(25).count == 9)
        for index in 0..<200 {
            let request = world.request(index, stream: 1)
            let cells = Set(request.candidates.map { Int(world.itemCells[Int($0)]) })
            #expect(cells == Set(world.neighbours(Int(request.cell))))
            #expect(request == world.request(index, stream: 1))
        }
        #expect(world.request(0, stream: 1) != world.request(0, stream: 2))
    }

    @Test("Traffic is a power law: many small cells")
    func traffic() throws {
        let world = try RegionWorld(RegionConfiguration(), seed: 1)
        let sorted = world.traffic.sorted(by: >)
        #expect(abs(sorted.reduce(0, +) - 1) < 1e-9)
        #expect(abs(sorted[0] / sorted[9] - 15.85) < 0.01)  // 10^1.2
    }

    @Test("All groups exist, the truth beats the shared part by far, and in the null world there is one group")
    func groups() throws {
        let world = try RegionWorld(RegionConfiguration(), seed: 1)
        #expect(Set(world.truth.groups) == Set(0..<6))
        // Not contiguous: some neighbours belong to another group of the same stripe.
        let row = world.truth.groups[40..<46]
        #expect(Set(row).count > 1)
        let log = RegionLog(world: world, requests: 0..<4_000, stream: 1)
        let truth = try #require(
            try Discrimination.areaUnderCurve(scores: log.clickProbabilities.map(Double.init), positive: log.clicks))
        let shared = (0..<log.rowCount).map { row in
            (0..<log.featureCount).reduce(0.0) {
                $0 + Double(log.features[row * log.featureCount + $1] * world.truth.shared[$1])
            }
        }
        let common = try #require(try Discrimination.areaUnderCurve(scores: shared, positive: log.clicks))
        #expect(truth > common + 0.1)
        #expect(Set(try RegionWorld(.null, seed: 1).truth.groups) == [0])
        let predicted = log.clickProbabilities.map(Double.init)
        #expect(try Calibration.expectedError(confidences: predicted, correct: log.clicks) < 0.03)
    }

    @Test("Off-policy estimates from the mixed log find the true value of other policies")
    func offPolicy() throws {
        let world = try RegionWorld(RegionConfiguration(), seed: 2)
        let count = 2_500
        let log = RegionLog(world: world, requests: 0..<count, stream: 3)
        // Targets: uniform over the candidates, and one that prefers the nearest items.
        for nearest in [false, true] {
            var target: [Double] = []
            var truth = 0.0
            for index in 0..<count {
                let request = world.request(index, stream: 3)
                let weights = request.candidates.map { item -> Double in
                    var row: [Float] = []
                    world.appendFeatures(request, item: Int(item), to: &row)
                    return nearest ? 1 / (1 + Double(row[row.count - 1])) : 1
                }
                let total = weights.reduce(0, +)
                for (item, weight) in zip(request.candidates, weights) {
                    truth += weight / total * Double(world.clickProbability(request, item: Int(item)))
                    if item == log.items[index] { target.append(weight / total) }
                }
            }
            truth /= Double(count)
            let decisions = try LoggedDecisions(
                rewards: log.clicks.map { $0 ? 1 : 0 }, loggingProbabilities: log.propensities,
                targetProbabilities: target)
            for estimate in [
                OffPolicyEstimators.inversePropensity(decisions), OffPolicyEstimators.selfNormalized(decisions),
            ] {
                #expect(abs(estimate.value - truth) < 4 * estimate.standardError, "\(estimate), truth \(truth)")
                #expect(estimate.standardError < 0.25 * truth)
            }
            // The log's own mean is the value of another policy.
            let logged = Double(log.clicks.count { $0 }) / Double(count)
            let weighted = OffPolicyEstimators.selfNormalized(decisions)
            #expect(abs(logged - truth) > 4 * weighted.standardError)
        }
    }

    @Test("Constants out of range are named")
    func invalid() {
        var configuration = RegionConfiguration()
        configuration.groupCount = 1_000
        #expect(
            throws: WorldError.invalid(
                world: "region", field: "groupCount", found: "1000", allowed: "1 to the number of cells (200)")
        ) {
            try RegionWorld(configuration, seed: 1)
        }
    }
}
