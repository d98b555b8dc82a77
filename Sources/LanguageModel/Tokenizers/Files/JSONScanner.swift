/// A forward scanner over JSON text (RFC 8259) that builds nothing by itself.
///
/// A vocabulary of 150,000 entries is read straight into flat tables, which a general decoder cannot do in the time a
/// command may take to start. The scanner never reads outside its buffer; nesting is limited to `maximumDepth`.
package struct JSONScanner {
    package static let maximumDepth = 128

    private let base: UnsafePointer<UInt8>
    private let count: Int
    private let file: String
    private var depth = 0
    package private(set) var position: Int

    /// - Parameter buffer: must outlive the scanner.
    package init(_ buffer: UnsafeBufferPointer<UInt8>, file: String) {
        base = buffer.baseAddress ?? UnsafePointer(Self.nothing)
        count = buffer.count
        self.file = file
        // A byte order mark is allowed in front and means nothing.
        position = buffer.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    private nonisolated(unsafe) static let nothing = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)

    package func failure(_ reason: String) -> TokenizerError {
        .malformed(file: file, offset: position, reason: reason)
    }

    /// Continues at a position that this scanner stood at before.
    package mutating func seek(to earlier: Int) { position = min(max(0, earlier), count) }

    /// The next byte that is not white space, without consuming it; 0 at the end.
    @inline(__always)
    package mutating func peek() -> UInt8 {
        while position < count {
            let byte = base[position]
            if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 } else { return byte }
        }
        return 0
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard peek() == byte, position < count else {
            throw failure("expected '\(Character(Unicode.Scalar(byte)))'")
        }
        position += 1
    }

    /// Nothing but white space may follow.
    package mutating func finish() throws {
        _ = peek()
        if position != count { throw failure("unexpected text after the value") }
    }

    private mutating func descend() throws {
        depth += 1
        if depth > Self.maximumDepth { throw failure("nesting deeper than \(Self.maximumDepth)") }
    }

    /// Calls `visit` once for each member, positioned before the value, which `visit` must consume.
    package mutating func object(_ visit: (inout JSONScanner, StringToken) throws -> Void) throws {
        try descend()
        try expect(0x7B)
        if peek() == 0x7D {
            position += 1
        } else {
            while true {
                let key = try string()
                try expect(0x3A)
                try visit(&self, key)
                let separator = peek()
                guard position < count, separator == 0x2C || separator == 0x7D else {
                    throw failure("expected ',' or '}'")
                }
                position += 1
                if separator == 0x7D { break }
            }
        }
        depth -= 1
    }

    /// Calls `visit` once for each element, positioned before it; `visit` must consume it.
    package mutating func array(_ visit: (inout JSONScanner) throws -> Void) throws {
        try descend()
        try expect(0x5B)
        if peek() == 0x5D {
            position += 1
        } else {
            while true {
                try visit(&self)
                let separator = peek()
                guard position < count, separator == 0x2C || separator == 0x5D else {
                    throw failure("expected ',' or ']'")
                }
                position += 1
                if separator == 0x5D { break }
            }
        }
        depth -= 1
    }

    /// Where a string stands between its quotes.
    package struct StringToken {
        package let bytes: UnsafeBufferPointer<UInt8>
        package let hasEscapes: Bool

        /// The string's text; broken UTF-8 and lone surrogates become U+FFFD.
        package var text: String {
            if !hasEscapes { return String(decoding: bytes, as: UTF8.self) }
            var unescaped: [UInt8] = []
            append(to: &unescaped)
            return String(decoding: unescaped, as: UTF8.self)
        }
    }

    /// Reads a string; its escapes are checked here and resolved when its text is asked for.
    package mutating func string() throws -> StringToken {
        try expect(0x22)
        let start = position
        var escaped = false
        while position < count {
            let byte = base[position]
            if byte == 0x22 {
                let bytes = UnsafeBufferPointer(start: base + start, count: position - start)
                position += 1
                return StringToken(bytes: bytes, hasEscapes: escaped)
            }
            if byte == 0x5C {
                escaped = true
                try checkEscape()
            } else if byte < 0x20 {
                throw failure("control character in a string")
            } else {
                position += 1
            }
        }
        throw failure("string without an end")
    }

    private mutating func checkEscape() throws {
        guard position + 1 < count else { throw failure("string without an end") }
        switch base[position + 1] {
        case UInt8(ascii: "u"):
            guard position + 5 < count else { throw failure("string without an end") }
            for digit in position + 2..<position + 6 where hexValue(base[digit]) == nil {
                throw failure("bad \\u escape")
            }
            position += 6
        case 0x22, 0x5C, 0x2F, UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"),
            UInt8(ascii: "t"):
            position += 2
        default: throw failure("bad escape")
        }
    }

    /// The text of a number, as written.
    package mutating func number() throws -> String {
        _ = peek()
        let start = position
        func digits(_ scanner: inout JSONScanner) throws {
            let first = scanner.position
            while scanner.position < scanner.count, (0x30...0x39).contains(scanner.base[scanner.position]) {
                scanner.position += 1
            }
            if scanner.position == first { throw scanner.failure("expected a value") }
        }
        if position < count, base[position] == UInt8(ascii: "-") { position += 1 }
        let leading = position
        try digits(&self)
        if position - leading > 1, base[leading] == 0x30 { throw failure("number with a leading zero") }
        if position < count, base[position] == UInt8(ascii: ".") {
            position += 1
            try digits(&self)
        }
        if position < count, base[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < count, base[position] == UInt8(ascii: "+") || base[position] == UInt8(ascii: "-") {
                position += 1
            }
            try digits(&self)
        }
        return String(decoding: UnsafeBufferPointer(start: base + start, count: position - start), as: UTF8.self)
    }

    /// Reads a whole number.
    package mutating func integer() throws -> Int {
        _ = peek()
        let start = position
        var cursor = position
        var value = 0
        while cursor < count, cursor - start < 18, (0x30...0x39).contains(base[cursor]) {
            value = value * 10 + Int(base[cursor] - 0x30)
            cursor += 1
        }
        if cursor > start, cursor < count, base[cursor] == 0x2C || base[cursor] == 0x7D || base[cursor] == 0x0A {
            position = cursor
            return value
        }
        let text = try number()
        guard let value = Int(text) else {
            position = start
            throw failure("expected a whole number, found \(text.prefix(40))")
        }
        return value
    }

    /// Consumes one of the words `true`, `false`, `null`.
    package mutating func word() throws -> String {
        _ = peek()
        for word: StaticString in ["true", "false", "null"] where position + word.utf8CodeUnitCount <= count {
            let end = position + word.utf8CodeUnitCount
            if (position..<end).allSatisfy({ base[$0] == word.utf8Start[$0 - position] }) {
                position = end
                return word.description
            }
        }
        throw failure("expected a value")
    }

    /// Passes over one value of any kind.
    package mutating func skip() throws {
        switch peek() {
        case 0x7B: try object { scanner, _ in try scanner.skip() }
        case 0x5B: try array { try $0.skip() }
        case 0x22: _ = try string()
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try word()
        default: _ = try number()
        }
    }
}

