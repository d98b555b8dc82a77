public import Corpora
import Evaluation
public import Experiments
import Training

/// Do towers for groups of cells, found from what the users of the cells click, beat one model and the usual ways of telling
/// regions apart (GeoGrouse, ECIR)?
public struct GeographicGroupsStudy: Study {
    public let id = "geographic-groups"
    public let paper = "Adaptive Framework of Geographical Group-Specific Network on O2O Recommendation"
    public let summary =
        "Clicks near home in 200 cells of six hidden groups: groups found by expectation maximisation are compared with one "
        + "model, cell features, experts, stars, fine-tuning and other groups."
    public let world = World.synthetic
    public let claims = GeographicGroupsStudy.allClaims

    private let configuration: GeographicGroupsConfiguration
    private let directory: DataDirectory

    public init(
        configuration: GeographicGroupsConfiguration = GeographicGroupsConfiguration(),
        data directory: DataDirectory = DataDirectory()
    ) {
        self.configuration = configuration
        self.directory = directory
    }

    public func budget(_ scale: Scale) -> Budget {
        let own = GeographicGroupsScale(scale)
        let settings = own.adjusted(configuration)
        let passes =
            Double(settings.warmUpEpochs + settings.rounds * settings.epochsPerRound) / 2 + Double(settings.finalEpochs)
        let models = Double(Variant.trained.count)
        return Budget(seeds: own.seeds, steps: Int(models * passes * Double(own.requests) / Double(own.rowsPerBatch)))
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = GeographicGroupsScale(context.scale)
        let places = context.scale == .smoke ? nil : CheckInRequests.folder(in: directory)
        let measured = try await context.measure { seed in
            var values = SeedValues()
            let stops = { (try? context.checkInterruption()) == nil }
            try measureRegions(scale, seed: seed, context, stops, &values)
            try measureNull(scale, seed: seed, context, stops, &values)
            if let places, !context.isAblated {
                let experiment = try CheckInRequests.experiment(
                    folder: places, scale: scale, configuration: configuration, seed: seed, isInterrupted: stops)
                try measureCheckIns(experiment, seed: seed, context, &values)
            }
            return values
        }
        return try context.result(
            measured, protocol: protocolFields(scale, hasPlaces: places != nil),
            tables: [Self.areaTable(measured), Self.groupTable(measured), Self.placeTable(measured)])
    }

    private func measureRegions(
        _ scale: GeographicGroupsScale, seed: Int, _ context: StudyContext, _ stops: @escaping () -> Bool,
        _ values: inout SeedValues
    ) throws {
        let experiment = try GeographicGroupsExperiment.regions(
            groups: 6, scale: scale, configuration: configuration, seed: seed, isInterrupted: stops)
        let (random, positions) = (experiment.randomGroups(), experiment.positionGroups())
        experiment.measureGroups(random, Variant.random, into: &values)
        experiment.measureGroups(positions, Variant.positions, into: &values)
        guard !context.isAblated else { return }
        func measureFixed(_ groups: [Int], _ name: String) throws {
            context.note(name, seed: seed)
            try experiment.measure(experiment.grouped(.fixed, groups: groups), name, into: &values)
            experiment.measureGroups(groups, name, into: &values)
        }
        func measureFound(_ grouping: GeographicGroupsConfiguration.Grouping, _ name: String) throws {
            context.note(name, seed: seed)
            let model = try experiment.grouped(grouping)
            try experiment.measure(model, name, into: &values)
            experiment.measureGroups(model.groups, name, into: &values)
        }
        try measureFound(.expectationMaximization, Variant.method)
        try measureFound(.policyGradient, Variant.policy)
        try measureFixed(experiment.truth, Variant.oracle)
        try measureFixed(random, Variant.random)
        try measureFixed(positions, Variant.positions)
        try measureFixed(experiment.statisticsGroups(), Variant.statistics)
        context.note(Variant.single, seed: seed)
        try experiment.measure(experiment.single(), Variant.single, into: &values)
        context.note(Variant.cell, seed: seed)
        try experiment.measure(experiment.withCell(), Variant.cell, into: &values)
        context.note(Variant.fineTuned, seed: seed)
        try experiment.measure(experiment.fineTuned(), Variant.fineTuned, into: &values)
        context.note(Variant.multiGate, seed: seed)
        try experiment.measure(experiment.multiGate(), Variant.multiGate, into: &values)
        context.note(Variant.progressive, seed: seed)
        try experiment.measure(experiment.progressive(), Variant.progressive, into: &values)
        context.note(Variant.star, seed: seed)
        try experiment.measure(experiment.star(), Variant.star, into: &values)
        Self.addGains(&values)
    }

