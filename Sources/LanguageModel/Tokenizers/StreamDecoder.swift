/// Text from tokens that arrive one by one: bytes of a character that is not complete yet are held back.
///
/// Joined, the returned texts are what `Tokenizer.decode` makes of all the tokens together.
public struct StreamDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skippingControlTokens: Bool
    private var pending: [UInt8] = []
    private var isAtStart = true

    init(_ tokenizer: Tokenizer, skippingControlTokens: Bool) {
        self.tokenizer = tokenizer
        self.skippingControlTokens = skippingControlTokens
    }

    /// - Returns: the text that became complete with this token, often none.
    public mutating func append(_ id: TokenID) -> String {
        if skippingControlTokens, tokenizer.isControl(id) { return "" }
        tokenizer.appendBytes(of: id, to: &pending)
        if isAtStart, !pending.isEmpty {
            isAtStart = false
            if tokenizer.parts.stripsLeadingSpace, pending.first == 0x20 { pending.removeFirst() }
        }
        let complete = pending.count - Self.unfinishedCount(pending)
        let text = String(decoding: pending[..<complete], as: UTF8.self)
        pending.removeFirst(complete)
        return text
    }

    /// - Returns: what is still held back; an unfinished character becomes U+FFFD.
    public mutating func flush() -> String {
        let text = String(decoding: pending, as: UTF8.self)
        pending.removeAll()
        return text
    }

    /// How many bytes at the end are the beginning of a character that more bytes could complete.
    static func unfinishedCount(_ bytes: [UInt8]) -> Int {
        var back = 1
        while back <= min(3, bytes.count), bytes[bytes.count - back] & 0xC0 == 0x80 { back += 1 }
        guard back <= min(3, bytes.count) else { return 0 }
        let lead = bytes[bytes.count - back]
        let length: Int
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF: length = 3
        case 0xF0...0xF4: length = 4
        default: return 0
        }
        guard back < length else { return 0 }
        if back >= 2 {
            // Some second bytes can never follow their first: overlong forms, surrogates, beyond U+10FFFF.
            let second = bytes[bytes.count - back + 1]
            switch lead {
            case 0xE0 where second < 0xA0, 0xED where second > 0x9F, 0xF0 where second < 0x90, 0xF4 where second > 0x8F:
                return 0
            default: break
            }
        }
        return back
    }
}
