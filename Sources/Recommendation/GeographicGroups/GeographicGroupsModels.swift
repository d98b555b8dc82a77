import Evaluation
import Layers
import Tensors
import Training

extension GeographicGroupsExperiment {
    /// What is trained and compared.
    enum Model: String, CaseIterable {
        case method = "geographic-groups"
        case policy = "geographic-groups, policy gradient"
        case single = "single"
        case cell = "cell feature"
        case fineTuned = "fine-tuned by cell"
        case multiGate = "MMoE with cells"
        case progressive = "PLE with cells"
        case star = "STAR by cell"
        case random = "random groups"
        case positions = "k-means on coordinates"
        case statistics = "k-means on statistics"
        case oracle = "true groups"

        /// What is trained in the null world as well, where the true groups are one.
        static let inNullWorld: [Model] = [
            .method, .single, .cell, .fineTuned, .multiGate, .progressive, .star, .positions, .random, .oracle,
        ]

        /// The model's name in the world of one group.
        var nullName: String { self == .oracle ? "null-one-group" : "null-\(rawValue)" }

        /// Fourteen trials for every model: seven rates, by two decays or, for the method, by two pulls of small cells to
        /// their region.
        var choices: [FittingChoice] {
            let rates = [1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2]
            return self == .method
                ? FittingChoice.grid(rates: rates, decay: 0.05, own: "shrinkage", [2, 20])
                : FittingChoice.grid(rates: rates, decays: [0.01, 0.1])
        }
    }

    /// A trained model.
    struct Trained {
        let parameterCount: Int
        /// The probability of each row's label.
        let probabilities: (FeatureRows) throws -> [Double]
        /// Of a group network.
        var groups: [Int]?
    }

    /// Searches for the settings of each model on data of the search's own seed.
    func search(_ models: [Model], into search: inout StudySearch, note: (String) -> Void) throws {
        for model in models {
            note("search: \(model.rawValue)")
            try search.run(model.rawValue, model.choices) { try heldOutLoss(trained(model, $0)) }
        }
    }

    private func heldOutLoss(_ model: Trained) throws -> Double {
        try Likelihood.logLoss(
            probabilities: model.probabilities(data.heldOut), outcomes: data.heldOut.labels.map { $0 > 0.5 })
    }

    func trained(_ model: Model, _ choice: FittingChoice) throws -> Trained {
        switch model {
        case .method: try grouped(.expectationMaximization, choice)
        case .policy: try grouped(.policyGradient, choice)
        case .random: try grouped(.fixed, groups: randomGroups(), choice)
        case .positions: try grouped(.fixed, groups: positionGroups(), choice)
        case .statistics: try grouped(.fixed, groups: statisticsGroups(), choice)
        case .oracle: try grouped(.fixed, groups: truth, choice)
        case .single: try fitted(tower(plainSchema), choice)
        case .cell: try fitted(tower(data.training.schema), choice)
        case .multiGate: try fitted(multiGate(), choice)
        case .progressive: try fitted(progressive(), choice)
        case .star: try fitted(star(), separatesDomains: true, choice)
        case .fineTuned: try fineTuned(choice)
        }
    }

    // MARK: - Networks

    /// Parameters of the group network: the budget of every model.
    private var parameterBudget: Int {
        GroupNetwork(data.training.schema, configuration, from: RandomSource(seed: 0)).parameterCount
    }