    /// One true group: grouping can gain nothing.
    private func measureNull(
        _ scale: GeographicGroupsScale, seed: Int, _ context: StudyContext, _ stops: @escaping () -> Bool,
        _ values: inout SeedValues
    ) throws {
        let experiment = try GeographicGroupsExperiment.regions(
            groups: 1, scale: scale, configuration: configuration, seed: seed, isInterrupted: stops)
        context.note(Variant.null, seed: seed)
        try experiment.measure(experiment.grouped(.expectationMaximization), Variant.null, into: &values)
        try experiment.measure(
            experiment.grouped(.fixed, groups: experiment.truth), Variant.nullOneGroup, into: &values)
        context.note(Variant.nullSingle, seed: seed)
        try experiment.measure(experiment.single(), Variant.nullSingle, into: &values)
        try experiment.measure(experiment.withCell(), Variant.nullCell, into: &values)
        for size in ["small", "large"] {
            guard let own = values[Variant.null, "gauc-\(size)"], let other = values[Variant.nullSingle, "gauc-\(size)"]
            else { continue }
            values["null, \(size) cells", "gain"] = own - other
        }
    }

    private func measureCheckIns(
        _ experiment: GeographicGroupsExperiment, seed: Int, _ context: StudyContext, _ values: inout SeedValues
    ) throws {
        context.note("New York check-ins", seed: seed)
        try experiment.measure(experiment.single(), "nyc \(Variant.single)", into: &values)
        try experiment.measure(experiment.withCell(), "nyc \(Variant.cell)", into: &values)
        try experiment.measure(experiment.multiGate(), "nyc \(Variant.multiGate)", into: &values)
        try experiment.measure(
            experiment.grouped(.fixed, groups: experiment.randomGroups()), "nyc \(Variant.random)", into: &values)
        try experiment.measure(
            experiment.grouped(.fixed, groups: experiment.positionGroups()), "nyc \(Variant.positions)", into: &values)
        try experiment.measure(
            experiment.grouped(.expectationMaximization), "nyc \(Variant.method)", into: &values)
    }

    /// The gain over the single model in small and in large cells, as variants of their own.
    private static func addGains(_ values: inout SeedValues) {
        for size in ["small", "large"] {
            guard let own = values[Variant.method, "gauc-\(size)"],
                let other = values[Variant.fineTuned, "gauc-\(size)"]
            else { continue }
            values["\(size) cells", "gain"] = own - other
        }
    }

    private func protocolFields(_ scale: GeographicGroupsScale, hasPlaces: Bool) -> [String: JSONValue] {
        [
            "data": .text(
                "region world, 200 cells, 6 hidden groups (null: 1); \(scale.requests) logged requests, 30 % uniform"),
            "split": .text(
                "\(scale.heldOut) requests held out (best pass), \(scale.test) of another stream for the test"),
            "metric": .text(
                "area under the curve inside each cell, weighted by impressions; small cells have under "
                    + "\(GeographicGroupsExperiment.smallCell) training rows, large ones 1,000 and more"),
            "rowsPerBatch": .integer(scale.rowsPerBatch),
            "checkIns": .text(hasPlaces ? "Foursquare New York, public" : "not present"),
        ]
    }
}

extension GeographicGroupsStudy {
    enum Variant {
        static let method = "geographic-groups"
        static let policy = "geographic-groups, policy gradient"
        static let single = "single"
        static let cell = "cell feature"
        static let fineTuned = "fine-tuned by cell"
        static let multiGate = "MMoE with cells"
        static let progressive = "PLE with cells"
        static let star = "STAR by cell"
        static let positions = "k-means on coordinates"
        static let statistics = "k-means on statistics"
        static let random = "random groups"
        static let oracle = "true groups"
        static let null = "null-geographic-groups"
        static let nullOneGroup = "null-one-group"
        static let nullSingle = "null-single"
        static let nullCell = "null-cell feature"

