import Foundation

/// One JSON value a line (JSON Lines), also inside gzip or xz.
public enum JSONLines {
    /// All values of a file; blank lines are skipped.
    /// - Throws: ``CorpusError/badLine(file:line:detail:)`` for the first line that does not fit, with the field that is
    ///   wrong; ``CorpusError/empty(file:wanted:)`` if there is no value at all.
    public static func values<Value: Decodable>(_ type: Value.Type, in file: URL) throws -> [Value] {
        try values(type, from: FileContents.data(file), file: file.lastPathComponent)
    }

    /// All values of lines in memory.
    /// - Parameter file: the name that errors give.
    public static func values<Value: Decodable>(_ type: Value.Type, from data: Data, file: String) throws -> [Value] {
        var result: [Value] = []
        try forEach(type, from: data, file: file) { value, _ in result.append(value) }
        guard !result.isEmpty else { throw CorpusError.empty(file: file, wanted: "one JSON value a line") }
        return result
    }

    /// Hands over each value with its line number (from 1). An error thrown by `receive` is given its line too.
    public static func forEach<Value: Decodable>(
        _ type: Value.Type, from data: Data, file: String, receive: (Value, Int) throws -> Void
    ) throws {
        let decoder = JSONDecoder()
        var line = 0
        var rest = FileContents.withoutMark(data)[...]
        while !rest.isEmpty {
            line += 1
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            let bytes = rest[rest.startIndex..<end]
            rest = end < rest.endIndex ? rest[(end + 1)...] : rest[rest.endIndex...]
            if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            do {
                try receive(decoder.decode(type, from: bytes), line)
            } catch let error as DecodingError {
                throw CorpusError.badLine(file: file, line: line, detail: describe(error) + hint(bytes, line: line))
            } catch let error as CorpusError {
                throw error
            } catch {
                throw CorpusError.badLine(file: file, line: line, detail: "\(error)")
            }
        }
    }

    /// Says how to mend what other programs write.
    private static func hint(_ bytes: Data, line: Int) -> String {
        if line == 1, bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "[") {
            return "; write one value a line, not a list of them"
        }
        return hasNonNumber(bytes) ? "; NaN and Infinity are no JSON, null is" : ""
    }

    /// Whether `NaN` or `Infinity` stands outside of texts.
    private static func hasNonNumber(_ bytes: Data) -> Bool {
        var outside: [UInt8] = []
        var isText = false
        var isEscaped = false
        for byte in bytes {
            if !isText { outside.append(byte) }
            if byte == UInt8(ascii: "\""), !isEscaped { isText.toggle() }
            isEscaped = isText && byte == UInt8(ascii: "\\") && !isEscaped
        }
        let words = String(decoding: outside, as: UTF8.self)
        return words.contains("NaN") || words.contains("Infinity")
    }

    /// What a decoder found wrong, in one line that names the field.
    static func describe(_ error: DecodingError) -> String {
        func field(_ path: [any CodingKey]) -> String {
            let name = path.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
            return name.isEmpty ? "the value" : "field " + (name.hasPrefix(".") ? String(name.dropFirst()) : name)
        }
        switch error {
        case .keyNotFound(let key, let context):
            let place = context.codingPath.isEmpty ? "" : " in \(field(context.codingPath))"
            return "field \(key.stringValue) is missing\(place)"
        case .typeMismatch(let type, let context):
            return "\(field(context.codingPath)) should be \(typeName(type)): \(context.debugDescription)"
        case .valueNotFound(let type, let context):
            return "\(field(context.codingPath)) is null, but should be \(typeName(type))"
        case .dataCorrupted(let context):
            let cause = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey] as? String
            return context.codingPath.isEmpty
                ? "is not valid JSON\(cause.map { " (\($0))" } ?? "")"
                : "\(field(context.codingPath)): \(context.debugDescription)"
        @unknown default:
            return "\(error)"
        }
    }

    private static func typeName(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: return "text"
        case is Double.Type, is Float.Type: return "a number"
        case is Int.Type: return "a whole number"
        case is Bool.Type: return "true or false"
        default: return "\(type)"
        }
    }
}
