/// A token that stands outside the merges: a control token, or text that is always kept whole.
package struct AddedToken: Sendable, Hashable {
    package var id: TokenID
    package var content: String
    /// Control tokens steer the model; the others (such as `<think>` in Qwen3) are ordinary parts of text.
    package var isControl: Bool
    /// Swallows white space before it, after it.
    package var stripsLeft = false
    package var stripsRight = false
    /// Is found only where no letter, number or underscore touches it.
    package var isSingleWord = false

    package init(
        id: TokenID, content: String, isControl: Bool, stripsLeft: Bool = false, stripsRight: Bool = false,
        isSingleWord: Bool = false
    ) {
        self.id = id
        self.content = content
        self.isControl = isControl
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isSingleWord = isSingleWord
    }
}

/// Finds added tokens in text, the longest at the leftmost place, by a trie over their bytes.
struct AddedTokenMatcher: Sendable {
    private struct Node: Sendable {
        var children: [UInt8: Int32] = [:]
        var token: Int32 = -1
    }

    private let tokens: [AddedToken]
    private var nodes = [Node()]
    private var isFirstByte = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { tokens.isEmpty }

    init(_ tokens: [AddedToken]) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() {
            var node = 0
            for byte in token.content.utf8 {
                if let child = nodes[node].children[byte] {
                    node = Int(child)
                } else {
                    nodes.append(Node())
                    nodes[node].children[byte] = Int32(nodes.count - 1)
                    node = nodes.count - 1
                }
            }
            if node != 0 { nodes[node].token = Int32(index) }
            if let first = token.content.utf8.first { isFirstByte[Int(first)] = true }
        }
    }

    struct Match {
        var start: Int
        var end: Int
        var token: AddedToken
    }

    /// The first match that begins at or after `start`; its bounds include the white space it swallows.
    func next(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Match? {
        var index = start
        while index < end {
            guard isFirstByte[Int(text[index])], let (token, tokenEnd) = longest(text, index, end) else {
                index += 1
                continue
            }
            if token.isSingleWord, touchesWord(text, index, tokenEnd, start, end) {
                index += 1
                continue
            }
            var match = Match(start: index, end: tokenEnd, token: token)
            if token.stripsRight {
                while match.end < end, isSpace(text, match.end) {
                    match.end += UnicodeClasses.scalar(text, match.end).length
                }
            }
            if token.stripsLeft {
                while match.start > start {
                    var before = match.start - 1
                    while before > start, text[before] & 0xC0 == 0x80 { before -= 1 }
                    guard isSpace(text, before) else { break }
                    match.start = before
                }
            }
            return match
        }
        return nil
    }

    private func longest(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> (AddedToken, Int)? {
        var node = 0
        var cursor = start
        var found: (AddedToken, Int)?
        while cursor < end, let child = nodes[node].children[text[cursor]] {
            node = Int(child)
            cursor += 1
            if nodes[node].token >= 0 { found = (tokens[Int(nodes[node].token)], cursor) }
        }
        return found
    }

    private func isSpace(_ text: UnsafePointer<UInt8>, _ index: Int) -> Bool {
        UnicodeClasses.classes(of: UnicodeClasses.scalar(text, index).value) & UnicodeClasses.space != 0
    }

    private func touchesWord(
        _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ lower: Int, _ upper: Int
    ) -> Bool {
        func isWord(_ index: Int) -> Bool {
            let value = UnicodeClasses.scalar(text, index).value
            let word = UnicodeClasses.letter | UnicodeClasses.number | UnicodeClasses.mark
            return value == 0x5F || UnicodeClasses.classes(of: value) & word != 0
        }
        if end < upper, isWord(end) { return true }
        guard start > lower else { return false }
        var before = start - 1
        while before > lower, text[before] & 0xC0 == 0x80 { before -= 1 }
        return isWord(before)
    }
}
