import Experiments
import Testing

@Suite("Tables")
struct TableTests {
    let table = Table(
        "Perplexity", columns: ["model", "n", "perplexity"],
        rows: [["基础模型", 20, .interval(21.4, low: 20, high: 22.75)], ["tuned 🤗", 1200, .number(0.01234)]], note: "Note.")

    @Test("Columns are aligned for wide characters, numbers at the right")
    func terminal() {
        #expect(
            table.terminalText() == """
                Perplexity
                model         n            perplexity
                ────────  ─────  ────────────────────
                基础模型     20  21.40 [20.00, 22.75]
                tuned 🤗  1,200                0.0123
                Note.

                """)
    }

    @Test("A table that is too wide gives up text, not numbers")
    func narrow() {
        let wide = Table("", columns: ["text", "n"], rows: [["a sentence that is far too long", 123_456]])
        let lines = wide.terminalText(width: 24).split(separator: "\n")
        #expect(lines.last == "a sentence tha…  123,456")
        #expect(lines.allSatisfy { TerminalText.width(of: $0) <= 24 })
    }

    @Test("Markdown escapes what would break a table")
    func markdown() {
        let hostile = Table("", columns: ["a|b"], rows: [["x|y\n<script>"]])
        #expect(hostile.markdown() == "| a\\|b |\n|---|\n| x\\|y &lt;script> |\n")
    }

    @Test("Control characters of data never reach the terminal")
    func controlCharacters() {
        let hostile = Table("", columns: ["a"], rows: [["\u{1B}[31mred\u{7}"]])
        #expect(!hostile.terminalText().contains("\u{1B}"))
        #expect(hostile.terminalText().contains("[31mred"))
    }

    @Test(
        "Widths in terminal columns",
        arguments: [
            ("abc", 3), ("世界", 4), ("é", 1), ("e\u{301}", 1), ("한국", 4), ("👩‍👩‍👧", 2), ("❤️", 2), ("🇩🇪", 2), ("ｆｕｌｌ", 8),
            ("", 0), ("─", 1),
        ])
    func widths(text: String, columns: Int) {
        #expect(TerminalText.width(of: text) == columns)
    }

    @Test("Truncated text never takes more than its columns")
    func truncation() {
        #expect(TerminalText.truncated("世界世界", to: 4) == "世…")
        #expect(TerminalText.truncated("世界", to: 4) == "世界")
        #expect(TerminalText.truncated("abc", to: 0) == "")
        #expect(TerminalText.fitted("世", to: 4, alignRight: true) == "  世")
    }

    @Test("JSON keeps numbers as numbers")
    func json() throws {
        let object = try jsonObject(table)
        #expect(object["columns"] == ["model", "n", "perplexity"])
        #expect(
            object["rows"] == [
                ["基础模型", 20, ["estimate": 21.4, "low": 20, "high": 22.75]], ["tuned 🤗", 1200, 0.01234],
            ])
    }

    @Test(
        "Numbers as people read them",
        arguments: [
            (0.0, "0"), (12.3456, "12.35"), (-0.5, "−0.500"), (1234.5, "1,235"), (1234.4, "1,234"),
            (60_000.0, "60,000"), (3e-7, "3e-07"),
            (123.456, "123.5"), (.infinity, "∞"), (.nan, "not a number"), (-0.00001, "−1e-05"),
        ])
    func numbers(value: Double, text: String) {
        #expect(Numbers.short(value) == text)
    }

    @Test("Times and sizes")
    func units() {
        #expect(Numbers.duration(seconds: 3.21) == "3.2 s")
        #expect(Numbers.duration(seconds: 200) == "3 min 20 s")
        #expect(Numbers.duration(seconds: 7500) == "2 h 5 min")
        #expect(Numbers.duration(seconds: .infinity) == "–")
        #expect(Numbers.bytes(98_123_456) == "98.1 MB")
        #expect(Numbers.percent(0.125) == "12.5 %")
        #expect(Numbers.grouped(-1_234_567) == "−1,234,567")
    }

    @Test("An interval has the same digits throughout")
    func intervals() {
        #expect(Numbers.interval(0.081, low: 0.06, high: 0.1) == "0.081 [0.060, 0.100]")
        #expect(Numbers.interval(24.312, low: 9, high: 25.8) == "24.31 [9.00, 25.80]")
        #expect(Numbers.interval(1, low: -.infinity, high: .infinity) == "1.000 [−∞, ∞]")
        #expect(Numbers.interval(0, low: 0, high: 0) == "0.000 [0.000, 0.000]")
        #expect(Numbers.interval(1500, low: -2, high: 3000) == "1,500 [−2.000, 3,000]")
    }
}
