/// ROUGE-L: overlap by the longest common subsequence (Lin 2004).
public struct ROUGE: Sendable, Equatable {
    /// Common subsequence / candidate length.
    public let precision: Double
    /// Common subsequence / reference length.
    public let recall: Double

    public init(candidate: [String], reference: [String]) {
        let common = Double(Self.longestCommonSubsequence(candidate, reference))
        precision = candidate.isEmpty ? 0 : common / Double(candidate.count)
        recall = reference.isEmpty ? 0 : common / Double(reference.count)
    }

    /// `(1 + β²) P R / (R + β² P)`. β = 1 is the usual F1; β = 1.2 is common in caption metrics; dialogue papers that take
    /// β → ∞ report ``recall``.
    public func f(beta: Double = 1) -> Double {
        let squared = beta * beta
        let denominator = recall + squared * precision
        return denominator == 0 ? 0 : (1 + squared) * precision * recall / denominator
    }

    /// Mean F over pairs of texts.
    /// - Throws: ``EvaluationError`` for lists of different lengths or empty lists.
    public static func meanF(candidates: [[String]], references: [[String]], beta: Double = 1) throws -> Double {
        try requirePaired("ROUGE-L", candidates.count, references.count)
        let sum = zip(candidates, references).reduce(0) { $0 + ROUGE(candidate: $1.0, reference: $1.1).f(beta: beta) }
        return sum / Double(candidates.count)
    }

    static func longestCommonSubsequence(_ first: [String], _ second: [String]) -> Int {
        guard !first.isEmpty, !second.isEmpty else { return 0 }
        var row = [Int](repeating: 0, count: second.count + 1)
        for word in first {
            var diagonal = 0
            for column in 1...second.count {
                let above = row[column]
                row[column] = word == second[column - 1] ? diagonal + 1 : max(above, row[column - 1])
                diagonal = above
            }
        }
        return row[second.count]
    }
}
