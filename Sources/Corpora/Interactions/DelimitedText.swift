/// Walks over the rows of comma-, tab- or otherwise separated text, with quoted fields as in RFC 4180.
struct DelimitedText {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let delimiter: UInt8
    /// Whether `"` quotes fields; tab-separated files usually take it as it stands.
    private let quotes: Bool
    private let file: String
    private var position = 0
    private var nextLine = 1
    /// The line (from 1) on which the current row began.
    private(set) var line = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, delimiter: UInt8, quotes: Bool, file: String) {
        self.bytes = bytes
        self.delimiter = delimiter
        self.quotes = quotes
        self.file = file
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { position = 3 }
    }

    /// One field: a range of the text, or an index into the unpacked fields of the row.
    enum Field {
        case plain(Range<Int>)
        case unpacked([UInt8])
    }

    /// Reads the next row that is not blank; false at the end.
    /// - Throws: ``CorpusError/badLine(file:line:detail:)`` for a quote that never closes.
    mutating func next(_ fields: inout [Field]) throws -> Bool {
        while position < bytes.count, bytes[position] == 0x0A || bytes[position] == 0x0D {
            if bytes[position] == 0x0A { nextLine += 1 }
            position += 1
        }
        guard position < bytes.count else { return false }
        line = nextLine
        fields.removeAll(keepingCapacity: true)
        while true {
            if quotes, position < bytes.count, bytes[position] == 0x22 {
                fields.append(try quoted())
            } else {
                let start = position
                while position < bytes.count, bytes[position] != delimiter, bytes[position] != 0x0A { position += 1 }
                var end = position
                if end > start, bytes[end - 1] == 0x0D, position == bytes.count || bytes[position] == 0x0A { end -= 1 }
                fields.append(.plain(start..<end))
            }
            guard position < bytes.count else { return true }
            let mark = bytes[position]
            position += 1
            if mark == 0x0A {
                nextLine += 1
                return true
            }
        }
    }

    func withBytes<Result>(_ field: Field, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        switch field {
        case .plain(let range): try body(UnsafeBufferPointer(rebasing: bytes[range]))
        case .unpacked(let text): try text.withUnsafeBufferPointer(body)
        }
    }

    func text(_ field: Field) -> String { withBytes(field) { String(decoding: $0, as: UTF8.self) } }

    private mutating func quoted() throws -> Field {
        let start = position + 1
        var text: [UInt8]?
        var from = start
        position = start
        while position < bytes.count {
            if bytes[position] == 0x0A { nextLine += 1 }
            guard bytes[position] == 0x22 else {
                position += 1
                continue
            }
            if position + 1 < bytes.count, bytes[position + 1] == 0x22 {
                text = (text ?? []) + bytes[from...position]
                position += 2
                from = position
                continue
            }
            let end = position
            position += 1
            while position < bytes.count, bytes[position] == 0x0D { position += 1 }
            guard position == bytes.count || bytes[position] == delimiter || bytes[position] == 0x0A else {
                throw CorpusError.badLine(file: file, line: line, detail: "text follows a closing quote")
            }
            guard let unpacked = text else { return .plain(start..<end) }
            return .unpacked(unpacked + bytes[from..<end])
        }
        throw CorpusError.badLine(file: file, line: line, detail: "a quoted field is never closed")
    }
}
