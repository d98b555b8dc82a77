public import Layers
import Tensors
public import Training

/// How a recommender is trained: AdamW, evaluation after every pass, early stopping.
public struct FittingOptions: Sendable, Hashable, Codable {
    public var learningRate = 1e-3
    public var weightDecay = 0.0
    public var beta1 = 0.9
    public var beta2 = 0.999
    public var epochs = 20
    /// Evaluations without improvement before training ends; nil trains all epochs.
    public var patience: Int? = 3
    public var rowsPerBatch = 512
    public var maximumGradientNorm: Double?

    public init() {}
}

/// What fitting reached.
public struct FittingOutcome: Sendable, Equatable {
    public let training: TrainingOutcome
    /// Metrics of the parameters that the model is left with.
    public let metrics: [String: Double]
    /// The watched metric among them.
    public let watched: Double?
}

/// Batches without end that come in passes.
public protocol PassSource: BatchSource {
    var batchesPerPass: Int { get }
    /// What whoever trains on these data should know; nil where all is as usual.
    var remark: String? { get }
}

extension PassSource {
    public var remark: String? { nil }
}

extension FeatureRowSource: PassSource {}
extension InteractionSource: PassSource {
    public var remark: String? {
        usersWithoutNegatives > 0 ? "\(usersWithoutNegatives) users met every item and are not learnt from" : nil
    }
}

/// Trains a model on a source with the one training loop.
public enum Fitting {
    /// Fits `model` and leaves it with its best parameters by the watched metric.
    ///
    /// - Parameters:
    ///   - source: its batches, without end.
    ///   - batchesPerPass: how many of them make an epoch.
    ///   - decay: the course of the rate; all but a constant one warm up for a twentieth of the steps and end at a twentieth
    ///     of the rate.
    ///   - seconds: ends earlier.
    ///   - isInterrupted: asked between steps.
    /// - Throws: `TrainingError`, errors of data and measurement, `CancellationError` where interrupted.
    @discardableResult
    public static func run<Model: TrainableModel, Source: BatchSource>(
        _ model: Model, on source: Source, batchesPerPass: Int, options: FittingOptions,
        decay: LearningRateSchedule.Decay = .constant, watching watched: WatchedMetric? = nil, seconds: Double? = nil,
        measure: @escaping (Model) throws -> [String: Double] = { _ in [:] },
        isInterrupted: @escaping () -> Bool = { Interruption.isRequested }
    ) throws -> FittingOutcome where Source.Batch == Model.Batch {
        model.train()
        let learner = RecommendationLearner(model, watched: watched, measure: measure)
        var limits = options.limits(batchesPerPass: batchesPerPass, watching: watched)
        limits.seconds = seconds
        let loop = TrainingLoop(
            learner: learner, source: source, optimizer: options.optimizer(for: model),
            schedule: LearningRateSchedule(
                peak: options.learningRate, warmUpSteps: decay == .constant ? 0 : max(1, limits.steps / 20),
                totalSteps: limits.steps, decay: decay, finalShare: 0.05),
            limits: limits)
        loop.isInterrupted = isInterrupted
        let outcome = try loop.run()
        if outcome.reason == .interrupted { throw CancellationError() }
        if limits.keepsBest { learner.restoreBestBuffers() }
        var metrics = outcome.progress.evaluation
        if let watched, watched.isHigherBetter { metrics[watched.costName] = nil }
        return FittingOutcome(training: outcome, metrics: metrics, watched: watched.flatMap { metrics[$0.name] })
    }
}

extension FittingOptions {
    /// An evaluation after every pass, and the best parameters at the end, where there is something to watch.
    func limits(batchesPerPass: Int, watching watched: WatchedMetric?) -> TrainingLimits {
        var limits = TrainingLimits(steps: epochs * batchesPerPass)
        limits.maximumGradientNorm = maximumGradientNorm
        if let watched {
            limits.evaluationInterval = batchesPerPass
            limits.watchedMetric = watched.costName
            limits.patience = patience
            limits.keepsBest = true
        }
        return limits
    }

    /// AdamW; biases and other vectors do not decay, and parameters keep the scales of rate that the model gives them.
    public func optimizer(for model: some TrainableModel) -> any Optimizer {
        let scaled = Dictionary(grouping: model.trainableParameters) { model.learningRateScale(of: $0.name) }
        let groups = scaled.sorted { $0.key < $1.key }.flatMap { scale, parameters in
            ParameterGroup.standard(parameters, weightDecay: weightDecay).map { group in
                var group = group
                group.learningRateScale = scale
                return group
            }
        }
        return AdamW(groups, beta1: beta1, beta2: beta2)
    }
}
