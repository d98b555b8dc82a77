import Foundation

/// Names in one line with commas between, quoted as in CSV where they hold commas or quotes themselves.
public enum CommaSeparatedNames {
    /// The names without the blanks around them; empty ones are none.
    /// - Parameter source: what stands for a file in errors.
    /// - Throws: ``CorpusError/badLine(file:line:detail:)``.
    public static func parse(_ text: String, source: String) throws -> [String] {
        func failure(_ detail: String) -> CorpusError { .badLine(file: source, line: 1, detail: detail) }
        var names: [String] = []
        var rest = text[...].drop(while: \.isWhitespace)
        while !rest.isEmpty {
            if rest.first == "\"" {
                var parts: [Substring] = []
                repeat {
                    rest.removeFirst()
                    guard let end = rest.firstIndex(of: "\"") else { throw failure("a quoted name is never closed") }
                    parts.append(rest[..<end])
                    rest = rest[end...].dropFirst()
                } while rest.first == "\""
                rest = rest.drop(while: \.isWhitespace)
                guard rest.isEmpty || rest.first == "," else { throw failure("text follows a closing quote") }
                // Two quotes within are one.
                names.append(parts.joined(separator: "\""))
            } else {
                let end = rest.firstIndex(of: ",") ?? rest.endIndex
                names.append(rest[..<end].trimmingCharacters(in: .whitespaces))
                rest = rest[end...]
            }
            rest = rest.dropFirst().drop(while: \.isWhitespace)
        }
        return names.filter { !$0.isEmpty }
    }

    /// One line that ``parse(_:source:)`` reads as these names.
    public static func text(_ names: [String]) -> String {
        names.map { name in
            name.contains { $0 == "," || $0 == "\"" } ? "\"\(name.replacing("\"", with: "\"\""))\"" : name
        }.joined(separator: ", ")
    }
}
