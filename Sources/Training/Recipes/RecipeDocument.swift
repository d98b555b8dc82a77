import Corpora
import Foundation

/// A recipe as the user wrote it: YAML from a file, with the values of `--set` laid over it.
///
/// ```swift
/// var document = try RecipeDocument(file: url)
/// try document.set("adapter.rank=16")
/// let recipe = try document.recipe(SupervisedFineTuningRecipe.self, method: "sft")
/// ```
public struct RecipeDocument: Sendable {
    /// The key that says which method a recipe is for.
    public static let methodKey = "method"
    /// Larger files are no recipes.
    static let mostBytes = 1 << 20

    /// The file, or what stands for it in errors.
    public let source: String
    private var root: RecipeNode

    /// A recipe without a file: all defaults, until something is set.
    public init() {
        source = "recipe"
        root = .empty(.code)
    }

    /// - Throws: ``RecipeError`` with the line of what is no YAML.
    public init(yaml: String, source: String = "recipe") throws {
        self.source = source
        root = try RecipeNode.parse(yaml, source: source)
        if root.isNull { root = .empty(root.origin) }
        guard root.entries != nil else {
            throw RecipeError(source: source, problem: .wrongValue("", root, allowed: "keys with values"))
        }
    }

    /// - Throws: ``RecipeError`` where there is no readable recipe.
    public init(file: URL) throws {
        func failure(_ reason: String) -> RecipeError {
            RecipeError(source: file.path, problem: RecipeProblem(path: "", reason: reason))
        }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) else {
            throw failure("no such file")
        }
        if isFolder.boolValue { throw failure("is a folder; a file is needed") }
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            throw failure("cannot be read: \(SystemReason.text(error))")
        }
        guard data.count <= Self.mostBytes else { throw failure("\(data.count) bytes, allowed: \(Self.mostBytes)") }
        guard let text = String(validating: data, as: UTF8.self) else { throw failure("no UTF-8 text") }
        try self.init(yaml: text, source: file.path)
    }

    /// The method that the recipe is for, if it says so.
    public var method: String? {
        guard case .scalar(let name, _) = root[Self.methodKey]?.content else { return nil }
        return name
    }

    /// Lays one value over the recipe: `adapter.rank=16`, `data.0.weight=2`, `stops=[a, b]`. A place edits that element of
    /// a list, the default one too; the place after the last adds one. Whether the key exists is checked when the recipe
    /// is read.
    ///
    /// - Throws: ``RecipeError`` where this is no assignment.
    public mutating func set(_ assignment: String) throws {
        let origin = RecipeNode.Origin.option(assignment)
        func failure(_ reason: String) -> RecipeError {
            RecipeError(source: source, problem: RecipeProblem(path: "", reason: reason, origin: origin))
        }
        guard let equals = assignment.firstIndex(of: "=") else { throw failure("found no =, allowed: key=value") }
        let path = assignment[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard path.allSatisfy({ !$0.isEmpty }) else {
            throw failure("found an empty key, allowed: key=value or key.key=value")
        }
        let text = String(assignment[assignment.index(after: equals)...])
        var value = try RecipeNode.parse(text, source: source, origin: origin)
        if text.allSatisfy(\.isWhitespace) { value = RecipeNode(content: .scalar("", isQuoted: false), origin: origin) }
        try root.set(path[...], to: value, origin: origin) { throw failure($0) }
    }

    /// The recipe, strictly checked.
    ///
    /// - Throws: ``RecipeError`` with every unknown key, wrong type, value out of range and contradiction at once.
    public func recipe<R: Recipe>(_ type: R.Type = R.self, method: String) throws -> R {
        let log = ProblemLog()
        if let given = root[Self.methodKey], self.method != method {
            log.add(.wrongValue(Self.methodKey, given, allowed: method))
        }
        var user = root
        user.content = .mapping((root.entries ?? []).filter { $0.key != Self.methodKey })
        let defaults = try RecipeEncoder.node(R())
        user = user.withPlaces(over: defaults, log: log)
        let recipe = try? RecipeDecoder.value(R.self, user: user, fallback: defaults, path: [], log: log)
        if let recipe {
            let values = try RecipeEncoder.node(recipe)
            for field in R.fields { checkRange(field, values, log) }
            if log.problems.isEmpty { recipe.problems().forEach { log.add(located($0)) } }
        }
        guard let recipe, log.problems.isEmpty else { throw RecipeError(source: source, problems: log.problems) }
        return recipe
    }

    private func checkRange(_ field: RecipeField, _ values: RecipeNode, _ log: ProblemLog) {
        guard let range = field.range else { return }
        let named = values.matches(of: field.path.split(separator: ".").map(String.init)[...])
        for (path, node) in named.flatMap({ $0.node.elements == nil ? [$0] : $0.node.matches(of: ["*"], at: $0.path) })
        {
            guard case .scalar(let text, false) = node.content, let number = Double(text) else { continue }
            if range.contains(number) { continue }
            log.add(located(RecipeProblem(path.joined(separator: "."), found: text, allowed: range.description)))
        }
    }

    /// Adds where the user wrote the value, if the user did.
    private func located(_ problem: RecipeProblem) -> RecipeProblem {
        var problem = problem
        problem.origin = root.matches(of: problem.path.split(separator: ".").map(String.init)[...]).first?.node.origin
        return problem
    }
}

extension RecipeNode {
    /// The nodes that a path leads to; `*` matches every element or key.
    func matches(of path: ArraySlice<String>, at place: [String] = []) -> [(path: [String], node: RecipeNode)] {
        guard let first = path.first else { return [(place, self)] }
        let rest = path.dropFirst()
        switch content {
        case .scalar: return []
        case .mapping(let entries):
            return entries.filter { first == "*" || $0.key == first }
                .flatMap { $0.value.matches(of: rest, at: place + [$0.key]) }
        case .sequence(let elements):
            return elements.enumerated().filter { first == "*" || "\($0.offset)" == first }
                .flatMap { $0.element.matches(of: rest, at: place + ["\($0.offset)"]) }
        }
    }

    /// Replaces or adds what stands at `path`, making mappings on the way.
    fileprivate mutating func set(
        _ path: ArraySlice<String>, to value: RecipeNode, origin: Origin, fail: (String) throws -> Void
    ) throws {
        guard let first = path.first else {
            self = value
            return
        }
        switch content {
        case .mapping(var entries):
            var child = self[first] ?? .empty(origin)
            try child.set(path.dropFirst(), to: value, origin: origin, fail: fail)
            let entry = Entry(key: first, origin: origin, value: child)
            if let place = entries.firstIndex(where: { $0.key == first }) {
                entries[place] = entry
            } else {
                entries.append(entry)
            }
            content = .mapping(entries)
        case .sequence(var elements):
            guard let place = Self.place(first), place <= elements.count else {
                return try fail("found \(first), allowed: a place from 0 to \(elements.count) in the list")
            }
            if place == elements.count { elements.append(.empty(origin)) }
            try elements[place].set(path.dropFirst(), to: value, origin: origin, fail: fail)
            content = .sequence(elements)
        case .scalar:
            // A list that is none yet becomes one when the recipe is read.
            self = .empty(origin)
            try set(path, to: value, origin: origin, fail: fail)
        }
    }
}
