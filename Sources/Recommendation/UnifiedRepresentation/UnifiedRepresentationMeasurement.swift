import Evaluation
import Experiments
import Tensors
import Training
import Worlds

/// What one scale of the study uses.
struct UnifiedRepresentationScale: Sendable {
    let seeds: Int
    let world: ItemTypeConfiguration
    let trainPairs: Int
    let validationPairsPerType: Int
    let testPairsPerType: Int
    let configuration: UnifiedRepresentationConfiguration
    /// Shares of the sparse type's training pairs, in per cent.
    let shares: [Int]

    init(_ scale: Scale) {
        var world = ItemTypeConfiguration()
        var configuration = UnifiedRepresentationConfiguration.small
        switch scale {
        case .smoke:
            world.userCount = 100
            world.itemCounts = [60, 40, 30]
            (seeds, trainPairs, shares) = (2, 1_200, [100, 10])
            (validationPairsPerType, testPairsPerType) = (100, 200)
            configuration.epochs = 2
        case .quick:
            world.userCount = 800
            world.itemCounts = [400, 240, 120]
            (seeds, trainPairs, shares) = (5, 56_000, [100, 30, 10])
            (validationPairsPerType, testPairsPerType) = (4_000, 6_000)
            configuration.epochs = 8
        case .full:
            (seeds, trainPairs, shares) = (10, 140_000, [100, 30, 10])
            (validationPairsPerType, testPairsPerType) = (10_000, 12_000)
            configuration.epochs = 60
        }
        // The rate falls over all passes: none is left out.
        configuration.patience = configuration.epochs
        self.world = world
        self.configuration = configuration
    }

    func data(_ world: ItemTypeWorld) -> HeterogeneousData {
        HeterogeneousData(
            world, trainPairs: trainPairs, testPairsPerType: testPairsPerType,
            validationPairsPerType: validationPairsPerType)
    }

    /// Optimiser steps of one seed: of each variant at each share, and of the controls.
    var mostSteps: Int {
        let stepsPerEpoch = (trainPairs * 10 / 14 + configuration.batchSize - 1) / configuration.batchSize
        let trainings =
            shares.reduce(0) { $0 + UnifiedRepresentationStudy.Variant.measured(share: $1, isAblated: false).count }
            + UnifiedRepresentationStudy.Variant.rivals.count + 7
        return trainings * stepsPerEpoch * configuration.epochs
    }

    var protocolFields: [String: JSONValue] {
        [
            "trainingPairs": .integer(trainPairs), "validationPairsPerType": .integer(validationPairsPerType),
            "testPairsPerType": .integer(testPairsPerType), "users": .integer(world.userCount),
            "items": .array(world.itemCounts.map { .integer($0) }), "epochs": .integer(configuration.epochs),
            "search": .text(
                "each model: 8 trials of all passes on pairs of another seed, by the sparse type's validation "
                    + "area; all shares, ablations and controls go by it"),
            "split": "independent streams of pairs; the best pass by the sparse type's validation area, values on test",
        ]
    }
}

/// Everything that one seed measures.
struct UnifiedRepresentationMeasurement {
    typealias Variant = UnifiedRepresentationStudy.Variant

    private let scale: UnifiedRepresentationScale
    private let search: StudySearch
    private let seed: UInt64
    private let note: (String) throws -> Void
    private let world: ItemTypeWorld
    private let data: HeterogeneousData
    private let nullData: HeterogeneousData
    /// Of the rich type, and so of every model.
    private let stepsPerPass: Int
    /// The area on the sparse type's validation pairs at the last share.
    private var validation: [String: Double] = [:]
    private var values = SeedValues()

    init(
        _ scale: UnifiedRepresentationScale, _ search: StudySearch, seed: Int,
        note: @escaping (String) throws -> Void
    ) throws {
        self.scale = scale
        self.search = search
        self.seed = UInt64(seed)
        self.note = note
        world = try ItemTypeWorld(scale.world, seed: self.seed)
        var null = scale.world
        null.independentTypes = true
        data = scale.data(world)
        stepsPerPass = try PairSource(data.train, batchSize: scale.configuration.batchSize, seed: 0).stepsPerEpoch
        nullData = scale.data(try ItemTypeWorld(null, seed: self.seed))
    }

    mutating func run(isAblated: Bool) throws -> SeedValues {
        for share in scale.shares {
            let thin = data.thinned(type: data.sparseType, share: Double(share) / 100)
            let variants = Variant.measured(share: share, isAblated: isAblated)
            for variant in variants { try measure(variant, on: thin, share: share, name: variant.rawValue) }
            if share == 100, !isAblated { chooseStrongest { $0.rawValue } }
            if share == 10 {
                for variant in [Variant.shuffledTypes, .shuffledTopology] {
                    try measure(variant, on: thin, share: share, name: variant.rawValue)
                }
            }
            if share == 100, !isAblated {
                try measure(.releasedInputs, on: thin, share: share, name: Variant.releasedInputs.rawValue)
            }
        }
        for share in [100, 10] {
            let thin = nullData.thinned(type: nullData.sparseType, share: Double(share) / 100)
            let variants = [Variant.unified, .perType] + (share == 100 ? Variant.rivals : [])
            for variant in variants { try measure(variant, on: thin, share: share, name: variant.inNullWorld) }
            if share == 100 { chooseStrongest { $0.inNullWorld } }
        }
        if !isAblated { derive { $0.rawValue } }
        derive { $0.inNullWorld }
        measureOracle()
        return values
    }

