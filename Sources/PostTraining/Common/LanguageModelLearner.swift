import Evaluation
public import LanguageModel
public import Layers
public import Tensors
public import Training

extension TokenBatch {
    /// Packed or padded rows as tensors. Segments are given only where a row holds several documents.
    public init(_ rows: TokenRows) {
        let shape = [rows.rows, rows.length]
        func integers(_ values: [Int32]) -> Tensor { Tensor(values, shape: shape).cast(to: .int64) }
        let isWeighted = rows.weights.contains { $0 != 0 && $0 != 1 }
        self.init(
            tokens: integers(rows.tokens), labels: integers(rows.labels),
            weights: isWeighted ? Tensor(rows.weights, shape: shape) : nil,
            segments: rows.isPacked ? integers(rows.segments) : nil,
            positions: rows.isPacked ? integers(rows.positions) : nil)
    }
}

/// Next-token prediction: the learner of `pretrain` and `sft`.
public final class LanguageModelLearner: Learner {
    public let decoder: TransformerDecoder
    /// Held-out documents, one tally entry each.
    private let heldOut: [TokenSequence]
    private let pass: DecoderPass
    private let dropoutSource: RandomSource?

    /// - Parameters:
    ///   - dropoutSource: the generator that the adapters were made with.
    public init(
        _ decoder: TransformerDecoder, heldOut: [TokenSequence] = [], recomputesActivations: Bool = false,
        dropoutSource: RandomSource? = nil
    ) {
        self.decoder = decoder
        self.heldOut = heldOut
        self.dropoutSource = dropoutSource
        var pass = DecoderPass()
        pass.recomputesActivations = recomputesActivations
        pass.extendsContext = false
        self.pass = pass
    }

    public var trainedParameters: [NamedParameter] { decoder.trainableParameters }

    public var randomSources: [(name: String, source: RandomSource)] {
        dropoutSource.map { [("dropout", $0)] } ?? []
    }

    public func loss(_ rows: TokenRows) -> BatchLoss {
        BatchLoss(sum: decoder.loss(TokenBatch(rows), pass), weight: rows.weight, tokens: rows.tokenCount)
    }

    public func evaluate() -> [String: Double] {
        guard !heldOut.isEmpty else { return [:] }
        let tally = Self.perplexity(decoder, heldOut)
        return ["loss": tally.meanLoss, "perplexity": tally.perplexity]
    }

    /// Token losses of documents, one entry each. Documents of like length are computed together.
    public static func perplexity(
        _ decoder: TransformerDecoder, _ documents: [TokenSequence], tokensPerBatch: Int = 1024
    ) -> PerplexityTally {
        var entries = documents.map { _ in PerplexityTally.Entry(loss: 0, tokens: 0) }
        let order = documents.indices.filter { documents[$0].trainedCount > 0 }
            .sorted { (documents[$0].count, $0) < (documents[$1].count, $1) }
        var pass = DecoderPass()
        pass.extendsContext = false
        withoutGradients {
            var start = 0
            while start < order.count {
                var end = start + 1
                while end < order.count, documents[order[end]].count * (end + 1 - start) <= tokensPerBatch { end += 1 }
                let rows = TokenRows(order[start..<end].map { [documents[$0]] })
                let losses = decoder.logProbabilities(TokenBatch(rows), pass).sum(along: 1).values(Double.self)
                for (index, loss) in zip(order[start..<end], losses) {
                    entries[index] = .init(loss: -loss, tokens: documents[index].trainedCount)
                }
                start = end
            }
        }
        return PerplexityTally(entries)
    }
}
