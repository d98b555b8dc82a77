public import Layers
public import Tensors

/// DeepFM (Guo et al. 2017): a factorisation machine and a tower on the same embeddings,
/// `logit = w · x + ½ Σ_d [(Σ_f v_f x_f)² - Σ_f (v_f x_f)²] + MLP(v)`.
public final class DeepFM: FeatureModel {
    /// RecBole's defaults.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 10
        public var widths = [128, 128, 128]
        public var dropout = 0.2
        /// Off: the factorisation machine alone (Rendle 2010).
        public var hasTower = true

        public init() {}
    }

    public let schema: FeatureSchema
    public let linear: FieldWeights
    public let embeddings: FieldEmbeddings
    public let tower: Tower?
    public let head: Linear?
    public let randomSources: [(name: String, source: RandomSource)]

    public init(_ schema: FeatureSchema, _ configuration: Configuration = .init(), from source: RandomSource) {
        self.schema = schema
        linear = FieldWeights(schema, from: source)
        embeddings = FieldEmbeddings(
            schema, dimensions: configuration.dimensions, standardDeviation: 0.05, from: source)
        let width = schema.fieldCount * configuration.dimensions
        if configuration.hasTower {
            tower = Tower(
                inputDimensions: width, widths: configuration.widths, dropout: configuration.dropout, from: source)
            head = .glorot(configuration.widths.last ?? width, schema.tasks.count, from: source)
        } else {
            tower = nil
            head = nil
        }
        randomSources = [("dropout", source)]
    }

    public func logits(_ batch: FeatureBatch) -> Tensor {
        let vectors = embeddings(batch)  // [rows, fields, dimensions]
        let logits = linear(batch) + Self.interactions(vectors)
        guard let tower, let head else { return logits }
        return logits + tower(TowerInput(vectors.flattened(from: 1)), head: head)
    }

    /// Products of all pairs of fields: `½ Σ_d [(Σ_f x)² - Σ_f x²]`, `[rows, 1]` of `[rows, fields, dimensions]`.
    public static func interactions(_ vectors: Tensor) -> Tensor {
        (vectors.sum(along: 1).squared() - vectors.squared().sum(along: 1)).sum(along: 1, keepingAxes: true) * 0.5
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        linear.visitParameters(path / "linear", visit)
        embeddings.visitParameters(path / "embeddings", visit)
        tower?.visitParameters(path / "tower", visit)
        head?.visitParameters(path / "head", visit)
    }
}