    /// The first model of widths 8, 12, 16, … that reaches the budget of parameters.
    private func budgeted<Network: Layer>(_ make: (Int) throws -> Network) rethrows -> Network {
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

    private func tower(_ schema: FeatureSchema) -> DomainTower {
        budgeted { DomainTower(schema, dimensions: 8, widths: [4 * $0, 2 * $0], from: source()) }
    }

    private func multiGate() -> MultiGateExperts {
        budgeted { width in
            var own = MultiGateExperts.Configuration()
            own.dimensions = 8
            own.experts = configuration.groups
            own.expertWidths = [2 * width, width]
            own.gateWidths = [16]
            own.towerWidths = [16]
            return MultiGateExperts(data.training.schema, own, from: source())
        }
    }

    private func progressive() -> ProgressiveExtraction {
        budgeted { width in
            var own = ProgressiveExtraction.Configuration()
            own.dimensions = 8
            own.ownExperts = configuration.groups / 2
            own.sharedExperts = configuration.groups / 2
            own.expertWidths = [width]
            own.towerWidths = [16]
            return ProgressiveExtraction(data.training.schema, own, from: source())
        }
    }

    /// A star has weights of its own for each cell, so it has many more parameters than the budget.
    private func star() -> StarTopology {
        var own = StarTopology.Configuration()
        own.dimensions = 8
        own.widths = [16]
        own.auxiliaryWidths = [32]
        // Many cells have a handful of rows.
        own.smallestBatch = 16
        return StarTopology(data.training.schema, own, from: source())
    }

    // MARK: - Training

    /// Passes over all rows that every model makes.
    private var passes: Double {
        Double(configuration.warmUpEpochs + configuration.rounds * configuration.epochsPerRound) / 2
            + Double(configuration.finalEpochs)
    }

    private func grouped(
        _ grouping: GeographicGroupsConfiguration.Grouping, groups: [Int]? = nil, _ choice: FittingChoice
    ) throws -> Trained {
        var configuration = configuration
        configuration.grouping = grouping
        if let shrinkage = choice.own?.value { configuration.shrinkage = shrinkage }
        let model = GroupNetwork(data.training.schema, configuration, from: source())
        if let groups { model.setGroups(groups) }
        model.train()
        let schedule = GroupSchedule(
            configuration, fittingRows: data.fitting.count, rows: data.training.count, rowsPerBatch: rowsPerBatch)
        let learner = try GroupLearner(model, data: data, schedule: schedule, seed: seed)
        try train(
            learner, try GroupRowSource(data, rowsPerBatch: rowsPerBatch, schedule: schedule, seed: seed),
            steps: schedule.steps, interval: schedule.stepsPerPass, choice)
        var trained = trained(model)
        trained.groups = model.groups
        return trained
    }

    private func train<L: Learner, Source: BatchSource>(
        _ learner: L, _ source: Source, steps: Int, interval: Int, _ choice: FittingChoice
    ) throws where Source.Batch == L.Batch {
        var limits = TrainingLimits(steps: steps)
        limits.evaluationInterval = interval
        limits.keepsBest = true
        limits.maximumGradientNorm = 5
        let loop = TrainingLoop(
            learner: learner, source: source,
            optimizer: AdamW(ParameterGroup.standard(learner.trainedParameters, weightDecay: choice.weightDecay)),
            schedule: LearningRateSchedule(
                peak: choice.learningRate, warmUpSteps: max(1, steps / 20), totalSteps: steps, finalShare: 0.05),
            limits: limits)
        loop.isInterrupted = isInterrupted
        if try loop.run().reason == .interrupted { throw CancellationError() }
    }

    /// Trains a baseline on all rows for as many passes as the method, and keeps the best of them.
    private func fitted<Network: FeatureModel>(
        _ model: Network, separatesDomains: Bool = false, passShare: Double = 1, _ choice: FittingChoice
    ) throws -> Trained {
        model.train()
        let plain = model.schema.domainCount == 1
        let measurement = try PredictionMeasurement(plain ? data.heldOut.withoutDomains() : data.heldOut)
        let learner = RecommendationLearner(model, watched: Self.watched) {
            var metrics = try measurement.metrics($0)
            metrics["loss"] = metrics["logLoss"]
            return metrics
        }
        let source = try FeatureRowSource(
            plain ? data.training.withoutDomains() : data.training, rowsPerBatch: rowsPerBatch,
            separatesDomains: separatesDomains, seed: seed)
        try train(
            learner, source, steps: max(1, Int(passes * passShare * Double(source.batchesPerPass))),
            interval: source.batchesPerPass, choice)
        learner.restoreBestBuffers()
        return trained(model)
    }

    private func trained<Network: FeatureModel>(_ model: Network) -> Trained {
        let plain = model.schema.domainCount == 1
        return Trained(parameterCount: model.parameterCount) { rows in
            try PredictionMeasurement(plain ? rows.withoutDomains() : rows).probabilities(model)
        }
    }

    /// Copies of a single model for each cell, tuned by plain gradient steps on the cell's rows.
    private func fineTuned(_ choice: FittingChoice, steps: Int = 15) throws -> Trained {
        let base = tower(plainSchema)
        _ = try fitted(base, passShare: 0.8, choice)
        let training = data.training.withoutDomains()
        let start = base.parameters.map { $0.tensor.detached().copy() }
        let own = rowsByCell(data.training)
        return Trained(parameterCount: base.parameterCount) { [self] rows in
            let plain = rows.withoutDomains()
            let wanted = rowsByCell(rows)
            var result = [Double](repeating: 0, count: rows.count)
            var generator = SeededGenerator(seed: seed).split("fine-tuning")
            for cell in wanted.indices where !wanted[cell].isEmpty {
                if isInterrupted() { throw CancellationError() }
                for (parameter, value) in zip(base.parameters, start) { parameter.tensor.assign(value) }
                if !own[cell].isEmpty {
                    let optimizer = AdamW(
                        ParameterGroup.standard(base.trainableParameters, weightDecay: choice.weightDecay))
                    // As many passes over the cell's rows as the others' last fifth, at least a few steps.
                    for _ in 0..<min(steps, 1 + own[cell].count / 20) {
                        let batch = training.batch(Array(generator.shuffled(own[cell]).prefix(rowsPerBatch)))
                        let loss = try base.loss(batch)
                        try (loss.sum * (1 / loss.weight)).backward()
                        optimizer.step(learningRate: choice.learningRate)
                        optimizer.clearGradients()
                    }
                }
                let found = base.probabilities(plain.batch(wanted[cell])).values(Double.self)
                for (row, value) in zip(wanted[cell], found) { result[row] = value }
            }
            return result
        }
    }

    private func rowsByCell(_ rows: FeatureRows) -> [[Int]] {
        var result = [[Int]](repeating: [], count: data.cellCount)
        for row in 0..<rows.count { result[rows.cell(row)].append(row) }
        return result
    }
}
