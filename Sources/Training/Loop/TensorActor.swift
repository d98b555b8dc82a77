import Foundation

/// One thread that runs what it is given in order: LibTorch's modes belong to a thread, and every thread that computes
/// brings its own team of helpers.
final class TensorThread: SerialExecutor, @unchecked Sendable {
    // The condition guards the jobs.
    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []
    /// Gradients of deep graphs recurse; half a megabyte, the default of secondary threads on macOS, is not enough.
    private static let stackBytes = 16 << 20

    init(name: String) {
        let thread = Thread { [unowned self] in
            Thread.current.name = name
            work()
        }
        thread.stackSize = Self.stackBytes
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    private func work() -> Never {
        while true {
            condition.lock()
            while jobs.isEmpty { condition.wait() }
            let job = jobs.removeFirst()
            condition.unlock()
            job.runSynchronously(on: asUnownedSerialExecutor())
        }
    }
}

/// Runs everything that computes with tensors on one dedicated thread.
///
/// ```swift
/// let outcome = try await TensorActor.run { try makeLoop().run() }
/// ```
/// A function marked `@TensorActor` must not await between operators that share a gradient mode; the guards take
/// synchronous closures for that reason.
@globalActor
public actor TensorActor {
    public static let shared = TensorActor()
    private static let thread = TensorThread(name: "tensors")

    public nonisolated var unownedExecutor: UnownedSerialExecutor { Self.thread.asUnownedSerialExecutor() }

    /// Runs `body` on the thread.
    public static func run<Result: Sendable>(
        _ body: @TensorActor @Sendable () async throws -> Result
    ) async rethrows -> Result {
        try await body()
    }
}
