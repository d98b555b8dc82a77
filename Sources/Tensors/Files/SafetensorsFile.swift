/// One tensor of a safetensors file: what it is and where its bytes are.
public struct SafetensorsEntry: Hashable, Sendable {
    public let name: String
    public let dtype: DType
    public let shape: [Int]
    /// Offsets from the start of the file.
    public let byteRange: Range<Int>

    public var elementCount: Int { byteRange.count / dtype.byteCount }
}

/// A safetensors file: a length (u64, little-endian), a JSON header of that many bytes, then the tensors, row-major.
///
/// The header is checked whole before any tensor is handed out: known types, sizes that match shapes, and byte ranges
/// that cover the data exactly, without overlap or gap. Tensors stay on disk until they are read.
public final class SafetensorsFile: Sendable {
    /// The format's own limit for a header, in bytes.
    public static let maximumHeaderBytes = 100_000_000

    public let path: String
    /// In the order of their bytes.
    public let entries: [SafetensorsEntry]
    /// The strings under `__metadata__`.
    public let metadata: [String: String]
    private let file: MappedFile
    private let indices: [String: Int]

    /// Maps the file and reads its header.
    ///
    /// - Throws: ``WeightFileError`` for a file that cannot be read or breaks the format.
    public convenience init(path: String) throws {
        try self.init(file: MappedFile(path: path))
    }

    private init(file: MappedFile) throws {
        let header = try file.withUnsafeBytes { try SafetensorsHeader(parsing: $0, path: file.path) }
        self.file = file
        path = file.path
        entries = header.entries
        metadata = header.metadata
        indices = Dictionary(uniqueKeysWithValues: header.entries.enumerated().map { ($0.element.name, $0.offset) })
    }

    public subscript(name: String) -> SafetensorsEntry? { indices[name].map { entries[$0] } }

    /// Calls `body` with the stored bytes of `entry` (little-endian, possibly unaligned); valid inside the call only.
    public func withUnsafeBytes<Result>(
        of entry: SafetensorsEntry, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        try file.withUnsafeBytes(in: entry.byteRange, body)
    }
}

/// The header alone, so that hostile bytes can be tried without a file.
package struct SafetensorsHeader {
    package let entries: [SafetensorsEntry]
    package let metadata: [String: String]

    /// - Parameter contents: the whole file.
    package init(parsing contents: UnsafeRawBufferPointer, path: String) throws(WeightFileError) {
        func malformed(_ field: String, _ found: String, _ allowed: String) -> WeightFileError {
            .malformed(file: path, field: field, found: found, allowed: allowed)
        }
        guard contents.count >= 8 else {
            throw malformed("the file", "\(contents.count) bytes long", "at least 8 bytes (header length)")
        }
        let length = UInt64(littleEndian: contents.loadUnaligned(as: UInt64.self))
        guard length <= SafetensorsFile.maximumHeaderBytes else {
            throw malformed("header length", "\(length)", "at most \(SafetensorsFile.maximumHeaderBytes) bytes")
        }
        guard length <= contents.count - 8 else {
            throw malformed("header length", "\(length)", "at most the \(contents.count - 8) bytes that follow it")
        }
        let dataStart = 8 + Int(length)
        let root: StrictJSON
        do throws(JSONSyntaxError) {
            root = try StrictJSON(parsing: UnsafeRawBufferPointer(rebasing: contents[8..<dataStart]))
        } catch {
            throw malformed("header", "no valid JSON (\(error))", "a JSON object")
        }
        guard case .object(var members) = root else { throw malformed("header", root.summary, "a JSON object") }

        var metadata: [String: String] = [:]
        if let stored = members.removeValue(forKey: "__metadata__") {
            guard case .object(let pairs) = stored else {
                throw malformed("__metadata__", stored.summary, "an object of strings")
            }
            for (key, value) in pairs {
                guard case .string(let text) = value else {
                    throw malformed("__metadata__ \(key)", value.summary, "a string")
                }
                metadata[key] = text
            }
        }

        var entries: [SafetensorsEntry] = []
        entries.reserveCapacity(members.count)
        for (name, value) in members {
            entries.append(try Self.entry(name: name, value: value, path: path, dataStart: dataStart))
        }
        entries.sort {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
        }
        var end = dataStart
        for entry in entries {
            guard entry.byteRange.lowerBound == end else {
                throw malformed(
                    "data_offsets of \(entry.name)", "starting at \(entry.byteRange.lowerBound - dataStart)",
                    "\(end - dataStart), where the tensor before it ends (no overlap, no gap)")
            }
            end = entry.byteRange.upperBound
        }
        guard end == contents.count else {
            throw malformed(
                "data", "\(contents.count - dataStart) bytes long",
                "the \(end - dataStart) bytes that the header describes")
        }
        self.entries = entries
        self.metadata = metadata
    }

    private static func entry(
        name: String, value: StrictJSON, path: String, dataStart: Int
    ) throws(WeightFileError) -> SafetensorsEntry {
        func malformed(_ field: String, _ found: String, _ allowed: String) -> WeightFileError {
            .malformed(file: path, field: "\(field) of \(name)", found: found, allowed: allowed)
        }
        guard case .object(let members) = value else { throw malformed("entry", value.summary, "an object") }
        guard case .string(let typeName)? = members["dtype"], let dtype = DType(safetensorsName: typeName) else {
            throw malformed(
                "dtype", members["dtype"]?.summary ?? "absent",
                "one of " + DType.allCases.map(\.safetensorsName).joined(separator: ", "))
        }
        guard let shape = sizes(members["shape"]) else {
            throw malformed("shape", members["shape"]?.summary ?? "absent", "a list of whole numbers from 0")
        }
        guard let offsets = sizes(members["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
            throw malformed(
                "data_offsets", members["data_offsets"]?.summary ?? "absent", "[begin, end] with begin ≤ end")
        }
        var bytes = dtype.byteCount
        for size in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
            guard !overflow else { throw malformed("shape", "\(shape)", "a shape whose size fits in 64 bits") }
            bytes = product
        }
        guard offsets[1] - offsets[0] == bytes else {
            throw malformed(
                "data_offsets", "\(offsets[1] - offsets[0]) bytes long", "\(bytes) bytes (\(typeName) \(shape))")
        }
        let (end, overflow) = offsets[1].addingReportingOverflow(dataStart)
        guard !overflow else { throw malformed("data_offsets", "\(offsets)", "within the file") }
        return SafetensorsEntry(name: name, dtype: dtype, shape: shape, byteRange: offsets[0] + dataStart..<end)
    }

    private static func sizes(_ value: StrictJSON?) -> [Int]? {
        guard case .array(let elements)? = value else { return nil }
        var result: [Int] = []
        for element in elements {
            guard case .integer(let size) = element, size >= 0 else { return nil }
            result.append(size)
        }
        return result
    }
}

extension DType {
    /// The name in safetensors headers: `F32`, `BF16`, `I64` …
    public var safetensorsName: String {
        switch self {
        case .uint8: "U8"
        case .int8: "I8"
        case .int16: "I16"
        case .int32: "I32"
        case .int64: "I64"
        case .float16: "F16"
        case .float32: "F32"
        case .float64: "F64"
        case .bool: "BOOL"
        case .bfloat16: "BF16"
        }
    }

    public init?(safetensorsName name: String) {
        guard let match = DType.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
        self = match
    }
}
