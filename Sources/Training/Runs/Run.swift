import Experiments
import Foundation

/// One training or evaluation that was started: what the run store keeps of it.
public struct Run: Sendable, Equatable, Codable {
    public enum Status: String, Sendable, Codable, CaseIterable {
        case running, done, failed
        /// Stopped by the user, or its process is gone without a word.
        case interrupted
    }

    /// Short and readable, never used again: `sft-12`.
    public let id: String
    public let method: String
    /// What the user calls it.
    public let name: String?
    public let created: Date
    public let ended: Date?
    public let status: Status
    /// The complete recipe as YAML.
    public let recipe: String
    public let commit: String
    public let environment: RunEnvironment
    /// The model that was trained on, from ``BaseFingerprint``.
    public let baseFingerprint: String?
    /// The folder of what was made.
    public let artefact: String?
    /// Why it failed.
    public let message: String?
}

/// A number of a run at a step.
public struct MetricPoint: Sendable, Equatable, Codable {
    public let name: String
    public let step: Int
    /// Tokens since the start of the run.
    public let tokens: Int
    /// Not a number where the loss was none.
    public let value: Double
    public let time: Date

    public init(name: String, step: Int, tokens: Int, value: Double, time: Date) {
        self.name = name
        self.step = step
        self.tokens = tokens
        self.value = value
        self.time = time
    }
}

/// Something that happened during a run: a checkpoint, an evaluation, a warning.
public struct RunEvent: Sendable, Equatable, Codable {
    public let time: Date
    public let step: Int
    /// For example `checkpoint` or `warning`.
    public let kind: String
    public let text: String
}

/// What the run store could not do.
public enum RunStoreError: Error, Equatable, CustomStringConvertible {
    case unknownRun(id: String, nearest: String?)
    case running(id: String)
    /// Nothing that was trained is there to be opened.
    case noArtefact(id: String, status: Run.Status)
    case file(path: String, reason: String)

    public var description: String {
        switch self {
        case .unknownRun(let id, let nearest):
            "run \(id): there is no such run"
                + (nearest.map { "; did you mean \($0)?" } ?? "; `wallfacer runs list` shows them")
        case .running(let id): "run \(id): still running; stop it first"
        case .noArtefact(let id, .done): "run \(id): what it trained is no longer there"
        case .noArtefact(let id, .running): "run \(id): still running; its model is there when it is done"
        case .noArtefact(let id, let status): "run \(id): it is \(status.rawValue), so there is no model of it"
        case .file(let path, let reason): "\(path): \(reason)"
        }
    }
}
