import CKernels
import CLibTorch

/// Products of bf16 activations with weights that stay in f32: factors are rounded while they are packed, so there is no
/// copy of a weight in bf16, and its gradient is summed and kept in f32 (Micikevicius et al. 2018).
extension Tensor {
    /// `x W^T + b` of a bf16 `x`, with gradients in the types of the parameters; nil where ``linear(_:_:)`` in one type
    /// must do it: few rows, other types, other devices, processors that do not multiply bf16 numbers.
    /// - Parameters:
    ///   - weight: `[out, in]`, f32 or bf16.
    ///   - bias: `[out]`.
    /// - Returns: `[..., out]` for an input `[..., in]`.
    package func mixedLinear(_ weight: Tensor, _ bias: Tensor? = nil) -> Tensor? {
        guard dtype == .bfloat16, rank >= 1, weight.rank == 2, size(-1) == weight.size(1),
            Self.takesAsItIs(weight, rows: count / max(1, size(-1))), device == .cpu
        else { return nil }
        return thriftyLinear(weight, bias) {
            let rows = detached().contiguous().reshaped(-1, weight.size(1))
            let y = Tensor.product(rows, weight.detached(), dtype: .bfloat16)
            if let bias { y.accumulate(bias.detached()) }
            return y.reshaped(shape.dropLast() + [weight.size(0)])
        } product: {
            Tensor.product($0, $1, dtype: $2)
        }
    }

    /// Whether a product of so many rows of bf16 with a weight is best made without a copy of the weight in bf16.
    package static func takesAsItIs(_ weight: Tensor, rows: Int) -> Bool {
        rows >= 64 && weight.device == .cpu && (weight.dtype == .float32 || weight.dtype == .bfloat16)
            && weight.isContiguous && wf_train_product_is_available()
    }

    /// `left right^T` of numbers rounded to bf16, summed in f32. No gradients.
    /// - Parameters:
    ///   - left: `[rows, depth]`, f32 or bf16, contiguous or the transpose of what is.
    ///   - right: `[columns, depth]`, likewise.
    ///   - dtype: of the result, f32 or bf16.
    ///   - sum: `[rows, columns]` in f32, to which the product is added.
    /// - Precondition: ``takesAsItIs(_:rows:)`` has allowed it.
    package static func product(
        _ left: Tensor, _ right: Tensor, dtype: DType, addingTo sum: Tensor? = nil
    ) -> Tensor {
        let output = sum ?? Tensor.uninitialized([left.size(0), right.size(0)], dtype: dtype)
        var task = wf_train_product(
            left: left.factor, right: right.factor, rows: Int64(left.size(0)), columns: Int64(right.size(0)),
            depth: Int64(left.size(1)), output: wf_tensor_data(output.handle)!,
            output_is_f32: output.dtype == .float32, accumulates: sum != nil)
        let scratch = Tensor.uninitialized([wf_train_product_scratch(&task)])
        require(
            withExtendedLifetime((left, right, scratch)) { wf_train_multiply(&task, scratch.reals, Workers.pool) })
        return output
    }

    /// A matrix `[rows, depth]` as the kernels read it.
    private var factor: wf_factor {
        wf_factor(
            data: wf_tensor_data(handle)!, is_f32: dtype == .float32, stride: wf_tensor_stride(handle, 0),
            depth_stride: wf_tensor_stride(handle, 1))
    }
}
