import Corpora
import Experiments
import Foundation
import GRDB

/// Every run with its metrics, in one SQLite file that several processes share.
///
/// ```swift
/// let store = try RunStore()
/// let recorder = try store.start(method: "sft", recipe: yaml, environment: environment)
/// try recorder.record(step: 1, tokens: 1024, ["loss": 3.2, "learningRate": 2e-4])
/// try recorder.finish(artefact: folder)
/// ```
public struct RunStore: Sendable {
    /// The SQLite file.
    public let file: URL
    let database: DatabasePool

    /// Opens the store, making it if there is none.
    ///
    /// - Throws: ``RunStoreError/file(path:reason:)`` where the file cannot be opened or is no run store.
    public init(file: URL = WallfacerHome.current.runStore) throws {
        self.file = file
        do {
            let folder = file.deletingLastPathComponent()
            do {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            } catch {
                throw RunStoreError.file(
                    path: folder.path, reason: "this folder cannot be made: \(SystemReason.text(error))")
            }
            var configuration = Configuration()
            // Other processes hold the lock for milliseconds.
            configuration.busyMode = .timeout(10)
            database = try DatabasePool(path: file.path, configuration: configuration)
            try Self.migrator.migrate(database)
        } catch {
            throw Self.describing(error, file)
        }
    }

    /// Takes the next identifier of a method, such as `sft-12`: artefacts without a name bear that of their run.
    public func reserve(method: String) throws -> String { try write { try Self.nextIdentifier(method, $0) } }

    /// Numbers are never used again: artefacts and notes refer to them.
    private static func nextIdentifier(_ method: String, _ database: Database) throws -> String {
        try database.execute(
            sql: "INSERT INTO counter VALUES (?, 1) ON CONFLICT (method) DO UPDATE SET last = last + 1",
            arguments: [method])
        let number = try Int.fetchOne(database, sql: "SELECT last FROM counter WHERE method = ?", arguments: [method])
        return "\(method)-\(number ?? 1)"
    }

