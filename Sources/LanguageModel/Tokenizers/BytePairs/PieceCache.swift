/// The tokens of pieces seen before: a direct-mapped table whose texts and tokens lie in two arenas. When an arena is
/// full, everything is forgotten at once.
final class PieceCache: @unchecked Sendable {
    private struct Entry {
        var hash: UInt64 = 0
        var textStart: UInt32 = 0
        var tokenStart: UInt32 = 0
        /// 0 marks an empty entry; pieces are never empty.
        var textLength: UInt16 = 0
        var tokenCount: UInt16 = 0
    }

    /// Longer pieces are rare and rarely seen twice.
    static let longestPiece = 64
    private static let entryCount = 1 << 15
    private static let textCapacity = 1 << 20
    private static let tokenCapacity = 1 << 18

    // Used by one encoding at a time: the tokenizer hands the cache over, it is never shared while in use.
    private let entries = UnsafeMutablePointer<Entry>.allocate(capacity: entryCount)
    private let texts = UnsafeMutablePointer<UInt8>.allocate(capacity: textCapacity)
    private let tokens = UnsafeMutablePointer<TokenID>.allocate(capacity: tokenCapacity)
    private var textsUsed = 0
    private var tokensUsed = 0

    init() { entries.initialize(repeating: Entry(), count: Self.entryCount) }

    deinit {
        entries.deallocate()
        texts.deallocate()
        tokens.deallocate()
    }

    /// The tokens of a piece, if they are known.
    @inline(__always)
    func find(_ piece: UnsafePointer<UInt8>, _ length: Int, hash: UInt64) -> UnsafeBufferPointer<TokenID>? {
        let entry = entries + Int(truncatingIfNeeded: hash) & (Self.entryCount - 1)
        guard entry.pointee.hash == hash, Int(entry.pointee.textLength) == length,
            equalBytes(texts + Int(entry.pointee.textStart), piece, length)
        else { return nil }
        return UnsafeBufferPointer(start: tokens + Int(entry.pointee.tokenStart), count: Int(entry.pointee.tokenCount))
    }

    /// Remembers a piece of at most `longestPiece` bytes and its tokens.
    func insert(
        _ piece: UnsafePointer<UInt8>, _ length: Int, hash: UInt64, _ found: UnsafePointer<TokenID>, _ count: Int
    ) {
        guard length > 0, length <= Self.longestPiece, count <= Self.longestPiece else { return }
        if textsUsed + length > Self.textCapacity || tokensUsed + count > Self.tokenCapacity {
            entries.update(repeating: Entry(), count: Self.entryCount)
            textsUsed = 0
            tokensUsed = 0
        }
        (texts + textsUsed).update(from: piece, count: length)
        (tokens + tokensUsed).update(from: found, count: count)
        entries[Int(truncatingIfNeeded: hash) & (Self.entryCount - 1)] = Entry(
            hash: hash, textStart: UInt32(textsUsed), tokenStart: UInt32(tokensUsed), textLength: UInt16(length),
            tokenCount: UInt16(count))
        textsUsed += length
        tokensUsed += count
    }
}
