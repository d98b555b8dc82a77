import Foundation
import Tensors
import Testing

/// The tiny random models written by Scripts/fixtures/tiny_models.py.
enum ModelFixtures {
    static let names = [
        "gemma3", "gemma3-scaled", "llama", "llama-bf16", "llama-biases", "llama-dynamic", "llama-f16", "llama-linear",
        "llama-llama3", "llama-sharded", "llama-yarn", "qwen", "qwen2", "qwen2-sliding", "qwen3",
    ]

    static let root = Bundle.module.resourcePath! + "/Fixtures/models"

    static func folder(_ name: String) -> String { "\(root)/\(name)" }

    /// A tensor of a safetensors file as numbers.
    static func floats(_ name: String, in path: String) throws -> (shape: [Int], values: [Float]) {
        let file = try SafetensorsFile(path: path)
        let entry = try #require(file[name])
        try #require(entry.dtype == .float32)
        let values = try file.withUnsafeBytes(of: entry) { bytes in
            (0..<entry.elementCount).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        return (entry.shape, values)
    }
}

/// A new empty folder, removed with its contents when the value goes away.
final class ScratchFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("wallfacer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = "\(path)/\(name)"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    var contents: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }
}
