/// Writes a safetensors file tensor by tensor, so that no second copy of the weights is needed.
///
/// ```swift
/// let writer = try SafetensorsWriter(path: path, tensors: [.init(name: "weight", dtype: .float32, shape: [2, 3])])
/// try writer.append("weight", bytes: bytes)
/// try writer.finish()
/// ```
/// The file appears under its name when `finish` has synced it; on any error nothing is left behind.
public final class SafetensorsWriter {
    /// A tensor to come.
    public struct Description: Hashable, Sendable {
        public let name: String
        public let dtype: DType
        public let shape: [Int]

        public init(name: String, dtype: DType, shape: [Int]) {
            self.name = name
            self.dtype = dtype
            self.shape = shape
        }

        public var byteCount: Int { shape.reduce(dtype.byteCount, *) }
    }

    private let file: AtomicFile
    private let tensors: [Description]
    private var written = 0

    /// Writes the header. Tensors follow in the order given here.
    ///
    /// - Throws: ``WeightFileError/unwritable(file:reason:)``.
    public convenience init(
        path: String, tensors: [Description], metadata: [String: String] = ["format": "pt"]
    ) throws(WeightFileError) {
        try self.init(file: AtomicFile(path: path), tensors: tensors, metadata: metadata)
    }

    package init(file: AtomicFile, tensors: [Description], metadata: [String: String]) throws(WeightFileError) {
        self.file = file
        self.tensors = tensors
        guard Set(tensors.map(\.name)).count == tensors.count else {
            throw .unwritable(file: file.path, reason: "two tensors have the same name")
        }
        let header = Self.header(tensors, metadata: metadata)
        try file.write(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) })
        try file.write(header)
    }

    /// Writes the next tensor, `bytes` being row-major and little-endian.
    ///
    /// - Throws: ``WeightFileError/unwritable(file:reason:)`` when it is not the next one, has another size, or cannot be
    ///   written.
    public func append(_ name: String, bytes: UnsafeRawBufferPointer) throws(WeightFileError) {
        guard written < tensors.count, tensors[written].name == name else {
            throw abandon("tensor \(name) comes out of order")
        }
        guard bytes.count == tensors[written].byteCount else {
            throw abandon("tensor \(name) has \(bytes.count) bytes instead of \(tensors[written].byteCount)")
        }
        try file.write(bytes)
        written += 1
    }

    /// Syncs the file and gives it its name.
    public func finish() throws(WeightFileError) {
        guard written == tensors.count else { throw abandon("tensor \(tensors[written].name) was not written") }
        try file.commit()
    }

    private func abandon(_ reason: String) -> WeightFileError {
        file.discard()
        return .unwritable(file: file.path, reason: reason)
    }

    /// Padded with spaces to a multiple of eight bytes, so that the data is aligned.
    private static func header(_ tensors: [Description], metadata: [String: String]) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map {
                "\(JSONText.quoted($0.key)):\(JSONText.quoted($0.value))"
            }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for tensor in tensors {
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            members.append(
                "\(JSONText.quoted(tensor.name)):{\"dtype\":\"\(tensor.dtype.safetensorsName)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(offset + tensor.byteCount)]}")
            offset += tensor.byteCount
        }
        var bytes = Array("{\(members.joined(separator: ","))}".utf8)
        bytes.append(contentsOf: repeatElement(0x20, count: (8 - bytes.count % 8) % 8))
        return bytes
    }
}
