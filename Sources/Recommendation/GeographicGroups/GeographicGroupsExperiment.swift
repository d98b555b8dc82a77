import Corpora
import Evaluation
import Experiments
import Foundation
import Layers
import Tensors
import Training
import Worlds

/// What one seed of the study works with, by scale.
struct GeographicGroupsScale {
    let seeds: Int
    let requests: Int
    let heldOut: Int
    let test: Int
    let rowsPerBatch = 256
    /// Passes over all rows of each model.
    let passes: Int

    init(_ scale: Scale) {
        switch scale {
        case .smoke: (seeds, requests, heldOut, test, passes) = (2, 3_000, 500, 3_000, 2)
        case .quick: (seeds, requests, heldOut, test, passes) = (5, 40_000, 8_000, 60_000, 10)
        case .full: (seeds, requests, heldOut, test, passes) = (10, 400_000, 40_000, 400_000, 10)
        }
    }

    /// Phases with so many passes in all; grouping sees half of the rows in each of its passes.
    func adjusted(_ configuration: GeographicGroupsConfiguration) -> GeographicGroupsConfiguration {
        guard passes < 10 else { return configuration }
        var short = configuration
        (short.warmUpEpochs, short.rounds, short.finalEpochs) = (1, 1, 1)
        return short
    }
}

/// Rows of cells, with everything that the models of a comparison need.
struct GeographicGroupsExperiment {
    let data: CellData
    let test: FeatureRows
    /// Rows that train the cells of the test.
    let traffic: [Int]
    /// The true groups; empty where nobody knows.
    let truth: [Int]
    let configuration: GeographicGroupsConfiguration
    let rowsPerBatch: Int
    let seed: UInt64
    let isInterrupted: () -> Bool

    static let learningRate = 2e-3
    static let weightDecay = 0.05
    /// Cells with fewer training rows are small.
    static let smallCell = 100

    // MARK: - Data

    /// The region world: user, item and match features, the time of the day, the cell as domain.
    static func regions(
        groups: Int, scale: GeographicGroupsScale, configuration: GeographicGroupsConfiguration, seed: Int,
        isInterrupted: @escaping () -> Bool
    ) throws -> GeographicGroupsExperiment {
        var worldConfiguration = RegionConfiguration()
        worldConfiguration.groupCount = groups
        let world = try RegionWorld(worldConfiguration, seed: UInt64(seed) + 300)
        let log = RegionLog(world: world, requests: 0..<(scale.requests + scale.heldOut), stream: 1)
        let tested = RegionLog(world: world, requests: 0..<scale.test, stream: 2)
        let width = worldConfiguration.gridWidth
        let cells = 0..<worldConfiguration.cellCount
        let data = try CellData(
            try FeatureRows(regions: log, world: world),
            heldOutRows: Set(scale.requests..<(scale.requests + scale.heldOut)),
            regions: FeatureRows.blocks(of: world),
            positions: cells.map { SIMD2(Double($0 % width), Double($0 / width)) }, seed: UInt64(seed))
        return GeographicGroupsExperiment(
            data: data, test: try FeatureRows(regions: tested, world: world), traffic: data.traffic,
            truth: world.truth.groups.map(Int.init), configuration: scale.adjusted(configuration),
            rowsPerBatch: scale.rowsPerBatch, seed: UInt64(seed), isInterrupted: isInterrupted)
    }

    // MARK: - Models

    /// Parameters of the group network: the budget of every model.
    private var parameterBudget: Int {
        GroupNetwork(data.training.schema, configuration, from: RandomSource(seed: 0)).parameterCount
    }

    /// Passes over all rows that every model makes.
    private var passes: Double {
        Double(configuration.warmUpEpochs + configuration.rounds * configuration.epochsPerRound) / 2
            + Double(configuration.finalEpochs)
    }

    /// The first model of widths 8, 12, 16, … that reaches the budget of parameters.
    private func budgeted<Model: Layer>(_ make: (Int) throws -> Model) rethrows -> Model {
        let budget = parameterBudget
        var width = 8
        while true {
            let model = try make(width)
            if model.parameterCount >= budget || width >= 512 { return model }
            width += 4
        }
    }

    private func source() -> RandomSource { RandomSource(seed: seed) }

    /// The schema without cells.
    private var plainSchema: FeatureSchema {
        var schema = data.training.schema
        schema.domainCount = 1
        return schema
    }

