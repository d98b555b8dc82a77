import Evaluation
import Foundation
import Layers
import Tensors
public import Training

/// The two tasks of a session model: `L = Σ_t w_t BCE(y^c_t, p^c_t) + λ_b Σ_{t uncensored} BCE(y^b_t, p^b_t)`.
package final class SessionContextLearner: Learner {
    package let model: SessionContextModel
    private let training: SessionLog
    private let heldOut: SessionLog?

    package init(_ model: SessionContextModel, training: SessionLog, heldOut: SessionLog? = nil) {
        self.model = model
        self.training = training
        self.heldOut = heldOut
    }

    package var trainedParameters: [NamedParameter] { model.trainableParameters }
    package var randomSources: [(name: String, source: RandomSource)] { [("dropout", model.dropoutSource)] }

    package func loss(_ sessions: [Int]) -> BatchLoss {
        let batch = model.batch(training, sessions: sessions)
        let logits = model.logits(batch)
        var sum = (logits.click.binaryCrossEntropy(batch.rowClicks, reduction: .none) * batch.clickWeights).sum()
        let browseWeight = model.configuration.browseWeight
        if browseWeight > 0 {
            let losses = logits.browse.binaryCrossEntropy(batch.rowBrowses, reduction: .none)
            sum = sum + (losses * batch.browseWeights).sum() * browseWeight
        }
        return BatchLoss(sum: sum, weight: Double(batch.rowCount), tokens: batch.rowCount)
    }

    /// The same objective on held-out sessions, clicks unweighted: a log loss in nats a view.
    package func evaluate() throws -> [String: Double] {
        guard let heldOut, heldOut.rowCount > 0 else { return [:] }
        let predictions = model.predictions(heldOut)
        let click = try Likelihood.logLoss(probabilities: predictions.clicks, outcomes: predictions.clickLabels)
        let browse = try Likelihood.logLoss(probabilities: predictions.browses, outcomes: predictions.browseLabels)
        return [
            "loss": click + model.configuration.browseWeight * browse, "clickLogLoss": click, "browseLogLoss": browse,
        ]
    }
}

/// Batches of session numbers, pass after pass in random order.
final class SessionSource: BatchSource {
    private var order: BatchOrder

    /// - Throws: `BatchSourceError.empty` without sessions.
    init(sessionCount: Int, sessionsPerBatch: Int, seed: UInt64) throws {
        guard sessionCount > 0 else { throw BatchSourceError.empty(what: "the log of sessions") }
        order = BatchOrder(count: sessionCount, size: sessionsPerBatch, seed: seed)
    }

    var stepsPerPass: Int { order.batchesPerPass }

    func next() -> [Int]? { order.next() }

    var position: BatchOrder.Position { order.position }

    func restore(_ position: BatchOrder.Position) throws {
        guard order.restore(position) else {
            throw BatchSourceError.position(reason: "\(order.count) sessions, but saved with \(position.count)")
        }
    }
}

/// How a session model is trained. The paper's values are not public; these are ours.
public struct SessionTrainingRecipe: Sendable, Codable, Equatable {
    public var learningRate = 5e-3
    public var weightDecay = 0.3
    public var sessionsPerBatch = 64
    public var epochs = 6.0
    public var steps: Int?
    public var maximumGradientNorm = 5.0

    public init() {}

    public static let fields = [
        RecipeField("learningRate", "The highest step size; it falls along a cosine.", range: .above(0)),
        RecipeField("weightDecay", "Of matrices.", range: .atLeast(0)),
        RecipeField("sessionsPerBatch", "Sessions of a step.", range: .between(1, 1_000_000_000)),
        RecipeField("epochs", "Passes over the sessions.", range: .above(0, to: 1_000_000)),
        RecipeField("steps", "Trains so many steps instead of whole passes.", range: .between(1, 1_000_000_000)),
        RecipeField("maximumGradientNorm", "Longer gradients are shortened to this.", range: .above(0)),
    ]

    /// Everything that a training needs; the best of the evaluations after each pass is kept.
    func job(_ learner: SessionContextLearner, sessionCount: Int, seed: UInt64) throws
        -> TrainingSession.Job<SessionContextLearner, SessionSource>
    {
        let source = try SessionSource(sessionCount: sessionCount, sessionsPerBatch: sessionsPerBatch, seed: seed)
        let steps = self.steps ?? max(1, Int((epochs * Double(source.stepsPerPass)).rounded()))
        var limits = TrainingLimits(steps: steps)
        limits.maximumGradientNorm = maximumGradientNorm
        limits.evaluationInterval = source.stepsPerPass
        limits.keepsBest = true
        let groups = ParameterGroup.standard(learner.trainedParameters, weightDecay: weightDecay)
        return TrainingSession.Job(
            learner: learner, source: source, optimizer: AdamW(groups),
            schedule: LearningRateSchedule(
                peak: learningRate, warmUpSteps: max(1, steps / 20), totalSteps: steps, finalShare: 0.05),
            limits: limits)
    }
}

extension SessionContextModel {
    package func batch(_ log: SessionLog, sessions: some Collection<Int>) -> SessionBatch {
        SessionBatch(
            log, sessions: sessions, historyLength: configuration.historyLength,
            maximumSlots: configuration.maximumSlots)
    }

    /// Trains on a log and keeps the parameters that were best on held-out sessions.
    /// - Returns: their held-out loss, in nats a view.
    /// - Throws: `TrainingError`, `BatchSourceError`, `CancellationError` where interrupted.
    @discardableResult
    package func fit(
        _ training: SessionLog, heldOut: SessionLog, _ recipe: SessionTrainingRecipe, seed: UInt64,
        isInterrupted: @escaping () -> Bool
    ) throws -> Double? {
        train()
        let learner = SessionContextLearner(self, training: training, heldOut: heldOut)
        let job = try recipe.job(learner, sessionCount: training.sessionCount, seed: seed)
        let loop = TrainingLoop(
            learner: learner, source: job.source, optimizer: job.optimizer, schedule: job.schedule, limits: job.limits)
        loop.isInterrupted = isInterrupted
        let outcome = try loop.run()
        if outcome.reason == .interrupted { throw CancellationError() }
        train { _ in false }
        return outcome.progress.bestMetric
    }

    /// Predicted probabilities of every exposed row with its labels; browse labels that are censored are left out.
    package struct Predictions {
        package var clicks: [Double] = []
        package var clickLabels: [Bool] = []
        package var browses: [Double] = []
        package var browseLabels: [Bool] = []
    }

    package func predictions(_ log: SessionLog, sessionsPerPass: Int = 256) -> Predictions {
        var result = Predictions()
        for start in stride(from: 0, to: log.sessionCount, by: sessionsPerPass) {
            let sessions = start..<min(start + sessionsPerPass, log.sessionCount)
            let batch = batch(log, sessions: sessions)
            let logits = withoutGradients { self.logits(batch) }
            result.clicks += logits.click.sigmoid().values(Double.self)
            result.clickLabels += batch.rowClicks.floats.map { $0 > 0 }
            let known = batch.browseWeights.floats
            let browses = zip(logits.browse.sigmoid().values(Double.self), batch.rowBrowses.floats)
            for ((probability, label), weight) in zip(browses, known) where weight > 0 {
                result.browses.append(probability)
                result.browseLabels.append(label > 0)
            }
        }
        return result
    }
}
