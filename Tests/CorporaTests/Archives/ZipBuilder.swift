import CZlib
import Corpora
import Foundation

/// Writes zip archives for the tests, sound ones and broken ones.
struct ZipBuilder {
    private var body = Data()
    private var directory = Data()
    private var count: UInt16 = 0

    /// - Parameters:
    ///   - declared: the unpacked size to write in place of the true one.
    ///   - checksum: the CRC-32 to write in place of the true one.
    mutating func add(
        _ name: String, _ content: Data, deflated: Bool = true, declared: Int? = nil, checksum: UInt32? = nil,
        flags: UInt16 = 0
    ) {
        // A gzip member of ours is a header of 10 bytes, the deflate stream, and a trailer of 8 bytes.
        let packed = deflated ? Data(Gzip.compressed(content).dropFirst(10).dropLast(8)) : content
        let trueChecksum = content.withUnsafeBytes {
            UInt32(truncatingIfNeeded: crc32(0, $0.baseAddress?.assumingMemoryBound(to: Bytef.self), uInt($0.count)))
        }
        var common = Data()
        common.append16(20)
        common.append16(flags)
        common.append16(deflated ? 8 : 0)
        common.append32(0)
        common.append32(checksum ?? trueChecksum)
        common.append32(UInt32(packed.count))
        common.append32(UInt32(declared ?? content.count))
        common.append16(UInt16(name.utf8.count))
        common.append16(0)
        let offset = body.count
        body.append32(0x0403_4B50)
        body.append(common)
        body.append(contentsOf: name.utf8)
        body.append(packed)
        directory.append32(0x0201_4B50)
        directory.append16(20)
        directory.append(common)
        directory.append16(0)
        directory.append16(0)
        directory.append16(0)
        directory.append32(0)
        directory.append32(UInt32(offset))
        directory.append(contentsOf: name.utf8)
        count += 1
    }

    func finished(comment: String = "") -> Data {
        var result = body + directory
        result.append32(0x0605_4B50)
        result.append32(0)
        result.append16(count)
        result.append16(count)
        result.append32(UInt32(directory.count))
        result.append32(UInt32(body.count))
        result.append16(UInt16(comment.utf8.count))
        result.append(contentsOf: comment.utf8)
        return result
    }
}

extension Data {
    fileprivate mutating func append16(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
    }

    fileprivate mutating func append32(_ value: UInt32) {
        append16(UInt16(truncatingIfNeeded: value))
        append16(UInt16(truncatingIfNeeded: value >> 16))
    }
}
