public import Layers
public import Tensors

/// One block of a causal self-attentive recommender: attention over the history, then two linear maps at every place.
///
/// Histories are padded on the right, so the causal mask alone keeps padding out of every filled place.
public final class SelfAttentionBlock: Layer {
    /// Where layers are normalised.
    public enum Normalization: String, Sendable, Codable, CaseIterable {
        /// Queries and the inputs of the second part, and the residual goes on from what was normalised
        /// (the code of Kang & McAuley 2018).
        case beforeQueries
        /// The sum of residual and result (BERT's order, as in RecBole).
        case afterResidual
    }

    public enum Activation: String, Sendable, Codable, CaseIterable { case relu, gelu }

    public var attentionWeight: Tensor  // queries, keys, values: [3 * dimensions, dimensions]
    public var attentionBias: Tensor  // [3 * dimensions]
    public let output: Linear
    public let attentionNorm: LayerNorm
    public let inner: Linear
    public let outer: Linear
    public let innerNorm: LayerNorm
    public let heads: Int
    public let dropout: Double
    public let activation: Activation
    public let normalization: Normalization
    private let source: RandomSource

    public init(
        dimensions: Int, heads: Int, innerDimensions: Int, dropout: Double, activation: Activation,
        normalization: Normalization, epsilon: Double, from source: RandomSource
    ) {
        precondition(dimensions % heads == 0, "\(dimensions) dimensions do not split into \(heads) heads")
        func linear(_ inputs: Int, _ outputs: Int) -> Linear {
            Linear(inputDimensions: inputs, outputDimensions: outputs, hasBias: true, from: source)
        }
        attentionWeight = .normal([3 * dimensions, dimensions], standardDeviation: 0.02, from: source)
        attentionBias = .zeros([3 * dimensions])
        output = linear(dimensions, dimensions)
        attentionNorm = LayerNorm(dimensions: dimensions, epsilon: epsilon)
        inner = linear(dimensions, innerDimensions)
        outer = linear(innerDimensions, dimensions)
        innerNorm = LayerNorm(dimensions: dimensions, epsilon: epsilon)
        self.heads = heads
        self.dropout = dropout
        self.activation = activation
        self.normalization = normalization
        self.source = source
    }

    /// - Parameters:
    ///   - x: `[rows, length, dimensions]`.
    ///   - last: the only places wanted, one for each row (`[rows]`, `int64`); nil for all.
    /// - Returns: `[rows, length, dimensions]`, or `[rows, 1, dimensions]` for chosen places.
    public func callAsFunction(_ x: Tensor, last: Tensor? = nil) -> Tensor {
        var own = x  // where the queries stand
        if let last { own = Self.places(last, of: x) }
        switch normalization {
        case .beforeQueries:
            let queries = attentionNorm(own)
            let attended = queries + attend(queries: queries, to: x, last: last)
            let normalised = innerNorm(attended)
            return normalised + feedForward(normalised)
        case .afterResidual:
            let attended = attentionNorm(own + attend(queries: own, to: x, last: last))
            return innerNorm(attended + feedForward(attended))
        }
    }

    /// One place of each row: `[rows, 1, dimensions]`.
    static func places(_ places: Tensor, of x: Tensor) -> Tensor {
        let (rows, length, dimensions) = (x.size(0), x.size(1), x.size(2))
        let flat = places + Tensor.range(0..<rows).scaled(by: length)
        return x.reshaped(rows * length, dimensions).selected(flat, along: 0).expanded(axis: 1)
    }

    private func attend(queries x: Tensor, to memory: Tensor, last: Tensor?) -> Tensor {
        let (rows, length, dimensions) = (memory.size(0), memory.size(1), memory.size(2))
        let width = dimensions / heads
        func split(_ x: Tensor) -> Tensor {  // [rows, heads, places, width]
            x.reshaped(rows, x.size(1), heads, width).transposed(1, 2)
        }
        let parts: [Tensor]
        if x === memory {
            parts = x.linear(attentionWeight, attentionBias).chunks(3, along: -1)
        } else {
            let weights = attentionWeight.split(sizes: [dimensions, 2 * dimensions], along: 0)
            let biases = attentionBias.split(sizes: [dimensions, 2 * dimensions], along: 0)
            parts =
                [x.linear(weights[0], biases[0])] + memory.linear(weights[1], biases[1]).chunks(2, along: -1)
        }
        let (queries, keys, values) = (split(parts[0]), split(parts[1]), split(parts[2]))
        let mixed: Tensor
        if dropout > 0, Tensor.recordsGradients {
            let scores = (queries * (1 / Double(width).squareRoot())).matmul(keys.transposed())
            let weights = scores.filled(where: hidden(length: length, last: last), with: -.infinity).softmax()
            mixed = weights.dropout(dropout, from: source).matmul(values)
        } else if last == nil {
            mixed = queries.attention(keys: keys, values: values, causal: true)
        } else {
            mixed = queries.attention(keys: keys, values: values, mask: !hidden(length: length, last: last))
        }
        return dropped(output(mixed.transposed(1, 2).reshaped(rows, x.size(1), dimensions)))
    }

    /// The keys that a query must not see: `[length, length]`, or `[rows, 1, 1, length]` for chosen places.
    private func hidden(length: Int, last: Tensor?) -> Tensor {
        let keys = Tensor.range(0..<length)
        guard let last else { return keys.isGreater(than: keys.expanded(axis: 1)) }
        return keys.isGreater(than: last.reshaped(-1, 1, 1, 1))
    }

    private func feedForward(_ x: Tensor) -> Tensor {
        let hidden = inner(x)
        switch activation {
        case .relu: return dropped(outer(dropped(hidden.relu())))
        // BERT's order has no dropout inside.
        case .gelu: return dropped(outer(hidden.gelu()))
        }
    }

    private func dropped(_ x: Tensor) -> Tensor {
        dropout > 0 && Tensor.recordsGradients ? x.dropout(dropout, from: source) : x
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "attention" / "weight", &attentionWeight)
        visit(path / "attention" / "bias", &attentionBias)
        output.visitParameters(path / "output", visit)
        attentionNorm.visitParameters(path / "attentionNorm", visit)
        inner.visitParameters(path / "inner", visit)
        outer.visitParameters(path / "outer", visit)
        innerNorm.visitParameters(path / "innerNorm", visit)
    }
}
