import CKernels
import CLibTorch
import Foundation

/// Writes into a tensor's own memory: for optimisers and caches, never inside a graph.
extension Tensor {
    private enum Handles {
        static let copy = Operator("copy_")
        static let add = Operator("add_", "Tensor")
        static let mul = Operator("mul_", "Scalar")
        static let addProduct = Operator("addcmul_")
        static let lerp = Operator("lerp_", "Scalar")
        static let fusedAdamW = Operator("_fused_adamw_")
        static let foreachMul = Operator("_foreach_mul_", "Scalar")
        static let foreachNorm = Operator("_foreach_norm", "Scalar")
        static let foreachAdd = Operator("_foreach_add_", "List")
    }

    /// Takes over the values of `source`, converting its type.
    package func assign(_ source: Tensor) { withoutGradients { Handles.copy.run(self, source) } }
    package func accumulate(_ other: Tensor, scale: Double = 1) {
        withoutGradients { Handles.add.run(self, other, scale) }
    }
    /// `self += left * right`, both broadcast.
    package func accumulate(productOf left: Tensor, _ right: Tensor) {
        withoutGradients { Handles.addProduct.run(self, left, right) }
    }
    package func scale(by factor: Double) { withoutGradients { Handles.mul.run(self, factor) } }
    /// `self += weight * (other - self)`.
    package func moveTowards(_ other: Tensor, weight: Double) {
        withoutGradients { Handles.lerp.run(self, other, weight) }
    }

    package static func scale(_ tensors: [Tensor], by factor: Double) {
        withoutGradients { Handles.foreachMul.run(tensors, factor) }
    }
    package static func accumulate(_ tensors: [Tensor], _ others: [Tensor], scale: Double = 1) {
        withoutGradients { Handles.foreachAdd.run(tensors, others, scale) }
    }
    /// The Euclidean norm of all elements of all tensors.
    package static func globalNorm(_ tensors: [Tensor]) -> Double {
        let plain = tensors.filter(\.isPlainArray)
        var sum = 0.0
        if !plain.isEmpty {
            let parts = plain.map { wf_parameter(gradient: $0) }
            require(withExtendedLifetime(plain) { wf_square_sum(parts, Int64(parts.count), &sum, Workers.pool) })
        }
        let others = tensors.filter { !$0.isPlainArray }
        guard !others.isEmpty else { return sum.squareRoot() }
        return withoutGradients {
            do {
                let norms = try Handles.foreachNorm.results(others, 2.0, capacity: others.count)
                let norm = Tensor.stacked(norms.map { $0.cast(to: .float32) }).norm().item
                return (sum + norm * norm).squareRoot()
            } catch { fatalError("\(error)") }
        }
    }

    /// What one step of AdamW changes.
    package struct AdamWPart {
        let parameter: Tensor
        let gradient: Tensor
        let first: Tensor
        let second: Tensor
        /// Steps taken, this one not counted: one f32 number, which the step raises.
        let step: Tensor

        package init(parameter: Tensor, gradient: Tensor, first: Tensor, second: Tensor, step: Tensor) {
            (self.parameter, self.gradient, self.first, self.second, self.step) =
                (parameter, gradient, first, second, step)
        }

        fileprivate var isPlain: Bool { [parameter, gradient, first, second, step].allSatisfy(\.isPlainArray) }
    }

    /// One step of AdamW (Loshchilov & Hutter 2019) over all parts: f32 arrays in one pass of ours, others by LibTorch's
    /// fused operator.
    /// - Parameter gradientScale: multiplies the gradients; whether they are changed in their own memory is left open.
    package static func adamWStep(
        _ parts: [AdamWPart], gradientScale: Double, learningRate: Double, beta1: Double, beta2: Double,
        weightDecay: Double, epsilon: Double
    ) {
        let plain = parts.filter(\.isPlain)
        var step = wf_adamw_step(
            learning_rate: Float(learningRate), beta1: Float(beta1), beta2: Float(beta2),
            weight_decay: Float(weightDecay), epsilon: Float(epsilon), gradient_scale: Float(gradientScale))
        let arrays = plain.map { part in
            part.step.reals.pointee += 1
            let steps = Double(part.step.reals.pointee)
            var array = wf_parameter(gradient: part.gradient)
            array.parameter = part.parameter.reals
            array.first = part.first.reals
            array.second = part.second.reals
            array.first_correction = Float(1 - pow(beta1, steps))
            array.second_correction = Float(1 - pow(beta2, steps))
            return array
        }
        require(withExtendedLifetime(plain) { wf_adamw(arrays, Int64(arrays.count), &step, Workers.pool) })
        plain.forEach { wf_tensor_mark_written($0.parameter.handle) }
        let others = parts.filter { !$0.isPlain }
        guard !others.isEmpty else { return }
        withoutGradients {
            if gradientScale != 1 { scale(others.map(\.gradient), by: gradientScale) }
            let one = Tensor(Float(1))
            accumulate(others.map(\.step), others.map { one.cast(to: $0.step.dtype) })
            Handles.fusedAdamW.run(
                others.map(\.parameter), others.map(\.gradient), others.map(\.first), others.map(\.second),
                [Tensor](), others.map(\.step), learningRate, beta1, beta2, weightDecay, epsilon, false, false)
        }
    }

    /// f32 numbers side by side in the memory of the CPU.
    private var isPlainArray: Bool { dtype == .float32 && device == .cpu && isContiguous && count > 0 }
}

extension wf_parameter {
    /// A gradient alone.
    fileprivate init(gradient: Tensor) {
        self.init(
            count: Int64(gradient.count), gradient: gradient.reals, parameter: nil, first: nil, second: nil,
            first_correction: 1, second_correction: 1)
    }
}
