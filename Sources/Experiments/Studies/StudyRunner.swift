import Foundation

/// Runs a study: chooses the seeds, keeps what was measured when interrupted, and adds wall time to the protocol.
public struct StudyRunner: Sendable {
    private let environment: RunEnvironment
    private let commit: String
    private let cacheFolder: URL?
    private let isInterrupted: @Sendable () -> Bool
    private let progress: @Sendable (StudyProgress) -> Void

    /// - Parameters:
    ///   - environment: the machine and the precision in use. Studies compute in f32.
    ///   - commit: of the sources, as the result names it.
    ///   - cacheFolder: where measured seeds are kept until the study is complete; nowhere if absent.
    ///   - isInterrupted: whether the user asked to stop; looked at between seeds.
    ///   - progress: told about every seed.
    public init(
        environment: RunEnvironment, commit: String = SourceCommit.current(), cacheFolder: URL? = nil,
        isInterrupted: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (StudyProgress) -> Void = { _ in }
    ) {
        self.environment = environment
        self.commit = commit
        self.cacheFolder = cacheFolder
        self.isInterrupted = isInterrupted
        self.progress = progress
    }

    var sourceCommit: String { commit }

    func checkInterruption() throws {
        if isInterrupted() || Task.isCancelled { throw CancellationError() }
    }

    func report(_ step: StudyProgress) { progress(step) }

    /// Runs a study to its result. Interrupted and started again, it continues after the last measured seed.
    ///
    /// - Parameters:
    ///   - study: what is run.
    ///   - scale: how much of it.
    ///   - seeds: how many; the scale's own number where nothing is said.
    ///   - ablate: runs the controls in the methods' place; no claim may hold then.
    /// - Throws: ``StudyError``, `CancellationError` when interrupted, and what the study itself throws.
    public func run(_ study: any Study, scale: Scale, seeds: Int? = nil, ablate: Bool = false) async throws
        -> StudyResult
    {
        let budget = study.budget(scale)
        let count = seeds ?? budget.seeds
        guard count > 0 else { throw StudyError.seeds(found: count) }
        let cache = cacheFolder.map { folder in
            SeedCache(
                folder: folder,
                conditions: SeedCache.Conditions(
                    study: study.id, scale: scale, ablated: ablate, tokens: budget.tokens, steps: budget.steps,
                    commit: commit, build: SeedCache.currentBuild(), environment: environment))
        }
        let earlier = cache?.entries().values.map(\.seconds).reduce(0, +) ?? 0
        let context = StudyContext(
            study: study, scale: scale, budget: budget, seeds: Array(0..<count), isAblated: ablate,
            environment: environment, commit: commit, cache: cache, isInterrupted: isInterrupted, report: progress)
        let start = ContinuousClock.now
        var result = try await study.run(context)
        let elapsed = (ContinuousClock.now - start) / .seconds(1)
        result.protocol["seconds"] = .number(((earlier + elapsed) * 10).rounded() / 10)
        cache?.remove()
        return result
    }
}