    private mutating func measure(
        _ variant: Variant, on data: HeterogeneousData, share: Int, name: String
    ) throws {
        try note("\(name), \(share) % of the sparse type")
        let sparse = data.sparseType
        let own = variant == .perType ? data.only(type: sparse) : data
        let place = variant == .perType ? 0 : sparse
        let configuration = scale.configuration.with(search[variant.searched.rawValue])
        let model = variant.scorer(own, configuration, seed: seed)
        let course = try model.fit(
            own, configuration, stepsPerPass: stepsPerPass, watching: place, seed: seed)
        let areas = try model.areas(own.test)
        values[name, UnifiedRepresentationStudy.area(sparseAt: share)] = areas[place]
        validation[name] = course.max() ?? 0
        if share == 100, !course.isEmpty {
            for quarter in 1...4 {
                values[name, "validation-\(quarter)"] = course[max(0, course.count * quarter / 4 - 1)]
            }
        }
        if variant != .perType, share == 100 {
            values[name, "auc-rich-100"] = areas[0]
            values[name, "auc-middle-100"] = areas.count > 2 ? areas[1] : areas[0]
        }
        if share == 100, let unified = model as? UnifiedRepresentation, variant != .perType {
            values[name, "alignment-gap"] = unified.alignmentGap(data)
            values[name, "neighbour-overlap"] = unified.neighbourOverlap(data, type: sparse, count: 10)
        }
    }

    /// The rival that did best on the sparse type's validation pairs.
    private mutating func chooseStrongest(_ name: (Variant) -> String) {
        let metric = UnifiedRepresentationStudy.area(sparseAt: 100)
        let strongest = Variant.rivals.max { validation[name($0)] ?? 0 < validation[name($1)] ?? 0 }
        if let strongest { values[name(.strongest), metric] = values[name(strongest), metric] }
    }

    /// The lifts over the model of one type alone.
    private mutating func derive(_ name: (Variant) -> String) {
        for (variant, share) in [(Variant.liftAtTenth, 10), (.liftAtWhole, 100)] {
            let metric = UnifiedRepresentationStudy.area(sparseAt: share)
            if let unified = values[name(.unified), metric], let alone = values[name(.perType), metric] {
                values[name(variant), "lift"] = unified - alone
            }
        }
    }

    /// What the world's own probabilities reach.
    private mutating func measureOracle() {
        for (metric, type) in [("auc-sparse-100", data.sparseType), ("auc-rich-100", 0)] {
            let pairs = data.test[type]
            let truth = zip(pairs.users, pairs.items).map {
                Double(world.likeProbability(user: Int($0), type: type, item: Int($1)))
            }
            let area = try? Discrimination.areaUnderCurve(scores: truth, positive: pairs.labels.map { $0 > 0 })
            values[Variant.oracle.rawValue, metric] = area ?? nil
        }
    }
}

extension UnifiedRepresentationStudy.Variant {
    func scorer(
        _ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, seed: UInt64
    ) -> any PairScorer {
        var own = configuration
        switch self {
        case .noAlignment, .perType: own.alignmentWeight = 0
        case .noTopology: own.topologyWeight = 0
        case .noShaping: (own.alignmentWeight, own.topologyWeight) = (0, 0)
        case .releasedInputs: own.inputs = .released
        default: break
        }
        switch self {
        case .factors: return FactorScorer(data, dimensions: configuration.unifiedDimensions, seed: seed)
        case .sharedFields: return SharedFieldScorer(data, dimensions: 16, seed: seed)
        case .contentBoosted: return ContentBoostedScorer(data, configuration, seed: seed)
        case .dualTransfer: return DualTransferScorer(data, configuration, seed: seed)
        case .shuffledTypes: return UnifiedRepresentation(data, own, seed: seed, shaping: .shuffledTypes)
        case .shuffledTopology: return UnifiedRepresentation(data, own, seed: seed, shaping: .shuffledTopology)
        default: return UnifiedRepresentation(data, own, seed: seed)
        }
    }
}

extension UnifiedRepresentation {
    /// The root of the distributional variance between the types' whole catalogues, relative to what a random split of
    /// the same items would leave: 1 is as aligned as can be told.
    func alignmentGap(_ data: HeterogeneousData) -> Double {
        withoutGradients {
            let groups = data.types.enumerated().map { unified(type: $0, items: .range(0..<$1.count)) }
            let all = Tensor.concatenated(groups)
            let order = Tensor.permutation(all.size(0), from: RandomSource(seed: 1))
            let dealt = all.selected(order, along: 0).split(sizes: groups.map { $0.size(0) }, along: 0)
            func variance(_ groups: [Tensor]) -> Double {
                UnifiedRepresentationObjective.distributionalVariance(groups, bandwidth: .adaptive).item
            }
            return (max(0, variance(groups)) / max(1e-12, variance(dealt))).squareRoot()
        }
    }

    /// The mean share of an item's nearest neighbours by raw features that are also its nearest in the unified space,
    /// both by inner product.
    func neighbourOverlap(_ data: HeterogeneousData, type: Int, count: Int) -> Double {
        withoutGradients {
            let items = Tensor.range(0..<data.types[type].count)
            let raw = maps[type].raw(items)
            func nearest(_ x: Tensor) -> [[Int]] {
                let own = Tensor.identity(x.size(0)) * 1e9
                let top = (x.matmul(x.transposed()) - own).top(min(count, x.size(0) - 1)).indices
                let width = top.size(1)
                let flat = top.integers
                return stride(from: 0, to: flat.count, by: width).map { Array(flat[$0..<($0 + width)]) }
            }
            let shares = zip(nearest(raw), nearest(unified(type: type, items: items))).map {
                Double(Set($0).intersection($1).count) / Double($0.count)
            }
            return shares.reduce(0, +) / Double(max(1, shares.count))
        }
    }
}
