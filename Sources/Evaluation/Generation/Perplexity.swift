import Foundation

/// Token losses summed by conversation (or document), from which perplexity and its interval are computed.
///
/// Perplexity is `exp(Σ loss / Σ tokens)`: every token weighs the same, not every conversation.
public struct PerplexityTally: Sendable, Equatable {
    /// One conversation: the sum of `-ln p(token)` over the counted tokens, and their number.
    public struct Entry: Sendable, Equatable {
        public let loss: Double
        public let tokens: Int

        public init(loss: Double, tokens: Int) {
            self.loss = loss
            self.tokens = tokens
        }
    }

    public private(set) var entries: [Entry] = []

    public init() {}

    public init(_ entries: [Entry]) { self.entries = entries }

    public mutating func add(loss: Double, tokens: Int) { entries.append(Entry(loss: loss, tokens: tokens)) }

    public var tokens: Int { entries.reduce(0) { $0 + $1.tokens } }

    /// Mean loss of a token in nats; not a number where there are no tokens.
    public var meanLoss: Double { entries.reduce(0) { $0 + $1.loss } / Double(tokens) }

    public var perplexity: Double { exp(meanLoss) }

    /// Percentile interval from resampled conversations: the tokens of one conversation are not independent.
    /// - Throws: ``EvaluationError/empty(metric:)`` where there are no tokens.
    public func interval(confidence: Double = 0.95, resamples: Int = 2000, seed: UInt64 = 0) throws
        -> ConfidenceInterval
    {
        let counted = entries.filter { $0.tokens > 0 }
        guard !counted.isEmpty else { throw EvaluationError.empty(metric: "perplexity") }
        return try Bootstrap(resamples: resamples, confidence: confidence, seed: seed).interval(count: counted.count) {
            PerplexityTally($0.map { counted[$0] }).perplexity
        }
    }

    /// Perplexity of `other` over that of `self`, with an interval from the same resampled conversations for both: below
    /// 1, `other` is better.
    /// - Throws: ``EvaluationError`` where the two do not hold the same number of conversations, or no tokens.
    public func ratio(to other: PerplexityTally, confidence: Double = 0.95, resamples: Int = 2000, seed: UInt64 = 0)
        throws -> ConfidenceInterval
    {
        try requirePaired("perplexity ratio", entries.count, other.entries.count)
        let counted = entries.indices.filter { entries[$0].tokens > 0 && other.entries[$0].tokens > 0 }
        guard !counted.isEmpty else { throw EvaluationError.empty(metric: "perplexity ratio") }
        return try Bootstrap(resamples: resamples, confidence: confidence, seed: seed).interval(count: counted.count) {
            drawn in
            let here = PerplexityTally(drawn.map { entries[counted[$0]] })
            let there = PerplexityTally(drawn.map { other.entries[counted[$0]] })
            return exp(there.meanLoss - here.meanLoss)
        }
    }
}
