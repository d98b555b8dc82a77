import Corpora
import Foundation
import LanguageModel
import Layers
import Tensors

/// Models as the user names them.
enum ModelOpening {
    /// - Parameter name: the standard model where nothing is said.
    /// - Throws: what is wrong with the name or the files.
    static func open(_ name: String?, _ compute: ComputeOptions) throws -> LocalModel {
        try compute.applyToGeneration()
        let path = try ModelDirectory().locate(name ?? PublishedModel.standard)
        return try LocalModel(path: path.path, precision: compute.precision)
    }

    /// The model and how it computes, in one line.
    static func description(_ model: LocalModel) -> String {
        "\(model.name), \(model.precision.rawValue), threads: \(Runtime.threadCount)"
    }
}
