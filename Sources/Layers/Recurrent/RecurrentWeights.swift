import Tensors

/// The four tensors of one recurrent layer, named as PyTorch names them: gates stacked along the first axis.
struct RecurrentWeights {
    var input: Tensor  // [gates * hidden, inputs]
    var hidden: Tensor  // [gates * hidden, hidden]
    var inputBias: Tensor  // [gates * hidden]
    var hiddenBias: Tensor  // [gates * hidden]

    /// Uniform in ±1/√hidden, the usual start of recurrent layers.
    init(gates: Int, inputDimensions: Int, hiddenDimensions: Int, from source: RandomSource) {
        let bound = 1 / Double(hiddenDimensions).squareRoot()
        func values(_ shape: [Int]) -> Tensor { .uniform(shape, in: -bound..<bound, from: source) }
        input = values([gates * hiddenDimensions, inputDimensions])
        hidden = values([gates * hiddenDimensions, hiddenDimensions])
        inputBias = values([gates * hiddenDimensions])
        hiddenBias = values([gates * hiddenDimensions])
    }

    init(copying other: RecurrentWeights) {
        input = other.input.detached().copy()
        hidden = other.hidden.detached().copy()
        inputBias = other.inputBias.detached().copy()
        hiddenBias = other.hiddenBias.detached().copy()
    }

    var all: [Tensor] { [input, hidden, inputBias, hiddenBias] }

    mutating func visit(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "weight_ih_l0", &input)
        visit(path / "weight_hh_l0", &hidden)
        visit(path / "bias_ih_l0", &inputBias)
        visit(path / "bias_hh_l0", &hiddenBias)
    }
}
