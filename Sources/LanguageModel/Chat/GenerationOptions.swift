/// How a continuation is chosen, token by token.
///
/// The defaults choose the likeliest token each time. Where several restrictions are on, they apply in the order in which
/// they stand here: constraint, penalty, temperature, top-k, top-p, min-p.
public struct GenerationOptions: Sendable, Hashable, Codable {
    /// The most tokens that are written.
    public var maximumTokens: Int
    /// Which tokens may be chosen at each step; nil allows all. Models behind an endpoint take none.
    public var constraint: TokenConstraint?
    /// Divides the logits of tokens that the context already holds where they are positive, and multiplies them where
    /// they are negative (Keskar et al. 2019, §4.1); 1 changes nothing.
    public var repetitionPenalty: Double
    /// Divides the logits before they become probabilities; 0 takes the likeliest token.
    public var temperature: Double
    /// Keeps this many of the likeliest tokens; nil keeps all.
    public var topK: Int?
    /// Keeps the fewest likeliest tokens whose probabilities sum to at least this (Holtzman et al. 2020); 1 keeps all.
    public var topP: Double
    /// Keeps the tokens at least this many times as probable as the likeliest one (Nguyen et al. 2024); 0 keeps all.
    public var minP: Double
    /// Texts at whose first appearance the continuation ends; they are not part of it.
    public var stop: [String]
    /// The random numbers of sampling; nil draws a new one each time.
    public var seed: UInt64?
    /// Asks for the log-probability of each chosen token and of this many likeliest alternatives; nil asks for none.
    public var logProbabilities: Int?

    public init(
        maximumTokens: Int = 512, repetitionPenalty: Double = 1, temperature: Double = 0, topK: Int? = nil,
        topP: Double = 1, minP: Double = 0, stop: [String] = [], seed: UInt64? = nil, logProbabilities: Int? = nil,
        constraint: TokenConstraint? = nil
    ) {
        self.maximumTokens = maximumTokens
        self.constraint = constraint
        self.repetitionPenalty = repetitionPenalty
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.stop = stop
        self.seed = seed
        self.logProbabilities = logProbabilities
    }

    /// Whether the likeliest token is taken, so that no random number matters.
    public var isGreedy: Bool { temperature == 0 }

    /// Checks every field.
    /// - Throws: ``GenerationOptionsError`` for the first value that is not allowed.
    public func validate() throws {
        func check(_ field: String, _ value: some Sendable, _ isAllowed: Bool, _ allowed: String) throws {
            if !isAllowed { throw GenerationOptionsError(field: field, found: "\(value)", allowed: allowed) }
        }
        try check("maximumTokens", maximumTokens, maximumTokens > 0, "at least 1")
        try check(
            "repetitionPenalty", repetitionPenalty, repetitionPenalty.isFinite && repetitionPenalty > 0,
            "a positive number")
        try check("temperature", temperature, temperature.isFinite && temperature >= 0, "0 or a positive number")
        if let topK { try check("topK", topK, topK > 0, "at least 1") }
        try check("topP", topP, topP > 0 && topP <= 1, "above 0 and at most 1")
        try check("minP", minP, minP >= 0 && minP <= 1, "from 0 to 1")
        if stop.contains("") {
            throw GenerationOptionsError(
                field: "stop", found: "an empty text", allowed: "texts of at least one character")
        }
        try constraint?.validate()
        if let logProbabilities {
            try check("logProbabilities", logProbabilities, (0...1_000).contains(logProbabilities), "from 0 to 1000")
        }
    }
}

/// A value of ``GenerationOptions`` that is not allowed.
public struct GenerationOptionsError: Error, Sendable, Hashable, CustomStringConvertible {
    public var field: String
    public var found: String
    public var allowed: String

    public init(field: String, found: String, allowed: String) {
        self.field = field
        self.found = found
        self.allowed = allowed
    }

    public var description: String { "\(field) is \(found); allowed: \(allowed)." }
}
