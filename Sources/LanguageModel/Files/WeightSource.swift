import Foundation
import Tensors

/// A stored model: its configuration, and its parameters under canonical names whatever the file calls them.
///
/// Opens a folder in Hugging Face's layout (`config.json` with `model.safetensors`, in one file or in several), a
/// safetensors file with `config.json` beside it, or a GGUF file. Opening checks that every parameter of the configuration
/// is there with its shape, and that nothing else is. Values are read when they are asked for.
///
/// Canonical names, shapes and order are those of ``DecoderConfiguration/weights``; a tied head is never listed. What files
/// do differently is undone: fused projections are split, permuted rows of query and key put back, and one subtracted from
/// norm weights that are stored with it.
public final class WeightSource: Sendable {
    /// What was opened.
    public let path: String
    public let configuration: DecoderConfiguration
    public let specialTokens: SpecialTokens
    /// The open file, where the model is a GGUF.
    public let gguf: GGUFFile?
    private let tensors: StoredTensors
    private let places: [String: WeightPlace]
    private let specifications: [String: WeightSpecification]

    /// - Throws: `WeightFileError` when nothing can be read at `path`, a file breaks its format, or weights and
    ///   configuration contradict each other.
    public convenience init(path: String) throws {
        switch try ModelFiles(path: path) {
        case .gguf(let path): try self.init(gguf: GGUFFile(path: path))
        case .safetensors(let weights, let folder):
            let configuration = try DecoderConfiguration(configurationFile: "\(folder)/config.json")
            let tensors =
                try weights.hasSuffix(".json")
                ? StoredTensors(index: weights) : StoredTensors(safetensors: weights)
            try self.init(
                path: path, configuration: configuration, specialTokens: SpecialTokens(folder: folder), gguf: nil,
                tensors: tensors, places: configuration.safetensorsPlaces(stored: tensors.contains))
        }
    }

    public convenience init(gguf file: GGUFFile) throws {
        let configuration = try DecoderConfiguration(file)
        try self.init(
            path: file.path, configuration: configuration, specialTokens: SpecialTokens(file), gguf: file,
            tensors: StoredTensors(file), places: configuration.ggufPlaces)
    }

    private init(
        path: String, configuration: DecoderConfiguration, specialTokens: SpecialTokens, gguf: GGUFFile?,
        tensors: StoredTensors, places: [String: WeightPlace]
    ) throws {
        self.path = path
        self.configuration = configuration
        self.specialTokens = specialTokens
        self.gguf = gguf
        self.tensors = tensors
        let weights = configuration.weights
        let names = Set(weights.map(\.name))
        self.places = places.filter { names.contains($0.key) }
        specifications = Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0) })
        try WeightCheck(
            path: path, configuration: configuration, isGGUF: gguf != nil, tensors: tensors, places: self.places
        )
        .run()
    }

    /// The parameters, in canonical order.
    public var weights: [WeightSpecification] { configuration.weights }

    /// The shape of a parameter.
    public func shape(of name: String) throws -> [Int] { try specification(name).shape }

    /// How a parameter is stored.
    public func format(of name: String) throws -> BlockFormat {
        let place = try place(name)
        guard place.added == 0 else { return .float32 }
        return try tensors.description(of: place.stored)!.format
    }

    /// Calls `body` with the blocks of a parameter, its rows in canonical order; the pointer is valid inside the call only.
    ///
    /// The bytes are those of the file itself unless rows had to be moved: whole rows are moved, so blocks stay as they are.
    public func withUnsafeBlocks<Result>(
        of name: String, _ body: (BlockFormat, UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let place = try place(name)
        let specification = try specification(name)
        let format = try tensors.description(of: place.stored)!.format
        return try tensors.withUnsafeBytes(of: place.stored) { stored in
            if place.added != 0 {
                let count = specification.shape.reduce(1, *)
                var values = [Float](repeating: 0, count: count)
                values.withUnsafeMutableBufferPointer { format.dequantize(stored, into: $0) }
                for index in values.indices { values[index] -= place.added }
                return try values.withUnsafeBytes { try body(.float32, $0) }
            }
            guard place.rows != nil || place.interleavedHeadSize != nil else { return try body(format, stored) }
            // A bias is a column: one element a row.
            let rows = specification.shape[0]
            let rowBytes = format.byteCount(elements: specification.shape.dropFirst().reduce(1, *))
            guard place.interleavedHeadSize != nil else {
                let start = place.storedRow(0) * rowBytes
                return try body(format, UnsafeRawBufferPointer(rebasing: stored[start..<start + rows * rowBytes]))
            }
            let moved = UnsafeMutableRawBufferPointer.allocate(byteCount: rows * rowBytes, alignment: 64)
            defer { moved.deallocate() }
            for row in 0..<rows {
                let start = place.storedRow(row) * rowBytes
                moved.baseAddress!.advanced(by: row * rowBytes)
                    .copyMemory(from: stored.baseAddress! + start, byteCount: rowBytes)
            }
            return try body(format, UnsafeRawBufferPointer(moved))
        }
    }

    /// Writes the values of a parameter to `output` in f32, row-major, on all cores.
    public func read(_ name: String, into output: UnsafeMutableBufferPointer<Float>) throws {
        try withUnsafeBlocks(of: name) { format, blocks in
            format.dequantizeInParallel(blocks, into: output)
        }
    }

    /// The values of a parameter in f32, row-major.
    public func values(of name: String) throws -> [Float] {
        let count = try specification(name).shape.reduce(1, *)
        return try [Float](unsafeUninitializedCapacity: count) { output, initialized in
            try read(name, into: UnsafeMutableBufferPointer(rebasing: output[..<count]))
            initialized = count
        }
    }

    private func specification(_ name: String) throws -> WeightSpecification {
        guard let specification = specifications[name] else {
            throw WeightFileError.missingTensors(file: path, tensors: [name], from: "the caller")
        }
        return specification
    }

    private func place(_ name: String) throws -> WeightPlace {
        _ = try specification(name)
        return places[name]!
    }
}
