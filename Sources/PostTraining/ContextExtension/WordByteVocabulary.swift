/// A vocabulary for small studies: the most frequent words of a text as tokens, everything else as single bytes.
///
/// It loses nothing and needs no training beyond counting. A word is a run of letters with the blank before it; digits stay
/// single, as in Qwen's own vocabulary. A text of 128 tokens is two to three times as long as one of 128 bytes.
public struct WordByteVocabulary: Sendable {
    /// Ends every document.
    public static let endOfText: Int32 = 256
    private static let firstWord = 257

    /// The words in the order of their tokens.
    private let words: [[UInt8]]
    private let tokens: [[UInt8]: Int32]

    /// - Parameter size: tokens in all.
    /// - Precondition: room for the bytes and the end of a text.
    public init(counting texts: [String], size: Int) {
        precondition(size >= Self.firstWord, "\(size) tokens do not hold 256 bytes and the end of a text")
        var counts: [[UInt8]: Int] = [:]
        for text in texts {
            Self.pieces(of: text) { piece in if piece.count > 1 { counts[Array(piece), default: 0] += 1 } }
        }
        let ordered = counts.sorted { first, second in
            first.value != second.value
                ? first.value > second.value : first.key.lexicographicallyPrecedes(second.key)
        }
        words = ordered.prefix(size - Self.firstWord).map(\.key)
        tokens = Dictionary(uniqueKeysWithValues: words.enumerated().map { ($1, Int32(Self.firstWord + $0)) })
    }

    /// The number of tokens, at most the size asked for.
    public var count: Int { Self.firstWord + words.count }

    /// The tokens of a document, its end included.
    public func encode(_ text: String) -> [Int32] {
        var result: [Int32] = []
        Self.pieces(of: text) { piece in
            if let token = piece.count > 1 ? tokens[Array(piece)] : nil {
                result.append(token)
            } else {
                result += piece.map(Int32.init)
            }
        }
        return result + [Self.endOfText]
    }

    /// The text of tokens; ends of documents are left out.
    /// - Precondition: every token is below ``count``.
    public func decode(_ tokens: [Int32]) -> String {
        let bytes = tokens.flatMap { token -> [UInt8] in
            token < 256 ? [UInt8(token)] : token == Self.endOfText ? [] : words[Int(token) - Self.firstWord]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Words with the blank before them; every other byte alone.
    private static func pieces(of text: String, _ body: (ArraySlice<UInt8>) -> Void) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            var end = start + (bytes[start] == UInt8(ascii: " ") ? 1 : 0)
            while end < bytes.count, isLetter(bytes[end]) { end += 1 }
            end = max(end, start + 1)
            body(bytes[start..<end])
            start = end
        }
    }

    /// ASCII letters, and every byte of characters beyond ASCII.
    private static func isLetter(_ byte: UInt8) -> Bool { byte >= 128 || byte | 0x20 >= 97 && byte | 0x20 <= 122 }
}
