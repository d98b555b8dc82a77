import Corpora
import Foundation
import Training

/// Where the models are that the user names: those of `ModelDirectory`, and those of runs.
enum ModelPlace {
    /// - Parameter name: the standard model where nothing is said.
    /// - Throws: what is wrong with the name.
    static func locate(_ name: String?) throws -> URL {
        guard let name else { return try ModelDirectory().locate(PublishedModel.standard) }
        guard !name.isEmpty else {
            throw Failure.badUsage("the model's name is empty; without --model, \(PublishedModel.standard) is taken")
        }
        return try ModelDirectory().locate(name) { name in
            let file = WallfacerHome.current.runStore
            guard FileManager.default.fileExists(atPath: file.path) else { return nil }
            return try RunStore(file: file).artefact(of: name)
        }
    }
}
