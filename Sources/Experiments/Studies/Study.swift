/// A published claim, re-done at a scale that fits the machine, against honest baselines and with a control that must
/// fail.
///
/// A study measures variants (the method, its baselines, its controls) for each seed and hands the values back;
/// intervals, controls and verdicts are computed from them by ``StudyContext/result(_:world:protocol:tables:)``:
///
/// ```swift
/// func run(_ context: StudyContext) async throws -> StudyResult {
///     let measured = try await context.measure { seed in
///         var values = SeedValues()
///         values["dynamic-ntk", "perplexity-4x"] = try perplexity(trainedModel(seed), scaling: .dynamicNTK)
///         return values
///     }
///     return try context.result(measured, tables: [...])
/// }
/// ```
public protocol Study: Sendable {
    /// Lower-case words with hyphens, the same in the command line and in PAPERS.
    var id: String { get }
    /// The title of the paper.
    var paper: String { get }
    /// What is re-done, in one sentence.
    var summary: String { get }
    /// Whether the values come from a simulator of ours or from public data.
    var world: World { get }
    /// The claims, whose identifiers never change.
    var claims: [Claim] { get }

    /// What one scale may use.
    func budget(_ scale: Scale) -> Budget

    /// Measures every variant for every seed of the context.
    func run(_ context: StudyContext) async throws -> StudyResult
}

/// How much of a study is run.
public enum Scale: String, Sendable, Codable, CaseIterable {
    /// At most 30 seconds: shows that everything runs, and never gives a verdict.
    case smoke
    /// About 10 minutes on 2 quiet cores: the headline claim with its control.
    case quick
    /// Hours; the result is committed with the method's page.
    case full
}

/// What one scale of a study uses, for each seed. Work is counted, not timed: times on shared machines drift.
public struct Budget: Sendable, Equatable, Encodable {
    /// The seeds that run unless the user asks for another number.
    public let seeds: Int
    /// Training tokens of one seed, all variants together.
    public let tokens: Int?
    /// Training or environment steps of one seed, all variants together.
    public let steps: Int?

    /// - Precondition: at least one seed.
    public init(seeds: Int, tokens: Int? = nil, steps: Int? = nil) {
        precondition(seeds > 0, "a study needs seeds")
        self.seeds = seeds
        self.tokens = tokens
        self.steps = steps
    }

    /// For example `5 seeds × 600,000 tokens`.
    public var text: String {
        let work = [tokens.map { "\(Numbers.grouped($0)) tokens" }, steps.map { "\(Numbers.grouped($0)) steps" }]
            .compactMap(\.self)
        return (["\(seeds) seeds"] + (work.isEmpty ? [] : [work.joined(separator: ", ")])).joined(separator: " × ")
    }
}

/// What one seed of a study measured: a number for each variant and metric.
public struct SeedValues: Sendable, Equatable, Codable {
    private(set) var variants: [String: [String: Double]] = [:]

    public init() {}

    /// The value of a metric for a variant.
    public subscript(variant: String, metric: String) -> Double? {
        get { variants[variant]?[metric] }
        set { variants[variant, default: [:]][metric] = newValue }
    }
}