    func grouped(
        _ grouping: GeographicGroupsConfiguration.Grouping, groups: [Int]? = nil, count: Int? = nil
    ) throws -> GroupNetwork {
        var configuration = configuration
        configuration.grouping = grouping
        if let count { configuration.groups = count }
        let model = GroupNetwork(data.training.schema, configuration, from: source())
        if let groups { model.setGroups(groups) }
        model.train()
        let schedule = GroupSchedule(
            configuration, fittingRows: data.fitting.count, rows: data.training.count, rowsPerBatch: rowsPerBatch)
        let learner = try GroupLearner(model, data: data, schedule: schedule, seed: seed)
        try train(
            learner, try GroupRowSource(data, rowsPerBatch: rowsPerBatch, schedule: schedule, seed: seed),
            steps: schedule.steps, interval: schedule.stepsPerPass)
        return model
    }

    private func train<L: Learner, Source: BatchSource>(
        _ learner: L, _ source: Source, steps: Int, interval: Int
    ) throws where Source.Batch == L.Batch {
        var limits = TrainingLimits(steps: steps)
        limits.evaluationInterval = interval
        limits.keepsBest = true
        limits.maximumGradientNorm = 5
        let loop = TrainingLoop(
            learner: learner, source: source,
            optimizer: AdamW(ParameterGroup.standard(learner.trainedParameters, weightDecay: Self.weightDecay)),
            schedule: LearningRateSchedule(
                peak: Self.learningRate, warmUpSteps: max(1, steps / 20), totalSteps: steps, finalShare: 0.05),
            limits: limits)
        loop.isInterrupted = isInterrupted
        if try loop.run().reason == .interrupted { throw CancellationError() }
    }

    /// Trains a baseline on all rows for as many passes as the method, and keeps the best of them.
    private func fitted<Model: FeatureModel>(
        _ model: Model, separatesDomains: Bool = false, passShare: Double = 1
    ) throws -> Model {
        model.train()
        let plain = model.schema.domainCount == 1
        let training =
            plain ? try data.training.selected(0..<data.training.count, schema: plainSchema) : data.training
        let heldOut = plain ? try data.heldOut.selected(0..<data.heldOut.count, schema: plainSchema) : data.heldOut
        let measurement = try PredictionMeasurement(heldOut)
        let learner = RecommendationLearner(model, watched: WatchedMetric("logLoss", isHigherBetter: false)) {
            var metrics = try measurement.metrics($0)
            metrics["loss"] = metrics["logLoss"]
            return metrics
        }
        let source = try FeatureRowSource(
            training, rowsPerBatch: rowsPerBatch, separatesDomains: separatesDomains, seed: seed)
        try train(
            learner, source, steps: max(1, Int(passes * passShare * Double(source.batchesPerPass))),
            interval: source.batchesPerPass)
        learner.restoreBestBuffers()
        return model
    }

    func single() throws -> DomainTower {
        try fitted(
            budgeted { DomainTower(plainSchema, dimensions: 8, widths: [4 * $0, 2 * $0], from: source()) })
    }

    func withCell() throws -> DomainTower {
        try fitted(
            budgeted { DomainTower(data.training.schema, dimensions: 8, widths: [4 * $0, 2 * $0], from: source()) })
    }

    func multiGate() throws -> MultiGateExperts {
        try fitted(
            budgeted { width in
                var own = MultiGateExperts.Configuration()
                own.dimensions = 8
                own.experts = configuration.groups
                own.expertWidths = [2 * width, width]
                own.gateWidths = [16]
                own.towerWidths = [16]
                return MultiGateExperts(data.training.schema, own, from: source())
            })
    }

    func progressive() throws -> ProgressiveExtraction {
        try fitted(
            budgeted { width in
                var own = ProgressiveExtraction.Configuration()
                own.dimensions = 8
                own.ownExperts = configuration.groups / 2
                own.sharedExperts = configuration.groups / 2
                own.expertWidths = [width]
                own.towerWidths = [16]
                return ProgressiveExtraction(data.training.schema, own, from: source())
            })
    }

    /// A star has weights of its own for each cell, so it has many more parameters than the budget.
    func star() throws -> StarTopology {
        var own = StarTopology.Configuration()
        own.dimensions = 8
        own.widths = [16]
        own.auxiliaryWidths = [32]
        return try fitted(StarTopology(data.training.schema, own, from: source()), separatesDomains: true)
    }

