public import Layers
public import Tensors

/// The star topology network (STAR, Sheng et al. 2021): the weights of a domain are the shared ones times its own,
/// `W* = W ⊙ W_p`, `b* = b + b_p`, on inputs normalised by domain; a small auxiliary network that knows the domain adds to
/// the logit.
///
/// `W_p` is kept as its distance from 1, so that it starts at 1 and weight decay draws it there. Train with batches of
/// one domain (`FeatureRowSource(separatesDomains: true)`): moments are those of the rows of a domain in the batch.
public final class StarTopology: FeatureModel {
    /// Sizes are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 16
        public var widths = [256, 128, 64]
        public var auxiliaryWidths = [32]
        /// Rows of a domain in a batch from which their own moments normalise them.
        public var smallestBatch = 2

        public init() {}
    }

    /// One layer of the star.
    final class StarLinear: Layer {
        var weight: Tensor  // [out, in]
        var bias: Tensor  // [out]
        var domainWeights: Tensor  // W_p - 1: [domains, out, in]
        var domainBiases: Tensor  // [domains, out]

        init(domains: Int, inputs: Int, outputs: Int, from source: RandomSource) {
            let deviation = (2 / Double(inputs + outputs)).squareRoot()
            weight = .normal([outputs, inputs], standardDeviation: deviation, from: source)
            bias = .zeros([outputs])
            domainWeights = .zeros([domains, outputs, inputs])
            domainBiases = .zeros([domains, outputs])
        }

        func callAsFunction(_ x: Tensor, domain: Int) -> Tensor {
            x.linear(
                weight * (domainWeights.select(domain, along: 0) + 1), bias + domainBiases.select(domain, along: 0))
        }

        func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
            visit(path / "weight", &weight)
            visit(path / "bias", &bias)
            visit(path / "domainWeights", &domainWeights)
            visit(path / "domainBiases", &domainBiases)
        }
    }

    public let schema: FeatureSchema
    public let embeddings: FieldEmbeddings
    public let domains: Embedding
    public let normalization: PartitionedNormalization
    let layers: [StarLinear]
    public let auxiliary: Tower
    public let auxiliaryHead: Linear

    public init(_ schema: FeatureSchema, _ configuration: Configuration = .init(), from source: RandomSource) {
        self.schema = schema
        embeddings = FieldEmbeddings(
            schema, dimensions: configuration.dimensions, standardDeviation: 0.05, from: source)
        domains = Embedding(
            count: schema.domainCount, dimensions: configuration.dimensions, standardDeviation: 0.05, from: source)
        let width = schema.fieldCount * configuration.dimensions
        normalization = PartitionedNormalization(
            domains: schema.domainCount, dimensions: width, smallestBatch: configuration.smallestBatch)
        let widths = [width] + configuration.widths + [schema.tasks.count]
        layers = zip(widths, widths.dropFirst()).map {
            StarLinear(domains: schema.domainCount, inputs: $0, outputs: $1, from: source)
        }
        let auxiliaryWidth = width + configuration.dimensions
        auxiliary = Tower(inputDimensions: auxiliaryWidth, widths: configuration.auxiliaryWidths, from: source)
        auxiliaryHead = .glorot(configuration.auxiliaryWidths.last ?? auxiliaryWidth, schema.tasks.count, from: source)
    }

    public func logits(_ batch: FeatureBatch) -> Tensor {
        let x = embeddings(batch).flattened(from: 1)  // [rows, width]
        let indices = batch.domains ?? .zeros([batch.rowCount], dtype: .int64)
        let aside = auxiliaryHead(auxiliary(.concatenated([domains(indices), x], along: 1)))
        let present = indices.integers
        guard let first = present.first, present.contains(where: { $0 != first }) else {
            return star(x, domain: present.first ?? 0) + aside
        }
        // Rows of several domains: each domain's are taken out, computed, and put back.
        var result = Tensor.zeros([batch.rowCount, schema.tasks.count])
        for domain in Set(present).sorted() {
            let rows = Tensor(present.indices.filter { present[$0] == domain })
            result = result.indexAdded(star(x.selected(rows, along: 0), domain: domain), at: rows, along: 0)
        }
        return result + aside
    }

    private func star(_ x: Tensor, domain: Int) -> Tensor {
        var x = normalization(x, domain: domain)
        for (place, layer) in layers.enumerated() {
            x = layer(x, domain: domain)
            if place < layers.count - 1 { x = x.relu() }
        }
        return x
    }

    public var buffers: [NamedParameter] { normalization.buffers(ParameterPath("normalization")) }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        embeddings.visitParameters(path / "embeddings", visit)
        domains.visitParameters(path / "domains", visit)
        normalization.visitParameters(path / "normalization", visit)
        for (place, layer) in layers.enumerated() { layer.visitParameters(path / "layers" / place, visit) }
        auxiliary.visitParameters(path / "auxiliary", visit)
        auxiliaryHead.visitParameters(path / "auxiliaryHead", visit)
    }
}
