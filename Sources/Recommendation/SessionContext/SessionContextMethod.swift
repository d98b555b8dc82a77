import Evaluation
import Experiments
public import Foundation
import Layers
import Tensors
public import Training

/// Settings of `session-context`.
public struct SessionContextRecipe: Recipe, Equatable {
    public var data = SessionDataRecipe()
    public var model = SessionContextConfiguration()
    public var training = SessionTrainingRecipe()
    public var seed = 0

    public init() {}

    public static let fields =
        [
            RecipeField(
                "seed", "Of the starting weights, the order, the held-out users and the simulator.", range: .atLeast(0))
        ]
        + SessionDataRecipe.fields.nested(in: "data") + SessionContextConfiguration.fields.nested(in: "model")
        + SessionTrainingRecipe.fields.nested(in: "training")

    public func problems() -> [RecipeProblem] {
        let hasColumns = data.categoryColumn != nil || !data.featureColumns.isEmpty
        guard hasColumns != (data.itemFile != nil) else { return [] }
        return hasColumns
            ? [RecipeProblem("data.itemFile", found: "none", allowed: "the file that has the named columns of items")]
            : [
                RecipeProblem(
                    "data.itemFile", found: "a file of which no column is named",
                    allowed: "with data.categoryColumn or data.featureColumns")
            ]
    }
}

/// Learns clicks and browsing from the sessions of a feed.
public enum SessionContext: Method {
    public static let name = "session-context"
    public static let summary =
        "Learns from feed sessions what is clicked and when users stop, given the session so far."
    public static let studies = ["session-context"]

    @TensorActor
    public static func train(_ settings: SessionContextRecipe, in session: TrainingSession) throws -> TrainedArtefact {
        let data = try SessionData.load(settings.data, seed: UInt64(settings.seed))
        session.say(
            "data: \(data.origin), \(data.training.sessionCount) sessions, \(data.training.rowCount) exposed items")
        let model = SessionContextModel(
            settings.model, catalogue: data.catalogue, profileCount: data.profileCount,
            from: RandomSource(seed: UInt64(settings.seed)))
        model.train()
        let learner = SessionContextLearner(model, training: data.training, heldOut: data.heldOut)
        let job = try settings.training.job(
            learner, sessionCount: data.training.sessionCount, seed: UInt64(settings.seed))
        return try session.run(Self.self, settings, base: nil, precision: "f32", job: job) { folder in
            try SessionContextFile(model, items: data.items).write(model, to: folder)
        }
    }

    /// Area under the curve, calibration and log loss of clicks and browsing on the sessions of held-out users.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: SessionContextRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        try requireSameSplit(artefact, settings) {
            ["seed \($0.seed)", "heldOutShare \($0.data.heldOutShare)"]
        }
        let (model, items) = try SessionContextFile.load(artefact)
        let data = try SessionData.load(settings.data, seed: UInt64(settings.seed))
        guard items == data.items else {
            throw SessionDataError.otherItems(file: data.origin, found: data.items.count, expected: items.count)
        }
        let found = model.predictions(data.heldOut)
        var metrics: [String: Double] = [:]
        func measure(_ name: String, _ probabilities: [Double], _ labels: [Bool]) throws {
            guard !labels.isEmpty else { return }
            metrics["\(name)AUC"] = try Discrimination.areaUnderCurve(scores: probabilities, positive: labels)
            metrics["\(name)LogLoss"] = try Likelihood.logLoss(probabilities: probabilities, outcomes: labels)
            metrics["\(name)CalibrationError"] = try Calibration.expectedError(
                confidences: probabilities, correct: labels)
            metrics["\(name)sOverPredicted"] = try Likelihood.clicksOverPredicted(
                probabilities: probabilities, outcomes: labels)
        }
        try measure("click", found.clicks, found.clickLabels)
        try measure("browse", found.browses, found.browseLabels)
        return MethodEvaluation(
            description: "\(data.origin): clicks and browsing of held-out users", metrics: metrics,
            count: data.heldOut.sessionCount)
    }
}

/// `model.json` of a trained session model; the parameters stand in `model.safetensors` beside it.
package struct SessionContextFile: Codable {
    let configuration: SessionContextConfiguration
    let catalogue: SessionCatalogue
    let profileCount: Int
    /// The names of the items in the order of the catalogue.
    let items: [String]

    private static let name = "model.json"
    private static let weights = "model.safetensors"

    init(_ model: SessionContextModel, items: [String]) {
        configuration = model.configuration
        catalogue = model.catalogue
        profileCount = model.profileCount
        self.items = items
    }

    func write(_ model: SessionContextModel, to folder: URL) throws {
        try StableJSON.write(self, to: folder.appending(path: Self.name))
        try TensorArchive.write(
            model.parameters.map { ($0.name, $0.tensor) }, to: folder.appending(path: Self.weights).path)
    }

    /// The model of a folder and the names of its items.
    /// - Throws: ``SessionDataError/damagedModel(file:reason:)``, `WeightFileError`.
    package static func load(_ folder: URL) throws -> (model: SessionContextModel, items: [String]) {
        let file = folder.appending(path: name)
        let stored: SessionContextFile
        do {
            stored = try StableJSON.value(SessionContextFile.self, from: Data(contentsOf: file))
        } catch {
            throw SessionDataError.damagedModel(file: file.path, reason: "cannot be read as a session model: \(error)")
        }
        guard stored.isSound else {
            throw SessionDataError.damagedModel(file: file.path, reason: "its sizes contradict each other")
        }
        let model = SessionContextModel(
            stored.configuration, catalogue: stored.catalogue, profileCount: stored.profileCount,
            from: RandomSource(seed: 0))
        let weightFile = folder.appending(path: weights).path
        let tensors = try TensorArchive.read(weightFile)
        for parameter in model.parameters {
            guard let values = tensors[parameter.name], values.shape == parameter.tensor.shape else {
                throw SessionDataError.damagedModel(
                    file: weightFile,
                    reason: "\(parameter.name) needs the shape \(parameter.tensor.shape), found "
                        + (tensors[parameter.name].map { "\($0.shape)" } ?? "nothing"))
            }
            parameter.tensor.assign(values)
        }
        return (model, stored.items)
    }

    /// Whether a file from elsewhere can be built without a trap.
    private var isSound: Bool {
        let shape = configuration
        let sizes = [
            shape.dimensions, shape.identityDimensions, shape.categoryDimensions, shape.profileDimensions,
            shape.slotDimensions, shape.attentionHidden, shape.bottomHidden, shape.towerHidden, shape.historyLength,
            shape.maximumSlots, profileCount, catalogue.categoryCount,
        ]
        return sizes.allSatisfy { (1...1_000_000).contains($0) }
            && catalogue.isSound && items.count == catalogue.count && catalogue.count > 0
    }
}
