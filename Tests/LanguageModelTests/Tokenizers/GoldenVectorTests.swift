import Foundation
import LanguageModel
import Testing

@Suite("Published ids of Qwen's tokenizer", .enabled(if: TokenizerFixtures.hasQwen))
struct GoldenVectorTests {
    @Test(
        "Text becomes the published ids",
        arguments: [
            ("Hello, world!", [9707, 11, 1879, 0]),
            ("你好，世界", [108386, 3837, 99489]),
            ("12345", [16, 17, 18, 19, 20]),
            (" 2024年", [220, 17, 15, 17, 19, 7948]),
            ("I'm don't WE'LL", [40, 2776, 1513, 944, 19677, 6, 4086]),
            ("a  b   c \n d", [64, 220, 293, 256, 272, 715, 294]),
            ("\n\n  def f(x):\n    return x", [271, 220, 707, 282, 2075, 982, 262, 470, 856]),
            ("Observation:", [37763, 367, 25]),
            ("Observation:\n", [37763, 367, 510]),
            ("🤗", [144834]),
            ("print(\"<|endoftext|>\")", [1350, 9639, 91, 8691, 723, 427, 91, 82598]),
        ] as [(String, [TokenID])])
    func golden(text: String, ids: [TokenID]) throws {
        let tokenizer = try TokenizerFixtures.qwen()
        #expect(tokenizer.encode(text) == ids)
        #expect(tokenizer.decode(ids) == text)
    }

    @Test("Control tokens are found only when they are allowed")
    func control() throws {
        let tokenizer = try TokenizerFixtures.qwen()
        let ids = tokenizer.encode("print(\"<|endoftext|>\")", allowingControlTokens: true)
        #expect(ids == [1350, 445, 151643, 899])
        #expect(tokenizer.decode(ids, skippingControlTokens: true) == "print(\"\")")
        #expect(tokenizer.vocabularySize == 151_851)
        #expect(tokenizer.controlTokens["<|im_end|>"] == 151_645)
        #expect(tokenizer.controlTokens["<|extra_204|>"] == 151_850)
    }

    @Test("A ChatML prompt has the published ids")
    func chatML() throws {
        let tokenizer = try TokenizerFixtures.qwen()
        let ids = try ChatTemplate.qwen.prompt([Message(.user, "Hi")], with: tokenizer)
        #expect(
            ids == [
                151644, 8948, 198, 2610, 525, 264, 10950, 17847, 13, 151645, 198, 151644, 872, 198, 13048, 151645, 198,
                151644, 77091, 198,
            ])
    }
}
