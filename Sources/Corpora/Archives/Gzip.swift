import CZlib
import Foundation

/// Gzip files (RFC 1952), of one member or several in a row.
public enum Gzip {
    /// - Parameters:
    ///   - file: the name that errors give.
    ///   - limit: most bytes that may come out; a file that holds more is refused, however small it is itself.
    /// - Throws: ``CorpusError`` for a broken, truncated or too large stream.
    public static func decompressed(_ data: Data, file: String, limit: Int = FileContents.defaultLimit) throws -> Data {
        guard isGzip(data) else {
            throw CorpusError.damaged(file: file, format: "gzip", detail: "it does not begin with the bytes 1f 8b")
        }
        var result = Data()
        try Inflater(file: file, format: "gzip", wrapping: .gzip, limit: limit).run(data) {
            result.append(contentsOf: $0)
        }
        return result
    }

    /// One gzip member without a name or a date, so that equal content gives equal bytes.
    public static func compressed(_ data: Data) -> Data {
        var stream = z_stream()
        let started = deflateInit2_(
            &stream, Z_BEST_COMPRESSION, Z_DEFLATED, Inflater.Wrapping.gzip.rawValue, 8, Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(started == Z_OK, "zlib does not start (code \(started))")
        defer { deflateEnd(&stream) }
        precondition(data.count < Int(UInt32.max), "gzip compression of 4 GiB and more in one piece")
        var result = Data(count: Int(deflateBound(&stream, uLong(data.count))) + 64)
        let capacity = result.count
        let code = data.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                stream.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: Bytef.self))
                stream.avail_in = uInt(source.count)
                stream.next_out = target.baseAddress?.assumingMemoryBound(to: Bytef.self)
                stream.avail_out = uInt(capacity)
                return deflate(&stream, Z_FINISH)
            }
        }
        precondition(code == Z_STREAM_END, "deflate stopped with code \(code)")
        return result.prefix(capacity - Int(stream.avail_out))
    }

    static func isGzip(_ data: Data) -> Bool { data.prefix(2).elementsEqual([0x1F, 0x8B]) }
}
