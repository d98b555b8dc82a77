import Foundation
import Tensors

/// A model in GGUF format (versions 2 and 3), in one file or split into several.
///
/// Metadata is read at once; tensors stay in the mapped files until they are asked for.
public final class GGUFFile: Sendable {
    /// The file that was opened: the first of a split model.
    public let path: String
    public let metadata: [String: GGUFValue]
    /// In file order.
    public let tensors: [GGUFTensor]
    private let parts: [MappedFile]
    private let indices: [String: (tensor: Int, part: Int)]

    /// - Throws: `WeightFileError` for a file that cannot be read, breaks the format, or lacks its other parts.
    public init(path: String) throws {
        self.path = path
        let first = try MappedFile(path: path)
        let header = try first.withUnsafeBytes { try GGUFHeader(parsing: $0, path: path) }
        metadata = header.metadata
        var parts = [first]
        var tensors = header.tensors
        var indices = Dictionary(
            uniqueKeysWithValues: header.tensors.enumerated().map { ($0.element.name, (tensor: $0.offset, part: 0)) })
        for other in try Self.otherParts(of: path, metadata: header.metadata) {
            let file = try MappedFile(path: other)
            let part = try file.withUnsafeBytes { try GGUFHeader(parsing: $0, path: other) }
            guard part.metadata["split.no"]?.integer == parts.count else {
                throw WeightFileError.malformed(
                    file: other, field: "split.no", found: part.metadata["split.no"]?.summary ?? "absent",
                    allowed: "\(parts.count)")
            }
            for tensor in part.tensors {
                guard indices.updateValue((tensors.count, parts.count), forKey: tensor.name) == nil else {
                    throw WeightFileError.malformed(
                        file: other, field: "tensor \(tensor.name)", found: "in an earlier part too",
                        allowed: "in one part")
                }
                tensors.append(tensor)
            }
            parts.append(file)
        }
        if let stated = header.metadata["split.tensors.count"]?.integer, parts.count > 1, stated != tensors.count {
            throw WeightFileError.malformed(
                file: path, field: "split.tensors.count", found: "\(stated)",
                allowed: "\(tensors.count), what the parts hold")
        }
        self.parts = parts
        self.tensors = tensors
        self.indices = indices
    }

    /// `NAME-00001-of-00003.gguf` is followed by the parts 2 and 3.
    private static func otherParts(of path: String, metadata: [String: GGUFValue]) throws -> [String] {
        guard let count = metadata["split.count"]?.integer, count > 1 else { return [] }
        func malformed(_ field: String, _ found: String, _ allowed: String) -> WeightFileError {
            .malformed(file: path, field: field, found: found, allowed: allowed)
        }
        guard count < 100_000 else { throw malformed("split.count", "\(count)", "below 100000") }
        guard metadata["split.no"]?.integer == 0 else {
            throw malformed(
                "split.no", metadata["split.no"]?.summary ?? "absent", "0: open the first part of a split model")
        }
        func number(_ index: Int) -> String { String(format: "%05d", index) }
        let ending = "-\(number(1))-of-\(number(count)).gguf"
        guard path.hasSuffix(ending) else { throw malformed("the file name", path, "ending in \(ending)") }
        return (2...count).map { "\(path.dropLast(ending.count))-\(number($0))-of-\(number(count)).gguf" }
    }

    public subscript(name: String) -> GGUFTensor? { indices[name].map { tensors[$0.tensor] } }

    /// Calls `body` with the stored blocks of `tensor`; valid inside the call only.
    public func withUnsafeBlocks<Result>(
        of tensor: GGUFTensor, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let place = indices[tensor.name] else {
            throw WeightFileError.missingTensors(file: path, tensors: [tensor.name], from: "the caller")
        }
        return try parts[place.part].withUnsafeBytes(in: tensor.byteRange, body)
    }

    /// The values of `tensor` in f32, row-major, on all cores.
    public func dequantized(_ tensor: GGUFTensor) throws -> [Float] {
        try withUnsafeBlocks(of: tensor) { blocks in
            [Float](unsafeUninitializedCapacity: tensor.elementCount) { output, count in
                count = tensor.elementCount
                tensor.format.dequantizeInParallel(blocks, into: UnsafeMutableBufferPointer(rebasing: output[..<count]))
            }
        }
    }
}
