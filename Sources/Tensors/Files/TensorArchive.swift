/// Named tensors in one safetensors file: checkpoints, adapters, heads.
public enum TensorArchive {
    /// Writes the tensors in the order given; the file appears when it is complete.
    ///
    /// - Throws: `WeightFileError.unwritable`, also where two names are equal.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], to path: String, metadata: [String: String] = ["format": "pt"]
    ) throws(WeightFileError) {
        let descriptions = tensors.map {
            SafetensorsWriter.Description(name: $0.name, dtype: $0.tensor.dtype, shape: $0.tensor.shape)
        }
        let writer = try SafetensorsWriter(path: path, tensors: descriptions, metadata: metadata)
        for (name, tensor) in tensors {
            let plain = tensor.detached().moved(to: .cpu).contiguous()
            let result: Result<Void, WeightFileError> = plain.withUnsafeBytes { bytes in
                do throws(WeightFileError) { return .success(try writer.append(name, bytes: bytes)) } catch {
                    return .failure(error)
                }
            }
            try result.get()
        }
        try writer.finish()
    }

    /// All tensors of a file, copied into memory.
    ///
    /// - Throws: `WeightFileError` for a file that cannot be read or breaks the format.
    public static func read(_ path: String) throws -> [String: Tensor] {
        let file = try SafetensorsFile(path: path)
        var tensors: [String: Tensor] = [:]
        for entry in file.entries { tensors[entry.name] = try file.tensor(entry) }
        return tensors
    }
}

extension SafetensorsFile {
    /// One tensor, copied into memory in its stored type.
    public func tensor(_ entry: SafetensorsEntry) throws -> Tensor {
        try withUnsafeBytes(of: entry) { Tensor(copying: $0, shape: entry.shape, dtype: entry.dtype) }
    }
}
