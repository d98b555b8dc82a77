import Corpora
import Experiments
public import Foundation
public import Layers
import Tensors

/// Where one training runs: its output, its place in the run store, whether it goes on from a checkpoint, and who hears
/// of it.
public struct TrainingSession: Sendable {
    /// The folder of the artefact. Its checkpoint stands beside it under `NAME.checkpoint` until it is complete.
    public var output: URL
    /// Nil keeps no record.
    public var store: RunStore?
    /// Goes on from the checkpoint.
    public var resumes = false
    public var showsProgress = true
    /// Seconds between lines of progress where standard error is no terminal.
    public var progressLineSeconds: Double?
    /// What the user calls the run.
    public var name: String?
    /// The run's identifier, from ``RunStore/reserve(method:)``; the next one if absent.
    public var runID: String?
    /// Called when the data are ready and training begins: from here on an interruption has something to save.
    public var willTrain: @Sendable () -> Void = {}
    /// Finds the files of a model that a recipe names; a path stands for itself.
    public var locateModel: @Sendable (String) throws -> URL = { URL(fileURLWithPath: $0) }
    /// Receives what a person should know: sources, skipped conversations, reasons to stop.
    public var say: @Sendable (String) -> Void = { _ in }
    /// Receives what an evaluation measures row by row, the names of the columns first; nil where nobody asks. Methods
    /// that measure no rows never call it.
    public var writeRow: (@Sendable ([String]) throws -> Void)?

    public init(output: URL, store: RunStore? = nil) {
        self.output = output
        self.store = store
    }

    public var checkpoint: URL {
        output.deletingLastPathComponent().appending(
            path: output.lastPathComponent + ".checkpoint", directoryHint: .isDirectory)
    }

    /// What a method hands over to be trained.
    public struct Job<L: Learner, Source: BatchSource> where Source.Batch == L.Batch {
        public let learner: L
        public let source: Source
        public let optimizer: any Optimizer
        public let schedule: LearningRateSchedule
        public let limits: TrainingLimits
        /// Settings that were searched for, which a resumed training takes from its checkpoint; nil where none were.
        public var chosen: [String: Double]?

        public init(
            learner: L, source: Source, optimizer: any Optimizer, schedule: LearningRateSchedule,
            limits: TrainingLimits
        ) {
            self.learner = learner
            self.source = source
            self.optimizer = optimizer
            self.schedule = schedule
            self.limits = limits
        }
    }

    /// Trains a job to its end and writes the artefact; keeps the run store, checkpoint and manifest.
    ///
    /// - Parameters:
    ///   - base: the model that training began with.
    ///   - precision: `f32` or `bf16`, for the record.
    ///   - writeFiles: writes everything but the manifest into a folder.
    /// - Returns: the artefact; the checkpoint where the run was interrupted, which is saved and can be resumed.
    @TensorActor
    public func run<M: Method, L, Source>(
        _ method: M.Type, _ settings: M.Settings, base: ArtefactManifest.Base?, precision: String,
        job: Job<L, Source>, writeFiles: (URL) throws -> Void
    ) throws -> TrainedArtefact {
        let recipe = try RecipeText.plain(settings, method: M.name)
        try requireOrigin(recipe: recipe)
        if resumes { try requireOrigin(base: base) }
        let loop = TrainingLoop(
            learner: job.learner, source: job.source, optimizer: job.optimizer, schedule: job.schedule,
            limits: job.limits)
        loop.checkpoint = checkpoint
        loop.origin = Checkpoint.Origin(recipe: recipe, base: base, chosen: job.chosen)
        let earlierRun = resumes ? try loop.resume() : nil
        loop.recorder = try recorder(M.name, recipe: recipe, base: base, precision: precision, earlier: earlierRun)
        willTrain()
        if showsProgress {
            loop.bar = ProgressBar(
                title: M.name, steps: job.limits.steps, startStep: loop.progress.step, lineSeconds: progressLineSeconds)
        }
        do {
            let outcome = try loop.run()
            if outcome.reason == .interrupted {
                try loop.recorder?.interrupt(artefact: checkpoint)
                say(outcome.text)
                return TrainedArtefact(folder: checkpoint, outcome: outcome, metrics: [:], runID: loop.recorder?.id)
            }
            guard outcome.progress.step > 0 else { throw TrainingSessionError.noSteps(outcome.reason) }
            say(outcome.text)
            return try finish(loop, outcome, method: M.name, recipe: recipe, base: base, writeFiles: writeFiles)
        } catch {
            loop.bar?.finish()
            try? loop.recorder?.fail(error)
            if let step = loop.savedStep { say("the checkpoint of step \(step) is kept; --resume goes on from it") }
            throw error
        }
    }

