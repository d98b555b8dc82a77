import Experiments
import Foundation

/// Writes recipes as YAML.
public enum RecipeText {
    /// The recipe for a person to edit: every field with its meaning, unit, range and the source of its default above
    /// it. Fields that are not set stand there as comments.
    ///
    /// - Parameter title: what the method does, in one sentence.
    public static func commented<R: Recipe>(_ recipe: R = R(), method: String, title: String) throws -> String {
        let fields = Dictionary(R.fields.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        let root = try RecipeEncoder.node(recipe)
        var writer = Writer(fields: fields)
        writer.lines = [
            "# \(title)", "# wallfacer train \(method) --recipe FILE", "", "\(RecipeDocument.methodKey): \(method)",
        ]
        writer.mapping(root, path: [], unset: R.fields.map(\.path))
        return writer.lines.joined(separator: "\n") + "\n"
    }

    /// The recipe with all its values and nothing else, as it is kept with what was trained.
    public static func plain(_ recipe: some Recipe, method: String) throws -> String {
        var writer = Writer(fields: [:])
        writer.lines = ["\(RecipeDocument.methodKey): \(method)"]
        writer.mapping(try RecipeEncoder.node(recipe), path: [], unset: [])
        return writer.lines.joined(separator: "\n") + "\n"
    }

    /// The fields that ``Recipe/fields`` says nothing about, and the paths there that lead nowhere. Optional fields
    /// without a value cannot be told from wrong paths, so they have to be named.
    public static func undocumentedFields<R: Recipe>(
        of type: R.Type, optional: Set<String> = []
    ) throws -> (missing: [String], unknown: [String]) {
        let leaves = Set(leafPaths(try RecipeEncoder.node(R()), path: []))
        let documented = Set(R.fields.map(\.path))
        let covered = { (path: String) in
            documented.contains { path == $0 || path.hasPrefix($0 + ".") }
        }
        let unknown = documented.subtracting(optional).filter { name in
            !name.contains("*") && !leaves.contains { $0 == name || $0.hasPrefix(name + ".") }
        }
        return (leaves.filter { !covered($0) }.sorted(), unknown.sorted())
    }

    private static func leafPaths(_ node: RecipeNode, path: [String]) -> [String] {
        guard let entries = node.entries, !entries.isEmpty else { return [path.joined(separator: ".")] }
        return entries.flatMap { leafPaths($0.value, path: path + [$0.key]) }
    }

    private struct Writer {
        let fields: [String: RecipeField]
        var lines: [String] = []
        var isCommented: Bool { !fields.isEmpty }

        init(fields: [String: RecipeField]) { self.fields = fields }

        /// - Parameter unset: documented paths; those directly below `path` that have no value are written as comments.
        mutating func mapping(_ node: RecipeNode, path: [String], unset: [String]) {
            let indent = String(repeating: "  ", count: path.count)
            let entries = node.entries ?? []
            for entry in entries {
                let place = path + [entry.key]
                comment(place, indent)
                switch entry.value.content {
                case .mapping(let inner) where !inner.isEmpty:
                    if isCommented, fields[place.joined(separator: ".")] == nil, path.isEmpty { lines.append("") }
                    lines.append("\(indent)\(key(entry.key)):")
                    mapping(entry.value, path: place, unset: unset)
                default:
                    lines.append("\(indent)\(key(entry.key)): \(RecipeText.inline(entry.value))")
                }
            }
            let prefix = path.map { $0 + "." }.joined()
            let present = Set(entries.map(\.key))
            for name in unset where name.hasPrefix(prefix) {
                let rest = String(name.dropFirst(prefix.count))
                guard !rest.contains("."), rest != "*", !present.contains(rest) else { continue }
                comment(path + [rest], indent)
                lines.append("\(indent)# \(rest):")
            }
        }

        private mutating func comment(_ path: [String], _ indent: String) {
            guard let field = fields[path.joined(separator: ".")] else { return }
            if path.count == 1 { lines.append("") }
            lines.append("\(indent)# \(field.description)")
            var facts: [String] = []
            if let unit = field.unit { facts.append("Unit: \(unit).") }
            if let range = field.range { facts.append("Allowed: \(range).") }
            if let source = field.source { facts.append("Default: \(source).") }
            if !facts.isEmpty { lines.append("\(indent)# \(facts.joined(separator: " "))") }
        }

        private func key(_ name: String) -> String { RecipeText.text(name) }
    }

    /// A value on one line.
    private static func inline(_ node: RecipeNode) -> String {
        switch node.content {
        case .scalar(let text, isQuoted: false): text
        case .scalar(let text, isQuoted: true): self.text(text)
        case .sequence(let elements): "[" + elements.map(inline).joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{" + entries.map { "\(text($0.key)): \(inline($0.value))" }.joined(separator: ", ") + "}"
        }
    }

    private static let reserved: Set<String> = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]

    /// Text as it is where YAML reads it as the same text, otherwise in quotes, whose escapes are those of JSON.
    private static func text(_ text: String) -> String {
        let isPlain =
            text.first?.isLetter == true && !reserved.contains(text.lowercased())
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./".contains($0)) }
        if isPlain { return text }
        let quoted = (try? StableJSON.text(text, indented: false)) ?? "\"\""
        return quoted.trimmingCharacters(in: .newlines)
    }
}
