import Foundation

/// A numeric array from a `.npy` file (NumPy's format 1.0 to 3.0), in row-major order.
///
/// Only plain numbers are read. Arrays of Python objects hold pickled code and are refused, whatever they contain.
public struct NumericArray: Sendable, Equatable {
    /// Sizes of the axes; empty for a single number.
    public let shape: [Int]
    /// The elements, the last axis fastest. Whole numbers beyond 2^53 lose their last digits.
    public let values: [Double]
    /// The type as the file names it, for example `<f4`.
    public let elementType: String

    private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    private static let allowedTypes = "b1, i1 to i8, u1 to u8, f2, f4, f8"
    private static let maximumHeader = 1 << 16

    /// Reads a `.npy` file, also compressed with gzip or xz.
    /// - Throws: ``CorpusError``.
    public init(file: URL) throws {
        try self.init(data: FileContents.data(file), file: file.lastPathComponent)
    }

    /// - Parameter file: the name that errors give.
    /// - Throws: ``CorpusError``.
    public init(data: Data, file: String) throws {
        func damaged(_ detail: String) -> CorpusError { .damaged(file: file, format: "npy", detail: detail) }
        let bytes = [UInt8](data)
        guard !bytes.isEmpty else { throw CorpusError.empty(file: file, wanted: "a NumPy array") }
        guard bytes.starts(with: Self.magic) else { throw damaged("it does not begin with \\x93NUMPY") }
        guard bytes.count >= 10 else { throw damaged("its header is cut off") }
        let isLong = bytes[6] >= 2
        guard (1...3).contains(bytes[6]) else {
            throw CorpusError.unsupported(file: file, found: "npy version \(bytes[6])", allowed: "1 to 3")
        }
        guard !isLong || bytes.count >= 12 else { throw damaged("its header is cut off") }
        let start = isLong ? 12 : 10
        let length = (8..<start).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
        guard length <= Self.maximumHeader, length <= bytes.count - start else {
            throw damaged("its header claims \(length) bytes")
        }
        guard let text = String(validating: bytes[start..<(start + length)], as: UTF8.self),
            let header = Header(text)
        else { throw damaged("its header is not a dictionary with descr, fortran_order and shape") }
        guard let type = ElementType(header.type) else {
            let isPickled = header.type.contains("O") || header.type.contains("V")
            throw CorpusError.unsupported(
                file: file, found: isPickled ? "an array of Python objects (pickled)" : "element type \(header.type)",
                allowed: Self.allowedTypes)
        }
        var count = 1
        for size in header.shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: size)
            guard !overflows else { throw damaged("its shape \(header.shape) is too large") }
            count = product
        }
        let (wanted, overflows) = count.multipliedReportingOverflow(by: type.byteCount)
        let found = bytes.count - start - length
        guard !overflows, wanted == found else {
            throw damaged("its shape \(header.shape) of \(header.type) does not fit its \(found) bytes of data")
        }
        elementType = header.type
        shape = header.shape
        let stored = bytes.withUnsafeBytes { buffer in
            (0..<count).map { type.value(buffer, at: start + length + $0 * type.byteCount) }
        }
        values = header.isColumnMajor ? Self.rowMajor(stored, shape: header.shape) : stored
    }

    /// The element at a position along each axis.
    public subscript(_ position: Int...) -> Double {
        precondition(position.count == shape.count, "\(position.count) positions for \(shape.count) axes")
        return values[zip(position, shape).reduce(0) { $0 * $1.1 + $1.0 }]
    }

    private static func rowMajor(_ stored: [Double], shape: [Int]) -> [Double] {
        guard shape.count > 1, !stored.isEmpty else { return stored }
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        var position = [Int](repeating: 0, count: shape.count)
        return stored.indices.map { _ in
            let offset = zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 }
            for axis in shape.indices.reversed() {
                position[axis] += 1
                if position[axis] < shape[axis] { break }
                position[axis] = 0
            }
            return stored[offset]
        }
    }
}

/// The dictionary literal of the header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
private struct Header {
    let type: String
    let isColumnMajor: Bool
    let shape: [Int]

    init?(_ text: String) {
        guard let type = Self.value("descr", in: text), let order = Self.value("fortran_order", in: text),
            let sizes = Self.value("shape", in: text), sizes.hasPrefix("("), order == "True" || order == "False"
        else { return nil }
        var shape: [Int] = []
        for part in sizes.dropFirst().split(separator: ",") {
            let digits = String(part).trimmed
            if digits.isEmpty { continue }
            guard let size = Int(digits), size >= 0 else { return nil }
            shape.append(size)
        }
        self.type = type.filter { $0 != "'" && $0 != "\"" }
        isColumnMajor = order == "True"
        self.shape = shape
    }

    /// The text after `'key':` up to the comma that ends it, or the content of its brackets.
    private static func value(_ key: String, in text: String) -> String? {
        guard let found = text.range(of: "'\(key)':") else { return nil }
        let rest = text[found.upperBound...].drop { $0 == " " }
        guard let first = rest.first else { return nil }
        let closing: Character? = first == "(" ? ")" : first == "[" ? "]" : nil
        if let closing {
            guard let end = rest.firstIndex(of: closing) else { return nil }
            return String(rest[..<end])
        }
        guard let end = rest.firstIndex(where: { $0 == "," || $0 == "}" }) else { return nil }
        return String(rest[..<end]).trimmed
    }
}

/// One number in the file: byte order, kind and width.
private struct ElementType {
    let isBigEndian: Bool
    let kind: Character
    let byteCount: Int

    init?(_ text: String) {
        let characters = Array(text)
        guard characters.count == 3, "<>|=".contains(characters[0]), let width = characters[2].wholeNumberValue else {
            return nil
        }
        let widths: [Character: Set<Int>] = ["b": [1], "i": [1, 2, 4, 8], "u": [1, 2, 4, 8], "f": [2, 4, 8]]
        guard widths[characters[1]]?.contains(width) == true else { return nil }
        isBigEndian = characters[0] == ">"
        kind = characters[1]
        byteCount = width
    }

    func value(_ buffer: UnsafeRawBufferPointer, at offset: Int) -> Double {
        var bits: UInt64 = 0
        for index in 0..<byteCount {
            let place = isBigEndian ? byteCount - 1 - index : index
            bits |= UInt64(buffer[offset + index]) << UInt64(8 * place)
        }
        switch (kind, byteCount) {
        case ("f", 8): return Double(bitPattern: bits)
        case ("f", 4): return Double(Float(bitPattern: UInt32(bits)))
        case ("f", _): return Self.half(UInt16(bits))
        case ("i", _):
            let shift = UInt64(64 - 8 * byteCount)
            return Double(Int64(bitPattern: bits << shift) >> Int64(shift))
        case ("b", _): return bits == 0 ? 0 : 1
        default: return Double(bits)
        }
    }

    /// IEEE 754 half precision, which not every platform's Swift has as a type.
    private static func half(_ bits: UInt16) -> Double {
        let sign: Double = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 0x1F)
        let fraction = Double(bits & 0x3FF)
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
        }
    }
}
