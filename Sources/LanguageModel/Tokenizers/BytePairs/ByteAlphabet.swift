/// The printable alphabet in which byte-level vocabularies are written (GPT-2's): bytes 33–126, 161–172 and 174–255
/// stand for themselves, the other 68, in ascending order, for U+0100, U+0101 … (so a space is `Ġ`).
package enum ByteAlphabet {
    /// The code point that stands for each byte.
    static let codePoints: [UInt32] = {
        var codePoints = [UInt32](repeating: 0, count: 256)
        var next: UInt32 = 0x100
        for byte in 0..<256 {
            if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
                codePoints[byte] = UInt32(byte)
            } else {
                codePoints[byte] = next
                next += 1
            }
        }
        return codePoints
    }()

    /// The byte that each code point stands for, -1 for none.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, codePoint) in codePoints.enumerated() { bytes[Int(codePoint)] = Int16(byte) }
        return bytes
    }()

    /// Appends the bytes that `text` (UTF-8 in the alphabet) stands for.
    /// - Returns: false, with nothing appended, when some character is not in the alphabet.
    static func appendBytes<Text: Collection>(of text: Text, to output: inout [UInt8]) -> Bool
    where Text.Element == UInt8, Text.Index == Int {
        let start = output.count
        var index = text.startIndex
        while index < text.endIndex {
            let first = text[index]
            var codePoint = Int(first)
            if first >= 0x80 {
                guard first & 0xE0 == 0xC0, index + 1 < text.endIndex, text[index + 1] & 0xC0 == 0x80 else {
                    output.removeLast(output.count - start)
                    return false
                }
                codePoint = Int(first & 0x1F) << 6 | Int(text[index + 1] & 0x3F)
                index += 1
            }
            index += 1
            guard codePoint < bytes.count, bytes[codePoint] >= 0 else {
                output.removeLast(output.count - start)
                return false
            }
            output.append(UInt8(bytes[codePoint]))
        }
        return true
    }

    /// The text that stands for `bytes`.
    package static func text<Bytes: Sequence>(_ bytes: Bytes) -> String where Bytes.Element == UInt8 {
        var text = String.UnicodeScalarView()
        for byte in bytes {
            if let scalar = Unicode.Scalar(codePoints[Int(byte)]) { text.append(scalar) }
        }
        return String(text)
    }
}
