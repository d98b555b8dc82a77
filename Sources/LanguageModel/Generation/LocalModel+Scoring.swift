import Foundation
import Tensors

/// How a model rates one candidate continuation of a text.
public struct OptionScore: Sendable, Hashable {
    /// The logit of each token, given everything before it.
    public var logits: [Double]
    /// The natural log-probability of each token, given everything before it.
    public var logProbabilities: [Double]

    public var meanLogit: Double { logits.reduce(0, +) / Double(logits.count) }
    /// Of the whole option.
    public var logProbability: Double { logProbabilities.reduce(0, +) }
    /// The same per token, which does not favour short options.
    public var meanLogProbability: Double { logProbability / Double(logProbabilities.count) }
    /// Of the whole option.
    public var probability: Double { exp(logProbability) }
}

/// The loss of a model on a text.
public struct TextLoss: Sendable, Hashable {
    /// The sum of the negative natural log-probabilities.
    public var sum: Double
    /// How many tokens were predicted.
    public var tokens: Int

    /// `exp(sum / tokens)`.
    public var perplexity: Double { exp(sum / Double(tokens)) }
}

extension LocalModel {
    /// Rates candidate continuations of one text, which is read once.
    /// - Returns: one score for each option, in order.
    /// - Throws: ``GenerationError``, also for an empty option; `CancellationError`.
    public func score(_ options: [[TokenID]], after prefix: [TokenID]) throws -> [OptionScore] {
        try check(prefix)
        for option in options {
            try check(option)
            try check(prefix + option.dropLast())
        }
        let cache = takeCache(for: prefix)
        defer {
            cache.rollBack(to: prefix.count)
            keep(cache, of: prefix)
        }
        let first = try read(prefix, into: cache)
        let size = first.count
        return try options.map { option in
            try Task.checkCancellation()
            cache.rollBack(to: prefix.count)
            var logits = first
            if option.count > 1 { logits += try engine.read(Array(option.dropLast()), into: cache, wanted: .all) }
            var score = OptionScore(logits: [], logProbabilities: [])
            for (place, token) in option.enumerated() {
                let row = LogProbabilities(logits[place * size..<(place + 1) * size])
                score.logits.append(row.logit(token))
                score.logProbabilities.append(row[token])
            }
            return score
        }
    }

    /// Rates texts as the model's next turn in a conversation; the end of the turn is not rated.
    /// - Throws: ``GenerationError``, `ChatError`, `CancellationError`.
    public func score(_ options: [String], after messages: [Message]) throws -> [OptionScore] {
        try score(options.map { tokenizer.encode($0) }, after: prompt(messages))
    }

    /// The loss on a stream of tokens, in windows that overlap: each token but the first is predicted once, from at least
    /// `window - stride` tokens before it where there are so many.
    /// - Parameters:
    ///   - window: tokens that are read at once; nil takes the context length.
    ///   - stride: by how much windows move on; nil takes half a window.
    /// - Throws: ``GenerationError``, `CancellationError`.
    public func loss(of tokens: [TokenID], window: Int? = nil, stride: Int? = nil) async throws -> TextLoss {
        let window = min(max(window ?? contextLength, 2), contextLength)
        let stride = min(max(stride ?? window / 2, 1), window - 1)
        guard tokens.count > 1 else { throw GenerationError.emptyPrompt }
        var loss = TextLoss(sum: 0, tokens: 0)
        var start = 0
        var predicted = 1
        while predicted < tokens.count {
            let end = min(start + window, tokens.count)
            try check(Array(tokens[start..<end].dropLast()))
            loss.sum += try self.loss(Array(tokens[start..<end]), from: predicted - start)
            loss.tokens += end - predicted
            predicted = end
            start += stride
            await Task.yield()
            try Task.checkCancellation()
        }
        return loss
    }

    /// The sum of the losses of the tokens from place `first` on.
    private func loss(_ text: [TokenID], from first: Int) throws -> Double {
        if let last = text.last, last < 0 || last >= configuration.vocabularySize {
            throw GenerationError.tokenOutOfRange(last, vocabulary: configuration.vocabularySize)
        }
        let inputs = Array(text.dropLast())
        if reader.isWorthwhile(inputs.count) {
            let labels = (0..<inputs.count).map { $0 + 1 < first ? TokenBatch.ignored : Int(text[$0 + 1]) }
            let network = try reader.network()
            return withoutGradients {
                network.loss(
                    TokenBatch(
                        tokens: Tensor(inputs.map(Int64.init), shape: [1, inputs.count]),
                        labels: Tensor(labels.map(Int64.init), shape: [1, labels.count]))
                ).item
            }
        }
        let cache = KeyValueCache(configuration, capacity: inputs.count)
        let size = configuration.vocabularySize
        let logits = try engine.read(inputs, into: cache, wanted: .all, while: { !Task.isCancelled })
        return (first..<text.count).reduce(0) { sum, place in
            sum - LogProbabilities(logits[(place - 1) * size..<place * size])[text[place]]
        }
    }
}
