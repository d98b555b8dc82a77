import Corpora
import Evaluation
public import Foundation
import Layers
import Tensors
public import Training
import Worlds

/// Settings of `unified-representation`. The defaults are the released code's where it has them.
public struct UnifiedRepresentationRecipe: Recipe, Equatable {
    public var data = "built-in"
    public var label = "rating"
    public var threshold = 3.0
    public var time = ""
    public var model = UnifiedRepresentationConfiguration()
    public var seed = 0

    public init() {}

    public static let fields: [RecipeField] =
        [
            RecipeField(
                "data",
                "built-in: the item-type world; amazon:NAME: a pair of disencdr-cross-domain such as amazon:phone_sport; or "
                    + "a folder with NAME.inter and NAME.item (RecBole's atomic files) of each type."),
            RecipeField("label", "The column of NAME.inter that says how much an item was liked."),
            RecipeField("threshold", "A label above this is a like."),
            RecipeField(
                "time",
                "The column of NAME.inter by which its rows are split 70 / 20 / 10, the latest into the test; \"\": at random.",
                source: "released: at random"),
            RecipeField("seed", "Of the split, the weights and the order.", range: .atLeast(0)),
        ] + UnifiedRepresentationConfiguration.fields.nested(in: "model")
}

extension UnifiedRepresentationConfiguration {
    static let fields: [RecipeField] = {
        let released = "released code"
        return [
            RecipeField("tokenDimensions", "Of each token embedding.", range: .between(1, 1024), source: released),
            RecipeField("mapDimensions", "Hidden width of a type's map.", range: .between(1, 8192), source: released),
            RecipeField(
                "unifiedDimensions", "Width of the unified space and the towers.", range: .between(2, 4096),
                source: released),
            RecipeField(
                "interactionDeviation", "Spread of initial interaction embeddings.", range: .atLeast(0),
                source: released),
            RecipeField("tokenDeviation", "Spread of initial token embeddings.", range: .atLeast(0), source: released),
            RecipeField(
                "alignmentWeight", "Of the variance between types.", range: .atLeast(0),
                source: "ours; the released 5e8 cancels the counts of its data set"),
            RecipeField(
                "bandwidth", "Of the kernel: unit, or adaptive to the sample's distances.", source: "released: unit"),
            RecipeField(
                "topologyWeight", "Of the Gram matrices' root mean square difference.", range: .atLeast(0),
                source: "ours; the released 1e-3 / 4 d is without effect"),
            RecipeField("sampledItems", "Of each type, for both terms.", range: .between(2, 65_536), source: released),
            RecipeField("inputs", "train; released leaks the test pairs and is for comparison only."),
            RecipeField(
                "interactionDropout", "Share of interactions dropped from the inputs while training.",
                range: .from(0, below: 1), source: "ours"),
            RecipeField("learningRate", "Adam's step size.", range: .above(0), source: released),
            RecipeField(
                "weightDecay", "Decoupled (AdamW); the released code adds it to the gradient.", range: .atLeast(0),
                source: released),
            RecipeField("batchSize", "Pairs of each type in a step.", range: .between(1, 1_048_576), source: released),
            RecipeField(
                "epochs", "Passes over the type with the most pairs.", range: .between(1, 1_000_000), source: released),
            RecipeField("patience", "Epochs without a better area.", range: .atLeast(1), source: released),
        ]
    }()
}

/// Trains the unified representation on several types of items and measures each type.
public enum UnifiedRepresentationMethod: Method {
    public static let name = "unified-representation"
    public static let summary = "Scores items of several types for shared users through one aligned space."
    public static let studies = ["unified-representation", "unified-representation-amazon"]

    private static let parameterFile = "parameters.safetensors"

