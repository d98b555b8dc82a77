import Corpora
import Foundation
import Recommendation
import Training

/// Where the models are that the user names: those of `ModelDirectory`, and those of runs.
enum ModelPlace {
    /// - Parameter name: the standard model where nothing is said.
    /// - Throws: what is wrong with the name; where there is no such model, what was looked for and the nearest name.
    static func locate(_ name: String?) throws -> URL {
        guard let name else { return try ModelDirectory().locate(PublishedModel.standard) }
        guard !name.isEmpty else {
            throw Failure.badUsage("the model's name is empty; without --model, \(PublishedModel.standard) is taken")
        }
        do { return try located(name) } catch let error as ModelLookupError {
            guard case .unknown(_, let published, let trained, _) = error else { throw error }
            throw Failure("\(error)" + nearest(name, among: published + trained))
        }
    }

    /// The folder of a trained recommender.
    /// - Throws: as ``locate(_:)``, where only recommenders are named.
    static func locateRecommender(_ name: String) throws -> URL {
        guard !name.isEmpty else { throw Failure.badUsage("the recommender's name is empty") }
        do { return try located(name) } catch ModelLookupError.unknown {
            let directory = ModelDirectory()
            let names = directory.trainedNames.filter { isRecommender(directory.artefacts.appending(path: $0)) }
            throw Failure(
                "recommender \(name): nothing was trained under this name in \(directory.artefacts.path), no run is called "
                    + "so (`wallfacer runs list`), and no folder of this name is in "
                    + FileManager.default.currentDirectoryPath
                    + (names.isEmpty
                        ? "; no recommender was trained here yet: `wallfacer train recommend-bpr` trains one"
                        : "; trained here: \(names.listed())")
                    + nearest(name, among: names))
        }
    }

    private static func located(_ name: String) throws -> URL {
        try ModelDirectory().locate(name) { name in
            let file = WallfacerHome.current.runStore
            guard FileManager.default.fileExists(atPath: file.path) else { return nil }
            return try RunStore(file: file).artefact(of: name)
        }
    }

    private static func isRecommender(_ folder: URL) -> Bool {
        guard let kind = try? ArtefactManifest.read(from: folder).kind else { return false }
        return kind == SessionContext.name || RecommendationMethods.opened.contains { $0.name == kind }
    }

    private static func nearest(_ name: String, among names: [String]) -> String {
        NearestName.of(name, among: names).map { "; did you mean \($0)?" } ?? ""
    }
}