        static let trained = [
            method, policy, single, cell, fineTuned, multiGate, progressive, star, positions, statistics, random,
            oracle,
            null, nullOneGroup, nullSingle, nullCell,
        ]
    }

    private static let allClaims: [Claim] =
        [
            ("single", "one model for all cells", Variant.single),
            ("cell-feature", "one with the cell as feature", Variant.cell),
            ("fine-tuning", "fine-tuning by cell", Variant.fineTuned),
            ("mmoe", "experts whose gate sees the cell", Variant.multiGate),
            ("ple", "layered experts whose gates see the cell", Variant.progressive),
            ("star", "a star of cells", Variant.star), ("coordinates", "groups by coordinates", Variant.positions),
        ].map { name, text, baseline in
            Claim(
                id: "geographic-groups-over-\(name)",
                statement: "Groups found from clicks rank better inside cells than \(text).", metric: "gauc",
                direction: .higher, method: Variant.method, baseline: baseline,
                control: Claim.Control(Variant.null, kind: .null, baseline: Variant.nullSingle))
        } + [
            Claim(
                id: "geographic-groups-over-random",
                statement: "Groups found from clicks rank better than random groups of the same network.",
                metric: "gauc",
                direction: .higher, method: Variant.method, baseline: Variant.random,
                control: Claim.Control(Variant.null, kind: .null, baseline: Variant.nullOneGroup)),
            Claim(
                id: "geographic-groups-recovery",
                statement: "The groups agree better with the true ones than groups by coordinates.", metric: "ari",
                direction: .higher, method: Variant.method, baseline: Variant.positions,
                control: Claim.Control(Variant.random, kind: .shuffled)),
            Claim(
                id: "geographic-groups-small-cells",
                statement: "Over fine-tuning by cell, small cells gain more than large ones.", metric: "gain",
                direction: .higher, method: "small cells", baseline: "large cells",
                control: Claim.Control("null, small cells", kind: .null, baseline: "null, large cells")),
        ]

    private static func areaTable(_ measured: [SeedValues]) -> Table {
        let metrics = ["gauc", "gauc-small", "gauc-large", "gauc-cells", "log-loss", "parameters"]
        var table = Table(
            "Area under the curve inside cells", columns: ["model"] + metrics,
            note: "gauc-cells: every cell weighs the same. A star has weights of its own for every cell.")
        for name in Variant.trained { table.append([.text(name)] + metrics.map { cell(measured, name, $0) }) }
        return table
    }

    private static func groupTable(_ measured: [SeedValues]) -> Table {
        let metrics = ["ari", "ari-known", "nmi"]
        var table = Table(
            "Agreement with the true groups", columns: ["groups"] + metrics,
            note:
                "Adjusted Rand index over all cells and over those with 100 training rows; normalised mutual information."
        )
        for name in [Variant.method, Variant.policy, Variant.statistics, Variant.positions, Variant.random] {
            table.append([.text(name)] + metrics.map { cell(measured, name, $0) })
        }
        return table
    }

    private static func placeTable(_ measured: [SeedValues]) -> Table {
        let metrics = ["gauc", "gauc-small", "gauc-large", "log-loss"]
        var table = Table(
            "New York check-ins (public)", columns: ["model"] + metrics,
            note: "A check-in against four places near it; no claim rests on it. Empty where the set is not present.")
        for name in [
            Variant.single, Variant.cell, Variant.multiGate, Variant.random, Variant.positions, Variant.method,
        ] {
            table.append([.text(name)] + metrics.map { cell(measured, "nyc \(name)", $0) })
        }
        return table
    }

    private static func cell(_ measured: [SeedValues], _ variant: String, _ metric: String) -> Table.Cell {
        let values = measured.compactMap { $0[variant, metric] }
        return values.isEmpty ? .empty : .number(Summary(values).mean)
    }
}
