public import Layers
public import Tensors

/// Pooling of a history by its relation to a target (Zhou et al. 2018, eq. 3): `Σ_j a(e_j, e_t) e_j` with
/// `a = MLP([e_j, e_t, e_j - e_t, e_j ⊙ e_t])`. The weights are not normalised: their sum is the strength of the interest.
public final class TargetAttention: Layer {
    public let unit: Tower
    public let output: Linear

    public init(
        dimensions: Int, widths: [Int] = [64, 16], activation: Tower.Activation = .dice, from source: RandomSource
    ) {
        unit = Tower(inputDimensions: 4 * dimensions, widths: widths, activation: activation, from: source)
        output = .glorot(widths.last ?? 4 * dimensions, 1, from: source)
    }

    /// - Parameters:
    ///   - target: `[rows, dimensions]`.
    ///   - history: `[rows, length, dimensions]`, or `[1, length, dimensions]` for one that all rows have.
    ///   - mask: `[rows, length]` or `[1, length]`, `bool`; false places weigh 0 and take no part in batch statistics.
    /// - Returns: `[rows, dimensions]`, 0 for an empty history.
    public func callAsFunction(target: Tensor, history: Tensor, mask: Tensor) -> Tensor {
        guard Tensor.recordsGradients || unit.layers.isEmpty else { return served(target, history, mask) }
        let (rows, length, dimensions) = (target.size(0), history.size(1), history.size(2))
        let history = history.broadcast(to: [rows, length, dimensions])
        let mask = mask.broadcast(to: [rows, length])
        let places = mask.flattened().nonzeroIndices().flattened()  // [filled]
        guard places.count > 0 else { return .zeros([rows, dimensions]) }
        let own = history.reshaped(rows * length, dimensions).selected(places, along: 0)  // [filled, dimensions]
        let owners = places.floorDivided(by: length)
        let goal = target.selected(owners, along: 0)
        let weights = output(unit(.concatenated([own, goal, own - goal, own * goal], along: 1)))  // [filled, 1]
        return Tensor.zeros([rows, dimensions]).indexAdded(own * weights, at: owners, along: 0)
    }

    /// The same without gradients. The first map is linear in `e_j`, in `e_t` and in their product, so that two thirds of it
    /// need not be computed for every pair: `W [e_j, e_t, e_j - e_t, e_j ⊙ e_t] = (W₁ + W₃) e_j + (W₂ - W₃) e_t + W₄ (e_j ⊙ e_t)`.
    ///
    /// Rows are taken so many at a time that memory stays bounded; with smaller parts, waking threads costs more.
    private func served(_ target: Tensor, _ history: Tensor, _ mask: Tensor) -> Tensor {
        if history.size(0) == 1, let pooled = pooled(target, by: history, mask) { return pooled }
        let pairNumbers = history.size(1) * unit.layers[0].outputDimensions
        let (rows, atOnce) = (target.size(0), max(1, Self.numbersAtOnce / max(1, pairNumbers)))
        guard rows > atOnce else { return servedPart(target, history, mask) }
        let parts = stride(from: 0, to: rows, by: atOnce).map { start in
            let range = start..<min(start + atOnce, rows)
            func part(_ x: Tensor) -> Tensor { x.size(0) == 1 ? x : x.slice(range, along: 0) }
            return servedPart(target.slice(range, along: 0), part(history), part(mask))
        }
        return .concatenated(parts)
    }

    /// 16 MB of f32.
    private static let numbersAtOnce = 1 << 22

    private func servedPart(_ target: Tensor, _ history: Tensor, _ mask: Tensor) -> Tensor {
        let first = unit.layers[0]
        let parts = first.weight.chunks(4, along: 1)
        let inner = (history * target.expanded(axis: 1)).linear(parts[3].contiguous())
        inner.accumulate(history.linear((parts[0] + parts[2]).contiguous(), first.bias))
        inner.accumulate(target.linear((parts[1] - parts[2]).contiguous()).expanded(axis: 1))
        let weights = output(unit.continued(after: inner)).squeezed(axis: 2) * mask.cast(to: target.dtype)
        return weights.expanded(axis: 1).matmul(history).squeezed(axis: 1)
    }

    /// One history for all rows, in one pass. For each of its items, all of the first map is one linear map of the target:
    /// `(W₂ - W₃ + W₄ diag(e_j)) e_t + (W₁ + W₃) e_j`.
    /// - Returns: nil where the plain operators must do it.
    private func pooled(_ target: Tensor, by history: Tensor, _ mask: Tensor) -> Tensor? {
        let places = mask.flattened().nonzeroIndices().flattened()
        guard places.count > 0 else { return .zeros(target.shape) }
        let items = history.squeezed(axis: 0).selected(places, along: 0)  // [items, dimensions]
        let first = unit.layers[0]
        let parts = first.weight.chunks(4, along: 1)
        let weights = items.expanded(axis: 1) * parts[3] + (parts[1] - parts[2])  // [items, width, dimensions]
        let biases = items.linear((parts[0] + parts[2]).contiguous(), first.bias)  // [items, width]
        let share = Tensor.TowerLayer(weight: output.weight, bias: output.bias, activation: .none)
        return unit.kernelLayers(weights, biases).flatMap { target.pooling(items, by: $0 + [share]) }
    }

    public func buffers(_ path: ParameterPath) -> [NamedParameter] { unit.buffers(path / "unit") }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        unit.visitParameters(path / "unit", visit)
        output.visitParameters(path / "output", visit)
    }
}
