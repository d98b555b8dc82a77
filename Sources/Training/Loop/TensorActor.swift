import Tensors

/// Runs everything that trains on one dedicated thread: gradient modes belong to a thread, and every thread that computes
/// brings its own team of helpers.
///
/// ```swift
/// let outcome = try await TensorActor.run { try makeLoop().run() }
/// ```
/// A function marked `@TensorActor` must not await between operators that share a gradient mode; the guards take
/// synchronous closures for that reason.
@globalActor
public actor TensorActor {
    public static let shared = TensorActor()
    private static let executor = TensorExecutor(name: "training")

    public nonisolated var unownedExecutor: UnownedSerialExecutor { Self.executor.asUnownedSerialExecutor() }

    /// Runs `body` on the thread.
    public static func run<Result: Sendable>(
        _ body: @TensorActor @Sendable () async throws -> Result
    ) async rethrows -> Result {
        try await body()
    }
}
