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
    ///   - history: `[rows, length, dimensions]`.
    ///   - mask: `[rows, length]`, `bool`; false places weigh 0 and take no part in batch statistics.
    /// - Returns: `[rows, dimensions]`, 0 for an empty history.
    public func callAsFunction(target: Tensor, history: Tensor, mask: Tensor) -> Tensor {
        let (rows, length, dimensions) = (history.size(0), history.size(1), history.size(2))
        let places = mask.flattened().nonzeroIndices().flattened()  // [filled]
        guard places.count > 0 else { return .zeros([rows, dimensions]) }
        let own = history.reshaped(rows * length, dimensions).selected(places, along: 0)  // [filled, dimensions]
        let owners = places.floorDivided(by: length)
        let goal = target.selected(owners, along: 0)
        let weights = output(unit(.concatenated([own, goal, own - goal, own * goal], along: 1)))  // [filled, 1]
        return Tensor.zeros([rows, dimensions]).indexAdded(own * weights, at: owners, along: 0)
    }

    public func buffers(_ path: ParameterPath) -> [NamedParameter] { unit.buffers(path / "unit") }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        unit.visitParameters(path / "unit", visit)
        output.visitParameters(path / "output", visit)
    }
}
