import Evaluation
import Experiments
import Foundation
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
    /// The same of a trial of the search.
    let trialRequests: Int
    let trialPasses: Int

    init(_ scale: Scale) {
        switch scale {
        case .smoke:
            (seeds, requests, heldOut, test, passes) = (2, 3_000, 500, 3_000, 2)
            (trialRequests, trialPasses) = (1_000, 2)
        case .quick:
            (seeds, requests, heldOut, test, passes) = (5, 40_000, 8_000, 60_000, 10)
            (trialRequests, trialPasses) = (40_000, 3)
        case .full:
            (seeds, requests, heldOut, test, passes) = (10, 400_000, 40_000, 400_000, 10)
            (trialRequests, trialPasses) = (400_000, 3)
        }
    }

    /// What a trial of the search works with.
    var trial: GeographicGroupsScale { GeographicGroupsScale(trialOf: self) }

    private init(trialOf whole: GeographicGroupsScale) {
        (seeds, requests, heldOut, test) = (1, whole.trialRequests, whole.heldOut, whole.trialRequests / 10)
        passes = whole.trialPasses
        (trialRequests, trialPasses) = (whole.trialRequests, whole.trialPasses)
    }

    /// Optimiser steps of one model.
    var steps: Int { passes * ((requests + rowsPerBatch - 1) / rowsPerBatch) }

    var searchField: JSONValue {
        .text(
            "each model: \(GeographicGroupsExperiment.Model.method.choices.count) trials of \(trialPasses) passes over "
                + "\(trialRequests) rows of another seed, by held-out log loss")
    }

    /// Phases with so many passes in all; grouping sees half of the rows in each of its passes.
    func adjusted(_ configuration: GeographicGroupsConfiguration) -> GeographicGroupsConfiguration {
        guard passes < 10 else { return configuration }
        var short = configuration
        (short.warmUpEpochs, short.rounds, short.epochsPerRound, short.finalEpochs) = (1, 2 * passes - 3, 1, 1)
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

    static let watched = WatchedMetric("logLoss", isHigherBetter: false)
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
        let world = try RegionWorld(worldConfiguration, seed: UInt64(seed) + 700)
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

    /// A trained model on the test.
    func measure(_ model: Trained, _ name: String, into values: inout SeedValues) throws {
        try measure(model.probabilities(test), name, into: &values)
        values[name, "parameters"] = Double(model.parameterCount)
        if let groups = model.groups { measureGroups(groups, name, into: &values) }
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