    @TensorActor
    public static func train(_ settings: UnifiedRepresentationRecipe, in session: TrainingSession) throws
        -> TrainedArtefact
    {
        let data = try load(settings)
        session.say(
            "data: \(settings.data), \(data.userCount) users; "
                + zip(data.types, data.train).map { type, pairs in
                    "\(type.name) \(type.count) items, \(pairs.count) pairs"
                        + (type.unreadColumns.isEmpty
                            ? "" : " (not read: \(type.unreadColumns.joined(separator: ", ")))")
                }.joined(separator: "; "))
        let seed = UInt64(settings.seed)
        let model = UnifiedRepresentation(data, settings.model, seed: seed)
        model.train()
        let learner = RecommendationLearner(model, watched: .area) { try $0.watchedArea(data.validation) }
        let source = try PairSource(data.train, batchSize: settings.model.batchSize, seed: seed)
        let options = settings.model.fitting
        var limits = options.limits(batchesPerPass: source.stepsPerEpoch, watching: .area)
        limits.checkpointInterval = source.stepsPerEpoch
        let job = TrainingSession.Job(
            learner: learner, source: source, optimizer: options.optimizer(for: model),
            schedule: LearningRateSchedule(peak: options.learningRate, totalSteps: limits.steps, decay: .constant),
            limits: limits)
        return try session.run(Self.self, settings, base: nil, precision: "f32", job: job) { folder in
            try TensorArchive.write(
                model.parameters.map { ($0.name, $0.tensor) },
                to: folder.appending(path: parameterFile).path)
        }
    }

    /// The area under the curve of each type's test pairs, and their unweighted mean.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: UnifiedRepresentationRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        try requireSameSplit(artefact, settings) { ["seed \($0.seed)"] + ($0.time.isEmpty ? [] : ["time \($0.time)"]) }
        let data = try load(settings)
        let model = UnifiedRepresentation(data, settings.model, seed: UInt64(settings.seed))
        let file = artefact.appending(path: parameterFile).path
        try model.restore(TensorArchive.read(file), file: file)
        var metrics: [String: Double] = [:]
        for (type, area) in zip(data.types, try model.areas(data.test)) {
            if let area { metrics["auc.\(type.name)"] = area }
        }
        if !metrics.isEmpty { metrics["auc"] = metrics.values.reduce(0, +) / Double(metrics.count) }
        return MethodEvaluation(
            description: "\(settings.data), test pairs", metrics: metrics, count: data.test.reduce(0) { $0 + $1.count })
    }

    /// - Throws: `CorpusError`, `InteractionError`, `WorldError`.
    static func load(_ settings: UnifiedRepresentationRecipe) throws -> HeterogeneousData {
        let seed = UInt64(settings.seed)
        if settings.data == "built-in" {
            return HeterogeneousData(try ItemTypeWorld(seed: seed), trainPairs: 42_000, testPairsPerType: 4_000)
        }
        if settings.data.hasPrefix("amazon:") {
            let pair = try HeterogeneousData.crossDomainPair(
                String(settings.data.dropFirst("amazon:".count)), in: DataDirectory())
            return try HeterogeneousData(pair, negatives: 1, testNegatives: 4, seed: seed)
        }
        return try HeterogeneousData(
            folder: URL(fileURLWithPath: settings.data, isDirectory: true), label: settings.label,
            threshold: settings.threshold, time: settings.time, seed: seed)
    }
}

extension Layer {
    /// Takes over the parameters of a file.
    /// - Throws: ``RecommendationError/mismatch(reason:)`` where it was saved for other data or settings.
    func restore(_ saved: [String: Tensor], file: String) throws {
        for parameter in parameters {
            guard let values = saved[parameter.name], values.shape == parameter.tensor.shape else {
                throw RecommendationError.mismatch(
                    reason: "\(file): parameter \(parameter.name) should have shape \(parameter.tensor.shape), found "
                        + (saved[parameter.name].map { "\($0.shape)" } ?? "none")
                        + "; the model was trained on other data or with other settings")
            }
        }
        for parameter in parameters { if let values = saved[parameter.name] { parameter.tensor.assign(values) } }
    }
}
