public import Tensors

/// A gated recurrent unit over time (Cho et al. 2014), in the form of cuDNN and PyTorch:
/// `r = σ(W_r x + b_r + U_r h + c_r)`, `z = σ(W_z x + b_z + U_z h + c_z)`,
/// `n = tanh(W_n x + b_n + r (U_n h + c_n))`, `h' = (1 - z) n + z h`.
public final class GRU: Network {
    private enum Handles {
        static let gru = Operator("gru", "input")
        static let cell = Operator("gru_cell")
    }

    public let inputDimensions: Int
    public let hiddenDimensions: Int
    private var weights: RecurrentWeights

    public init(inputDimensions: Int, hiddenDimensions: Int, from source: RandomSource) {
        self.inputDimensions = inputDimensions
        self.hiddenDimensions = hiddenDimensions
        weights = RecurrentWeights(
            gates: 3, inputDimensions: inputDimensions, hiddenDimensions: hiddenDimensions, from: source)
    }

    private init(copying other: GRU) {
        inputDimensions = other.inputDimensions
        hiddenDimensions = other.hiddenDimensions
        weights = RecurrentWeights(copying: other.weights)
    }

    public func copy() -> GRU { GRU(copying: self) }

    /// - Parameters:
    ///   - x: `[batch, time, inputDimensions]`.
    ///   - state: `[batch, hiddenDimensions]`; zeros if nil.
    /// - Returns: the state after every step `[batch, time, hiddenDimensions]`, and the last one.
    public func callAsFunction(_ x: Tensor, state: Tensor? = nil) -> (outputs: Tensor, state: Tensor) {
        let first = (state ?? .zeros([x.size(0), hiddenDimensions])).expanded(axis: 0)
        let results = Handles.gru.all(x, first, weights.all, true, 1, 0.0, false, false, true)
        return (results[0], results[1].squeezed(axis: 0))
    }

    /// One step: `[batch, inputDimensions]` and `[batch, hiddenDimensions]` give the next state.
    public func step(_ x: Tensor, state: Tensor) -> Tensor {
        Handles.cell(x, state, weights.input, weights.hidden, Optional(weights.inputBias), Optional(weights.hiddenBias))
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { weights.visit(path, visit) }
}
