import Tensors

/// Arithmetic that keeps indices whole: a `Double` operand would make them floating-point.
extension Tensor {
    private enum IndexOperators {
        static let add = Operator("add", "Scalar")
        static let multiply = Operator("mul", "Scalar")
    }

    func shifted(by offset: Int) -> Tensor { offset == 0 ? self : IndexOperators.add(self, offset) }
    func scaled(by factor: Int) -> Tensor { IndexOperators.multiply(self, factor) }
}
