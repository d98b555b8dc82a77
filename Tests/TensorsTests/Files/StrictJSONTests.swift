import Tensors
import Testing

@Suite("Strict JSON")
struct StrictJSONTests {
    @Test("Numbers keep their kind, escapes and surrogate pairs become characters")
    func values() throws {
        let text =
            #" {"i":-12,"d":1.5e3,"big":99999999999999999999,"s":"a\n\u00fc\ud83e\udd17\/","l":[true,false,null]} "#
        #expect(
            try StrictJSON(parsing: text)
                == .object([
                    "i": .integer(-12), "d": .number(1500), "big": .number(1e20), "s": .string("a\nü🤗/"),
                    "l": .array([.bool(true), .bool(false), .null]),
                ]))
    }

    @Test(
        "What RFC 8259 forbids is refused",
        arguments: [
            "", "{", "[1,]", "{\"a\":1,}", "01", "1.", "1e", "-", "tru", "nulls", "\"\\x\"", "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "\"\u{1}\"", "{\"a\":1,\"a\":2}", "1 2", "'a'", "NaN", "{a:1}", "\"a", "\"\\u12\"", "1e999", "[1 2]",
            "{\"a\" 1}",
        ])
    func refused(text: String) {
        #expect(throws: JSONSyntaxError.self) { try StrictJSON(parsing: text) }
    }

    @Test("Invalid UTF-8 inside a string is refused")
    func invalidText() {
        let bytes: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(throws: JSONSyntaxError.self) { try bytes.withUnsafeBytes { try StrictJSON(parsing: $0) } }
    }

    @Test("Written text is read back as the same value")
    func roundTrip() throws {
        let value: StrictJSON = .object([
            "a": .array([.integer(1), .number(0.1), .string("q\"\\\u{7}\t")]), "b": .object([:]), "c": .null,
            "d": .array([]),
        ])
        #expect(try StrictJSON(parsing: JSONText.pretty(value)) == value)
    }
}
