/// Cuts text into the pieces within which byte pairs may merge: the published pre-tokenisation patterns, written out by
/// hand over UTF-8. Each value below is one pattern; a pattern that is not known is refused where a file names it.
package struct PieceSplitter: Sendable, Hashable {
    package enum Contractions: Sendable { case none, lowercase, anyCase }

    /// `'s|'t|'re|'ve|'m|'ll|'d`, in lower case only or in any case (where `ſ` counts as an s).
    var contractions: Contractions
    /// Letters may take one preceding character that is no letter, number or line break; else only a space.
    var anyPrefix: Bool
    /// Marks (`\p{M}`) count as letters.
    var marksAreLetters: Bool
    /// How many numbers make one piece; 0 for any count, with an optional space in front.
    var longestNumber: Int
    /// Line breaks stick to the punctuation before them, and white space that ends in line breaks is one piece.
    var groupsLineBreaks: Bool
    /// Every number is cut out by itself before the pattern sees the text.
    var isolatesNumbersFirst: Bool

    /// GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
    package static let gpt2 = PieceSplitter(
        contractions: .lowercase, anyPrefix: false, marksAreLetters: false, longestNumber: 0, groupsLineBreaks: false,
        isolatesNumbersFirst: false)
    /// SmolLM: single numbers first, then GPT-2's pattern.
    package static let smolLM: PieceSplitter = {
        var splitter = gpt2
        splitter.isolatesNumbersFirst = true
        return splitter
    }()
    /// Qwen, Qwen2, Qwen3: cl100k's pattern with single numbers.
    package static let qwen = PieceSplitter(
        contractions: .anyCase, anyPrefix: true, marksAreLetters: false, longestNumber: 1, groupsLineBreaks: true,
        isolatesNumbersFirst: false)
    /// Llama-3: cl100k's pattern, up to three numbers together.
    package static let llama3: PieceSplitter = {
        var splitter = qwen
        splitter.longestNumber = 3
        return splitter
    }()
    /// Qwen3.5: as `qwen`, with marks inside words.
    package static let qwen35: PieceSplitter = {
        var splitter = qwen
        splitter.marksAreLetters = true
        return splitter
    }()

    /// The spellings under which files name these patterns.
    static let patterns: [String: PieceSplitter] = [
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
        #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
            .qwen,
        #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
            .qwen,
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
            .llama3,
        #"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
            .llama3,
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
            .qwen35,
    ]

    /// This splitter's pattern as other tools spell it (without the isolation of numbers, which is a step of its own).
    package var pattern: String {
        var bare = self
        bare.isolatesNumbersFirst = false
        return Self.patterns.filter { $0.value == bare }.keys.min() ?? ""
    }

    /// The end of the piece that begins at `start` (`start < end`) of valid UTF-8.
    @inline(__always)
    func pieceEnd(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ classes: UnsafePointer<UInt8>) -> Int {
        let inWord = marksAreLetters ? UnicodeClasses.letter | UnicodeClasses.mark : UnicodeClasses.letter
        let notOther = inWord | UnicodeClasses.number | UnicodeClasses.space
        let first = text[start]
        let (kind, length) = classify(text, start, classes)

        if first == 0x27, contractions != .none, let end = contractionEnd(text, start, end) { return end }
        if kind & inWord != 0 { return runEnd(text, start + length, end, classes, anyOf: inWord) }
        let second = start + length
        let secondKind = second < end ? classify(text, second, classes).kind : UnicodeClasses.space
        let letterFollows = second < end && secondKind & inWord != 0
        if anyPrefix {
            if letterFollows, kind & UnicodeClasses.number == 0, first != 0x0D, first != 0x0A {
                return runEnd(text, second, end, classes, anyOf: inWord)
            }
            if kind & UnicodeClasses.number != 0 {
                var cursor = second
                var taken = 1
                while taken < longestNumber, cursor < end {
                    let (kind, length) = classify(text, cursor, classes)
                    if kind & UnicodeClasses.number == 0 { break }
                    cursor += length
                    taken += 1
                }
                return cursor
            }
        } else {
            if letterFollows, first == 0x20 { return runEnd(text, second, end, classes, anyOf: inWord) }
            if kind & UnicodeClasses.number != 0 {
                return runEnd(text, second, end, classes, anyOf: UnicodeClasses.number)
            }
            if first == 0x20, secondKind & UnicodeClasses.number != 0 {
                return runEnd(text, second, end, classes, anyOf: UnicodeClasses.number)
            }
        }
        if kind & notOther == 0 || (first == 0x20 && second < end && secondKind & notOther == 0) {
            var cursor = second
            while cursor < end {
                let (kind, length) = classify(text, cursor, classes)
                if kind & notOther != 0 { break }
                cursor += length
            }
            if groupsLineBreaks {
                while cursor < end, text[cursor] == 0x0A || text[cursor] == 0x0D { cursor += 1 }
            }
            return cursor
        }
        return spaceEnd(text, start, end, classes)
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`, the first alternative only where line breaks are grouped.
    private func spaceEnd(
        _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ classes: UnsafePointer<UInt8>
    ) -> Int {
        var cursor = start
        var last = start
        var afterLineBreak = -1
        while cursor < end {
            let (kind, length) = classify(text, cursor, classes)
            if kind & UnicodeClasses.space == 0 { break }
            last = cursor
            cursor += length
            if text[last] == 0x0A || text[last] == 0x0D { afterLineBreak = cursor }
        }
        if groupsLineBreaks, afterLineBreak >= 0 { return afterLineBreak }
        // The look-ahead leaves the last white space of a run to the word after it, unless it is the only one.
        return cursor == end || last == start ? cursor : last
    }

    @inline(__always)
    private func classify(
        _ text: UnsafePointer<UInt8>, _ index: Int, _ classes: UnsafePointer<UInt8>
    ) -> (kind: UInt8, length: Int) {
        let byte = text[index]
        if byte < 0x80 { return (classes[Int(byte)], 1) }
        let (value, length) = UnicodeClasses.scalar(text, index)
        return (value < UnicodeClasses.tableEnd ? classes[Int(value)] : UnicodeClasses.classes(of: value), length)
    }

    @inline(__always)
    private func runEnd(
        _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ classes: UnsafePointer<UInt8>, anyOf wanted: UInt8
    ) -> Int {
        var cursor = start
        while cursor < end {
            let (kind, length) = classify(text, cursor, classes)
            if kind & wanted == 0 { break }
            cursor += length
        }
        return cursor
    }

    private func contractionEnd(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int? {
        guard start + 1 < end else { return nil }
        let fold: UInt8 = contractions == .anyCase ? 0x20 : 0
        let first = text[start + 1] | fold
        switch first {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case 0xC5 | fold:
            // ſ (U+017F) folds to s.
            let isLongS = fold != 0 && text[start + 1] == 0xC5 && start + 2 < end && text[start + 2] == 0xBF
            return isLongS ? start + 3 : nil
        default: break
        }
        guard start + 2 < end else { return nil }
        switch (first, text[start + 2] | fold) {
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        default: return nil
        }
    }

    /// The first number in a stretch of text, or its end.
    func nextNumber(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ classes: UnsafePointer<UInt8>) -> Int {
        var cursor = start
        while cursor < end {
            let (kind, length) = classify(text, cursor, classes)
            if kind & UnicodeClasses.number != 0 { return cursor }
            cursor += length
        }
        return end
    }

    /// Calls `visit` with the bounds of each piece, in order.
    @inline(__always)
    func forEachPiece(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ visit: (Int, Int) -> Void) {
        let classes = UnicodeClasses.table
        var cursor = start
        while cursor < end {
            var limit = end
            if isolatesNumbersFirst {
                limit = nextNumber(text, cursor, end, classes)
                if limit == cursor {
                    let next = cursor + UnicodeClasses.scalar(text, cursor).length
                    visit(cursor, next)
                    cursor = next
                    continue
                }
            }
            while cursor < limit {
                let next = pieceEnd(text, cursor, limit, classes)
                visit(cursor, next)
                cursor = next
            }
        }
    }
}
