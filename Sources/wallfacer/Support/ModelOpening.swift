import Corpora
import Foundation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Training

/// Models as the user names them.
enum ModelOpening {
    /// - Parameter name: the standard model where nothing is said. What was trained here opens too: an adapter together
    ///   with the model it was made for.
    /// - Throws: what is wrong with the name or the files.
    static func open(_ name: String?, _ compute: ComputeOptions) throws -> LocalModel {
        try compute.applyToGeneration()
        let path = try ModelPlace.locate(name)
        guard AdapterFile.isPresent(in: path) else {
            try ArtefactManifest.verifyOpening(path)
            return try LocalModel(path: path.path, precision: compute.precision)
        }
        let base = try BaseModel.load(path, precision: compute.precision)
        let (tokenizer, template) = (base.tokenizer, base.template)
        return try LocalModel(
            name: path.lastPathComponent, decoder: base.decoder, tokenizer: tokenizer, template: template)
    }

    /// The model and how it computes, in one line.
    static func description(_ model: LocalModel) -> String {
        "\(model.name), \(model.precision.rawValue), threads: \(Runtime.threadCount)"
    }
}
