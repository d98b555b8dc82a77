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
}
