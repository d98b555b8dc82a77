import Corpora
import Foundation
import Training

extension Method {
    /// Refuses to measure a trained model where its held-out part would be drawn anew: rows that it was trained on would be
    /// among them.
    /// - Parameter split: what the held-out part follows from.
    /// - Throws: ``RecommendationError/mismatch(reason:)``; `ArtefactError`, `RecipeError`.
    static func requireSameSplit(_ artefact: URL, _ settings: Settings, _ split: (Settings) -> [String]) throws {
        let trained = try trainedSettings(artefact)
        guard split(trained) == split(settings) else {
            throw RecommendationError.mismatch(
                reason:
                    "\(artefact.lastPathComponent) was trained with \(split(trained).joined(separator: ", ")), asked for is "
                    + "\(split(settings).joined(separator: ", ")): rows that it was trained on would be measured")
        }
    }

    /// What a model was trained with.
    /// - Throws: `ArtefactError`, `RecipeError`.
    static func trainedSettings(_ artefact: URL) throws -> Settings {
        let manifest = try ArtefactManifest.read(from: artefact)
        return try settings(RecipeDocument(yaml: manifest.recipe, source: "\(artefact.path)/manifest.json"))
    }

    /// - Throws: ``RecommendationError/mismatch(reason:)`` where the file of the training names others than it did.
    static func requireSame(
        _ kind: String, _ found: IdentifierMap, _ known: IdentifierMap, _ data: String
    ) throws {
        guard found.tokens != known.tokens else { return }
        let strangers = found.tokens.filter { known[$0] == nil }
        let difference =
            if let first = strangers.first {
                "\(strangers.count) of \(found.count) are new, such as \(first.debugDescription)"
            } else if found.count < known.count {
                "\(found.count) where the model knows \(known.count)"
            } else {
                "the same in another order"
            }
        throw RecommendationError.mismatch(
            reason:
                "\(data): its \(kind) are not those of the training: \(difference). The file has changed, so that rows "
                + "that the model was trained on could be measured; new rows are measured from a file of their own")
    }
}
