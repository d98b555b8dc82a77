import Foundation
import Tensors

/// The tensors of a model under the names they are stored by, in either kind of file.
struct StoredTensors: Sendable {
    struct Description: Hashable, Sendable {
        /// The file it is in.
        let file: String
        let format: BlockFormat
        let shape: [Int]
    }

    private enum Storage: Sendable {
        case gguf(GGUFFile)
        case safetensors([SafetensorsFile], shards: [String: Int])
    }

    private let storage: Storage
    /// Every stored name.
    let names: [String]

    init(_ file: GGUFFile) {
        storage = .gguf(file)
        names = file.tensors.map(\.name)
    }

    /// - Parameter path: one safetensors file.
    init(safetensors path: String) throws {
        let file = try SafetensorsFile(path: path)
        names = file.entries.map(\.name)
        storage = .safetensors([file], shards: Dictionary(uniqueKeysWithValues: names.map { ($0, 0) }))
    }

    /// - Parameter path: the `model.safetensors.index.json` of a model in several files.
    init(index path: String) throws {
        guard let map = try ConfigurationFields(file: path).dictionary("weight_map") else {
            throw WeightFileError.malformed(
                file: path, field: "weight_map", found: "absent", allowed: "an object of file names")
        }
        let folder = (path as NSString).deletingLastPathComponent
        var files: [SafetensorsFile] = []
        var places: [String: Int] = [:]
        var shards: [String: Int] = [:]
        for (name, shard) in map.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            // A name with a folder in it would read files elsewhere.
            guard !shard.contains("/"), !shard.hasPrefix("."), !shard.isEmpty else {
                throw WeightFileError.malformed(
                    file: path, field: "weight_map.\(name)", found: "\"\(shard)\"",
                    allowed: "the name of a file beside it")
            }
            if places[shard] == nil {
                places[shard] = files.count
                files.append(try SafetensorsFile(path: folder.isEmpty ? shard : "\(folder)/\(shard)"))
            }
            let place = places[shard]!
            guard files[place][name] != nil else {
                throw WeightFileError.malformed(
                    file: path, field: "weight_map.\(name)", found: "\"\(shard)\", which lacks it",
                    allowed: "the file that holds it")
            }
            shards[name] = place
        }
        names = shards.keys.sorted()
        storage = .safetensors(files, shards: shards)
    }

    /// Nil for a name that is not there.
    /// - Throws: `WeightFileError` for a type that weights cannot have.
    func description(of name: String) throws -> Description? {
        switch storage {
        case .gguf(let file):
            return file[name].map { Description(file: file.path, format: $0.format, shape: $0.shape) }
        case .safetensors(let files, let shards):
            guard let shard = shards[name], let entry = files[shard][name] else { return nil }
            let formats: [DType: BlockFormat] = [.float32: .float32, .float16: .float16, .bfloat16: .bfloat16]
            guard let format = formats[entry.dtype] else {
                throw WeightFileError.malformed(
                    file: files[shard].path, field: "dtype of \(name)", found: entry.dtype.safetensorsName,
                    allowed: "F32, F16 or BF16")
            }
            return Description(file: files[shard].path, format: format, shape: entry.shape)
        }
    }

    func contains(_ name: String) -> Bool {
        switch storage {
        case .gguf(let file): file[name] != nil
        case .safetensors(_, let shards): shards[name] != nil
        }
    }

    /// The stored bytes; `name` must be there.
    func withUnsafeBytes<Result>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        switch storage {
        case .gguf(let file): try file.withUnsafeBlocks(of: file[name]!, body)
        case .safetensors(let files, let shards):
            try files[shards[name]!].withUnsafeBytes(of: files[shards[name]!][name]!, body)
        }
    }
}
