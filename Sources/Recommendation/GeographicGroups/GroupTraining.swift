import Evaluation
import Foundation
import Layers
import Tensors
import Training

/// Trains a group network and deals the cells on the way: warm-up with first groups, rounds of E and M steps, then all rows
/// with the final groups.
package final class GroupLearner: Learner {
    package let model: GroupNetwork
    private let data: CellData
    private let schedule: GroupSchedule
    private let measurement: PredictionMeasurement?
    private let seed: UInt64
    private let statistics: [[Double]]
    /// 1 where the groups do not change any more.
    private let settled = Tensor([Float(0)])
    private let policyWeights: Tensor  // [groups, statistics + 1]
    /// What each round did, for reports.
    package private(set) var changes: [Double] = []

    package init(_ model: GroupNetwork, data: CellData, schedule: GroupSchedule, seed: UInt64) throws {
        self.model = model
        self.data = data
        self.schedule = schedule
        self.seed = seed
        measurement = data.heldOut.count > 0 ? try PredictionMeasurement(data.heldOut) : nil
        statistics = data.statistics(strength: model.configuration.statisticsShrinkage)
        policyWeights = .zeros([model.configuration.groups, (statistics.first?.count ?? 0) + 1])
        if model.configuration.grouping != .fixed {
            var generator = SeededGenerator(seed: seed).split("first groups")
            let first = CellGrouping.kMeans(
                statistics, weights: data.traffic.map { Double($0).squareRoot() }, groups: model.configuration.groups,
                using: &generator)
            model.setGroups(first)
            placeUnseenCells()
        }
    }

    package var trainedParameters: [NamedParameter] { model.trainableParameters }

    package var changingState: [NamedParameter] {
        model.buffers + [
            NamedParameter(name: "settled", tensor: settled), NamedParameter(name: "policy", tensor: policyWeights),
        ]
    }

    package func loss(_ batch: FeatureBatch) throws -> BatchLoss { try model.loss(batch) }

    package func didStep(_ step: Int) {
        guard let round = schedule.round(endingAt: step), model.configuration.grouping != .fixed else { return }
        withoutGradients { deal(round: round) }
    }

    /// Nothing before the last phase: earlier parameters belong to other groups.
    package func evaluate() throws -> [String: Double] {
        guard let measurement, schedule.isFinal else { return [:] }
        let metrics = try measurement.metrics(model)
        return ["loss": metrics["logLoss"] ?? .infinity, "auc": metrics["AUC"] ?? 0.5]
    }

    // MARK: - The E step

    private func deal(round: Int) {
        let settings = model.configuration
        let isLast = round == settings.rounds
        guard settled.item == 0 || isLast else { return }
        let evidence = evidence()
        let old = model.shareValues
        var shares: [[Double]]
        switch settings.grouping {
        case .policyGradient: shares = dealByPolicy(evidence, round: round, explores: !isLast)
        case .expectationMaximization, .fixed:
            // T falls to a hundredth of its start over the rounds; the last one is hard.
            let fall = pow(0.01, Double(round - 1) / Double(max(1, settings.rounds - 1)))
            shares = evidence.responsibilities(
                prior: CellGrouping.traffic(old, rows: evidence.traffic, groups: settings.groups),
                temperature: isLast ? 0 : settings.firstTemperature * fall, hardTemperature: settings.hardTemperature,
                shrinkage: settings.shrinkage)
        }
        let changed = CellGrouping.changed(
            CellGrouping.hard(old), CellGrouping.hard(shares), rows: evidence.traffic)
        changes.append(changed)
        if !isLast, round > 1, changed < settings.changeShare { settled.assign(Tensor([Float(1)])) }
        if !isLast { reseed(&shares, evidence) }
        model.setShares(shares)
        if isLast { placeUnseenCells() }
    }

    /// Log-likelihoods of the dealing half.
    package func evidence() -> CellEvidence {
        let groups = model.configuration.groups
        var own = [[Double]](repeating: Array(repeating: 0, count: groups), count: data.cellCount)
        var common = [Double](repeating: 0, count: data.cellCount)
        for start in stride(from: 0, to: data.dealing.count, by: 4096) {
            let rows = start..<min(start + 4096, data.dealing.count)
            let batch = data.dealing.batch(rows)
            let logits = withoutGradients { model.allLogits(batch) }
            let labels = batch.labels.squeezed(axis: -1)
            let commonLosses = logits.common.binaryCrossEntropy(labels, reduction: .none).values(Double.self)
            let losses = logits.groups.binaryCrossEntropy(
                batch.labels.broadcast(to: logits.groups.shape), reduction: .none
            ).values(Double.self)
            for (place, row) in rows.enumerated() {
                let cell = data.dealing.cell(row)
                common[cell] -= commonLosses[place]
                for group in 0..<groups { own[cell][group] -= losses[place * groups + group] }
            }
        }
        return CellEvidence(
            logLikelihoods: own, common: common, rows: data.dealing.rowsOfDomains, traffic: data.traffic,
            regions: data.regions)
    }

    private func dealByPolicy(_ evidence: CellEvidence, round: Int, explores: Bool) -> [[Double]] {
        let settings = model.configuration
        var policy = GroupPolicy(
            groups: settings.groups, statistics: policyWeights.size(1) - 1,
            generator: SeededGenerator(seed: seed).split("policy").split(UInt64(round)))
        policy.setWeights(policyWeights.values(Double.self))
        let rewards = evidence.rewards(shrinkage: settings.shrinkage)
        let weights = evidence.rows.map { Double($0).squareRoot() }
        for _ in 0..<settings.policyUpdates {
            policy.update(
                statistics, rewards: rewards, weights: weights, exploration: settings.exploration,
                rate: settings.policyRate)
        }
        policyWeights.assign(Tensor(policy.weights.flatMap { $0.map { Float($0) } }, shape: policyWeights.shape))
        return policy.actions(statistics, exploration: explores ? settings.exploration : nil)
    }

    /// Gives an empty group the cells that fit worst, and a copy of the tower of the largest group to begin with.
    private func reseed(_ shares: inout [[Double]], _ evidence: CellEvidence) {
        let settings = model.configuration
        let traffic = CellGrouping.traffic(shares, rows: evidence.traffic, groups: settings.groups)
        guard settings.groups > 1, let largest = traffic.indices.max(by: { traffic[$0] < traffic[$1] }) else { return }
        let hard = CellGrouping.hard(shares)
        // Nats a row that the best group leaves.
        let fit = hard.indices.map { cell in
            evidence.rows[cell] > 0 ? evidence.logLikelihoods[cell][hard[cell]] / Double(evidence.rows[cell]) : 0
        }
        var worst = hard.indices.filter { evidence.rows[$0] > 0 }.sorted { fit[$0] < fit[$1] }[...]
        for empty in traffic.indices where traffic[empty] < settings.smallestShare {
            var wanted = Double(evidence.traffic.reduce(0, +)) / Double(2 * settings.groups)
            while wanted > 0, let cell = worst.popFirst() {
                shares[cell] = (0..<settings.groups).map { $0 == empty ? 1 : 0 }
                wanted -= Double(evidence.traffic[cell])
            }
            model.copyTower(from: largest, to: empty)
        }
    }

    /// Cells without a row join the nearest cell's group; without positions they are left to the common head.
    private func placeUnseenCells() {
        let traffic = data.traffic
        var groups = model.groups
        for cell in groups.indices where traffic[cell] == 0 {
            groups[cell] = data.nearest(to: cell, among: traffic).map { model.groups[$0] } ?? -1
        }
        model.setGroups(groups)
    }
}

