import CLzma
import Foundation

/// XZ files, through liblzma.
public enum XZ {
    private static let magic: [UInt8] = [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]
    /// Most memory that the decoder may take; a preset of -9 needs 65 MiB.
    private static let memoryLimit: UInt64 = 256 << 20
    private static let pieceBytes = 1 << 18
    /// `LZMA_CONCATENATED`, a macro that Swift cannot import: several streams in a row are one file.
    private static let concatenated: UInt32 = 0x08

    /// - Parameters:
    ///   - file: the name that errors give.
    ///   - limit: most bytes that may come out.
    /// - Throws: ``CorpusError`` for a broken, truncated or too large stream.
    public static func decompressed(_ data: Data, file: String, limit: Int = FileContents.defaultLimit) throws -> Data {
        var stream = lzma_stream()
        let started = lzma_stream_decoder(&stream, memoryLimit, concatenated)
        guard started == LZMA_OK else {
            throw CorpusError.damaged(
                file: file, format: "xz", detail: "liblzma does not start (code \(started.rawValue))")
        }
        defer { lzma_end(&stream) }
        var result = Data()
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        try data.withUnsafeBytes { source in
            stream.next_in = source.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_in = source.count
            while true {
                let code = piece.withUnsafeMutableBufferPointer { target in
                    stream.next_out = target.baseAddress
                    stream.avail_out = target.count
                    return lzma_code(&stream, LZMA_FINISH)
                }
                let count = pieceBytes - stream.avail_out
                guard result.count + count <= limit else { throw CorpusError.tooLarge(file: file, limitBytes: limit) }
                result.append(contentsOf: piece[..<count])
                if code == LZMA_STREAM_END { return }
                guard code == LZMA_OK else {
                    throw CorpusError.damaged(file: file, format: "xz", detail: detail(of: code))
                }
            }
        }
        return result
    }

    static func isXZ(_ data: Data) -> Bool { data.prefix(magic.count).elementsEqual(magic) }

    private static func detail(of code: lzma_ret) -> String {
        switch code {
        case LZMA_FORMAT_ERROR: return "it does not begin with the bytes of an xz stream"
        case LZMA_DATA_ERROR: return "its data are corrupt"
        case LZMA_BUF_ERROR: return "it ends too early (truncated)"
        case LZMA_MEMLIMIT_ERROR: return "it asks for more than \(memoryLimit >> 20) MiB of memory"
        case LZMA_OPTIONS_ERROR: return "it uses options that liblzma does not know"
        default: return "liblzma code \(code.rawValue)"
        }
    }
}
