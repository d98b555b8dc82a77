import Corpora
import Evaluation
import Experiments
public import Foundation
import Layers
import Tensors
public import Training

/// Settings of `geographic-groups`.
public struct GeographicGroupsRecipe: Recipe, Equatable {
    public var data = CellDataRecipe()
    public var model = GeographicGroupsConfiguration()
    public var learningRate = 2e-3
    public var weightDecay = 0.05
    public var rowsPerBatch = 256
    public var seed = 0

    public init() {}

    public static let fields =
        [
            RecipeField("learningRate", "The highest step size; it falls along a cosine.", range: .above(0)),
            RecipeField("weightDecay", "Of matrices.", range: .atLeast(0)),
            RecipeField("rowsPerBatch", "Rows of a step.", range: .between(2, 1_000_000_000)),
            RecipeField("seed", "Of the starting weights, the order, the split and the simulator.", range: .atLeast(0)),
        ] + CellDataRecipe.fields.nested(in: "data") + GeographicGroupsConfiguration.fields.nested(in: "model")

    public func problems() -> [RecipeProblem] {
        var problems = model.problems(at: "model")
        if model.grouping == .fixed {
            problems.append(
                RecipeProblem(
                    "model.grouping", found: "fixed", allowed: "expectationMaximization or policyGradient here"))
        }
        return problems
    }
}

/// Learns one network for groups of cells, and the groups.
public enum GeographicGroups: Method {
    public static let name = "geographic-groups"
    public static let summary = "Learns a common and group-specific networks for areas, and which areas form a group."
    public static let studies = ["geographic-groups", "geographic-groups-check-ins"]

    @TensorActor
    public static func train(_ settings: GeographicGroupsRecipe, in session: TrainingSession) throws -> TrainedArtefact
    {
        let source = try CellSource.load(settings.data, seed: UInt64(settings.seed))
        let data = source.data
        session.say("data: \(source.origin), \(data.training.count) rows in \(data.cellCount) cells")
        let model = GroupNetwork(
            data.training.schema, settings.model, from: RandomSource(seed: UInt64(settings.seed)))
        model.train()
        let schedule = GroupSchedule(
            settings.model, fittingRows: data.fitting.count, rows: data.training.count,
            rowsPerBatch: settings.rowsPerBatch)
        let learner = try GroupLearner(model, data: data, schedule: schedule, seed: UInt64(settings.seed))
        var limits = TrainingLimits(steps: schedule.steps)
        limits.evaluationInterval = schedule.stepsPerPass
        limits.keepsBest = true
        limits.maximumGradientNorm = 5
        let job = TrainingSession.Job(
            learner: learner,
            source: try GroupRowSource(
                data, rowsPerBatch: settings.rowsPerBatch, schedule: schedule, seed: UInt64(settings.seed)),
            optimizer: AdamW(
                ParameterGroup.standard(learner.trainedParameters, weightDecay: settings.weightDecay)),
            schedule: LearningRateSchedule(
                peak: settings.learningRate, warmUpSteps: max(1, schedule.steps / 20), totalSteps: schedule.steps,
                finalShare: 0.05),
            limits: limits)
        return try session.run(Self.self, settings, base: nil, precision: "f32", job: job) { folder in
            try GroupFile(model, source).write(model, to: folder)
        }
    }

    /// The area under the curve inside cells and pooled, and the log loss, of held-out rows.
    ///
    /// Cells, words and scales are those of the file that the model was trained on, so another file, or another choice of
    /// held-out rows, is refused.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: GeographicGroupsRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        try requireSameSplit(artefact, settings) {
            ["seed \($0.seed)", "heldOutShare \($0.data.heldOutShare)"]
        }
        let source = try CellSource.load(settings.data, seed: UInt64(settings.seed))
        let (model, stored) = try GroupFile.load(artefact)
        guard stored.cells == source.cells, model.schema == source.data.heldOut.schema,
            stored.encoding ?? source.encoding == source.encoding
        else {
            throw CellDataError.otherData(
                file: source.origin, cells: source.cells.count, expected: stored.cells.count)
        }
        let rows = source.data.heldOut
        let groups = rows.domains.isEmpty ? [Int32](repeating: 0, count: rows.count) : rows.domains
        let metrics = try PredictionMeasurement(rows, groups: groups).metrics(model)
        return MethodEvaluation(
            description: "\(source.origin): held-out rows, GAUC by cell weighted by rows", metrics: metrics,
            count: rows.count)
    }
}

/// `model.json` of a trained group network; parameters and groups stand in `model.safetensors` beside it.
struct GroupFile: Codable {
    let configuration: GeographicGroupsConfiguration
    let schema: FeatureSchema
    /// The names of the cells in the order of the domains.
    let cells: [String]
    /// The group of each cell by name; none for cells left to the common head.
    let groups: [String: Int]
    /// Nil in files from before it was kept.
    let encoding: CellEncoding?

    private static let name = "model.json"
    private static let weights = "model.safetensors"

    init(_ model: GroupNetwork, _ source: CellSource) {
        configuration = model.configuration
        schema = model.schema
        (cells, encoding) = (source.cells, source.encoding)
        groups = Dictionary(
            zip(cells, model.groups).filter { $0.1 >= 0 }, uniquingKeysWith: { first, _ in first })
    }

    func write(_ model: GroupNetwork, to folder: URL) throws {
        try StableJSON.write(self, to: folder.appending(path: Self.name))
        try TensorArchive.write(
            (model.parameters + model.buffers).map { ($0.name, $0.tensor) },
            to: folder.appending(path: Self.weights).path)
    }

    /// - Throws: ``CellDataError/damagedModel(file:reason:)``, `WeightFileError`.
    static func load(_ folder: URL) throws -> (model: GroupNetwork, file: GroupFile) {
        let file = folder.appending(path: name)
        let stored: GroupFile
        do {
            stored = try StableJSON.value(GroupFile.self, from: Data(contentsOf: file))
        } catch {
            throw CellDataError.damagedModel(file: file.path, reason: "cannot be read as a group network: \(error)")
        }
        guard stored.isSound else {
            throw CellDataError.damagedModel(file: file.path, reason: "its sizes contradict each other")
        }
        let model = GroupNetwork(stored.schema, stored.configuration, from: RandomSource(seed: 0))
        let weightFile = folder.appending(path: weights).path
        let tensors = try TensorArchive.read(weightFile)
        for parameter in model.parameters + model.buffers {
            guard let values = tensors[parameter.name], values.shape == parameter.tensor.shape else {
                throw CellDataError.damagedModel(
                    file: weightFile,
                    reason: "\(parameter.name) needs the shape \(parameter.tensor.shape), found "
                        + (tensors[parameter.name].map { "\($0.shape)" } ?? "nothing"))
            }
            parameter.tensor.assign(values)
        }
        return (model, stored)
    }

    /// Whether a file from elsewhere can be built without a trap.
    private var isSound: Bool {
        let sizes =
            [configuration.groups, configuration.dimensions, schema.domainCount, schema.fieldCount]
            + schema.categories.map(\.count) + configuration.commonWidths + configuration.groupWidths
        return sizes.allSatisfy { (1...10_000_000).contains($0) } && configuration.groupWidths.count == 2
            && !configuration.commonWidths.isEmpty && schema.sequences.isEmpty && schema.bags.isEmpty
            && schema.tasks.count == 1
            && cells.count == schema.domainCount
    }
}
