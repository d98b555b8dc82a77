public import Corpora
import Evaluation
public import Experiments
import Foundation
import Training

/// Geographic groups on public data: check-ins in New York as recommendations of nearby places.
///
/// What the study can show is whether groups found from choices tell areas apart better than one model, the cell as a
/// feature, or groups by coordinates. Its control is the same network with random groups: if they win as well, the gain is
/// the network's and not the groups'.
public struct GeographicGroupsCheckInStudy: Study {
    public let id = "geographic-groups-check-ins"
    public let paper = "Adaptive Framework of Geographical Group-Specific Network on O2O Recommendation"
    public let summary =
        "Foursquare check-ins in New York: which of five places around came next? Groups of cells found from the choices "
        + "are compared with one model, cell features, experts and other groups."
    public let world = World.public
    public let claims: [Claim] = [
        ("single", "one model for all cells", Model.single),
        ("cell-feature", "one with the cell as feature", .cell),
        ("coordinates", "groups of the same network by coordinates", .positions),
    ].map { name, text, baseline in
        Claim(
            id: "geographic-groups-check-ins-over-\(name)",
            statement: "Groups found from check-ins rank nearby places better inside cells than \(text).",
            metric: "gauc", direction: .higher, method: Model.method.rawValue, baseline: baseline.rawValue,
            control: Claim.Control(Model.random.rawValue, kind: .shuffled))
    }

    typealias Model = GeographicGroupsExperiment.Model
    private static let models: [Model] = [.single, .cell, .multiGate, .random, .positions, .method]

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
        return Budget(seeds: own.seeds, steps: Self.models.count * own.steps)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = GeographicGroupsScale(context.scale)
        let folder = try CheckInRequests.folder(in: directory)
        let stops = { (try? context.checkInterruption()) == nil }
        func experiment(_ scale: GeographicGroupsScale, seed: Int) throws -> GeographicGroupsExperiment {
            try CheckInRequests.experiment(
                folder: folder, scale: scale, configuration: configuration, seed: seed, isInterrupted: stops)
        }
        let models = Self.models.filter { context.needs($0.rawValue) || !context.isAblated }
        var search = StudySearch(watching: GeographicGroupsExperiment.watched)
        try experiment(scale.trial, seed: StudySearch.seed).search(
            models, into: &search
        ) {
            context.note($0, seed: context.seeds.first ?? 0)
        }
        let measured = try await context.measure { seed in
            let experiment = try experiment(scale, seed: seed)
            var values = SeedValues()
            for model in models {
                context.note(model.rawValue, seed: seed)
                let trained = try experiment.trained(model, search[model.rawValue])
                try experiment.measure(trained, model.rawValue, into: &values)
            }
            return values
        }
        return try context.result(
            measured,
            protocol: [
                "data": .text(
                    "Foursquare New York (foursquare-nyc): rows of a visited place and \(CheckInRequests.negatives) around, "
                        + "\(CheckInRequests.gridSide) × \(CheckInRequests.gridSide) cells; at most "
                        + "\(scale.requests + scale.heldOut) rows to train and choose the pass with"),
                "split": .text(
                    "by time: popularities from the first half, training from 50 to 80 %, test the rest; the seed draws "
                        + "questions and alternatives"),
                "metric": .text("area under the curve inside each cell, weighted by impressions"),
                "rowsPerBatch": .integer(scale.rowsPerBatch), "search": scale.searchField,
            ],
            tables: [
                GeographicGroupsStudy.table(
                    "New York check-ins", measured, models.map(\.rawValue),
                    ["gauc", "gauc-small", "gauc-large", "log-loss", "parameters"],
                    note: "Small cells have under \(GeographicGroupsExperiment.smallCell) training rows."),
                search.table,
            ])
    }
}
