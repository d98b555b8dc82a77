import Experiments

/// When a run ends, evaluates, saves, and how it puts batches together.
public struct TrainingLimits: Sendable, Equatable, Codable {
    /// Steps of the optimiser; with ``tokens``, how many are expected, which progress bars and schedules go by.
    public var steps: Int
    /// Ends with the step that reaches this many tokens, whatever its number.
    public var tokens: Int?
    /// Ends earlier after this many seconds, evaluations included, those before a resume too.
    public var seconds: Double?
    /// Batches whose gradients are added up before a step; each counts by its weight.
    public var accumulation = 1
    /// The Euclidean norm that the gradients of a step are cut down to.
    public var maximumGradientNorm: Double?
    /// Steps between evaluations; nil evaluates at the end only.
    public var evaluationInterval: Int?
    /// Steps between checkpoints.
    public var checkpointInterval: Int?
    /// Saves with the first step that ends so many seconds after the last checkpoint. Where both are nil, a run saves when
    /// interrupted only.
    public var checkpointSeconds: Double?
    /// The metric (lower is better) that early stopping watches.
    public var watchedMetric = "loss"
    /// Ends after this many evaluations in a row without a new best.
    public var patience: Int?
    /// Goes back to the best evaluated parameters at the end.
    public var keepsBest = false

    public init(steps: Int) { self.steps = steps }
}

/// Why a run ended.
public enum StopReason: String, Sendable, Codable, CaseIterable {
    case steps, tokens, seconds, dataEnded, noImprovement, interrupted

    /// For example `stopped by the time limit`.
    public var text: String {
        switch self {
        case .steps: "all steps done"
        case .tokens: "token budget used up"
        case .seconds: "stopped by the time limit"
        case .dataEnded: "all data seen"
        case .noImprovement: "stopped early: no more improvement"
        case .interrupted: "interrupted; resume with --resume"
        }
    }
}

/// How far a run is: all of it goes into checkpoints.
public struct TrainingProgress: Sendable, Equatable, Codable {
    public var step = 0
    public var tokens = 0
    public var seconds = 0.0
    /// Mean loss of the last step.
    public var loss: Double?
    public var bestMetric: Double?
    public var bestStep: Int?
    public var bestEvaluation: [String: Double] = [:]
    /// Evaluations since the best.
    public var evaluationsSinceBest = 0
    /// The last evaluation and its step.
    public var evaluation: [String: Double] = [:]
    public var evaluationStep: Int?

    public init() {}
}

/// The end of a run.
public struct TrainingOutcome: Sendable, Equatable {
    public let reason: StopReason
    public let progress: TrainingProgress

    /// For example `stopped by the time limit after 52 steps, 53,248 tokens, 6 min 0 s`.
    public var text: String {
        "\(reason.text) after \(progress.step) \(progress.step == 1 ? "step" : "steps"), "
            + "\(Numbers.grouped(progress.tokens)) tokens, \(Numbers.duration(seconds: progress.seconds))"
    }
}

/// What keeps a run from going on.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
    case diverged(step: Int, loss: Double, gradientNorm: Double)
    case nothingTrains
    case checkpoint(folder: String, reason: String)
    case noCheckpoint(folder: String)

    public var description: String {
        switch self {
        case .diverged(let step, let loss, let norm):
            "step \(step): the loss is \(Numbers.short(loss)) and the gradient norm \(Numbers.short(norm)); "
                + "a lower learning rate, a longer warm-up or gradient clipping may help"
        case .nothingTrains: "no parameter of the model is set to train"
        case .checkpoint(let folder, let reason): "\(folder): this checkpoint does not fit: \(reason)"
        case .noCheckpoint(let folder): "\(folder): there is no checkpoint to resume from"
        }
    }
}
