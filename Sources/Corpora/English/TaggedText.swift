/// Text whose words carry part-of-speech tags, as in the Brown Corpus: `The/at jury/nn said/vbd ./.`
enum TaggedText {
    private static let closing: Set<Substring> = [".", ",", ";", ":", "?", "!", ")", "]", "''", "%"]
    private static let opening: Set<Substring> = ["(", "[", "``", "$"]

    /// The words without tags, spaced as in print; paragraphs stay apart by a blank line.
    static func plain(_ text: String) -> String {
        var paragraphs: [String] = []
        var sentences: [String] = []
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace).map(word)
            if words.isEmpty {
                if !sentences.isEmpty { paragraphs.append(sentences.joined(separator: " ")) }
                sentences = []
            } else {
                sentences.append(sentence(words))
            }
        }
        if !sentences.isEmpty { paragraphs.append(sentences.joined(separator: " ")) }
        return paragraphs.joined(separator: "\n\n")
    }

    /// A word may hold slashes itself (`1/2/cd`): the tag follows the last one.
    private static func word(_ tagged: Substring) -> Substring {
        guard let slash = tagged.lastIndex(of: "/"), slash > tagged.startIndex else { return tagged }
        return tagged[..<slash]
    }

    private static func sentence(_ words: [Substring]) -> String {
        var result = ""
        var joins = true
        var previous: Substring = ""
        for word in words {
            // The corpus writes a closing mark twice where a sentence ends inside another mark.
            if closing.contains(word), word == previous, word != "''" { continue }
            if !joins, !closing.contains(word) { result += " " }
            result += word == "``" || word == "''" ? "\"" : word
            joins = opening.contains(word)
            previous = word
        }
        return result
    }
}
