/// The settings of a method: a plain structure whose initial values are the published defaults.
///
/// ```swift
/// struct SupervisedFineTuningRecipe: Recipe {
///     var learningRate = 2e-4
///     var adapter = AdapterRecipe()
///
///     static let fields = [
///         RecipeField("learningRate", "Peak step size of AdamW.", range: .above(0), source: "TRL's default for LoRA"),
///     ] + AdapterRecipe.fields.nested(in: "adapter")
/// }
/// ```
///
/// Its YAML has one key for each stored property. Keys that are left out keep their defaults, in nested structures too;
/// any other key is an error that names the nearest right one. ``RecipeDocument`` reads recipes, ``RecipeText`` writes
/// them.
public protocol Recipe: Codable, Sendable {
    /// The defaults.
    init()

    /// What each field means, for `recipe copy`, and what it may be.
    static var fields: [RecipeField] { get }

    /// What fits the types and ranges but not together, for example a minimum above a maximum.
    func problems() -> [RecipeProblem]
}

extension Recipe {
    public func problems() -> [RecipeProblem] { [] }
}

/// What one field of a recipe means and may be.
public struct RecipeField: Sendable, Equatable {
    /// From the root of the recipe, with dots: `adapter.rank`. `*` stands for every element of a list or mapping.
    public let path: String
    public let description: String
    /// For example `tokens` or `seconds`.
    public let unit: String?
    /// Of the number; of every number of a list.
    public let range: RecipeRange?
    /// Where the default comes from: the paper's section, or that it is a choice of ours.
    public let source: String?

    public init(
        _ path: String, _ description: String, unit: String? = nil, range: RecipeRange? = nil, source: String? = nil
    ) {
        self.path = path
        self.description = description
        self.unit = unit
        self.range = range
        self.source = source
    }
}

extension [RecipeField] {
    /// The fields of a structure that is the property `name` of another one.
    public func nested(in name: String) -> [RecipeField] {
        map {
            RecipeField("\(name).\($0.path)", $0.description, unit: $0.unit, range: $0.range, source: $0.source)
        }
    }
}

/// The numbers that a field may be.
public struct RecipeRange: Sendable, Equatable, CustomStringConvertible {
    private let lower: Double
    private let upper: Double
    private let includesLower: Bool
    private let includesUpper: Bool
    public let description: String

    /// From `lower` up, with it.
    public static func atLeast(_ lower: Double) -> RecipeRange {
        RecipeRange(
            lower: lower, upper: .infinity, includesLower: true, includesUpper: false,
            description: "from \(text(lower)) up")
    }

    /// Above `lower`, without it.
    public static func above(_ lower: Double) -> RecipeRange {
        RecipeRange(
            lower: lower, upper: .infinity, includesLower: false, includesUpper: false,
            description: "above \(text(lower))")
    }

    /// From `lower` to `upper`, with both.
    public static func between(_ lower: Double, _ upper: Double) -> RecipeRange {
        RecipeRange(
            lower: lower, upper: upper, includesLower: true, includesUpper: true,
            description: "from \(text(lower)) to \(text(upper))")
    }

    /// From `lower`, with it, to `upper`, without it.
    public static func from(_ lower: Double, below upper: Double) -> RecipeRange {
        RecipeRange(
            lower: lower, upper: upper, includesLower: true, includesUpper: false,
            description: "from \(text(lower)), below \(text(upper))")
    }

    /// Above `lower`, without it, to `upper`, with it.
    public static func above(_ lower: Double, to upper: Double) -> RecipeRange {
        RecipeRange(
            lower: lower, upper: upper, includesLower: false, includesUpper: true,
            description: "above \(text(lower)), to \(text(upper))")
    }

    public func contains(_ value: Double) -> Bool {
        (includesLower ? value >= lower : value > lower) && (includesUpper ? value <= upper : value < upper)
    }

    private static func text(_ value: Double) -> String {
        Int(exactly: value).map(String.init) ?? "\(value)"
    }
}
