import Foundation

/// Corpus BLEU with one reference for each candidate (Papineni et al. 2002): the geometric mean of clipped n-gram
/// precisions, times the brevity penalty. In [0, 1]; published tables often print 100 times this.
public struct BLEU: Sendable, Equatable {
    /// Clipped precision of 1-grams, 2-grams, …; 0 where there is no candidate n-gram.
    public let precisions: [Double]
    public let brevityPenalty: Double

    /// Counts all n-grams of the corpus before dividing, as the definition says; nothing is smoothed.
    /// - Parameters:
    ///   - candidates: tokens of each generated text.
    ///   - references: tokens of the reference at the same position.
    ///   - maximumOrder: 4 for BLEU-4; ``score(order:)`` then gives BLEU-1 to BLEU-4.
    /// - Throws: ``EvaluationError`` for lists of different lengths or empty lists.
    public init(candidates: [[String]], references: [[String]], maximumOrder: Int = 4) throws {
        try requirePaired("BLEU", candidates.count, references.count)
        var matched = [Int](repeating: 0, count: maximumOrder)
        var possible = [Int](repeating: 0, count: maximumOrder)
        for (candidate, reference) in zip(candidates, references) {
            for order in 1...maximumOrder {
                let wanted = NGrams.counts(reference, order: order)
                for (gram, count) in NGrams.counts(candidate, order: order) {
                    matched[order - 1] += min(count, wanted[gram] ?? 0)
                    possible[order - 1] += count
                }
            }
        }
        precisions = zip(matched, possible).map { $1 == 0 ? 0 : Double($0) / Double($1) }
        let candidateLength = candidates.reduce(0) { $0 + $1.count }
        let referenceLength = references.reduce(0) { $0 + $1.count }
        if candidateLength == 0 {
            brevityPenalty = 0
        } else if candidateLength > referenceLength {
            brevityPenalty = 1
        } else {
            brevityPenalty = exp(1 - Double(referenceLength) / Double(candidateLength))
        }
    }

    /// BLEU-n with equal weights; 0 if any of the n precisions is 0.
    public func score(order: Int) -> Double {
        precondition((1...precisions.count).contains(order), "BLEU-\(order) was not counted")
        let used = precisions.prefix(order)
        guard used.allSatisfy({ $0 > 0 }) else { return 0 }
        return brevityPenalty * exp(used.reduce(0) { $0 + log($1) } / Double(order))
    }
}

enum NGrams {
    static func counts(_ tokens: [String], order: Int) -> [ArraySlice<String>: Int] {
        guard tokens.count >= order else { return [:] }
        var result: [ArraySlice<String>: Int] = [:]
        for start in 0...(tokens.count - order) { result[tokens[start..<(start + order)], default: 0] += 1 }
        return result
    }
}