    /// Starts a run in this process.
    ///
    /// - Parameters:
    ///   - id: from ``reserve(method:)``; the next one if absent.
    ///   - name: what the user calls it.
    ///   - recipe: complete, as YAML.
    public func start(
        method: String, id: String? = nil, name: String? = nil, recipe: String, commit: String = SourceCommit.current(),
        environment: RunEnvironment, baseFingerprint: String? = nil
    ) throws -> RunRecorder {
        let process = try StableJSON.text(ProcessIdentity.current, indented: false)
        let machine = try StableJSON.text(environment, indented: false)
        let id = try write { database in
            let id = try id ?? Self.nextIdentifier(method, database)
            try database.execute(
                sql: """
                    INSERT INTO run (id, method, name, created, status, recipe, [commit], environment, base, process)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    id, method, name, Date.now, Run.Status.running.rawValue, recipe, commit, machine, baseFingerprint,
                    process,
                ])
            return id
        }
        return RunRecorder(store: self, id: id)
    }

    /// Takes up a run that was interrupted, under its old identifier.
    /// - Parameter recipe: as it is now; its limits may have changed.
    public func resume(_ id: String, recipe: String? = nil) throws -> RunRecorder {
        let run = try run(id)
        guard run.status != .running else { throw RunStoreError.running(id: id) }
        let process = try StableJSON.text(ProcessIdentity.current, indented: false)
        try write { database in
            try database.execute(
                sql: """
                    UPDATE run SET status = ?, ended = NULL, message = NULL, process = ?, recipe = COALESCE(?, recipe)
                    WHERE id = ?
                    """, arguments: [Run.Status.running.rawValue, process, recipe, id])
        }
        return RunRecorder(store: self, id: id)
    }

    /// The runs, newest first. Those whose process is gone are shown as interrupted, and stored so.
    ///
    /// - Parameter method: only runs of this method.
    public func runs(method: String? = nil) throws -> [Run] {
        try settleAbandoned()
        return try read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT * FROM run WHERE ? IS NULL OR method = ? ORDER BY created DESC, rowid DESC",
                arguments: [method, method])
            return try rows.map(Self.run)
        }
    }

    /// - Throws: ``RunStoreError/unknownRun(id:nearest:)``.
    public func run(_ id: String) throws -> Run {
        try settleAbandoned()
        let found = try read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM run WHERE id = ?", arguments: [id]).map(Self.run)
        }
        if let found { return found }
        let ids = try read { try String.fetchAll($0, sql: "SELECT id FROM run") }
        throw RunStoreError.unknownRun(id: id, nearest: NearestName.of(id, among: ids))
    }

    /// A run by its identifier, or the newest one that the user called so.
    ///
    /// - Throws: ``RunStoreError/unknownRun(id:nearest:)``.
    public func find(_ name: String) throws -> Run {
        if let run = try named(name).first { return run }
        let names = try read {
            try String.fetchAll($0, sql: "SELECT id FROM run UNION SELECT name FROM run WHERE name IS NOT NULL")
        }
        throw RunStoreError.unknownRun(id: name, nearest: NearestName.of(name, among: names))
    }

    /// The folder of what a run trained, by the run's identifier or name; nil where there is no such run.
    ///
    /// - Throws: ``RunStoreError/noArtefact(id:status:)`` for a run that has none.
    public func artefact(of name: String) throws -> URL? {
        let runs = try named(name)
        let done = runs.lazy.filter { $0.status == .done }.compactMap(\.artefact)
        if let path = done.first(where: { FileManager.default.fileExists(atPath: $0) }) {
            return URL(fileURLWithPath: path, isDirectory: true)
        }
        guard let newest = runs.first else { return nil }
        throw RunStoreError.noArtefact(id: newest.id, status: newest.status)
    }

    /// The run of an identifier first, then those of a name, newest first.
    private func named(_ name: String) throws -> [Run] {
        try settleAbandoned()
        return try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: "SELECT * FROM run WHERE id = ? OR name = ? ORDER BY id = ? DESC, created DESC, rowid DESC",
                arguments: [name, name, name])
            return try rows.map(Self.run)
        }
    }

    /// The numbers of a run in the order of the steps.
    ///
    /// - Parameter name: only this metric.
    public func metrics(_ id: String, name: String? = nil) throws -> [MetricPoint] {
        _ = try run(id)
        return try read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT * FROM metric WHERE run = ? AND (? IS NULL OR name = ?) ORDER BY step, rowid",
                arguments: [id, name, name]
            ).map { row in
                MetricPoint(
                    name: row["name"], step: row["step"], tokens: row["tokens"], value: row["value"] ?? Double.nan,
                    time: row["time"])
            }
        }
    }

    /// The last value of every metric.
    public func lastMetrics(_ id: String) throws -> [String: Double] {
        _ = try run(id)
        return try read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT name, value, MAX(step * 1.0) FROM metric WHERE run = ? GROUP BY name",
                arguments: [id])
            return Dictionary(uniqueKeysWithValues: rows.map { ($0["name"], $0["value"] ?? Double.nan) })
        }
    }

    /// What happened during a run.
    public func events(_ id: String) throws -> [RunEvent] {
        _ = try run(id)
        return try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM event WHERE run = ? ORDER BY rowid", arguments: [id])
                .map { RunEvent(time: $0["time"], step: $0["step"], kind: $0["kind"], text: $0["text"]) }
        }
    }

    /// Forgets a run and its numbers. The files it made stay.
    ///
    /// - Throws: ``RunStoreError/running(id:)``, ``RunStoreError/unknownRun(id:nearest:)``.
    public func delete(_ id: String) throws {
        guard try run(id).status != .running else { throw RunStoreError.running(id: id) }
        try write { try $0.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [id]) }
    }

    /// Runs whose process is gone cannot say so themselves.
    private func settleAbandoned() throws {
        let abandoned = try read { database in
            try Row.fetchAll(database, sql: "SELECT id, process FROM run WHERE status = 'running'").filter { row in
                let identity = try? StableJSON.value(ProcessIdentity.self, from: Data((row["process"] as String).utf8))
                return identity?.isGone ?? true
            }.map { (id: $0["id"] as String, process: $0["process"] as String) }
        }
        guard !abandoned.isEmpty else { return }
        try write { database in
            for run in abandoned {
                // The process is compared again: the run may have been resumed in between.
                try database.execute(
                    sql: """
                        UPDATE run SET status = 'interrupted', message = 'the process ended without saying why',
                        ended = COALESCE((SELECT MAX(time) FROM metric WHERE run = run.id), created)
                        WHERE id = ? AND process = ? AND status = 'running'
                        """, arguments: [run.id, run.process])
            }
        }
    }

    private static func run(_ row: Row) throws -> Run {
        Run(
            id: row["id"], method: row["method"], name: row["name"], created: row["created"], ended: row["ended"],
            status: Run.Status(rawValue: row["status"]) ?? .failed, recipe: row["recipe"], commit: row["commit"],
            environment: try StableJSON.value(RunEnvironment.self, from: Data((row["environment"] as String).utf8)),
            baseFingerprint: row["base"], artefact: row["artefact"], message: row["message"])
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do { return try database.read(body) } catch { throw Self.describing(error, file) }
    }

    func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do { return try database.write(body) } catch { throw Self.describing(error, file) }
    }

    private static func describing(_ error: any Error, _ file: URL) -> any Error {
        switch error {
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
            AtomicDirectoryError.diskFull(path: file.path)
        case let error as DatabaseError where error.resultCode == .SQLITE_NOTADB || error.resultCode == .SQLITE_CORRUPT:
            RunStoreError.file(
                path: file.path, reason: "no run store: \(error.message ?? "damaged"); move it away to start anew")
        case let error as DatabaseError:
            RunStoreError.file(path: file.path, reason: error.message ?? error.description)
        default: error
        }
    }

    private static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: runs, metrics, events") { database in
            try database.execute(
                sql: """
                    CREATE TABLE counter (method TEXT PRIMARY KEY, last INTEGER NOT NULL);
                    CREATE TABLE run (
                        id TEXT PRIMARY KEY, method TEXT NOT NULL, name TEXT, created DATETIME NOT NULL, ended DATETIME,
                        status TEXT NOT NULL, recipe TEXT NOT NULL, [commit] TEXT NOT NULL, environment TEXT NOT NULL,
                        base TEXT, artefact TEXT, message TEXT, process TEXT NOT NULL);
                    CREATE TABLE metric (
                        run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE, name TEXT NOT NULL, step INTEGER NOT NULL,
                        tokens INTEGER NOT NULL, value DOUBLE, time DATETIME NOT NULL);
                    CREATE INDEX metricOfRun ON metric (run, name, step);
                    CREATE TABLE event (
                        run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE, time DATETIME NOT NULL,
                        step INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);
                    CREATE INDEX eventOfRun ON event (run);
                    """)
        }
        return migrator
    }()
}