    /// The probability of each test row by copies of a single model, tuned to each cell by plain gradient steps on its rows.
    func fineTuned(steps: Int = 15) throws -> [Double] {
        let base = budgeted { DomainTower(plainSchema, dimensions: 8, widths: [4 * $0, 2 * $0], from: source()) }
        _ = try fitted(base, passShare: 0.8)
        let training = try data.training.selected(0..<data.training.count, schema: plainSchema)
        let tests = try test.selected(0..<test.count, schema: plainSchema)
        let start = base.parameters.map { $0.tensor.detached().copy() }
        let own = rowsByCell(data.training)
        let wanted = rowsByCell(test)
        var result = [Double](repeating: 0, count: test.count)
        var generator = SeededGenerator(seed: seed).split("fine-tuning")
        for cell in wanted.indices where !wanted[cell].isEmpty {
            if isInterrupted() { throw CancellationError() }
            for (parameter, value) in zip(base.parameters, start) { parameter.tensor.assign(value) }
            if !own[cell].isEmpty {
                let optimizer = AdamW(ParameterGroup.standard(base.trainableParameters, weightDecay: Self.weightDecay))
                // As many passes over the cell's rows as the others' last fifth, at least a few steps.
                for _ in 0..<min(steps, 1 + own[cell].count / 20) {
                    let batch = training.batch(
                        Array(generator.shuffled(own[cell]).prefix(rowsPerBatch)))
                    let loss = try base.loss(batch)
                    try (loss.sum * (1 / loss.weight)).backward()
                    optimizer.step(learningRate: Self.learningRate)
                    optimizer.clearGradients()
                }
            }
            for (row, value) in zip(wanted[cell], base.probabilities(tests.batch(wanted[cell])).values(Double.self)) {
                result[row] = value
            }
        }
        return result
    }

    private func rowsByCell(_ rows: FeatureRows) -> [[Int]] {
        var result = [[Int]](repeating: [], count: data.cellCount)
        for row in 0..<rows.count { result[rows.cell(row)].append(row) }
        return result
    }

    // MARK: - Groups that are not learned

    func randomGroups() -> [Int] {
        var generator = SeededGenerator(seed: seed).split("random groups")
        return (0..<data.cellCount).map { _ in generator.integer(below: configuration.groups) }
    }

    func positionGroups() -> [Int] {
        var generator = SeededGenerator(seed: seed).split("position groups")
        return CellGrouping.kMeans(
            data.positions.map { [$0.x, $0.y] }, weights: data.traffic.map { Double($0) + 1 },
            groups: configuration.groups, using: &generator)
    }

    func statisticsGroups() -> [Int] {
        var generator = SeededGenerator(seed: seed).split("first groups")
        return CellGrouping.kMeans(
            data.statistics(strength: configuration.statisticsShrinkage),
            weights: data.traffic.map { Double($0).squareRoot() }, groups: configuration.groups, using: &generator)
    }

    // MARK: - Measures

    func measure(_ model: some FeatureModel, _ name: String, into values: inout SeedValues) throws {
        let rows = model.schema.domainCount == 1 ? try test.selected(0..<test.count, schema: plainSchema) : test
        try measure(PredictionMeasurement(rows).probabilities(model), name, into: &values)
        values[name, "parameters"] = Double(model.parameterCount)
    }

    /// Training rows from which a cell counts as large: 1,000, or those of the busiest where none has so many.
    private var largeCell: Int { min(1_000, Int(traffic.max() ?? 0)) }

    /// Grouped areas under the curve by cell, over all cells and over small and large ones.
    func measure(_ probabilities: [Double], _ name: String, into values: inout SeedValues) throws {
        func area(_ rows: [Int], _ weight: GroupedDiscrimination.Weight) throws -> Double? {
            guard !rows.isEmpty else { return nil }
            return try GroupedDiscrimination(
                scores: rows.map { probabilities[$0] }, positive: rows.map { test.labels[$0] > 0.5 },
                groups: rows.map { Int32(test.cell($0)) }, weight: weight)?.value
        }
        let all = Array(0..<test.count)
        values[name, "gauc"] = try area(all, .impressions)
        values[name, "gauc-cells"] = try area(all, .equal)
        values[name, "gauc-small"] = try area(all.filter { traffic[test.cell($0)] < Self.smallCell }, .impressions)
        values[name, "gauc-large"] = try area(all.filter { traffic[test.cell($0)] >= largeCell }, .impressions)
        values[name, "log-loss"] = try Likelihood.logLoss(
            probabilities: probabilities, outcomes: all.map { test.labels[$0] > 0.5 })
    }

    /// How well groups agree with the true ones.
    func measureGroups(_ groups: [Int], _ name: String, into values: inout SeedValues) {
        guard !truth.isEmpty else { return }
        values[name, "ari"] = GroupingMetrics.adjustedRandIndex(groups, truth)
        values[name, "nmi"] = GroupingMetrics.normalizedMutualInformation(groups, truth)
        let known = truth.indices.filter { traffic[$0] >= Self.smallCell }
        values[name, "ari-known"] = GroupingMetrics.adjustedRandIndex(known.map { groups[$0] }, known.map { truth[$0] })
    }
}
