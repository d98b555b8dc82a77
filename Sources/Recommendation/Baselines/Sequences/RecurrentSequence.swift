public import Layers
public import Tensors
public import Training

/// A gated recurrent unit over the history (GRU4Rec, Hidasi et al. 2016; losses of Hidasi & Karatzoglou 2018).
///
/// The other targets of the batch are the negatives. The papers train on whole sessions in parallel; here every prefix of
/// a history is an example, as in RecBole.
public final class RecurrentSequence: SequenceModel {
    /// Dimensions and dropout are RecBole's, the objective the 2018 paper's, its weight ours.
    public struct Configuration: Sendable, Hashable, Codable {
        /// What a prefix of a history and the item after it are trained for.
        public enum Objective: String, Sendable, Codable, CaseIterable {
            /// `-log Σ_j s_j σ(r_i - r_j) + λ Σ_j s_j r_j²` with softmax weights s over the negatives (2018, eq. 10).
            case bprMax
            /// `mean_j σ(r_j - r_i) + σ(r_j²)` (2016, §3.2).
            case top1
            /// Cross-entropy over all items (RecBole).
            case crossEntropy
        }

        public var dimensions = 64
        public var hiddenDimensions = 128
        /// Of histories, in items.
        public var length = 50
        /// Of the embedded history.
        public var dropout = 0.3
        public var objective = Objective.bprMax
        /// λ of BPR-max.
        public var regularization = 0.5

        public init() {}
    }

    public static var title: String { "GRU4Rec" }

    public let configuration: Configuration
    public var itemVectors: Tensor  // [items + 1, dimensions]
    public let unit: GRU
    public let output: Linear
    private let source: RandomSource
    public let randomSources: [(name: String, source: RandomSource)]

    public init(_ configuration: Configuration = Configuration(), itemCount: Int, from source: RandomSource) {
        self.configuration = configuration
        self.source = source
        let deviation = (2 / Double(itemCount + 1 + configuration.dimensions)).squareRoot()
        itemVectors = .normal([itemCount + 1, configuration.dimensions], standardDeviation: deviation, from: source)
        unit = GRU(
            inputDimensions: configuration.dimensions, hiddenDimensions: configuration.hiddenDimensions, from: source)
        output = .glorot(configuration.hiddenDimensions, configuration.dimensions, from: source)
        randomSources = [("dropout", source)]
    }

    public var length: Int { configuration.length }

    public func encode(_ histories: Tensor, lengths: Tensor) -> Tensor {
        var x = itemVectors.rows(histories)
        if configuration.dropout > 0, Tensor.recordsGradients { x = x.dropout(configuration.dropout, from: source) }
        let states = unit(x).outputs  // padding stands behind the last filled place
        return output(SelfAttentionBlock.places(lengths.shifted(by: -1), of: states).squeezed(axis: 1))
    }

    public func loss(_ batch: InteractionBatch) throws -> BatchLoss {
        guard let histories = batch.histories, let lengths = batch.lengths, batch.targets.rank == 1 else {
            throw RecommendationError.mismatch(reason: "GRU4Rec trains on histories with one target each")
        }
        let state = encode(histories, lengths: lengths)
        let sum: Tensor
        if configuration.objective == .crossEntropy {
            let items = itemVectors.slice(1..<itemVectors.size(0), along: 0)
            sum = state.linear(items).crossEntropy(batch.targets.shifted(by: -1), reduction: .sum)
        } else {
            let scores = state.matmul(itemVectors.rows(batch.targets).transposed())  // [rows, rows]
            sum = Self.inBatchLoss(
                scores, targets: batch.targets, objective: configuration.objective,
                regularization: configuration.regularization)
        }
        return BatchLoss(sum: sum, weight: Double(batch.targetCount), tokens: batch.targetCount)
    }

    /// The sum over rows of BPR-max or TOP1.
    /// - Parameters:
    ///   - scores: of the target of row j for row i, `[rows, rows]`.
    ///   - targets: `[rows]`; a row whose target is the same item is no negative.
    package static func inBatchLoss(
        _ scores: Tensor, targets: Tensor, objective: Configuration.Objective, regularization: Double
    ) -> Tensor {
        let same = targets.expanded(axis: 1).isEqual(to: targets.expanded(axis: 0))
        let counts = (!same).cast(to: scores.dtype)
        let own = scores.diagonal().expanded(axis: 1)  // [rows, 1]
        guard objective == .bprMax else {
            let each = ((scores - own).sigmoid() + scores.squared().sigmoid()) * counts
            return (each.sum(along: 1) / counts.sum(along: 1).clamped(from: 1)).sum()
        }
        // A row without any negative weighs nothing.
        let lowest = -1e9
        let weights = scores.filled(where: same, with: lowest).softmax() * counts
        let won = (weights * (own - scores).sigmoid()).sum(along: 1)
        let hasNegatives = counts.sum(along: 1).isGreater(than: 0).cast(to: scores.dtype)
        let smallest = 1e-24
        let ranking = -((won + smallest).logarithm() * hasNegatives).sum()
        return ranking + (weights * scores.squared()).sum() * regularization
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "items", &itemVectors)
        unit.visitParameters(path / "unit", visit)
        output.visitParameters(path / "output", visit)
    }
}
