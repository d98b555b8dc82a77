import Foundation

/// What happens to ordinary text before it is cut into pieces.
struct TextNormalizer: Sendable, Hashable {
    /// Where a space is put in front of the text.
    enum SpacePrefix: Sendable { case never, atStart, everywhere }

    /// Canonical composition (NFC).
    var composes = false
    /// Spaces become `▁`, SentencePiece's visible space.
    var marksSpaces = false
    var spacePrefix = SpacePrefix.never
    /// Text that begins with a space gets another one in front.
    var prefixesSpacedText = true

    static let spaceMark: [UInt8] = [0xE2, 0x96, 0x81]

    /// Calls `body` with the normalised text of a stretch between added tokens.
    func withNormalized(
        _ text: UnsafePointer<UInt8>, _ length: Int, isStart: Bool, _ body: (UnsafePointer<UInt8>, Int) -> Void
    ) {
        if composes, Self.mayCompose(text, length) {
            var composed = String(decoding: UnsafeBufferPointer(start: text, count: length), as: UTF8.self)
                .precomposedStringWithCanonicalMapping
            composed.withUTF8 { buffer in
                if let base = buffer.baseAddress { spaced(base, buffer.count, isStart: isStart, body) }
            }
        } else {
            spaced(text, length, isStart: isStart, body)
        }
    }

    private func spaced(
        _ text: UnsafePointer<UInt8>, _ length: Int, isStart: Bool, _ body: (UnsafePointer<UInt8>, Int) -> Void
    ) {
        let isSpaced = text[0] == 0x20 || (marksSpaces && length >= 3 && equalBytes(text, Self.spaceMark, 3))
        let prefixed: Bool
        switch spacePrefix {
        case .never: prefixed = false
        case .atStart: prefixed = isStart && (prefixesSpacedText || !isSpaced)
        case .everywhere: prefixed = prefixesSpacedText || !isSpaced
        }
        guard marksSpaces || prefixed else {
            body(text, length)
            return
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length + length / 2 + 3)
        let space = marksSpaces ? Self.spaceMark : [0x20]
        if prefixed { bytes += space }
        for index in 0..<length {
            if text[index] == 0x20, marksSpaces { bytes += space } else { bytes.append(text[index]) }
        }
        bytes.withUnsafeBufferPointer { buffer in
            if let base = buffer.baseAddress { body(base, buffer.count) }
        }
    }

    /// Whether composition could change the text; most text is passed over without it.
    static func mayCompose(_ text: UnsafePointer<UInt8>, _ length: Int) -> Bool {
        let classes = UnicodeClasses.table
        var index = 0
        while index < length {
            if index + 8 <= length,
                UnsafeRawPointer(text).loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080
                    == 0
            {
                index += 8
                continue
            }
            let (value, size) = UnicodeClasses.scalar(text, index)
            if value >= 0x300 {
                let flags =
                    value < UnicodeClasses.tableEnd ? classes[Int(value)] : UnicodeClasses.classes(of: value)
                if flags & UnicodeClasses.composes != 0 { return true }
            }
            index += size
        }
        return false
    }
}
