public import Foundation
public import Layers
import Tensors

/// The one loop for every learner: accumulation, clipping, schedule, evaluation, early stopping, budgets, checkpoints,
/// exact resume, metrics and progress.
///
/// ```swift
/// let loop = TrainingLoop(
///     learner: learner, source: batches, optimizer: AdamW(groups),
///     schedule: LearningRateSchedule(peak: 3e-4, warmUpSteps: 20, totalSteps: 400), limits: TrainingLimits(steps: 400))
/// loop.checkpoint = folder
/// let outcome = try loop.run()
/// ```
/// A loop belongs to the thread that runs it; ``TensorActor`` has one for it.
public final class TrainingLoop<L: Learner, Source: BatchSource> where Source.Batch == L.Batch {
    public let learner: L
    public let source: Source
    public let optimizer: any Optimizer
    public let schedule: LearningRateSchedule
    public let limits: TrainingLimits
    /// Where checkpoints go; nil keeps none.
    public var checkpoint: URL?
    public var recorder: RunRecorder?
    public var bar: ProgressBar?
    /// Asked between steps; true saves and ends the run.
    public var isInterrupted: () -> Bool = { Interruption.isRequested }
    public private(set) var progress = TrainingProgress()

    /// Where a process may die; tests stop the loop there.
    package enum Phase: Equatable {
        case stepStarted, gradientsReady, stepped, evaluated
        case saving(AtomicDirectory.Step)
    }
    package var reached: (Phase) throws -> Void = { _ in }
    package var secondsSinceStart: () -> Double

    /// Checkpoints keep it, so that a resumed run can be compared.
    var origin: Checkpoint.Origin?

    private let parameters: [NamedParameter]
    private var best: [NamedParameter] = []
    /// The step that the checkpoint holds; nil before the first.
    private(set) var savedStep: Int?
    /// When that was, after the start.
    private var savedAfter = 0.0
    /// Seconds of earlier processes.
    private var earlierSeconds = 0.0

    public init(
        learner: L, source: Source, optimizer: any Optimizer, schedule: LearningRateSchedule, limits: TrainingLimits
    ) {
        self.learner = learner
        self.source = source
        self.optimizer = optimizer
        self.schedule = schedule
        self.limits = limits
        parameters = learner.trainedParameters
        let start = ContinuousClock.now
        secondsSinceStart = { (ContinuousClock.now - start) / .seconds(1) }
    }

    /// Takes up the run of the checkpoint; returns the identifier of its run, if it had one.
    /// - Throws: ``TrainingError`` where there is no checkpoint or it belongs to another run.
    @discardableResult
    public func resume() throws -> String? {
        guard let checkpoint else { throw TrainingError.noCheckpoint(folder: "no folder") }
        let state = try Checkpoint.state(in: checkpoint, Source.Position.self)
        try source.restore(state.position)
        let tensors = try Checkpoint.restore(contents, optimizer: optimizer, from: checkpoint)
        best = parameters.compactMap { parameter in
            tensors[parameter.name].map { NamedParameter(name: parameter.name, tensor: $0) }
        }
        progress = state.progress
        earlierSeconds = state.progress.seconds
        savedStep = progress.step
        return state.runID
    }

    /// Runs to the end, or until something stops it.
    /// - Throws: ``TrainingError/diverged(step:loss:gradientNorm:)``, errors of the data and of the disk.
    public func run() throws -> TrainingOutcome {
        guard !parameters.isEmpty else { throw TrainingError.nothingTrains }
        try recorder?.rewind(toStep: progress.step)
        optimizer.clearGradients()
        var reason = stopReason()
        while reason == nil {
            reason = try step() ? stopReason() : .dataEnded
        }
        let ending = reason ?? .steps
        if ending == .interrupted {
            try save()
            return end(ending)
        }
        if progress.evaluationStep != progress.step { try evaluate() }
        if limits.keepsBest { restoreBest() }
        return end(ending)
    }

    private func end(_ reason: StopReason) -> TrainingOutcome {
        bar?.finish()
        return TrainingOutcome(reason: reason, progress: progress)
    }

    private func stopReason() -> StopReason? {
        if isInterrupted() { return .interrupted }
        if let most = limits.tokens {
            if progress.tokens >= most { return .tokens }
        } else if progress.step >= limits.steps {
            return .steps
        }
        if let most = limits.seconds, earlierSeconds + secondsSinceStart() >= most { return .seconds }
        if let patience = limits.patience, progress.evaluationsSinceBest >= patience { return .noImprovement }
        return nil
    }