private func hexValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
}

extension JSONScanner.StringToken {
    package static func == (token: Self, text: StaticString) -> Bool {
        token.bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the string's UTF-8 with its escapes resolved. A lone surrogate becomes U+FFFD.
    package func append(to output: inout [UInt8]) {
        guard hasEscapes else {
            output.append(contentsOf: bytes)
            return
        }
        var index = 0
        while index < bytes.count {
            guard bytes[index] == 0x5C, index + 1 < bytes.count else {
                output.append(bytes[index])
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case UInt8(ascii: "b"): output.append(0x08)
            case UInt8(ascii: "f"): output.append(0x0C)
            case UInt8(ascii: "n"): output.append(0x0A)
            case UInt8(ascii: "r"): output.append(0x0D)
            case UInt8(ascii: "t"): output.append(0x09)
            case UInt8(ascii: "u"):
                var value = codeUnit(at: index) ?? 0xFFFD
                index += 4
                if (0xD800..<0xDC00).contains(value), let low = codeUnit(at: index + 2), (0xDC00..<0xE000).contains(low)
                {
                    value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
                    index += 6
                }
                let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
                output.append(contentsOf: String(Character(scalar)).utf8)
            default: output.append(bytes[index + 1])
            }
            index += 2
        }
    }

    private func codeUnit(at index: Int) -> UInt32? {
        guard index + 6 <= bytes.count, bytes[index] == 0x5C, bytes[index + 1] == UInt8(ascii: "u") else { return nil }
        var value: UInt32 = 0
        for offset in 2..<6 {
            guard let digit = hexValue(bytes[index + offset]) else { return nil }
            value = value << 4 | digit
        }
        return value
    }
}
