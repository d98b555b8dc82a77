/// Makes a tensor again in the backward pass that would otherwise be kept for it. What feeds matrix products and is cheap
/// to make (a norm, a gate, a weight in the compute type) carries one; the products keep it in the tensor's place.
package struct Recomputation {
    private let inputs: [Tensor]
    private let versions: [Int]
    private let make: () -> Tensor

    /// - Parameters:
    ///   - inputs: what `make` reads.
    ///   - make: runs without gradients.
    package init(reading inputs: [Tensor], _ make: @escaping () -> Tensor) {
        self.inputs = inputs
        versions = inputs.map(\.version)
        self.make = make
    }

    /// Keeps the tensor as it is.
    static func keeping(_ tensor: Tensor) -> Recomputation {
        let plain = tensor.detached()
        return Recomputation(reading: [plain]) { plain }
    }

    /// - Precondition: nothing that is read has been written since; the gradients would be those of other numbers.
    func callAsFunction() -> Tensor {
        precondition(
            inputs.map(\.version) == versions,
            "a tensor that a backward pass needs was written in place after the forward pass")
        return withoutGradients(make)
    }
}
