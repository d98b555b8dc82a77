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

    public init(configuration: GeographicGroupsConfiguration = GeographicGroupsConfiguration()) {
        self.configuration = configuration
    }

    /// The steps of a seed; the search, once for all seeds, takes as many trials of a third of the passes for each model.
    public func budget(_ scale: Scale) -> Budget {
        let own = GeographicGroupsScale(scale)
        return Budget(seeds: own.seeds, steps: (Model.allCases.count + Model.inNullWorld.count) * own.steps)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = GeographicGroupsScale(context.scale)
        let stops = { (try? context.checkInterruption()) == nil }
        var search = StudySearch(watching: GeographicGroupsExperiment.watched)
        try GeographicGroupsExperiment.regions(
            groups: 6, scale: scale.trial, configuration: configuration,
            seed: StudySearch.seed,
            isInterrupted: stops
        ).search(context.isAblated ? Model.inNullWorld : Model.allCases, into: &search) {
            context.note($0, seed: context.seeds.first ?? 0)
        }
        let measured = try await context.measure { seed in
            var values = SeedValues()
            try measureRegions(scale, search, seed: seed, context, stops, &values)
            try measureNull(scale, search, seed: seed, context, stops, &values)
            return values
        }
        return try context.result(
            measured, protocol: protocolFields(scale),
            tables: [
                Self.areaTable(measured), Self.groupTable(measured), try Self.leadTable(measured), search.table,
            ])
    }

    private func measureRegions(
        _ scale: GeographicGroupsScale, _ search: StudySearch, seed: Int,
        _ context: StudyContext,
        _ stops: @escaping () -> Bool, _ values: inout SeedValues
    ) throws {
        let experiment = try GeographicGroupsExperiment.regions(
            groups: 6, scale: scale, configuration: configuration, seed: seed, isInterrupted: stops)
        experiment.measureGroups(experiment.randomGroups(), Model.random.rawValue, into: &values)
        experiment.measureGroups(experiment.positionGroups(), Model.positions.rawValue, into: &values)
        guard !context.isAblated else { return }
        for model in Model.allCases {
            context.note(model.rawValue, seed: seed)
            let trained = try experiment.trained(model, search[model.rawValue])
            try experiment.measure(trained, model.rawValue, into: &values)
        }
        Self.addGains(
            of: Model.method.rawValue, over: Model.fineTuned.rawValue, names: ("small cells", "large cells"), &values)
        Self.addLeads("", { $0.rawValue }, &values)
    }

    /// One true group: grouping can gain nothing, so what the method leads a model by here comes from its network. The
    /// control of a claim is that lead over the claim's own baseline.
    private func measureNull(
        _ scale: GeographicGroupsScale, _ search: StudySearch, seed: Int,
        _ context: StudyContext,
        _ stops: @escaping () -> Bool, _ values: inout SeedValues
    ) throws {
        let experiment = try GeographicGroupsExperiment.regions(
            groups: 1, scale: scale, configuration: configuration, seed: seed, isInterrupted: stops)
        for model in Model.inNullWorld {
            context.note(model.nullName, seed: seed)
            try experiment.measure(experiment.trained(model, search[model.rawValue]), model.nullName, into: &values)
        }
        Self.addGains(
            of: Model.method.nullName, over: Model.fineTuned.nullName,
            names: ("null, small cells", "null, large cells"),
            &values)
        Self.addLeads("null, ", { $0.nullName }, &values)
    }

    /// The leads over one model, of the groups that were found and nine tenths of that of the true ones, as variants of
    /// their own.
    private static func addLeads(_ prefix: String, _ name: (Model) -> String, _ values: inout SeedValues) {
        guard let single = values[name(.single), "gauc"], let found = values[name(.method), "gauc"],
            let truth = values[name(.oracle), "gauc"]
        else { return }
        values[prefix + foundLead, "lead"] = found - single
        values[prefix + trueLead, "lead"] = 0.9 * (truth - single)
    }

    private static let foundLead = "lead of found groups"
    private static let trueLead = "nine tenths of the lead of true groups"

    /// The gain in small and in large cells, as variants of their own.
    private static func addGains(
        of method: String, over baseline: String, names: (small: String, large: String), _ values: inout SeedValues
    ) {
        for (size, name) in [("small", names.small), ("large", names.large)] {
            guard let own = values[method, "gauc-\(size)"], let other = values[baseline, "gauc-\(size)"] else {
                continue
            }
            values[name, "gain"] = own - other
        }
    }

    private func protocolFields(_ scale: GeographicGroupsScale) -> [String: JSONValue] {
        [
            "data": .text(
                "region world, 200 cells, 6 hidden groups (null: 1); \(scale.requests) logged requests, 30 % uniform"),
            "split": .text(
                "\(scale.heldOut) requests held out (best pass), \(scale.test) of another stream for the test"),
            "metric": .text(
                "area under the curve inside each cell, weighted by impressions; small cells have under "
                    + "\(GeographicGroupsExperiment.smallCell) training rows, large ones 1,000 and more"),
            "rowsPerBatch": .integer(scale.rowsPerBatch),
            "search": scale.searchField,
        ]
    }
}

