import Foundation

/// Natural log-probabilities of the tokens that may be chosen.
struct LogProbabilities {
    private let logits: ArraySlice<Float>
    /// The logarithm of the sum of the exponentials.
    let normalizer: Double

    /// - Parameter vocabulary: how many of the logits are tokens; the rest is padding.
    init(_ logits: ArraySlice<Float>, vocabulary: Int) {
        self.logits = logits.prefix(vocabulary)
        let largest = Double(self.logits.max() ?? 0)
        normalizer = largest + log(self.logits.reduce(0.0) { $0 + Double(exp($1 - Float(largest))) })
    }

    subscript(_ token: TokenID) -> Double { logit(token) - normalizer }

    func logit(_ token: TokenID) -> Double { Double(logits[logits.startIndex + Int(token)]) }

    /// The likeliest tokens, likeliest first.
    func likeliest(_ count: Int) -> [TokenID] {
        guard count > 0 else { return [] }
        var best: [(token: TokenID, logit: Float)] = []
        for (offset, logit) in logits.enumerated() where best.count < count || logit > best.last!.logit {
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
            alternatives: likeliest(alternatives).map { .init(token: text($0), logProbability: self[$0]) })
    }
}
