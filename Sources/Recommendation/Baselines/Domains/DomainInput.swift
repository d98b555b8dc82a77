public import Layers
public import Tensors

/// What multi-task and multi-domain models read: all fields of a row, and a vector of its domain where there are several.
///
/// The gates of such models must see the domain, or they cannot mix by it.
public final class DomainInput: Layer {
    public let embeddings: FieldEmbeddings
    public let domains: Embedding?

    public init(_ schema: FeatureSchema, dimensions: Int, from source: RandomSource) {
        embeddings = FieldEmbeddings(schema, dimensions: dimensions, standardDeviation: 0.05, from: source)
        domains =
            schema.domainCount > 1
            ? Embedding(count: schema.domainCount, dimensions: dimensions, standardDeviation: 0.05, from: source) : nil
    }

    /// The width of the result.
    public var width: Int {
        (embeddings.schema.fieldCount + (domains == nil ? 0 : 1)) * embeddings.dimensions
    }

    /// - Returns: rows of ``width`` columns.
    public func callAsFunction(_ batch: FeatureBatch) -> TowerInput {
        let fields = embeddings.towerInput(batch)
        guard let domains, let indices = batch.domains else { return fields }
        return fields.followed(by: domains(indices))
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        embeddings.visitParameters(path / "fields", visit)
        domains?.visitParameters(path / "domains", visit)
    }
}
