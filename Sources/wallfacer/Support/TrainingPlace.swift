import Corpora
import Foundation
import Studies
import Training

/// Which folder a training writes to.
struct TrainingPlace {
    let folder: URL
    /// For a new run without a name, whose identifier is that of its folder.
    var runID: String?
    /// Held until the training has ended: nobody else trains under the name.
    let claim: NameClaim

    private static let artefacts = ModelDirectory().artefacts
    private static let checkpointEnding = ".checkpoint"

    /// Names that only runs without one have: a method and a number.
    static func isNumbered(_ name: String) -> Bool {
        MethodList.names.contains { method in
            name.hasPrefix(method + "-") && !name.dropFirst(method.count + 1).isEmpty
                && name.dropFirst(method.count + 1).allSatisfy(\.isNumber)
        }
    }

    /// The place of a new training.
    /// - Throws: `Failure` for a name that is taken, also by a process that trains under it now.
    static func new(_ method: String, name: String?, store: RunStore) throws -> TrainingPlace {
        guard let name else {
            while true {
                let id = try store.reserve(method: method)
                let place = folder(id)
                if let claim = try NameClaim(id), !exists(place), !exists(checkpoint(id)) {
                    return TrainingPlace(folder: place, runID: id, claim: claim)
                }
            }
        }
        // Looked at only when nobody else can make them.
        guard let claim = try NameClaim(name) else {
            throw Failure("\(name): is being trained by another process; choose another --name")
        }
        if exists(checkpoint(name)) {
            throw Failure("\(name): was interrupted; --resume goes on, or choose another --name")
        }
        if exists(folder(name)) {
            throw Failure("\(folder(name).path): is there already; choose another --name")
        }
        return TrainingPlace(folder: folder(name), claim: claim)
    }

    /// The place of an interrupted training: the named one, or the newest of the method.
    /// - Throws: `Failure` where there is nothing to resume, or another process trains under the name.
    static func interrupted(_ method: String, name: String?) throws -> TrainingPlace {
        if let name {
            if exists(checkpoint(name)) { return try resumed(name) }
            if exists(folder(name)) {
                throw Failure(
                    "\(name): is complete, so there is nothing to resume; "
                        + "`train \(method) --model \(name) --name OTHER` trains on from it")
            }
            throw Failure("nothing to resume: no checkpoint of \(name) in \(artefacts.path)")
        }
        guard let newest = checkpoints(of: method).max(by: { $0.date < $1.date }) else {
            throw Failure("nothing to resume: no checkpoint of \(method) in \(artefacts.path)")
        }
        return try resumed(newest.name)
    }

    private static func resumed(_ name: String) throws -> TrainingPlace {
        guard let claim = try NameClaim(name) else {
            throw Failure("\(name): is being trained by another process; there is nothing to resume until it ends")
        }
        return TrainingPlace(folder: folder(name), claim: claim)
    }

    private static func checkpoints(of method: String) -> [(name: String, date: Date)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: artefacts.path)) ?? []
        return names.filter { $0.hasSuffix(checkpointEnding) && !$0.hasPrefix(".") }.compactMap { file in
            let name = String(file.dropLast(checkpointEnding.count))
            let stored = try? TrainingSession(output: folder(name)).storedRecipe()
            guard let stored, (try? RecipeDocument(yaml: stored))?.method == method else { return nil }
            let attributes = try? FileManager.default.attributesOfItem(atPath: checkpoint(name).path)
            return (name, attributes?[.modificationDate] as? Date ?? .distantPast)
        }
    }

    private static func folder(_ name: String) -> URL {
        artefacts.appending(path: name, directoryHint: .isDirectory)
    }

    private static func checkpoint(_ name: String) -> URL { TrainingSession(output: folder(name)).checkpoint }

    private static func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }
}