    /// Trains a method that brings a loop of its own, as learning from rewards does, and writes the artefact; keeps the
    /// run store and the manifest. Such a run has no checkpoint: interrupted, it begins anew.
    ///
    /// - Parameters:
    ///   - train: trains, records and returns how far it came; throws `CancellationError` where the user stopped it.
    ///   - writeFiles: writes everything but the manifest into a folder.
    /// - Throws: ``TrainingError/noCheckpoint(folder:)`` where the session is to resume, and what `train` throws.
    @TensorActor
    public func run<M: Method>(
        _ method: M.Type, _ settings: M.Settings, precision: String,
        train: (RunRecorder?) throws -> TrainingProgress, writeFiles: (URL) throws -> Void
    ) throws -> TrainedArtefact {
        guard !resumes else { throw TrainingError.noCheckpoint(folder: checkpoint.path) }
        let recipe = try RecipeText.plain(settings, method: M.name)
        let recorder = try recorder(M.name, recipe: recipe, base: nil, precision: precision, earlier: nil)
        willTrain()
        do {
            let outcome = TrainingOutcome(reason: .steps, progress: try train(recorder))
            say(outcome.text)
            let metrics = Self.metrics(outcome.progress)
            try writeArtefact(M.name, recipe: recipe, base: nil, metrics: metrics, writeFiles)
            try recorder?.finish(artefact: output)
            return TrainedArtefact(folder: output, outcome: outcome, metrics: metrics, runID: recorder?.id)
        } catch is CancellationError {
            try? recorder?.interrupt()
            throw CancellationError()
        } catch {
            try? recorder?.fail(error)
            throw error
        }
    }

    private func recorder(
        _ method: String, recipe: String, base: ArtefactManifest.Base?, precision: String, earlier: String?
    ) throws -> RunRecorder? {
        guard let store else { return nil }
        if let earlier { return try store.resume(earlier, recipe: recipe) }
        let environment = RunEnvironment.current(threads: Runtime.threadCount, precision: precision)
        return try store.start(
            method: method, id: runID, name: name, recipe: recipe, environment: environment,
            baseFingerprint: base?.fingerprint)
    }

    @TensorActor
    private func finish<L, Source>(
        _ loop: TrainingLoop<L, Source>, _ outcome: TrainingOutcome, method: String, recipe: String,
        base: ArtefactManifest.Base?, writeFiles: (URL) throws -> Void
    ) throws -> TrainedArtefact {
        let metrics = Self.metrics(outcome.progress)
        do {
            try writeArtefact(method, recipe: recipe, base: base, metrics: metrics, writeFiles)
        } catch {
            // Hours of training must not hang on a full disk elsewhere.
            try? loop.save()
            throw error
        }
        try loop.recorder?.finish(artefact: output)
        try? FileManager.default.removeItem(at: checkpoint)
        return TrainedArtefact(folder: output, outcome: outcome, metrics: metrics, runID: loop.recorder?.id)
    }

    private static func metrics(_ progress: TrainingProgress) -> [String: Double] {
        // A metric of which more is better stands there twice, as the loop's cost under `-name`.
        var metrics = progress.evaluation.filter { !$0.key.hasPrefix("-") }
        metrics["trainingLoss"] = progress.loss
        metrics["tokens"] = Double(progress.tokens)
        metrics["steps"] = Double(progress.step)
        metrics["seconds"] = progress.seconds
        return metrics
    }

    private func writeArtefact(
        _ method: String, recipe: String, base: ArtefactManifest.Base?, metrics: [String: Double],
        _ writeFiles: (URL) throws -> Void
    ) throws {
        try AtomicDirectory.write(to: output) { folder in
            try writeFiles(folder)
            let manifest = try ArtefactManifest(
                kind: method, base: base, recipe: recipe, metrics: metrics, commit: SourceCommit.current(),
                filesOf: folder)
            try manifest.write(to: folder)
        }
    }
}
