import Foundation
import GRDB
import Synchronization

/// Writes what a running run measures. Numbers are collected and inserted together, so a call costs next to nothing.
public final class RunRecorder: Sendable {
    /// The run's identifier.
    public let id: String
    private let store: RunStore
    private let waiting: Mutex<Waiting>

    private struct Waiting {
        var points: [MetricPoint] = []
        var lastFlush = ContinuousClock.now
    }

    /// Numbers that wait at most, and for how long.
    private static let mostPoints = 512
    private static let mostSeconds = 2.0

    init(store: RunStore, id: String) {
        self.store = store
        self.id = id
        waiting = Mutex(Waiting())
    }

    /// Adds the numbers of one step.
    ///
    /// - Parameters:
    ///   - tokens: since the start of the run.
    ///   - values: by name; infinities and not-a-number are kept as such.
    public func record(step: Int, tokens: Int, _ values: [String: Double]) throws {
        let time = Date.now
        let isDue = waiting.withLock { waiting in
            waiting.points += values.sorted { $0.key < $1.key }
                .map { MetricPoint(name: $0.key, step: step, tokens: tokens, value: $0.value, time: time) }
            let elapsed = (ContinuousClock.now - waiting.lastFlush) / .seconds(1)
            return waiting.points.count >= Self.mostPoints || elapsed >= Self.mostSeconds
        }
        if isDue { try flush() }
    }

    /// Writes the waiting numbers now, as before a checkpoint.
    public func flush() throws {
        let points = waiting.withLock { waiting in
            defer { waiting = Waiting() }
            return waiting.points
        }
        guard !points.isEmpty else { return }
        do {
            try insert(points)
        } catch {
            waiting.withLock { $0.points = points + $0.points }
            throw error
        }
    }

    private func insert(_ points: [MetricPoint]) throws {
        try store.write { database in
            let insert = try database.makeStatement(
                sql: "INSERT INTO metric (run, name, step, tokens, value, time) VALUES (?, ?, ?, ?, ?, ?)")
            for point in points {
                // SQLite has no not-a-number; NULL stands for it.
                let value = point.value.isNaN ? nil : point.value
                try insert.execute(arguments: [id, point.name, point.step, point.tokens, value, point.time])
            }
        }
    }

    /// Forgets numbers after `step`, which a resumed run measures again.
    public func rewind(toStep step: Int) throws {
        try flush()
        try store.write { try $0.execute(sql: "DELETE FROM metric WHERE run = ? AND step > ?", arguments: [id, step]) }
    }

    /// Notes what happened.
    public func event(_ kind: String, _ text: String, step: Int = 0) throws {
        try store.write { database in
            try database.execute(
                sql: "INSERT INTO event (run, time, step, kind, text) VALUES (?, ?, ?, ?, ?)",
                arguments: [id, Date.now, step, kind, text])
        }
    }

    /// The run is complete.
    public func finish(artefact: URL? = nil) throws { try end(.done, message: nil, artefact: artefact) }

    /// The run stopped because it was asked to; `artefact` is where it can be taken up.
    public func interrupt(artefact: URL? = nil) throws {
        try end(.interrupted, message: nil, artefact: artefact)
    }

    /// The run cannot go on.
    public func fail(_ error: any Error) throws { try end(.failed, message: "\(error)", artefact: nil) }

    private func end(_ status: Run.Status, message: String?, artefact: URL?) throws {
        try flush()
        try store.write { database in
            try database.execute(
                sql: """
                    UPDATE run SET status = ?, ended = ?, message = ?, artefact = COALESCE(?, artefact) WHERE id = ?
                    """, arguments: [status.rawValue, Date.now, message, artefact?.path, id])
        }
    }
}
