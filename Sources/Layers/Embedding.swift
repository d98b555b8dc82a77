public import Tensors

/// A table of vectors, one per index.
public final class Embedding: Layer {
    public var weight: Tensor  // [count, dimensions]

    public init(weight: Tensor) { self.weight = weight }

    /// Vectors from N(0, `standardDeviation`²).
    public convenience init(
        count: Int, dimensions: Int, standardDeviation: Double = 0.02, from source: RandomSource
    ) {
        self.init(weight: .normal([count, dimensions], standardDeviation: standardDeviation, from: source))
    }

    /// - Parameter indices: `[...]`, `int64`.
    /// - Returns: `[..., dimensions]` in the type of the table.
    public func callAsFunction(_ indices: Tensor) -> Tensor { weight.rows(indices) }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { visit(path / "weight", &weight) }
}
