import Foundation

/// Bounds-checked little-endian numbers at offsets; nil outside the data.
struct LittleEndianReader {
    private let data: Data

    init(_ data: Data) { self.data = data }

    var count: Int { data.count }

    func unsigned16(_ offset: Int) -> UInt16? {
        guard offset >= 0, offset <= data.count - 2 else { return nil }
        let start = data.startIndex + offset
        return UInt16(data[start]) | UInt16(data[start + 1]) << 8
    }

    func unsigned32(_ offset: Int) -> UInt32? {
        guard let low = unsigned16(offset), let high = unsigned16(offset + 2) else { return nil }
        return UInt32(low) | UInt32(high) << 16
    }
}
