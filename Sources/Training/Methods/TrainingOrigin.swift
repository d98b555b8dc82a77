import Experiments
import Foundation

extension TrainingSession {
    /// The settings of a recipe's budget that a resumed run may change: how long it trains, and how often it measures and
    /// saves.
    public static let changeableLimits = [
        "tokens", "seconds", "epochs", "steps", "patience", "evaluationInterval", "checkpointInterval",
    ]
    /// Where recipes have them.
    private static let limitGroups = ["budget", "training", "fitting"]

    /// - Parameter recipe: a search for settings goes by the number of passes, which must stay then.
    private static func mayChange(_ field: String, _ recipe: [String: String]) -> Bool {
        if recipe["search"] == "true" { return false }
        let path = field.split(separator: ".").map(String.init)
        return path.count == 2 && limitGroups.contains(path[0]) && changeableLimits.contains(path[1])
    }

    /// The recipe of the checkpoint, with which a resumed training goes on where no other is given.
    /// - Throws: ``TrainingError`` where there is no readable checkpoint.
    public func storedRecipe() throws -> String? { try Checkpoint.origin(in: checkpoint)?.recipe }

    /// What the search before the interrupted training chose (``Job/chosen``), so that it need not be repeated; nil where the
    /// session begins anew, or nothing was searched for.
    /// - Throws: ``TrainingError`` where there is no readable checkpoint.
    public func storedChoice() throws -> [String: Double]? {
        resumes ? try Checkpoint.origin(in: checkpoint)?.chosen : nil
    }

    /// Compares a recipe with that of the checkpoint, if the session goes on from one.
    /// - Throws: ``TrainingSessionError/otherRecipe(checkpoint:differences:)``.
    func requireOrigin(recipe: String) throws {
        guard resumes, let stored = try Checkpoint.origin(in: checkpoint)?.recipe else { return }
        let earlier = try RecipeNode.parse(stored, source: checkpoint.path).values
        let now = try RecipeNode.parse(recipe, source: "recipe").values
        let differences = Set(earlier.keys).union(now.keys).sorted()
            .filter { earlier[$0] != now[$0] && !Self.mayChange($0, now) }
            .map { "\($0) is \(now[$0] ?? "absent"), was \(earlier[$0] ?? "absent")" }
        guard differences.isEmpty else {
            throw TrainingSessionError.otherRecipe(checkpoint: checkpoint.path, differences: differences)
        }
    }

    /// Compares the model to begin with to that of the checkpoint.
    /// - Throws: ``TrainingSessionError/otherBase(checkpoint:found:expected:)``.
    func requireOrigin(base: ArtefactManifest.Base?) throws {
        guard let origin = try Checkpoint.origin(in: checkpoint), origin.base?.fingerprint != base?.fingerprint else {
            return
        }
        func text(_ base: ArtefactManifest.Base?) -> String {
            base.map { "\($0.name) with fingerprint \($0.fingerprint.prefix(12))" } ?? "new weights"
        }
        throw TrainingSessionError.otherBase(
            checkpoint: checkpoint.path, found: text(base), expected: text(origin.base))
    }
}

extension RecipeNode {
    fileprivate var values: [String: String] { Dictionary(leaves(), uniquingKeysWith: { $1 }) }
}

/// What keeps a session from training, or from calling its result a trained model.
public enum TrainingSessionError: Error, Equatable, CustomStringConvertible {
    case noSteps(StopReason)
    case otherRecipe(checkpoint: String, differences: [String])
    case otherBase(checkpoint: String, found: String, expected: String)

    public var description: String {
        switch self {
        case .noSteps(let reason): "\(reason.text) before the first step; nothing was trained, and nothing is saved"
        case .otherRecipe(let checkpoint, let differences):
            "\(checkpoint): was begun with another recipe: \(differences.joined(separator: "; ")). Only "
                + "limits may change on the way: " + TrainingSession.changeableLimits.joined(separator: ", ")
        case .otherBase(let checkpoint, let found, let expected):
            "\(checkpoint): was begun from \(expected), but the model given is \(found)"
        }
    }
}
