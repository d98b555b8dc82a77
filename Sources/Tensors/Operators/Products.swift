/// Matrix products and other linear maps.
extension Tensor {
    private enum Handles {
        static let matmul = Operator("matmul")
        static let linear = Operator("linear")
        static let dot = Operator("dot")
        static let einsum = Operator("einsum")
        static let linearPointwise = Operator("mkldnn::_linear_pointwise")
        static let rectify = Operator("relu_")
        static let conv1d = Operator("conv1d")
        static let conv2d = Operator("conv2d")
        static let outer = Operator("outer")
        static let solve = Operator("linalg_solve")
        static let inverse = Operator("linalg_inv")
    }

    /// The product of the last two axes, broadcast over the others.
    public func matmul(_ other: Tensor) -> Tensor { Handles.matmul(self, other) }
    public func dot(_ other: Tensor) -> Tensor { Handles.dot(self, other) }
    public func outer(_ other: Tensor) -> Tensor { Handles.outer(self, other) }
    /// A sum over indices, as in `"bqd,bkd->bqk"`.
    public static func einsum(_ equation: String, _ operands: Tensor...) -> Tensor {
        Handles.einsum(equation, operands)
    }
    /// The solution `x` of `self x = right`.
    public func solved(_ right: Tensor) -> Tensor { Handles.solve(self, right) }
    public func inverse() -> Tensor { Handles.inverse(self) }

    /// `x W^T + b`, the map of a linear layer.
    ///
    /// In f32 on the CPU the product goes through oneDNN, which on AMD is a little faster than MKL (5 to 9 % with LibTorch
    /// 2.15, with earlier ones twice); bf16 products go there by themselves.
    /// - Parameters:
    ///   - weight: `[out, in]`.
    ///   - bias: `[out]`.
    /// - Returns: `[..., out]` for an input `[..., in]`.
    public func linear(_ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
        if recomputation != nil || weight.recomputation != nil, weight.requiresGradient, Tensor.recordsGradients {
            return thriftyLinear(weight, bias) {
                Handles.linear(detached(), weight.detached(), bias?.detached())
            } product: { left, right, _ in
                left.matmul(right.transposed())
            }
        }
        guard goesThroughOneDNN(weight) else { return Handles.linear(self, weight, bias) }
        let inputs = bias.map { [self, weight, $0] } ?? [self, weight]
        let x = detached()
        let w = weight.detached()
        let needs = inputs.map(\.requiresGradient)
        return Tensor.custom(inputs: inputs) {
            Tensor.oneDNNLinear(x, w, bias?.detached())
        } backward: { upstream in
            let rows = upstream.reshaped(-1, w.size(0))
            var gradients: [Tensor?] = [
                // Transposed views: oneDNN takes them as they are, copies would cost more than the product.
                needs[0] ? Tensor.oneDNNLinear(rows, w.transposed(), nil).reshaped(x.shape) : nil,
                needs[1]
                    ? Tensor.oneDNNLinear(rows.transposed(), x.reshaped(-1, w.size(1)).transposed(), nil) : nil,
            ]
            if bias != nil { gradients.append(needs[2] ? rows.sum(along: 0) : nil) }
            return gradients
        }
    }

    /// Maps with few weights are not worth the way there, unless many rows go through them.
    private func goesThroughOneDNN(_ weight: Tensor) -> Bool {
        dtype == .float32 && weight.dtype == .float32 && Tensor.usesOneDNN && count > 0 && device == .cpu
            && (weight.count > 4096 || count * weight.size(0) > 1 << 23)
    }

    /// A linear map whose input or weight may be made again for the gradients.
    /// - Parameters:
    ///   - forward: makes the result.
    ///   - product: makes `left right^T` of matrices in a type, for the gradients.
    func thriftyLinear(
        _ weight: Tensor, _ bias: Tensor?, forward: () -> Tensor,
        product: @escaping (_ left: Tensor, _ right: Tensor, DType) -> Tensor
    ) -> Tensor {
        let (x, w) = (recomputation ?? .keeping(self), weight.recomputation ?? .keeping(weight))
        let inputs = bias.map { [self, weight, $0] } ?? [self, weight]
        let (inputShape, weightShape, needs) = (shape, weight.shape, inputs.map(\.requiresGradient))
        let types = inputs.map(\.dtype)
        return Tensor.custom(inputs: inputs, forward: forward) { upstream in
            let rows = upstream.cast(to: types[0]).contiguous().reshaped(-1, weightShape[0])
            let gradients = [
                needs[0] ? product(rows, w().transposed(), types[0]).reshaped(inputShape) : nil,
                needs[1]
                    ? product(rows.transposed(), x().contiguous().reshaped(-1, weightShape[1]).transposed(), types[1])
                    : nil,
            ]
            guard needs.count == 3 else { return gradients }
            return gradients + [needs[2] ? rows.cast(to: .float32).sum(along: 0).cast(to: types[2]) : nil]
        }
    }

    private static func oneDNNLinear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        // Of other weights, as some columns of a matrix, oneDNN would make a slow plain loop.
        let isDense = weight.isContiguous || weight.transposed().isContiguous
        return Handles.linearPointwise(
            x, isDense ? weight : weight.contiguous(), bias, "none", [Double?](), Optional(""))
    }

    /// Whether f32 products go through oneDNN. Found out once: not every build of LibTorch has it.
    package static let usesOneDNN: Bool = {
        guard let probe = try? Operator(finding: "mkldnn::_linear_pointwise") else { return false }
        let x = Tensor.ones([2, 4])
        return (try? probe.results(x, x, Tensor?.none, "none", [Double?](), Optional(""))) != nil
    }()

    /// - Parameters:
    ///   - weight: `[out, in, width]` for an input `[batch, in, time]`.
    public func convolved1D(_ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0) -> Tensor {
        Handles.conv1d(self, weight, bias, [stride], [padding])
    }
    /// - Parameters:
    ///   - weight: `[out, in, height, width]` for an input `[batch, in, height, width]`.
    public func convolved2D(_ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0) -> Tensor {
        Handles.conv2d(self, weight, bias, [stride, stride], [padding, padding])
    }
}
