extension TextDocument {
    /// Neighbouring parts of a long text, so that a split has something to split: cut at line ends after `characters`
    /// bytes, and inside of a longer line at a space. Line ends of any kind become `\n`; parts of white space are left out.
    package static func sections(of text: String, name: String, characters: Int = 4_000) -> [TextDocument] {
        precondition(characters > 0, "sections of \(characters) characters")
        var result: [TextDocument] = []
        var section = ""
        func finish() {
            let number = String(result.count + 1)
            let padded = String(repeating: "0", count: max(0, 4 - number.count)) + number
            if !section.trimmed.isEmpty {
                result.append(TextDocument(name: "\(name)/\(padded)", text: section.trimmed))
            }
            section = ""
        }
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            var rest = line
            while rest.utf8.count > 2 * characters {
                let piece = rest.prefix(characters)
                let end = piece.lastIndex(of: " ") ?? piece.endIndex
                section += rest[..<end]
                finish()
                rest = rest[end...].drop { $0 == " " }
            }
            section += rest + "\n"
            if section.utf8.count >= characters { finish() }
        }
        finish()
        return result
    }
}
