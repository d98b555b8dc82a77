/// A typed value of a GGUF file's metadata.
public enum GGUFValue: Hashable, Sendable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    case uint64(UInt64)
    case int64(Int64)
    case float64(Double)
    case array(GGUFArray)

    /// An integer of any width.
    public var integer: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(value)
        default: nil
        }
    }

    /// A floating-point number or an integer.
    public var number: Double? {
        switch self {
        case .float32(let value): Double(value)
        case .float64(let value): value
        default: integer.map(Double.init)
        }
    }

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var array: GGUFArray? { if case .array(let value) = self { value } else { nil } }

    /// The value in a sentence.
    var summary: String {
        switch self {
        case .string(let text): "\"\(text.count > 40 ? text.prefix(40) + "…" : text)\""
        case .bool(let flag): "\(flag)"
        case .array(let array): "a list of \(array.count)"
        default: integer.map { "\($0)" } ?? number.map { "\($0)" } ?? "a large integer"
        }
    }

    var type: GGUFType {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .float32: .float32
        case .bool: .bool
        case .string: .string
        case .uint64: .uint64
        case .int64: .int64
        case .float64: .float64
        case .array: .array
        }
    }
}

/// The elements of an array in the metadata, all of one type. Common types are kept flat: vocabularies are long.
public enum GGUFArray: Hashable, Sendable {
    case strings([String])
    case int32s([Int32])
    case uint32s([UInt32])
    case float32s([Float])
    case bools([Bool])
    /// Any other type, nested arrays included; never empty.
    case values([GGUFValue])

    public var count: Int {
        switch self {
        case .strings(let elements): elements.count
        case .int32s(let elements): elements.count
        case .uint32s(let elements): elements.count
        case .float32s(let elements): elements.count
        case .bools(let elements): elements.count
        case .values(let elements): elements.count
        }
    }

    public var strings: [String]? {
        if case .strings(let elements) = self { elements } else { count == 0 ? [] : nil }
    }

    /// Integers of any width.
    public var integers: [Int]? {
        switch self {
        case .int32s(let elements): return elements.map(Int.init)
        case .uint32s(let elements): return elements.map(Int.init)
        case .values(let elements):
            let integers = elements.compactMap(\.integer)
            return integers.count == elements.count ? integers : nil
        default: return count == 0 ? [] : nil
        }
    }

    /// Floating-point numbers or integers.
    public var numbers: [Float]? {
        switch self {
        case .float32s(let elements): return elements
        case .values(let elements):
            let numbers = elements.compactMap(\.number)
            return numbers.count == elements.count ? numbers.map { Float($0) } : nil
        default: return integers?.map { Float($0) }
        }
    }

    public var bools: [Bool]? { if case .bools(let elements) = self { elements } else { count == 0 ? [] : nil } }
}

/// The type numbers of the format.
enum GGUFType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// The least number of bytes that an element of this type takes in a file.
    var minimumBytes: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .string, .uint64, .int64, .float64: 8
        case .array: 12
        }
    }
}
