import Foundation
import Tensors
import Testing

/// Every wrapper against recorded results and gradients of PyTorch (Scripts/fixtures/operators.py).
@Suite("Operators against PyTorch")
struct OperatorTests {
    static let path = Bundle.module.resourcePath! + "/Fixtures/operators.safetensors"
    static let names = (try? SafetensorsFile(path: path))?.entries
        .filter { $0.name.hasSuffix(".0") && !$0.name.hasPrefix("input.") }.map { String($0.name.dropLast(2)) }.sorted()

    /// `cos(0.9 k + 0.2)` over the flattened elements.
    private func upstream(_ output: Tensor) -> Tensor {
        Tensor((0..<output.count).map { Foundation.cos(0.9 * Double($0) + 0.2) }, shape: output.shape)
            .cast(to: output.dtype)
    }

    @Test("Every recorded case is computed, and every computed case is recorded")
    func covered() throws {
        #expect(try #require(Self.names) == OperatorCase.all.keys.sorted())
    }

    @Test("Values, types and gradients are the recorded ones", arguments: names ?? [])
    func values(name: String) throws {
        let operatorCase = try #require(OperatorCase.all[name])
        let recorded = try TensorArchive.read(Self.path)
        var inputs = OperatorCase.Inputs(tensors: [:])
        for (name, tensor) in recorded where name.hasPrefix("input.") {
            inputs.tensors[String(name.dropFirst(6))] = tensor
        }
        let leaves = operatorCase.differentiated.map { inputs.tensors[$0]!.requiringGradient() }
        let outputs = operatorCase.compute(inputs)
        #expect(recorded["\(name).\(outputs.count)"] == nil)
        var total = Tensor(0.0)
        for (index, output) in outputs.enumerated() {
            let expected = try #require(recorded["\(name).\(index)"])
            #expect(output.shape == expected.shape && output.dtype == expected.dtype)
            #expect(output.isClose(to: expected, relativeTolerance: 1e-5, absoluteTolerance: 1e-5))
            if output.dtype.isFloatingPoint {
                total = total + (output * upstream(output)).sum().cast(to: .float64)
            }
        }
        guard !leaves.isEmpty else { return }
        let gradients = try total.gradients(withRespectTo: leaves)
        for (leaf, gradient) in zip(operatorCase.differentiated, gradients) {
            let expected = try #require(recorded["\(name).d.\(leaf)"])
            #expect(try #require(gradient).isClose(to: expected, relativeTolerance: 1e-4, absoluteTolerance: 1e-5))
        }
    }
}