    /// One step of the optimiser; false where the data have ended.
    private func step() throws -> Bool {
        try reached(.stepStarted)
        let started = secondsSinceStart()
        var sums: [Tensor] = []
        var weight = 0.0
        var tokens = 0
        for _ in 0..<max(1, limits.accumulation) {
            guard let batch = try source.next() else { break }
            let loss = try learner.loss(batch)
            tokens += loss.tokens
            // A batch of which nothing counts has no gradient either.
            guard loss.weight > 0 else { continue }
            try loss.sum.backward()
            sums.append(loss.sum.detached())
            weight += loss.weight
        }
        guard tokens > 0 || weight > 0 else { return false }
        try reached(.gradientsReady)
        progress.step += 1
        progress.tokens += tokens
        let rate = schedule.rate(atStep: progress.step)
        var values = ["learningRate": rate]
        if weight > 0 {
            let (norm, factor) = GradientScaling.clipping(
                parameters, scale: 1 / weight, maximumNorm: limits.maximumGradientNorm)
            let loss = Tensor.stacked(sums.map { $0.reshaped([]) }).sum().item / weight
            guard norm.isFinite, loss.isFinite else {
                throw TrainingError.diverged(step: progress.step, loss: loss, gradientNorm: norm)
            }
            optimizer.step(learningRate: rate, gradientScale: factor)
            optimizer.clearGradients()
            progress.loss = loss
            values["loss"] = loss
            values["gradientNorm"] = norm
        }
        learner.didStep(progress.step)
        try reached(.stepped)
        let now = secondsSinceStart()
        progress.seconds = earlierSeconds + now
        if now > started { values["tokensPerSecond"] = Double(tokens) / (now - started) }
        try recorder?.record(step: progress.step, tokens: progress.tokens, values)
        bar?.update(step: progress.step, tokens: tokens, loss: progress.loss, learningRate: rate)
        if let interval = limits.evaluationInterval, progress.step % interval == 0 { try evaluate() }
        let isDue =
            limits.checkpointInterval.map { progress.step % $0 == 0 } ?? false
            || limits.checkpointSeconds.map { secondsSinceStart() - savedAfter >= $0 } ?? false
        if isDue { try save() }
        return true
    }

    private func evaluate() throws {
        // Checkpoints are JSON, which has no infinities; such a metric is no best either.
        let metrics = try withoutGradients { try learner.evaluate() }.filter(\.value.isFinite)
        progress.evaluationStep = progress.step
        progress.evaluation = metrics
        progress.seconds = earlierSeconds + secondsSinceStart()
        guard !metrics.isEmpty else { return }
        let named = Dictionary(uniqueKeysWithValues: metrics.map { ("validation.\($0)", $1) })
        try recorder?.record(step: progress.step, tokens: progress.tokens, named)
        if let metric = metrics[limits.watchedMetric] {
            if metric < progress.bestMetric ?? .infinity {
                progress.bestMetric = metric
                progress.bestStep = progress.step
                progress.bestEvaluation = metrics
                progress.evaluationsSinceBest = 0
                if limits.keepsBest {
                    best = parameters.map { NamedParameter(name: $0.name, tensor: $0.tensor.detached().copy()) }
                }
            } else {
                progress.evaluationsSinceBest += 1
            }
        }
        try reached(.evaluated)
    }

    private func restoreBest() {
        guard !best.isEmpty else { return }
        for (parameter, best) in zip(parameters, best) { parameter.tensor.assign(best.tensor) }
        progress.evaluation = progress.bestEvaluation
        progress.evaluationStep = progress.bestStep
    }

    private var contents: Checkpoint.Contents {
        Checkpoint.Contents(
            parameters: parameters + learner.changingState, optimizer: optimizer.state, random: learner.randomSources,
            best: best)
    }

    /// Writes the checkpoint, unless this very step is saved already.
    public func save() throws {
        guard let checkpoint, savedStep != progress.step else { return }
        try recorder?.flush()
        let state = Checkpoint.State(
            runID: recorder?.id, progress: progress, position: source.position, origin: origin)
        try Checkpoint.write(state, contents, to: checkpoint) { try reached(.saving($0)) }
        savedStep = progress.step
        savedAfter = secondsSinceStart()
        try recorder?.event("checkpoint", checkpoint.path, step: progress.step)
    }
}
