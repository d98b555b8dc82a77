/// The character classes that pre-tokenisation patterns speak of, for every code point, one byte each.
///
/// The classes are Unicode's general categories as the standard library knows them: `\p{L}`, `\p{N}`, `\p{M}`, and the
/// `White_Space` property for `\s`. Planes 4 to 13 are unassigned and 15 and 16 are private use, so the table ends with
/// plane 3; the few code points of plane 14 that matter are marks.
package enum UnicodeClasses {
    package static let letter: UInt8 = 1
    package static let number: UInt8 = 2
    package static let space: UInt8 = 4
    package static let mark: UInt8 = 8
    /// Canonical composition may change the text around this code point.
    package static let composes: UInt8 = 16

    package static let tableEnd: UInt32 = 0x33480
    static let variationSelectors: ClosedRange<UInt32> = 0xE0100...0xE01EF

    /// Read-only after it is built, and never freed.
    package nonisolated(unsafe) static let table: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: Int(tableEnd))
        for value in 0..<tableEnd {
            table[Int(value)] = Unicode.Scalar(value).map(classify) ?? 0
        }
        return UnsafePointer(table)
    }()

    private static func classify(_ scalar: Unicode.Scalar) -> UInt8 {
        var flags: UInt8 = 0
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: flags = letter
        case .decimalNumber, .letterNumber, .otherNumber: flags = number
        case .nonspacingMark, .spacingMark, .enclosingMark: flags = mark | composes
        case .control, .lineSeparator, .paragraphSeparator, .spaceSeparator:
            if scalar.properties.isWhitespace { flags = space }
        default: break
        }
        if flags & composes == 0, inComposingBlock(scalar.value) { flags |= composes }
        return flags
    }

    /// Blocks that hold the code points, other than marks, which canonical composition replaces or joins. The blocks are
    /// wider than need be: membership only sends the text through the full normalisation.
    private static func inComposingBlock(_ value: UInt32) -> Bool {
        switch value {
        case 0x0340...0x03FF, 0x0900...0x0DFF, 0x0F00...0x0FFF, 0x1000...0x11FF, 0x1B00...0x1B7F, 0x1F00...0x1FFF,
            0x2000...0x2001, 0x2126...0x212B, 0x2329...0x232A, 0x2ADC, 0xF900...0xFB4F, 0x11000...0x11FFF,
            0x16100...0x1613F, 0x16D40...0x16D7F, 0x1D100...0x1D1FF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }

    /// The classes of a code point.
    @inline(__always)
    package static func classes(of value: UInt32) -> UInt8 {
        if value < tableEnd { return table[Int(value)] }
        return variationSelectors.contains(value) ? mark | composes : 0
    }

    /// The code point at `index` of valid UTF-8 and how many bytes it takes.
    @inline(__always)
    static func scalar(_ text: UnsafePointer<UInt8>, _ index: Int) -> (value: UInt32, length: Int) {
        let first = UInt32(text[index])
        if first < 0x80 { return (first, 1) }
        let second = UInt32(text[index + 1]) & 0x3F
        if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
        let third = UInt32(text[index + 2]) & 0x3F
        if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
        return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(text[index + 3]) & 0x3F, 4)
    }
}