/// Which step belongs to which phase.
package final class GroupSchedule {
    package let stepsPerHalf: Int
    package let stepsPerPass: Int
    private let configuration: GeographicGroupsConfiguration
    private(set) var step = 0

    package init(_ configuration: GeographicGroupsConfiguration, fittingRows: Int, rows: Int, rowsPerBatch: Int) {
        self.configuration = configuration
        stepsPerHalf = max(1, (fittingRows + rowsPerBatch - 1) / rowsPerBatch)
        stepsPerPass = max(1, (rows + rowsPerBatch - 1) / rowsPerBatch)
    }

    /// Steps on half of the rows; none with fixed groups.
    package var groupingSteps: Int {
        guard configuration.grouping != .fixed else { return 0 }
        return stepsPerHalf * (configuration.warmUpEpochs + configuration.rounds * configuration.epochsPerRound)
    }

    /// Steps in all; with fixed groups as many rows are seen as with grouping.
    package var steps: Int {
        guard configuration.grouping == .fixed else { return groupingSteps + stepsPerPass * configuration.finalEpochs }
        return stepsPerHalf * (configuration.warmUpEpochs + configuration.rounds * configuration.epochsPerRound)
            + stepsPerPass * configuration.finalEpochs
    }

    /// Whether the groups are final.
    var isFinal: Bool { step >= groupingSteps }

    /// The round (from 1) that deals the cells after this step.
    func round(endingAt step: Int) -> Int? {
        self.step = step
        let warmUp = stepsPerHalf * configuration.warmUpEpochs
        let length = stepsPerHalf * configuration.epochsPerRound
        guard configuration.rounds > 0, step >= warmUp, (step - warmUp) % length == 0 else { return nil }
        let round = (step - warmUp) / length + 1
        return round <= configuration.rounds ? round : nil
    }
}

/// Batches of the fitting half while groups are sought, of all rows afterwards.
package final class GroupRowSource: BatchSource {
    private let half: FeatureRowSource
    private let all: FeatureRowSource
    private let groupingSteps: Int
    private var drawn = 0

    package init(_ data: CellData, rowsPerBatch: Int, schedule: GroupSchedule, seed: UInt64) throws {
        half = try FeatureRowSource(data.fitting, rowsPerBatch: rowsPerBatch, seed: seed)
        all = try FeatureRowSource(data.training, rowsPerBatch: rowsPerBatch, seed: seed &+ 1)
        groupingSteps = schedule.groupingSteps
    }

    package struct Position: Codable, Sendable {
        let drawn: Int
        let half: FeatureRowSource.Position
        let all: FeatureRowSource.Position
    }

    package func next() -> FeatureBatch? {
        defer { drawn += 1 }
        return drawn < groupingSteps ? half.next() : all.next()
    }

    package var position: Position { Position(drawn: drawn, half: half.position, all: all.position) }

    package func restore(_ position: Position) throws {
        try half.restore(position.half)
        try all.restore(position.all)
        drawn = position.drawn
    }
}
