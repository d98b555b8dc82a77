import Foundation

/// Natural log-probabilities of tokens under a model's own distribution, which no option of generation has changed.
struct LogProbabilities {
    private let logits: ArraySlice<Float>
    /// The logarithm of the sum of the exponentials.
    let normalizer: Double

    /// - Parameter logits: of all rows of the embedding.
    init(_ logits: ArraySlice<Float>) {
        self.logits = logits
        let largest = logits.max() ?? 0
        normalizer = Double(largest) + log(logits.reduce(0.0) { $0 + Double(exp($1 - largest)) })
    }

    subscript(_ token: TokenID) -> Double { logit(token) - normalizer }

    func logit(_ token: TokenID) -> Double { Double(logits[logits.startIndex + Int(token)]) }

    /// The likeliest tokens below `vocabulary`, likeliest first.
    private func likeliest(_ count: Int, vocabulary: Int) -> [TokenID] {
        guard count > 0 else { return [] }
        var best: [(token: TokenID, logit: Float)] = []
        for (offset, logit) in logits.prefix(vocabulary).enumerated()
        where best.count < count || logit > best.last!.logit {
            let place = best.firstIndex { $0.logit < logit } ?? best.count
            best.insert((TokenID(offset), logit), at: place)
            if best.count > count { best.removeLast() }
        }
        return best.map(\.token)
    }

    /// What a reply says about a chosen token.
    func report(_ token: TokenID, alternatives: Int, tokenizer: Tokenizer) -> TokenLogProbability {
        func text(_ token: TokenID) -> String { tokenizer.decode([token]) }
        return TokenLogProbability(
            token: text(token), logProbability: self[token], bytes: tokenizer.bytes(of: token),
            alternatives: likeliest(alternatives, vocabulary: tokenizer.vocabularySize).map {
                .init(token: text($0), logProbability: self[$0])
            })
    }
}
