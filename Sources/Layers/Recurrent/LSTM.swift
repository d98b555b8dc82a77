public import Tensors

/// Long short-term memory over time (Hochreiter & Schmidhuber 1997, with forget gate), gates in PyTorch's order:
/// `i, f, o = σ(W x + b + U h + c)`, `g = tanh(…)`, `C' = f C + i g`, `h' = o tanh(C')`.
public final class LSTM: Network {
    private enum Handles {
        static let lstm = Operator("lstm", "input")
        static let cell = Operator("lstm_cell")
    }

    /// What is carried from one step to the next, each `[batch, hiddenDimensions]`.
    public struct State {
        public let hidden: Tensor
        public let cell: Tensor

        public init(hidden: Tensor, cell: Tensor) {
            self.hidden = hidden
            self.cell = cell
        }
    }

    public let inputDimensions: Int
    public let hiddenDimensions: Int
    private var weights: RecurrentWeights

    public init(inputDimensions: Int, hiddenDimensions: Int, from source: RandomSource) {
        self.inputDimensions = inputDimensions
        self.hiddenDimensions = hiddenDimensions
        weights = RecurrentWeights(
            gates: 4, inputDimensions: inputDimensions, hiddenDimensions: hiddenDimensions, from: source)
    }

    private init(copying other: LSTM) {
        inputDimensions = other.inputDimensions
        hiddenDimensions = other.hiddenDimensions
        weights = RecurrentWeights(copying: other.weights)
    }

    public func copy() -> LSTM { LSTM(copying: self) }

    public func zeroState(batch: Int) -> State {
        State(hidden: .zeros([batch, hiddenDimensions]), cell: .zeros([batch, hiddenDimensions]))
    }

    /// - Parameters:
    ///   - x: `[batch, time, inputDimensions]`.
    ///   - state: zeros if nil.
    /// - Returns: the hidden state after every step `[batch, time, hiddenDimensions]`, and the last state.
    public func callAsFunction(_ x: Tensor, state: State? = nil) -> (outputs: Tensor, state: State) {
        let first = state ?? zeroState(batch: x.size(0))
        let carried = [first.hidden.expanded(axis: 0), first.cell.expanded(axis: 0)]
        let results = Handles.lstm.all(x, carried, weights.all, true, 1, 0.0, false, false, true)
        return (results[0], State(hidden: results[1].squeezed(axis: 0), cell: results[2].squeezed(axis: 0)))
    }

    /// One step of `[batch, inputDimensions]`.
    public func step(_ x: Tensor, state: State) -> State {
        let results = Handles.cell.all(
            x, [state.hidden, state.cell], weights.input, weights.hidden, Optional(weights.inputBias),
            Optional(weights.hiddenBias))
        return State(hidden: results[0], cell: results[1])
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { weights.visit(path, visit) }
}