extension GeographicGroupsStudy {
    typealias Model = GeographicGroupsExperiment.Model

    private static let allClaims: [Claim] =
        [
            ("single", "one model for all cells", Model.single),
            ("cell-feature", "one with the cell as feature", .cell),
            ("fine-tuning", "fine-tuning by cell", .fineTuned),
            ("mmoe", "experts whose gate sees the cell", .multiGate),
            ("ple", "layered experts whose gates see the cell", .progressive),
            ("star", "a star of cells", .star),
            ("coordinates", "groups by coordinates", .positions),
            ("random", "random groups of the same network", .random),
        ].map { name, text, baseline in
            Claim(
                id: "geographic-groups-over-\(name)",
                statement: "Groups found from clicks rank better inside cells than \(text).", metric: "gauc",
                direction: .higher, method: Model.method.rawValue, baseline: baseline.rawValue,
                control: Claim.Control(Model.method.nullName, kind: .null, baseline: baseline.nullName))
        } + [
            Claim(
                id: "geographic-groups-recovery",
                statement: "The groups agree better with the true ones than groups by coordinates.", metric: "ari",
                direction: .higher, method: Model.method.rawValue, baseline: Model.positions.rawValue,
                control: Claim.Control(Model.random.rawValue, kind: .shuffled)),
            Claim(
                id: "geographic-groups-small-cells",
                statement: "Over fine-tuning by cell, small cells gain more than large ones.", metric: "gain",
                direction: .higher, method: "small cells", baseline: "large cells",
                control: Claim.Control("null, small cells", kind: .null, baseline: "null, large cells")),
            Claim(
                id: "geographic-groups-near-true-groups",
                statement:
                    "Over one model the groups found from clicks gain at least nine tenths of what the true ones do.",
                metric: "lead", direction: .higher, method: foundLead, baseline: trueLead,
                control: Claim.Control("null, " + foundLead, kind: .null, baseline: "null, " + trueLead)),
        ]

    private static func areaTable(_ measured: [SeedValues]) -> Table {
        table(
            "Area under the curve inside cells", measured,
            Model.allCases.map(\.rawValue) + Model.inNullWorld.map(\.nullName),
            ["gauc", "gauc-small", "gauc-large", "gauc-cells", "log-loss", "parameters"],
            note: "gauc-cells: every cell weighs the same. A star has weights of its own for every cell.")
    }

    private static func groupTable(_ measured: [SeedValues]) -> Table {
        let models: [Model] = [.method, .policy, .statistics, .positions, .random]
        return table(
            "Agreement with the true groups", measured, models.map(\.rawValue), ["ari", "ari-known", "nmi"],
            note:
                "Adjusted Rand index over all cells and over those with 100 training rows; normalised mutual information."
        )
    }

    /// How much of each lead is left where there are no groups.
    private static func leadTable(_ measured: [SeedValues]) throws -> Table {
        var table = Table(
            "Lead of the method",
            columns: ["over", "six groups", "one group", "smallest detectable with one group"],
            note:
                "Grouped area; what is left with one group comes from the networks and not from groups. In the last row both "
                + "have the method's own network.")
        for model in Model.inNullWorld where model != .method {
            func values(_ name: String) -> [Double] { measured.compactMap { $0[name, "gauc"] } }
            let (null, nullOther) = (values(Model.method.nullName), values(model.nullName))
            guard null.count == nullOther.count, !null.isEmpty else { continue }
            let (own, other) = (values(Model.method.rawValue), values(model.rawValue))
            table.append([
                .text(model == .oracle ? "\(model.rawValue) / one group" : model.rawValue),
                own.isEmpty ? .empty : .interval(try .pairedDifference(own, other)),
                .interval(try .pairedDifference(null, nullOther)),
                .number(PairedTest.minimumDetectableEffect(differences: zip(null, nullOther).map { $0 - $1 })),
            ])
        }
        return table
    }

    /// Means over the seeds.
    static func table(
        _ title: String, _ measured: [SeedValues], _ variants: [String], _ metrics: [String], note: String
    ) -> Table {
        var table = Table(title, columns: ["model"] + metrics, note: note)
        for name in variants {
            table.append(
                [.text(name)]
                    + metrics.map { metric in
                        let values = measured.compactMap { $0[name, metric] }
                        return values.isEmpty ? .empty : .number(Summary(values).mean)
                    })
        }
        return table
    }
}
