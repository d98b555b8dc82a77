public import Layers
public import Tensors

/// Logistic regression on one-hot fields, numbers and chosen crosses: `σ(w · x + b)`.
public final class LogisticRegression: FeatureModel {
    public let schema: FeatureSchema
    public let fields: FieldWeights
    public let crosses: FieldCrosses

    /// - Parameter crosses: pairs of categories that get a weight for each pair of values.
    /// - Throws: ``RecommendationError`` for a category that the schema does not have.
    public init(_ schema: FeatureSchema, crosses: [FieldCrosses.Pair] = [], from source: RandomSource) throws {
        self.schema = schema
        fields = FieldWeights(schema, from: source)
        self.crosses = try FieldCrosses(crosses, schema: schema)
    }

    public func logits(_ batch: FeatureBatch) -> Tensor {
        crosses.pairs.isEmpty ? fields(batch) : fields(batch) + crosses(batch)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        fields.visitParameters(path / "fields", visit)
        if !crosses.pairs.isEmpty { crosses.visitParameters(path / "crosses", visit) }
    }
}
