import CKernels
import Evaluation
import Foundation

/// Chooses the next token from logits, in the order of ``GenerationOptions``: constraint, penalty, temperature, top-k,
/// top-p, min-p.
package struct Sampler {
    private let options: GenerationOptions
    /// Tokens that may be chosen are those below: rows of the embedding beyond the tokenizer's vocabulary are padding.
    private let vocabulary: Int
    private var random: SeededGenerator
    /// Tokens of the context, for the penalty.
    private var seen: Set<TokenID> = []
    /// Of the constraint's automaton.
    private var state = 0

    package init(_ options: GenerationOptions, vocabulary: Int, context: [TokenID]) {
        self.options = options
        self.vocabulary = vocabulary
        random = SeededGenerator(seed: options.seed ?? UInt64.random(in: 0 ... .max))
        if options.repetitionPenalty != 1 { seen = Set(context) }
    }

    /// - Parameter logits: `[vocabulary or more]`.
    /// - Returns: nil where the constraint leaves no token that the model can choose.
    package mutating func next(_ logits: ArraySlice<Float>) -> TokenID? {
        let token: TokenID
        if let constraint = options.constraint {
            let allowed = constraint.states[state].allowed
            token = choose(Self.restricted(logits.prefix(vocabulary), to: allowed))
            guard allowed.contains(token) else { return nil }
            state = constraint.state(after: token, in: state)
        } else {
            token = choose(logits.prefix(vocabulary))
        }
        if options.repetitionPenalty != 1 { seen.insert(token) }
        return token
    }

    /// Minus infinity for every other token.
    private static func restricted(_ logits: ArraySlice<Float>, to allowed: TokenSet) -> ArraySlice<Float> {
        var kept = [Float](repeating: -.infinity, count: logits.count)
        for range in allowed.ranges {
            for token in range.clamped(to: 0..<TokenID(logits.count)) {
                kept[Int(token)] = logits[logits.startIndex + Int(token)]
            }
        }
        return kept[...]
    }

    private mutating func choose(_ logits: ArraySlice<Float>) -> TokenID {
        var logits = logits
        if !seen.isEmpty {
            let penalty = Float(options.repetitionPenalty)
            for token in seen where token >= 0 && token < vocabulary {
                let index = logits.startIndex + Int(token)
                logits[index] = logits[index] > 0 ? logits[index] / penalty : logits[index] * penalty
            }
        }
        if options.isGreedy || options.topK == 1 { return Self.indexOfMaximum(logits) }
        let kept = distribution(logits)
        return kept[random.index(weights: kept.lazy.map(\.probability))].token
    }

    /// The first of the largest logits; the first token where none is a number.
    static func indexOfMaximum(_ logits: ArraySlice<Float>) -> TokenID {
        logits.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return TokenID(max(wf_index_of_maximum(base, Int64(buffer.count)), 0))
        }
    }

    /// What is left to draw from after all restrictions; the numbers need not sum to 1.
    package func distribution(_ logits: ArraySlice<Float>) -> [(token: TokenID, probability: Double)] {
        guard let largest = logits.max(), largest.isFinite else { return [(Self.indexOfMaximum(logits), 1)] }
        let threshold = options.topK.map { Self.kthLargest(logits, $0) } ?? -.infinity
        var kept: [(token: TokenID, probability: Double)] = []
        kept.reserveCapacity(min(options.topK ?? .max, logits.count))
        for (offset, logit) in logits.enumerated() where logit >= threshold {
            let probability = exp(Double(logit - largest) / options.temperature)
            if probability > 0 { kept.append((TokenID(offset), probability)) }
        }
        if let topK = options.topK { kept = Array(Self.sorted(kept).prefix(topK)) }
        if options.topP < 1 { kept = nucleus(kept) }
        if options.minP > 0, let likeliest = kept.map(\.probability).max() {
            kept.removeAll { $0.probability < options.minP * likeliest }
        }
        return kept
    }

    /// The fewest likeliest tokens that have together at least `topP` of all.
    private func nucleus(_ tokens: [(token: TokenID, probability: Double)]) -> [(token: TokenID, probability: Double)] {
        let total = tokens.reduce(0) { $0 + $1.probability }
        // All tokens below this have together less than `1 - topP`: the nucleus is among the others, which are few.
        let negligible = (1 - options.topP) * total / Double(tokens.count)
        let candidates = Self.sorted(tokens.filter { $0.probability >= negligible })
        var sum = 0.0
        let end = candidates.firstIndex { candidate in
            sum += candidate.probability
            return sum >= options.topP * total
        }
        return end.map { Array(candidates[...$0]) } ?? candidates
    }

    /// Likeliest first; among equals the smaller token, so that one seed means one text.
    private static func sorted(
        _ tokens: [(token: TokenID, probability: Double)]
    ) -> [(token: TokenID, probability: Double)] {
        tokens.sorted { ($1.probability, $0.token) < ($0.probability, $1.token) }
    }

    private static func kthLargest(_ values: ArraySlice<Float>, _ k: Int) -> Float {
        guard k < values.count else { return -.infinity }
        guard k <= 256 else { return values.sorted(by: >)[k - 1] }
        var largest: [Float] = []
        for value in values where largest.count < k || value > largest.last! {
            largest.insert(value, at: largest.firstIndex { $0 < value } ?? largest.count)
            if largest.count > k { largest.removeLast() }
        }
        return largest.last ?? -.infinity
    }
}
