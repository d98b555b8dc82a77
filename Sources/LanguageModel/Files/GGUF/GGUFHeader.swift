import Tensors

/// One tensor of a GGUF file.
public struct GGUFTensor: Hashable, Sendable {
    public let name: String
    public let format: BlockFormat
    /// Row-major, slowest axis first: `[out, in]` for a linear weight (files store the reverse).
    public let shape: [Int]
    /// Offsets from the start of its file.
    public let byteRange: Range<Int>

    public var elementCount: Int { shape.reduce(1, *) }
}

/// Everything of one GGUF file before its data, checked whole: counts and lengths against the bytes that are there,
/// names that occur twice, types, shapes, alignment, and byte ranges inside the file and apart from each other.
package struct GGUFHeader {
    package static let magic: [UInt8] = Array("GGUF".utf8)
    static let maximumDimensions = 4
    static let maximumArrayDepth = 4

    package let version: Int
    package let metadata: [String: GGUFValue]
    package let tensors: [GGUFTensor]
    package let alignment: Int

    /// - Parameter contents: the whole file.
    package init(parsing contents: UnsafeRawBufferPointer, path: String) throws(WeightFileError) {
        var cursor = GGUFCursor(contents: contents, path: path)
        guard contents.count >= 4, contents[0..<4].elementsEqual(Self.magic) else {
            throw cursor.malformed("magic number", "not \"GGUF\"", "\"GGUF\"")
        }
        cursor.position = 4
        let version = try cursor.integer(UInt32.self, "version")
        guard version == 2 || version == 3 else {
            let isSwapped = version.byteSwapped <= 3 && version != 0
            throw cursor.malformed("version", "\(version)\(isSwapped ? " (big-endian)" : "")", "2 or 3, little-endian")
        }
        self.version = Int(version)
        let tensorCount = try cursor.count("tensor count", minimumBytes: 24)
        let keyCount = try cursor.count("metadata count", minimumBytes: 13)

        var metadata: [String: GGUFValue] = [:]
        for index in 0..<keyCount {
            let key = try cursor.string("metadata key \(index)")
            let type = try cursor.type(of: key)
            guard metadata.updateValue(try cursor.value(type, key: key, depth: 0), forKey: key) == nil else {
                throw cursor.malformed("metadata key \"\(key.prefix(80))\"", "there twice", "unique")
            }
        }
        self.metadata = metadata

        let alignment = metadata["general.alignment"].map(\.integer) ?? 32
        guard let alignment, alignment > 0, alignment <= 1 << 20, alignment & (alignment - 1) == 0 else {
            throw cursor.malformed(
                "general.alignment", metadata["general.alignment"]?.summary ?? "absent", "a power of two up to 1048576")
        }
        self.alignment = alignment

        var records: [GGUFTensorRecord] = []
        records.reserveCapacity(tensorCount)
        for index in 0..<tensorCount { records.append(try cursor.tensorRecord(index, alignment: alignment)) }
        let dataStart = (cursor.position + alignment - 1) / alignment * alignment
        tensors = try Self.placed(records, dataStart: dataStart, cursor: cursor)
    }

    /// Turns offsets into byte ranges of the file, refusing what lies outside or overlaps.
    private static func placed(
        _ records: [GGUFTensorRecord], dataStart: Int, cursor: GGUFCursor
    ) throws(WeightFileError) -> [GGUFTensor] {
        var tensors: [GGUFTensor] = []
        tensors.reserveCapacity(records.count)
        var names: Set<String> = []
        for record in records {
            let available = cursor.contents.count - dataStart
            guard record.offset <= available, record.byteCount <= available - record.offset else {
                throw cursor.malformed(
                    "data of tensor \(record.name)", "\(record.byteCount) bytes from \(record.offset)",
                    "within the \(max(available, 0)) bytes of data (is the file cut short?)")
            }
            guard names.insert(record.name).inserted else {
                throw cursor.malformed("tensor \(record.name)", "there twice", "unique")
            }
            let start = dataStart + record.offset
            tensors.append(
                GGUFTensor(
                    name: record.name, format: record.format, shape: record.shape,
                    byteRange: start..<start + record.byteCount))
        }
        let ordered = tensors.filter { !$0.byteRange.isEmpty }.sorted {
            $0.byteRange.lowerBound < $1.byteRange.lowerBound
        }
        for (before, after) in zip(ordered, ordered.dropFirst())
        where after.byteRange.lowerBound < before.byteRange.upperBound {
            throw cursor.malformed(
                "data of tensor \(after.name)", "overlapping that of \(before.name)", "apart from every other tensor")
        }
        return tensors
    }
}

/// A tensor as the header describes it, before its place is checked.
struct GGUFTensorRecord {
    let name: String
    let format: BlockFormat
    let shape: [Int]
    let offset: Int
    let byteCount: Int
}

/// A bounds-checked position in the bytes of a header.
struct GGUFCursor {
    let contents: UnsafeRawBufferPointer
    let path: String
    var position = 0

    func malformed(_ field: String, _ found: String, _ allowed: String) -> WeightFileError {
        .malformed(file: path, field: field, found: found, allowed: allowed)
    }

    private var remaining: Int { contents.count - position }

    mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type, _ field: @autoclosure () -> String
    ) throws(WeightFileError) -> Value {
        guard remaining >= MemoryLayout<Value>.size else {
            throw malformed(field(), "cut off at the end of the file", "complete")
        }
        defer { position += MemoryLayout<Value>.size }
        return Value(littleEndian: contents.loadUnaligned(fromByteOffset: position, as: Value.self))
    }

    /// A number of things that each take at least `minimumBytes`, so that no more is allocated than the file can hold.
    mutating func count(
        _ field: @autoclosure () -> String, minimumBytes: Int
    ) throws(WeightFileError) -> Int {
        let count = try integer(UInt64.self, field())
        guard count <= UInt64(remaining / minimumBytes) else {
            throw malformed(
                field(), "\(count)", "at most \(remaining / minimumBytes), what the rest of the file can hold")
        }
        return Int(count)
    }

    mutating func string(_ field: @autoclosure () -> String) throws(WeightFileError) -> String {
        let length = try count("length of \(field())", minimumBytes: 1)
        defer { position += length }
        // Invalid UTF-8 is repaired, not refused: some vocabularies in circulation hold broken tokens.
        return String(decoding: contents[position..<position + length], as: UTF8.self)
    }

    mutating func type(of key: String) throws(WeightFileError) -> GGUFType {
        let number = try integer(UInt32.self, "type of \(key)")
        guard let type = GGUFType(rawValue: number) else {
            throw malformed("type of \(key)", "\(number)", "from 0 to 12")
        }
        return type
    }

    mutating func value(_ type: GGUFType, key: String, depth: Int) throws(WeightFileError) -> GGUFValue {
        switch type {
        case .uint8: return .uint8(try integer(UInt8.self, key))
        case .int8: return .int8(try integer(Int8.self, key))
        case .uint16: return .uint16(try integer(UInt16.self, key))
        case .int16: return .int16(try integer(Int16.self, key))
        case .uint32: return .uint32(try integer(UInt32.self, key))
        case .int32: return .int32(try integer(Int32.self, key))
        case .float32: return .float32(Float(bitPattern: try integer(UInt32.self, key)))
        case .uint64: return .uint64(try integer(UInt64.self, key))
        case .int64: return .int64(try integer(Int64.self, key))
        case .float64: return .float64(Double(bitPattern: try integer(UInt64.self, key)))
        case .bool: return .bool(try integer(UInt8.self, key) != 0)
        case .string: return .string(try string(key))
        case .array: return .array(try array(key: key, depth: depth + 1))
        }
    }

    private mutating func array(key: String, depth: Int) throws(WeightFileError) -> GGUFArray {
        guard depth <= GGUFHeader.maximumArrayDepth else {
            throw malformed(key, "nested more than \(GGUFHeader.maximumArrayDepth) times", "a flat list")
        }
        let type = try type(of: key)
        let count = try count("length of \(key)", minimumBytes: type.minimumBytes)
        func elements<Element>(_ next: (inout GGUFCursor) throws(WeightFileError) -> Element) throws(WeightFileError)
            -> [Element]
        {
            var elements: [Element] = []
            elements.reserveCapacity(count)
            for _ in 0..<count { elements.append(try next(&self)) }
            return elements
        }
        switch type {
        case .string: return .strings(try elements { cursor throws(WeightFileError) in try cursor.string(key) })
        case .int32:
            return .int32s(try elements { cursor throws(WeightFileError) in try cursor.integer(Int32.self, key) })
        case .uint32:
            return .uint32s(try elements { cursor throws(WeightFileError) in try cursor.integer(UInt32.self, key) })
        case .float32:
            return .float32s(
                try elements { cursor throws(WeightFileError) in Float(bitPattern: try cursor.integer(UInt32.self, key))
                })
        case .bool:
            return .bools(try elements { cursor throws(WeightFileError) in try cursor.integer(UInt8.self, key) != 0 })
        default:
            return .values(
                try elements { cursor throws(WeightFileError) in try cursor.value(type, key: key, depth: depth) })
        }
    }

    mutating func tensorRecord(_ index: Int, alignment: Int) throws(WeightFileError) -> GGUFTensorRecord {
        let name = try string("name of tensor \(index)")
        let dimensions = try integer(UInt32.self, "dimensions of \(name)")
        guard dimensions <= GGUFHeader.maximumDimensions else {
            throw malformed("dimensions of \(name)", "\(dimensions)", "at most \(GGUFHeader.maximumDimensions)")
        }
        var shape: [Int] = []
        var elements = 1
        for _ in 0..<dimensions {
            let size = try integer(UInt64.self, "shape of \(name)")
            let (product, overflow) = elements.multipliedReportingOverflow(by: Int(exactly: size) ?? 0)
            guard size > 0, size <= Int.max, !overflow, product <= Int.max / 8 else {
                throw malformed("shape of \(name)", "with \(size)", "positive, of a size that fits in 64 bits")
            }
            elements = product
            shape.insert(Int(size), at: 0)
        }
        let type = try integer(UInt32.self, "type of \(name)")
        guard let format = BlockFormat(rawValue: type) else {
            throw malformed(
                "type of tensor \(name)", "\(type)",
                "one of " + BlockFormat.allCases.map { "\($0.rawValue) (\($0.name))" }.joined(separator: ", "))
        }
        guard (shape.last ?? 1) % format.blockElements == 0 else {
            throw malformed(
                "row length of \(name)", "\(shape.last ?? 1)", "a multiple of \(format.blockElements) (\(format.name))")
        }
        let offset = try integer(UInt64.self, "offset of \(name)")
        guard let offset = Int(exactly: offset), offset % alignment == 0 else {
            throw malformed("offset of \(name)", "\(offset)", "a multiple of the alignment, \(alignment)")
        }
        return GGUFTensorRecord(
            name: name, format: format, shape: shape, offset: offset, byteCount: format.byteCount(elements: elements))
    }
}
