/// How long an endpoint may take.
public struct TimeLimits: Sendable, Hashable {
    /// Until a connection stands.
    public var connect: Duration
    /// The longest silence, before the first byte of an answer and between any two.
    public var silence: Duration
    /// A whole call, its repetitions and the waits between them included.
    public var total: Duration

    public init(
        connect: Duration = .seconds(10), silence: Duration = .seconds(120), total: Duration = .seconds(900)
    ) {
        self.connect = connect
        self.silence = silence
        self.total = total
    }

    /// - Throws: ``RemoteModelError/invalidSetting(field:found:allowed:)``.
    func validate() throws {
        for (field, limit) in [("connect", connect), ("silence", silence), ("total", total)]
        where limit < .milliseconds(1) || limit > .seconds(86_400 * 7) {
            throw RemoteModelError.invalidSetting(
                field: "timeLimits.\(field)", found: "\(limit)", allowed: "from a millisecond to a week")
        }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

    /// Whole nanoseconds of a duration of at most some years.
    var inNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}

/// Runs work that is cancelled and given up when the limit is over.
/// - Throws: what the work throws, or `error` at the limit.
func withTimeLimit<Value: Sendable>(
    _ limit: Duration, error: RemoteModelError, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        defer { group.cancelAll() }
        group.addTask(operation: work)
        group.addTask {
            try await Task.sleep(for: limit)
            throw error
        }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}
