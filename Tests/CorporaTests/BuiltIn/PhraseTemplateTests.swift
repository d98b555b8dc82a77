import Corpora
import Evaluation
import Testing

@Suite("Phrase templates")
struct PhraseTemplateTests {
    @Test("Every alternative comes up, nested ones too, and slots are filled")
    func expansion() {
        let template: PhraseTemplate = "I [am|feel [so|very]] {feeling}[.|!]"
        var seen: Set<String> = []
        for index in 0..<200 {
            var generator = SeededGenerator(seed: UInt64(index))
            seen.insert(template.expanded(["feeling": "low"], using: &generator))
        }
        #expect(
            seen == [
                "I am low.", "I am low!", "I feel so low.", "I feel so low!", "I feel very low.", "I feel very low!",
            ])
        #expect(template.variety == 6)
        #expect(template.slots == ["feeling"])
    }

    @Test("An empty alternative leaves nothing behind")
    func emptyAlternative() {
        let template: PhraseTemplate = "[|]plain[]"
        var generator = SeededGenerator(seed: 0)
        #expect(template.expanded(using: &generator) == "plain")
    }
}
