import PostTraining
import Testing

@Suite("Vocabulary of words and bytes")
struct WordByteVocabularyTests {
    @Test("Frequent words are tokens with the blank before them; the rest is bytes")
    func tokens() {
        let vocabulary = WordByteVocabulary(counting: ["the cat, the dog", "the cat"], size: 259)
        #expect(vocabulary.count == 259)
        // " cat" and the first "the" occur twice, " the" and " dog" once.
        #expect(vocabulary.encode("the cat") == [258, 257, 256])
        #expect(vocabulary.encode(" the") == [32, 116, 104, 101, 256])
        #expect(vocabulary.encode("42") == [52, 50, 256])
        #expect(vocabulary.encode("") == [256])
    }

    @Test(
        "Nothing is lost",
        arguments: ["", " ", "  two  blanks ", "naïve café — 10 €\n\nthe end", "日本語 text 🤗 1812", "tab\tand\r\nline"])
    func roundTrip(text: String) {
        let vocabulary = WordByteVocabulary(counting: ["the end of the café", text], size: 264)
        #expect(vocabulary.decode(vocabulary.encode(text)) == text)
    }

    @Test("A short text gives a vocabulary below the size asked for, the same every time")
    func small() {
        let first = WordByteVocabulary(counting: ["one two three one"], size: 2048)
        let second = WordByteVocabulary(counting: ["one two three one"], size: 2048)
        #expect(first.count == 257 + 4)
        #expect(first.encode("one two three") == second.encode("one two three"))
    }
}
