/// Writes into a tensor's own memory: for optimisers and caches, never inside a graph.
extension Tensor {
    private enum Handles {
        static let copy = Operator("copy_")
        static let add = Operator("add_", "Tensor")
        static let mul = Operator("mul_", "Scalar")
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
    /// The Euclidean norm of all elements of all tensors, in f32.
    package static func globalNorm(_ tensors: [Tensor]) -> Tensor {
        withoutGradients {
            do {
                let norms = try Handles.foreachNorm.results(tensors, 2.0, capacity: tensors.count)
                return Tensor.stacked(norms.map { $0.cast(to: .float32) }).norm()
            } catch { fatalError("\(error)") }
        }
    }

    /// One fused step of AdamW (Loshchilov & Hutter 2019) over lists of tensors of equal lengths.
    package static func adamWStep(
        parameters: [Tensor], gradients: [Tensor], first: [Tensor], second: [Tensor], steps: [Tensor],
        learningRate: Double, beta1: Double, beta2: Double, weightDecay: Double, epsilon: Double
    ) {
        withoutGradients {
            Handles.fusedAdamW.run(
                parameters, gradients, first, second, [Tensor](), steps, learningRate, beta1, beta2, weightDecay,
                epsilon, false, false)
        }
    }
}
