import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

/// Two numbers; the first counts upwards in half of the cells and downwards in the others.
func flippedRows(_ count: Int, cells: Int, seed: UInt64, flips: (Int) -> Bool) throws -> FeatureRows {
    let schema = FeatureSchema(categories: [], numbers: ["a", "b"], domainCount: cells)
    var rows = FeatureRows(schema: schema)
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<count {
        let cell = generator.integer(below: cells)
        let (first, second) = (generator.normal(), generator.normal())
        let logit = 2.5 * first * (flips(cell) ? -1 : 1) + second
        try rows.append(
            categories: [], numbers: [Float(first), Float(second)],
            labels: [generator.bernoulli(1 / (1 + exp(-logit))) ? 1 : 0], domain: cell)
    }
    return rows
}

func smallGroups(_ grouping: GeographicGroupsConfiguration.Grouping = .expectationMaximization)
    -> GeographicGroupsConfiguration
{
    var configuration = GeographicGroupsConfiguration()
    configuration.groups = 2
    configuration.dimensions = 4
    configuration.commonWidths = [8]
    configuration.groupWidths = [8, 4]
    configuration.grouping = grouping
    configuration.rounds = 4
    configuration.finalEpochs = 3
    return configuration
}

@Suite("Geographic groups: network")
struct GroupNetworkTests {
    let rows: FeatureRows

    init() throws { rows = try flippedRows(64, cells: 4, seed: 1) { $0 % 2 == 0 } }

    @Test(
        "The loss is the cross-entropy of every group weighted by the shares of the row's cell, plus the common head's")
    func loss() throws {
        var configuration = smallGroups()
        configuration.commonWeight = 0.25
        let model = GroupNetwork(rows.schema, configuration, from: RandomSource(seed: 2))
        let shares = [[0.3, 0.7], [1, 0], [0, 1], [0.5, 0.5]]
        model.setShares(shares)
        let batch = rows.all
        let (common, groups) = withoutGradients { model.allLogits(batch) }
        let (own, all) = (common.floats.map(Double.init), groups.floats.map(Double.init))
        func crossEntropy(_ logit: Double, _ label: Float) -> Double { log(1 + exp(label > 0 ? -logit : logit)) }
        var expected = 0.0
        for row in 0..<rows.count {
            let cell = Int(rows.domains[row])
            for group in 0..<2 {
                expected += shares[cell][group] * crossEntropy(all[2 * row + group], rows.labels[row])
            }
            expected += 0.25 * crossEntropy(own[row], rows.labels[row])
        }
        let loss = try model.loss(batch)
        #expect(abs(loss.sum.item - expected) < 1e-3)
        #expect(loss.weight == 64)
    }

    @Test("A cell is served by its own group's tower, one without a group by the common head")
    func serving() {
        let model = GroupNetwork(rows.schema, smallGroups(), from: RandomSource(seed: 2))
        model.setGroups([1, 0, -1, 0])
        #expect(model.groups == [1, 0, -1, 0])
        let batch = rows.all
        let (common, groups) = withoutGradients { model.allLogits(batch) }
        let served = withoutGradients { model.logits(batch).floats }
        for row in 0..<rows.count {
            switch rows.domains[row] {
            case 0: #expect(served[row] == groups.floats[2 * row + 1])
            case 2: #expect(served[row] == common.floats[row])
            default: #expect(served[row] == groups.floats[2 * row])
            }
        }
    }

    @Test("With all cells in one group the other towers get no gradient")
    func hardAssignment() throws {
        let model = GroupNetwork(rows.schema, smallGroups(), from: RandomSource(seed: 2))
        model.train()
        model.setGroups([0, 0, 0, 0])
        try model.loss(rows.all).sum.backward()
        let gradient = try #require(
            model.parameters.first { $0.name == "groups.firstWeights" }?.tensor.gradient)
        #expect(gradient.select(1, along: 0).norm().item == 0)
        #expect(gradient.select(0, along: 0).norm().item > 0)
    }

    @Test("Gradients of the loss agree with finite differences")
    func gradients() throws {
        let model = GroupNetwork(rows.schema, smallGroups(), from: RandomSource(seed: 5))
        model.train()
        model.setShares([[0.3, 0.7], [1, 0], [0, 1], [0.5, 0.5]])
        let batch = rows.all
        try model.loss(batch).sum.backward()
        for name in ["groups.headWeights", "commonHead.weight", "cellBias.weight"] {
            let parameter = try #require(model.parameters.first { $0.name == name }?.tensor)
            let gradient = try #require(parameter.gradient).floats[1]
            let start = parameter.detached().copy()
            func value(_ change: Float) throws -> Double {
                var values = start.floats
                values[1] += change
                parameter.assign(Tensor(values, shape: start.shape))
                return try withoutGradients { try model.loss(batch).sum.item }
            }
            let slope = (try value(5e-3) - value(-5e-3)) / 1e-2
            parameter.assign(start)
            #expect(abs(slope - Double(gradient)) < 0.02 * max(1, abs(slope)))
        }
    }

    @Test("Groups with opposite tastes are found by EM and by the policy, and beat one group", arguments: [3, 8])
    func recovers(seed: Int) throws {
        let truth = (0..<40).map { ($0 * 7 + seed) % 3 == 0 }
        let all = try flippedRows(8_000, cells: 40, seed: UInt64(seed)) { truth[$0] }
        let data = try CellData(
            all, heldOutRows: Set(7_000..<8_000), regions: Array(repeating: 0, count: 40), seed: UInt64(seed))
        func trained(_ configuration: GeographicGroupsConfiguration, groups: [Int]? = nil) throws -> GroupNetwork {
            let model = GroupNetwork(all.schema, configuration, from: RandomSource(seed: UInt64(seed)))
            if let groups { model.setGroups(groups) }
            model.train()
            let schedule = GroupSchedule(
                configuration, fittingRows: data.fitting.count, rows: data.training.count, rowsPerBatch: 128)
            let learner = try GroupLearner(model, data: data, schedule: schedule, seed: UInt64(seed))
            let loop = TrainingLoop(
                learner: learner,
                source: try GroupRowSource(data, rowsPerBatch: 128, schedule: schedule, seed: UInt64(seed)),
                optimizer: AdamW([ParameterGroup(model.trainableParameters)]),
                schedule: LearningRateSchedule(peak: 1e-2, totalSteps: schedule.steps),
                limits: TrainingLimits(steps: schedule.steps))
            loop.isInterrupted = { false }
            _ = try loop.run()
            return model
        }
        func area(_ model: GroupNetwork) throws -> Double {
            try #require(try PredictionMeasurement(data.heldOut).metrics(model)["AUC"])
        }
        let one = try area(trained(smallGroups(.fixed), groups: Array(repeating: 0, count: 40)))
        for grouping in [GeographicGroupsConfiguration.Grouping.expectationMaximization, .policyGradient] {
            let model = try trained(smallGroups(grouping))
            let agreement = try #require(
                GroupingMetrics.adjustedRandIndex(model.groups, truth.map { $0 ? 1 : 0 }))
            #expect(agreement > 0.9, "\(grouping)")
            #expect(try area(model) > one + 0.1, "\(grouping)")
        }
    }
}
