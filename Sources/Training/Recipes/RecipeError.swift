/// Everything that is wrong with a recipe, at once.
public struct RecipeError: Error, Equatable, CustomStringConvertible {
    /// The file, or what stands for it.
    public let source: String
    public let problems: [RecipeProblem]

    public init(source: String, problems: [RecipeProblem]) {
        self.source = source
        // As they stand in the file; what stands in none, after it.
        self.problems = problems.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
            .map(\.element)
    }

    init(source: String, problem: RecipeProblem) {
        self.init(source: source, problems: [problem])
    }

    /// One line for each problem: `sft.yaml:3: learningRat: unknown key; did you mean learningRate?`
    public var description: String {
        problems.map { problem in
            switch problem.origin {
            case .line(let line): "\(source):\(line): \(problem.text)"
            case .option(let option): "--set \(option): \(problem.text)"
            case .code, nil: "\(source): \(problem.text)"
            }
        }.joined(separator: "\n")
    }
}

/// One thing that is wrong with a recipe.
public struct RecipeProblem: Error, Equatable, Sendable {
    /// The field, from the root: `optimizer.learningRate`. Empty for the whole recipe.
    public let path: String
    /// What is wrong, without the path.
    public let reason: String
    var origin: RecipeNode.Origin?

    fileprivate var line: Int { if case .line(let line) = origin { line } else { .max } }

    /// A value that fits its type but not the recipe. ``Recipe/problems()`` returns these.
    public init(_ path: String, found: String, allowed: String) {
        self.init(path: path, reason: "found \(found), allowed: \(allowed)")
    }

    init(path: String, reason: String, origin: RecipeNode.Origin? = nil) {
        self.path = path
        self.reason = reason
        self.origin = origin
    }

    var text: String { path.isEmpty ? reason : "\(path): \(reason)" }

    static func notYAML(_ reason: String, origin: RecipeNode.Origin? = nil) -> RecipeProblem {
        RecipeProblem(path: "", reason: "no valid YAML: \(reason)", origin: origin)
    }

    static func unknownKey(_ path: String, _ key: String, allowed: [String], origin: RecipeNode.Origin) -> RecipeProblem
    {
        let help =
            if let nearest = NearestName.of(key, among: allowed) {
                "did you mean \(nearest)?"
            } else {
                "allowed: \(allowed.sorted().joined(separator: ", "))"
            }
        return RecipeProblem(path: path, reason: "unknown key; \(help)", origin: origin)
    }

    static func wrongValue(_ path: String, _ node: RecipeNode, allowed: String) -> RecipeProblem {
        RecipeProblem(path: path, reason: "found \(node.found), allowed: \(allowed)", origin: node.origin)
    }

    static func missing(_ path: String, origin: RecipeNode.Origin?) -> RecipeProblem {
        RecipeProblem(path: path, reason: "missing, and it has no default", origin: origin)
    }
}

/// The name somebody probably meant.
public enum NearestName {
    /// The nearest of `names` by edits (a letter added, left out, changed, or two exchanged), unless even that is far
    /// away. Capitals, hyphens and underscores do not count: `learning_rate` is `learningRate`.
    public static func of(_ name: String, among names: [String]) -> String? {
        let wanted = plain(name)
        let distances = names.sorted().map { (name: $0, distance: distance(wanted, plain($0))) }
        guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
        return best.distance <= max(1, wanted.count / 3) ? best.name : nil
    }

    private static func plain(_ name: String) -> [Character] {
        Array(name.lowercased().filter { $0 != "-" && $0 != "_" && $0 != " " })
    }

    /// Optimal string alignment: Levenshtein's distance with exchanges of neighbours.
    static func distance(_ first: [Character], _ second: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for i in first.indices {
            var row = [i + 1]
            for j in second.indices {
                let change = last[j] + (first[i] == second[j] ? 0 : 1)
                var best = min(change, last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, first[i] == second[j - 1], first[i - 1] == second[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[second.count]
    }
}
