import Foundation

/// Reads rank files in tiktoken's form, one `base64(bytes) rank` per line.
enum TiktokenReader {
    /// The control tokens that follow the 151,643 ranks of the first Qwen models.
    static let qwenControlTokens: [String] =
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + (0..<205).map { "<|extra_\($0)|>" }
    static let qwenRankCount = 151_643

    static func read(_ data: Data, file: String, splitter: PieceSplitter, controlTokens: [String]?) throws
        -> Tokenizer.Parts
    {
        var builder = TokenTable.Builder()
        builder.bytes.reserveCapacity(data.count / 2)
        builder.entries.reserveCapacity(data.count / 16)
        try data.withUnsafeBytes { try lines(of: $0.bindMemory(to: UInt8.self), file: file, into: &builder) }
        guard let last = builder.entries.max(by: { $0.id < $1.id }) else {
            throw TokenizerError.malformedLine(file: file, line: 1, reason: "expected base64 text, a space and a rank")
        }
        guard last.id < builder.identifierLimit else {
            throw TokenizerError.identifierOutOfRange(
                file: file, token: builder.text(last), found: last.id, allowed: builder.identifierLimit)
        }
        var next = last.id + 1
        let controls = controlTokens ?? (builder.entries.count == qwenRankCount ? qwenControlTokens : [])
        var added: [AddedToken] = []
        for content in controls {
            added.append(AddedToken(id: TokenID(next), content: content, isControl: true))
            builder.add(id: next, content.utf8, isOrdinary: false)
            next += 1
        }
        let table = try TokenTable(builder, file: file)
        let ranked = builder.entries.prefix(builder.entries.count - controls.count).sorted { $0.id < $1.id }
        let model = derivedModel(table, ranked.map(\.id))
        var parts = Tokenizer.Parts(model: .bytePair(model), tokens: table, added: added)
        parts.normalizer.composes = true
        parts.splitter = splitter
        parts.end = added.first { $0.content == "<|endoftext|>" }?.id
        parts.stops = Set(parts.end.map { [$0] } ?? [])
        return parts
    }

    /// Ranks give no merges, but each token has exactly one: the two parts that merging by the lower ranks leaves of it.
    /// (Whenever two neighbours join to a token, no merge crossed their outer bounds, so the same merges happened inside
    /// as would in the token alone.)
    private static func derivedModel(_ table: TokenTable, _ ids: [Int]) -> BytePairModel {
        let merges = MergeTable(capacity: ids.count)
        var byteTokens = [TokenID](repeating: -1, count: 256)
        for id in ids {
            let bytes = table.bytes(of: id)
            if bytes.count == 1 { byteTokens[Int(bytes[0])] = TokenID(id) }
        }
        var workspace = MergeWorkspace()
        for id in ids {
            let bytes = table.bytes(of: id)
            guard bytes.count > 1, bytes.allSatisfy({ byteTokens[Int($0)] >= 0 }) else { continue }
            workspace.reserve(bytes.count)
            for (index, byte) in bytes.enumerated() { workspace.symbols[index] = byteTokens[Int(byte)] }
            if workspace.merge(bytes.count, by: merges) == 2 {
                merges.insert(workspace.symbols[0], workspace.symbols[1], rank: id, merged: TokenID(id))
            }
        }
        return BytePairModel(
            unit: .bytes, tokens: table, merges: merges, byteTokens: byteTokens, unknown: -1, fusesUnknown: false,
            looksUpWholePieces: true)
    }

    private static func lines(
        of text: UnsafeBufferPointer<UInt8>, file: String, into builder: inout TokenTable.Builder
    ) throws {
        var cursor = 0
        var line = 0
        while cursor < text.count {
            line += 1
            func failure(_ reason: String) -> TokenizerError { .malformedLine(file: file, line: line, reason: reason) }
            let start = builder.bytes.count
            var buffer: UInt32 = 0
            var bits: UInt32 = 0
            let lineStart = cursor
            while cursor < text.count {
                let value = base64Values[Int(text[cursor])]
                if value > 63 { break }
                cursor += 1
                buffer = buffer << 6 | UInt32(value)
                bits += 6
                if bits >= 8 {
                    bits -= 8
                    builder.bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
                }
            }
            while cursor < text.count, text[cursor] == UInt8(ascii: "=") { cursor += 1 }
            if cursor == lineStart, cursor < text.count, text[cursor] == 0x0A || text[cursor] == 0x0D {
                cursor += 1
                continue
            }
            guard cursor < text.count, text[cursor] == 0x20, builder.bytes.count > start else {
                throw failure("expected base64 text, a space and a rank")
            }
            cursor += 1
            let rankStart = cursor
            var rank = 0
            while cursor < text.count, (0x30...0x39).contains(text[cursor]), cursor - rankStart < 10 {
                rank = rank * 10 + Int(text[cursor] - 0x30)
                cursor += 1
            }
            guard cursor > rankStart else { throw failure("the rank is not a whole number") }
            while cursor < text.count, text[cursor] == 0x0D { cursor += 1 }
            guard cursor == text.count || text[cursor] == 0x0A else { throw failure("the rank is not a whole number") }
            cursor += 1
            builder.close(id: rank, start: start, isOrdinary: true)
        }
    }

    private static let base64Values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (index, character) in alphabet.utf8.enumerated() { values[Int(character)] = UInt8(index) }
        return values
    }()
}
