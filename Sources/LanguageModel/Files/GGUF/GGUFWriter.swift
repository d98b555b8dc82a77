import Tensors

/// Writes a GGUF file (version 3) tensor by tensor; it appears under its name when it is complete.
///
/// ```swift
/// let writer = try GGUFWriter(path: path, metadata: metadata, tensors: [.init(name: "a", format: .float32, shape: [2, 32])])
/// try writer.append("a", values: values)
/// try writer.finish()
/// ```
public final class GGUFWriter {
    /// A tensor to come; `shape` is row-major, `[out, in]` for a linear weight.
    public struct Description: Hashable, Sendable {
        public let name: String
        public let format: BlockFormat
        public let shape: [Int]

        public init(name: String, format: BlockFormat, shape: [Int]) {
            self.name = name
            self.format = format
            self.shape = shape
        }

        public var elementCount: Int { shape.reduce(1, *) }
        public var byteCount: Int { format.byteCount(elements: elementCount) }
    }

    private static let alignment = 32
    private let file: AtomicFile
    private let tensors: [Description]
    private var written = 0

    /// Writes the header. Tensors follow in the order given here.
    ///
    /// - Parameter metadata: keys and values in the order in which they are written; `general.alignment` is left out.
    /// - Throws: `WeightFileError.unwritable`.
    public init(path: String, metadata: [(key: String, value: GGUFValue)], tensors: [Description])
        throws(WeightFileError)
    {
        file = try AtomicFile(path: path)
        self.tensors = tensors
        guard Set(tensors.map(\.name)).count == tensors.count else {
            throw .unwritable(file: path, reason: "two tensors have the same name")
        }
        for tensor in tensors where (tensor.shape.last ?? 1) % tensor.format.blockElements != 0 {
            throw .unwritable(
                file: path, reason: "rows of \(tensor.name) are no multiple of \(tensor.format.blockElements)")
        }
        var header = GGUFHeader.magic
        let metadata = metadata.filter { $0.key != "general.alignment" }
        header.append(UInt32(3))
        header.append(UInt64(tensors.count))
        header.append(UInt64(metadata.count))
        for (key, value) in metadata {
            header.append(key)
            header.append(value.type.rawValue)
            header.append(value)
        }
        var offset = 0
        for tensor in tensors {
            header.append(tensor.name)
            header.append(UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { header.append(UInt64(size)) }
            header.append(tensor.format.rawValue)
            header.append(UInt64(offset))
            offset += (tensor.byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
        }
        header.append(contentsOf: Self.padding(after: header.count))
        try file.write(header)
    }

    /// Writes the next tensor as stored blocks.
    public func append(_ name: String, blocks: UnsafeRawBufferPointer) throws(WeightFileError) {
        guard written < tensors.count, tensors[written].name == name else {
            throw abandon("tensor \(name) comes out of order")
        }
        guard blocks.count == tensors[written].byteCount else {
            throw abandon("tensor \(name) has \(blocks.count) bytes instead of \(tensors[written].byteCount)")
        }
        try file.write(blocks)
        try file.write(Self.padding(after: blocks.count))
        written += 1
    }

    /// Writes the next tensor in the format that was announced for it, rounding where that is smaller than f32.
    public func append(_ name: String, values: UnsafeBufferPointer<Float>) throws {
        guard written < tensors.count, tensors[written].name == name, values.count == tensors[written].elementCount
        else {
            throw abandon("tensor \(name) comes out of order or has another size")
        }
        guard let blocks = tensors[written].format.quantize(values) else {
            throw abandon("\(tensors[written].format.name) is only read, not written")
        }
        try blocks.withUnsafeBytes { try append(name, blocks: $0) }
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

    private static func padding(after count: Int) -> [UInt8] {
        Array(repeating: 0, count: (alignment - count % alignment) % alignment)
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ number: some FixedWidthInteger & BitwiseCopyable) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(_ text: String) {
        append(UInt64(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    fileprivate mutating func append(_ value: GGUFValue) {
        switch value {
        case .uint8(let number): append(number)
        case .int8(let number): append(number)
        case .uint16(let number): append(number)
        case .int16(let number): append(number)
        case .uint32(let number): append(number)
        case .int32(let number): append(number)
        case .float32(let number): append(number.bitPattern)
        case .bool(let flag): append(flag ? UInt8(1) : UInt8(0))
        case .string(let text): append(text)
        case .uint64(let number): append(number)
        case .int64(let number): append(number)
        case .float64(let number): append(number.bitPattern)
        case .array(let array): append(array)
        }
    }

    private mutating func append(_ array: GGUFArray) {
        func begin(_ type: GGUFType) {
            append(type.rawValue)
            append(UInt64(array.count))
        }
        switch array {
        case .strings(let elements):
            begin(.string)
            for element in elements { append(element) }
        case .int32s(let elements):
            begin(.int32)
            for element in elements { append(element) }
        case .uint32s(let elements):
            begin(.uint32)
            for element in elements { append(element) }
        case .float32s(let elements):
            begin(.float32)
            for element in elements { append(element.bitPattern) }
        case .bools(let elements):
            begin(.bool)
            for element in elements { append(element ? UInt8(1) : UInt8(0)) }
        case .values(let elements):
            begin(elements.first?.type ?? .uint8)
            for element in elements { append(element) }
        }
    }
}
