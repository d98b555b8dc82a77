public import Layers
public import Tensors
public import Training

/// Self-attentive sequential recommendation (SASRec, Kang & McAuley 2018): causal self-attention over the history; the
/// score of item i after place t is `F_t · E_i` with the table that the history was embedded with.
public final class SelfAttentiveSequence: SequenceModel {
    /// The paper's defaults (§IV-D); ``recBole`` has RecBole's.
    public struct Configuration: Sendable, Hashable, Codable {
        /// What the places of a history are trained for.
        public enum Objective: String, Sendable, Codable, CaseIterable {
            /// Binary cross-entropy of the next item against one negative at every place (the paper, eq. 7).
            case binary
            /// Cross-entropy over all items at the last place of every prefix (RecBole).
            case crossEntropy
        }

        public var dimensions = 50
        public var layers = 2
        public var heads = 1
        public var innerDimensions = 50
        /// Of histories, in items.
        public var length = 50
        /// 0.2 for dense data, 0.5 for sparse (the paper, §IV-D).
        public var dropout = 0.2
        public var activation = SelfAttentionBlock.Activation.relu
        public var normalization = SelfAttentionBlock.Normalization.beforeQueries
        public var epsilon = 1e-8
        public var objective = Objective.binary

        public init() {}

        /// RecBole's model and objective.
        public static var recBole: Configuration {
            var configuration = Configuration()
            configuration.dimensions = 64
            configuration.heads = 2
            configuration.innerDimensions = 256
            configuration.dropout = 0.5
            configuration.activation = .gelu
            configuration.normalization = .afterResidual
            configuration.epsilon = 1e-12
            configuration.objective = .crossEntropy
            return configuration
        }

        /// What a row of a training batch has to be.
        public var layout: InteractionSource.Layout {
            objective == .binary ? .everyStep(length: length) : .nextItem(length: length)
        }
    }

    public static var title: String { "SASRec" }

    public let configuration: Configuration
    public var itemVectors: Tensor  // [items + 1, dimensions]
    public var places: Tensor  // [length, dimensions]
    public let blocks: [SelfAttentionBlock]
    /// Of the input in BERT's order, of the output in the paper's.
    public let norm: LayerNorm
    private let source: RandomSource
    public let randomSources: [(name: String, source: RandomSource)]

    public init(_ configuration: Configuration = Configuration(), itemCount: Int, from source: RandomSource) {
        self.configuration = configuration
        self.source = source
        let dimensions = configuration.dimensions
        itemVectors = .normal([itemCount + 1, dimensions], standardDeviation: 0.02, from: source)
        places = .normal([configuration.length, dimensions], standardDeviation: 0.02, from: source)
        blocks = (0..<configuration.layers).map { _ in
            SelfAttentionBlock(
                dimensions: dimensions, heads: configuration.heads, innerDimensions: configuration.innerDimensions,
                dropout: configuration.dropout, activation: configuration.activation,
                normalization: configuration.normalization, epsilon: configuration.epsilon, from: source)
        }
        norm = LayerNorm(dimensions: dimensions, epsilon: configuration.epsilon)
        randomSources = [("dropout", source)]
    }

    public var length: Int { configuration.length }

    /// - Parameter last: the only places wanted, one for each row; nil for all.
    /// - Returns: F, `[rows, length, dimensions]`, or `[rows, 1, dimensions]` for chosen places.
    public func states(_ histories: Tensor, last: Tensor? = nil) -> Tensor {
        let isPublished = configuration.normalization == .beforeQueries
        var x = itemVectors.rows(histories)
        if isPublished { x = x * Double(configuration.dimensions).squareRoot() }
        x = x + places.slice(0..<histories.size(1), along: 0)
        if !isPublished { x = norm(x) }
        if configuration.dropout > 0, Tensor.recordsGradients { x = x.dropout(configuration.dropout, from: source) }
        for (number, block) in blocks.enumerated() {
            // The last block is computed only where it is read.
            x = block(x, last: number == blocks.count - 1 ? last : nil)
        }
        if blocks.isEmpty, let last { x = SelfAttentionBlock.places(last, of: x) }
        return isPublished ? norm(x) : x
    }

    public func encode(_ histories: Tensor, lengths: Tensor) -> Tensor {
        states(histories, last: lengths.shifted(by: -1)).squeezed(axis: 1)
    }

    public func loss(_ batch: InteractionBatch) throws -> BatchLoss {
        guard let histories = batch.histories, let lengths = batch.lengths else {
            throw RecommendationError.mismatch(reason: "SASRec trains on histories, and the batch has none")
        }
        let sum: Tensor
        switch configuration.objective {
        case .binary:
            guard let negatives = batch.negatives, batch.targets.rank == 2 else {
                throw RecommendationError.mismatch(reason: "the binary objective needs a negative at every place")
            }
            let places = batch.targets.flattened().nonzeroIndices().flattened()  // [targets]
            let found = states(histories).reshaped(-1, configuration.dimensions).selected(places, along: 0)
            func logits(_ items: Tensor) -> Tensor {
                (found * itemVectors.rows(items.flattened().selected(places, along: 0))).sum(along: 1)
            }
            sum = -(logits(batch.targets).logSigmoid() + (-logits(negatives)).logSigmoid()).sum()
        case .crossEntropy:
            let items = itemVectors.slice(1..<itemVectors.size(0), along: 0)
            let logits = encode(histories, lengths: lengths).linear(items)
            sum = logits.crossEntropy(batch.targets.shifted(by: -1), reduction: .sum)
        }
        return BatchLoss(sum: sum, weight: Double(batch.targetCount), tokens: batch.targetCount)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "items", &itemVectors)
        visit(path / "places", &places)
        for (number, block) in blocks.enumerated() { block.visitParameters(path / "blocks" / number, visit) }
        norm.visitParameters(path / "norm", visit)
    }
}
