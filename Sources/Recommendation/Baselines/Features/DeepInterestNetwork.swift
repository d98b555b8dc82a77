public import Layers
public import Tensors

/// The deep interest network (DIN, Zhou et al. 2018): histories are pooled by their relation to the target item, then a
/// tower reads all fields.
public final class DeepInterestNetwork: FeatureModel {
    /// Widths as in DeepCTR-Torch, where attention is not normalised either; the dimensions are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        /// How a history becomes one vector.
        public enum Pooling: String, Sendable, Codable, CaseIterable {
            case target
            /// The mean, whatever the target: what DIN is compared with.
            case mean
        }

        public var dimensions = 16
        public var pooling = Pooling.target
        /// Of the attention unit, with Dice.
        public var attentionWidths = [64, 16]
        public var widths = [256, 128]
        public var dropout = 0.0

        public init() {}
    }

    public let schema: FeatureSchema
    public let configuration: Configuration
    public let embeddings: FieldEmbeddings
    public let attentions: [TargetAttention]
    public let tower: Tower
    public let head: Linear
    public let randomSources: [(name: String, source: RandomSource)]

    /// - Throws: ``RecommendationError/mismatch(reason:)`` where the schema has no sequence.
    public init(_ schema: FeatureSchema, _ configuration: Configuration = .init(), from source: RandomSource) throws {
        guard !schema.sequences.isEmpty else {
            throw RecommendationError.mismatch(reason: "DIN reads histories, and the data have no sequence field")
        }
        self.schema = schema
        self.configuration = configuration
        embeddings = FieldEmbeddings(
            schema, dimensions: configuration.dimensions, standardDeviation: 0.05, from: source)
        attentions =
            configuration.pooling == .target
            ? schema.sequences.map { _ in
                TargetAttention(
                    dimensions: configuration.dimensions, widths: configuration.attentionWidths, from: source)
            } : []
        let width = schema.fieldCount * configuration.dimensions
        tower = Tower(
            inputDimensions: width, widths: configuration.widths, dropout: configuration.dropout, from: source)
        head = .glorot(configuration.widths.last ?? width, schema.tasks.count, from: source)
        randomSources = [("dropout", source)]
    }

    public func logits(_ batch: FeatureBatch) -> Tensor {
        let categories = embeddings.categories(batch)  // [rows, categories, dimensions]
        let interests = schema.sequences.enumerated().map { place, field in
            guard configuration.pooling == .target, let target = schema.place(ofCategory: field.category) else {
                return embeddings.pooledSequence(place, of: batch)
            }
            let (history, mask) = embeddings.sequence(place, of: batch)
            return attentions[place](target: categories.select(target, along: 1), history: history, mask: mask)
        }
        return tower(embeddings.towerInput(batch, categories: categories, sequences: interests), head: head)
    }

    public var buffers: [NamedParameter] {
        attentions.enumerated().flatMap { $1.buffers(ParameterPath("attentions") / $0) }
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        embeddings.visitParameters(path / "embeddings", visit)
        for (place, attention) in attentions.enumerated() {
            attention.visitParameters(path / "attentions" / place, visit)
        }
        tower.visitParameters(path / "tower", visit)
        head.visitParameters(path / "head", visit)
    }
}
