/// The one tokenizer of the word-overlap metrics, so that their numbers can be compared with each other.
///
/// Lower case; a word is a run of letters, digits and inner apostrophes; every other character that is not white space
/// stands alone; so does every Chinese, Japanese or Korean ideograph.
public enum WordTokenizer {
    public static func words(in text: String) -> [String] {
        var result: [String] = []
        var word = ""
        func isApostrophe(_ character: Character) -> Bool { character == "'" || character == "’" }
        func finish() {
            guard !word.isEmpty else { return }
            var trailing: [String] = []
            while let last = word.last, isApostrophe(last) {
                trailing.append("'")
                word.removeLast()
            }
            if !word.isEmpty { result.append(word) }
            result.append(contentsOf: trailing)
            word = ""
        }
        for character in text.lowercased() {
            if character.isWhitespace {
                finish()
            } else if isIdeograph(character) {
                finish()
                result.append(String(character))
            } else if character.isLetter || character.isNumber {
                word.append(character)
            } else if isApostrophe(character), !word.isEmpty {
                word.append("'")
            } else {
                finish()
                result.append(String(character))
            }
        }
        finish()
        return result
    }

    private static func isIdeograph(_ character: Character) -> Bool {
        guard let scalar = character.unicodeScalars.first else { return false }
        return scalar.properties.isIdeographic || (0x3040...0x30FF).contains(scalar.value)
    }
}
