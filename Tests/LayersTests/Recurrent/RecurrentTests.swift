import Foundation
import Layers
import Tensors
import Testing

/// The recurrences beside plain arithmetic written from their equations.
@Suite("Recurrent layers")
struct RecurrentTests {
    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// The parameters of a layer as plain rows.
    struct Plain {
        let input: [[Double]]
        let hidden: [[Double]]
        let inputBias: [Double]
        let hiddenBias: [Double]

        init(_ layer: some Layer) {
            func rows(_ tensor: Tensor) -> [[Double]] {
                let values = tensor.values(Double.self)
                let width = tensor.size(1)
                return (0..<tensor.size(0)).map { Array(values[($0 * width)..<(($0 + 1) * width)]) }
            }
            let parameters = Dictionary(uniqueKeysWithValues: layer.parameters.map { ($0.name, $0.tensor) })
            input = rows(parameters["weight_ih_l0"]!)
            hidden = rows(parameters["weight_hh_l0"]!)
            inputBias = parameters["bias_ih_l0"]!.values()
            hiddenBias = parameters["bias_hh_l0"]!.values()
        }

        func fromInput(_ row: Int, _ x: [Double]) -> Double {
            inputBias[row] + zip(input[row], x).reduce(0) { $0 + $1.0 * $1.1 }
        }

        func fromHidden(_ row: Int, _ h: [Double]) -> Double {
            hiddenBias[row] + zip(hidden[row], h).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }

    let x: [[Double]] = (0..<4).map { step in (0..<3).map { sin(Double(3 * step + $0)) } }
    var tensor: Tensor { Tensor(x.joined().map(Float.init), shape: [1, 4, 3]) }

    @Test("A GRU follows its equations, in one call and step by step")
    func gru() {
        let layer = GRU(inputDimensions: 3, hiddenDimensions: 2, from: RandomSource(seed: 1))
        let plain = Plain(layer)
        var h = [0.0, 0.0]
        var expected: [Double] = []
        for step in x {
            h = (0..<2).map { unit in
                let reset = Self.sigmoid(plain.fromInput(unit, step) + plain.fromHidden(unit, h))
                let keep = Self.sigmoid(plain.fromInput(2 + unit, step) + plain.fromHidden(2 + unit, h))
                let fresh = tanh(plain.fromInput(4 + unit, step) + reset * plain.fromHidden(4 + unit, h))
                return (1 - keep) * fresh + keep * h[unit]
            }
            expected += h
        }
        let (outputs, last) = layer(tensor)
        #expect(outputs.shape == [1, 4, 2])
        for (found, wanted) in zip(outputs.values(Double.self), expected) { #expect(abs(found - wanted) < 1e-5) }
        var state = Tensor.zeros([1, 2])
        for step in 0..<4 { state = layer.step(tensor.select(step, along: 1), state: state) }
        #expect(state.isClose(to: last, absoluteTolerance: 1e-6))
    }

    @Test("An LSTM follows its equations, in one call and step by step")
    func lstm() {
        let layer = LSTM(inputDimensions: 3, hiddenDimensions: 2, from: RandomSource(seed: 2))
        let plain = Plain(layer)
        var h = [0.0, 0.0]
        var cell = [0.0, 0.0]
        var expected: [Double] = []
        for step in x {
            let gates = (0..<8).map { plain.fromInput($0, step) + plain.fromHidden($0, h) }
            for unit in 0..<2 {
                cell[unit] =
                    Self.sigmoid(gates[2 + unit]) * cell[unit] + Self.sigmoid(gates[unit]) * tanh(gates[4 + unit])
                h[unit] = Self.sigmoid(gates[6 + unit]) * tanh(cell[unit])
            }
            expected += h
        }
        let (outputs, last) = layer(tensor)
        for (found, wanted) in zip(outputs.values(Double.self), expected) { #expect(abs(found - wanted) < 1e-5) }
        var state = layer.zeroState(batch: 1)
        for step in 0..<4 { state = layer.step(tensor.select(step, along: 1), state: state) }
        #expect(state.hidden.isClose(to: last.hidden, absoluteTolerance: 1e-6))
        #expect(state.cell.isClose(to: last.cell, absoluteTolerance: 1e-6))
    }

    @Test("Gradients reach the first step through time, and a copy does not train along")
    func gradientsAndCopies() throws {
        let layer = GRU(inputDimensions: 3, hiddenDimensions: 2, from: RandomSource(seed: 3))
        layer.train()
        let input = tensor.requiringGradient()
        let copy = layer.copy()
        try layer(input).state.sum().backward()
        let first = try #require(input.gradient).select(0, along: 1)
        #expect(first.absolute().maximum().item > 1e-6)
        let optimizer = AdamW([ParameterGroup(layer.parameters)])
        let before = copy.parameters.map { $0.tensor.floats }
        optimizer.step(learningRate: 0.1)
        #expect(copy.parameters.map { $0.tensor.floats } == before)
        #expect(layer.parameters.map { $0.tensor.floats } != before)
    }

    @Test("A perceptron's last map is linear and its output starts as small as asked")
    func perceptron() {
        let source = RandomSource(seed: 4)
        let one = MultilayerPerceptron([2, 1], from: source)
        let x = Tensor([Float(1), 2, -3, 4], shape: [2, 2])
        #expect((one(x * 2.0) - one(x) * 2.0).isClose(to: .zeros([2, 1]), absoluteTolerance: 1e-5))
        let small = MultilayerPerceptron([4, 64, 64, 3], outputScale: 1e-3, from: source)
        #expect(small(.normal([100, 4], from: source)).absolute().maximum().item < 0.05)
        #expect(small.parameters.map(\.name).suffix(2) == ["2.weight", "2.bias"])
    }
}
