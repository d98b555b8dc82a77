public import Layers
public import Tensors

/// Wide & Deep (Cheng et al. 2016): a linear model of fields and crosses plus a tower on embeddings, trained jointly.
///
/// The paper trains the wide part with FTRL and the deep one with AdaGrad; here one AdamW trains both.
public final class WideAndDeep: FeatureModel {
    /// Sizes are ours; the paper's tower has 1024, 512 and 256 units (§4).
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 16
        public var widths = [256, 128]
        public var dropout = 0.1
        /// The wide part's crosses.
        public var crosses: [FieldCrosses.Pair] = []

        public init() {}
    }

    public let schema: FeatureSchema
    public let wide: FieldWeights
    public let crosses: FieldCrosses
    public let embeddings: FieldEmbeddings
    public let tower: Tower
    public let head: Linear
    public let randomSources: [(name: String, source: RandomSource)]

    /// - Throws: ``RecommendationError`` for a cross of a category that the schema does not have.
    public init(_ schema: FeatureSchema, _ configuration: Configuration = .init(), from source: RandomSource) throws {
        self.schema = schema
        wide = FieldWeights(schema, from: source)
        crosses = try FieldCrosses(configuration.crosses, schema: schema)
        embeddings = FieldEmbeddings(schema, dimensions: configuration.dimensions, from: source)
        let width = schema.fieldCount * configuration.dimensions
        tower = Tower(
            inputDimensions: width, widths: configuration.widths, dropout: configuration.dropout, from: source)
        head = .glorot(configuration.widths.last ?? width, schema.tasks.count, from: source)
        randomSources = [("dropout", source)]
    }

    public func logits(_ batch: FeatureBatch) -> Tensor {
        let deep = tower(embeddings.towerInput(batch), head: head)
        return crosses.pairs.isEmpty ? wide(batch) + deep : wide(batch) + crosses(batch) + deep
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        wide.visitParameters(path / "wide", visit)
        if !crosses.pairs.isEmpty { crosses.visitParameters(path / "crosses", visit) }
        embeddings.visitParameters(path / "embeddings", visit)
        tower.visitParameters(path / "tower", visit)
        head.visitParameters(path / "head", visit)
    }
}
