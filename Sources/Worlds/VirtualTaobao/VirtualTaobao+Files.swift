import Corpora
import Foundation

extension VirtualTaobao {
    /// Reads `generator_model.npz`, `action_model.npz` and `leave_model.npz` of a folder: arrays named `N.weight` and
    /// `N.bias` with even `N`, as in the published networks.
    /// - Throws: `CorpusError`, `WorldError.weights`.
    public init(folder: URL) throws {
        try self.init(
            generator: Self.network(folder.appending(path: "generator_model.npz"), inputs: 128),
            action: Self.network(folder.appending(path: "action_model.npz"), inputs: 116),
            leave: Self.network(folder.appending(path: "leave_model.npz"), inputs: 88))
    }

    package static func network(_ file: URL, inputs: Int) throws -> DenseNetwork {
        let name = file.lastPathComponent
        let archive = try ZipArchive(file: file)
        func array(_ key: String) throws -> NumericArray? {
            guard let entry = archive.entry("\(key).npy") else { return nil }
            return try NumericArray(data: archive.contents(of: entry), file: "\(name)/\(key).npy")
        }
        var layers: [(weights: [Float], biases: [Float])] = []
        while let weights = try array("\(2 * layers.count).weight") {
            guard let biases = try array("\(2 * layers.count).bias") else {
                throw WorldError.weights(
                    file: name, name: "\(2 * layers.count).bias", found: "missing",
                    expected: "one per row of the weights")
            }
            layers.append((weights.values.map(Float.init), biases.values.map(Float.init)))
        }
        return try DenseNetwork(layers: layers, inputs: inputs, file: name)
    }
}
