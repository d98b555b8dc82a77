import Foundation

/// A small multilayer perceptron with leaky rectifiers between its layers, in plain Swift.
public struct DenseNetwork: Sendable {
    struct Layer: Sendable {
        let inputs: Int
        let outputs: Int
        let weights: [Float]  // [inputs, outputs]: the inner loop runs over outputs
        let biases: [Float]
    }

    private let layers: [Layer]
    /// Slope below zero (PyTorch's default).
    private let slope: Float = 0.01

    public var inputs: Int { layers[0].inputs }
    public var outputs: Int { layers[layers.count - 1].outputs }

    /// - Parameter layers: weights as `[outputs, inputs]` row by row, and biases, in order.
    /// - Throws: `WorldError.weights` for sizes that do not fit each other and for numbers that are not finite.
    public init(layers: [(weights: [Float], biases: [Float])], inputs: Int, file: String) throws {
        var width = inputs
        var checked: [Layer] = []
        for (index, layer) in layers.enumerated() {
            let outputs = layer.biases.count
            guard outputs > 0, layer.weights.count == outputs * width else {
                throw WorldError.weights(
                    file: file, name: "layer \(index)", found: "\(layer.weights.count) weights, \(outputs) biases",
                    expected: "\(width) weights for each bias")
            }
            guard layer.weights.allSatisfy(\.isFinite), layer.biases.allSatisfy(\.isFinite) else {
                throw WorldError.weights(
                    file: file, name: "layer \(index)", found: "numbers that are not finite", expected: "finite numbers"
                )
            }
            var transposed = [Float](repeating: 0, count: layer.weights.count)
            for output in 0..<outputs {
                for input in 0..<width {
                    transposed[input * outputs + output] = layer.weights[output * width + input]
                }
            }
            checked.append(Layer(inputs: width, outputs: outputs, weights: transposed, biases: layer.biases))
            width = outputs
        }
        guard !checked.isEmpty else {
            throw WorldError.weights(file: file, name: "layers", found: "none", expected: "at least one")
        }
        self.layers = checked
    }

    public func callAsFunction(_ input: [Float]) -> [Float] {
        precondition(input.count == inputs, "the network takes \(inputs) numbers, not \(input.count)")
        var current = input
        for (index, layer) in layers.enumerated() {
            if index > 0 { for place in current.indices where current[place] < 0 { current[place] *= slope } }
            var next = layer.biases
            layer.weights.withUnsafeBufferPointer { weights in
                next.withUnsafeMutableBufferPointer { next in
                    // One-hot inputs are mostly zero: their rows are skipped.
                    for (row, value) in current.enumerated() where value != 0 {
                        let from = row * layer.outputs
                        for output in 0..<layer.outputs { next[output] += value * weights[from + output] }
                    }
                }
            }
            current = next
        }
        return current
    }
}
