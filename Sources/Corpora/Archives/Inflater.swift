import CZlib
import Foundation

/// zlib's inflate, in pieces and with a bound on what comes out.
struct Inflater {
    enum Wrapping: Int32 {
        /// The bare deflate stream inside a zip archive.
        case raw = -15
        /// A gzip member, or several in a row.
        case gzip = 31
    }

    let file: String
    let format: String
    let wrapping: Wrapping
    /// Most bytes that may come out.
    let limit: Int

    private static let pieceBytes = 1 << 18

    /// Unpacks a stream and hands over its pieces in order.
    /// - Throws: ``CorpusError/damaged(file:format:detail:)`` for a broken or truncated stream,
    ///   ``CorpusError/tooLarge(file:limitBytes:)``, and what `receive` throws.
    func run(_ input: Data, receive: (UnsafeRawBufferPointer) throws -> Void) throws {
        var stream = z_stream()
        let started = inflateInit2_(&stream, wrapping.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard started == Z_OK else { throw damaged("zlib does not start (code \(started))") }
        defer { inflateEnd(&stream) }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 16)
        defer { piece.deallocate() }
        try input.withUnsafeBytes { source in
            var consumed = 0
            var produced = 0
            while true {
                // zlib counts in 32 bits: a larger input is fed in parts.
                let part = min(source.count - consumed, Int(UInt32.max >> 1))
                stream.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.advanced(by: consumed).assumingMemoryBound(to: Bytef.self))
                stream.avail_in = uInt(part)
                stream.next_out = piece.baseAddress?.assumingMemoryBound(to: Bytef.self)
                stream.avail_out = uInt(piece.count)
                let code = inflate(&stream, Z_NO_FLUSH)
                consumed += part - Int(stream.avail_in)
                let count = piece.count - Int(stream.avail_out)
                produced += count
                guard produced <= limit else { throw CorpusError.tooLarge(file: file, limitBytes: limit) }
                if count > 0 { try receive(UnsafeRawBufferPointer(rebasing: piece[..<count])) }
                switch code {
                case Z_STREAM_END:
                    guard wrapping == .gzip, consumed < source.count else { return }
                    guard startsMember(source, at: consumed) else { return }  // padding after the last member
                    guard inflateReset(&stream) == Z_OK else { throw damaged("a second member cannot be read") }
                case Z_OK, Z_BUF_ERROR:
                    if consumed == source.count, count == 0 { throw damaged("it ends too early (truncated)") }
                default:
                    let message = stream.msg.map { String(cString: $0) } ?? "zlib code \(code)"
                    throw damaged(message)
                }
            }
        }
    }

    private func startsMember(_ source: UnsafeRawBufferPointer, at position: Int) -> Bool {
        source.count - position >= 2 && source[position] == 0x1F && source[position + 1] == 0x8B
    }

    private func damaged(_ detail: String) -> CorpusError { .damaged(file: file, format: format, detail: detail) }
}
