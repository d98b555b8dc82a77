import CKernels
import Tensors
import Testing

/// Products of bf16 activations with f32 weights, against the same in f32 with both rounded.
@Suite("Mixed products", .enabled(if: wf_train_product_is_available()))
struct MixedProductTests {
    /// `left right^T` lies within the rounding of its result and of its f32 sums.
    private func isProduct(_ found: Tensor?, _ left: Tensor, _ right: Tensor, isRounded: Bool) throws -> Bool {
        let found = try #require(found).cast(to: .float32)
        let (left, right) = (left.cast(to: .float32), right.cast(to: .float32).transposed())
        let slack = left.absolute().matmul(right.absolute()) * 1e-5
        let expected = left.matmul(right)
        let allowed = isRounded ? slack + expected.absolute() / 255 : slack
        return ((found - expected).absolute() - allowed).maximum().item < 1e-6
    }

    @Test(
        "Values and gradients are those of the rounded factors", arguments: [DType.float32, .bfloat16], [false, true])
    func gradients(weightType: DType, hasBias: Bool) throws {
        let source = RandomSource(seed: 1)
        let x = Tensor.normal([3, 40, 50], from: source).cast(to: .bfloat16).requiringGradient()
        let weight = Tensor.normal([30, 50], from: source).cast(to: weightType).requiringGradient()
        let bias = hasBias ? Tensor.normal([30], from: source).requiringGradient() : nil
        let upstream = Tensor.normal([3, 40, 30], from: source).cast(to: .bfloat16)
        let y = try #require(x.mixedLinear(weight, bias))
        #expect(y.dtype == .bfloat16 && y.shape == [3, 40, 30])
        let rows = x.detached().reshaped(120, 50)
        let (narrow, slopes) = (weight.detached().cast(to: .bfloat16), upstream.reshaped(120, 30))
        if let bias {
            let expected = rows.cast(to: .float32).matmul(narrow.cast(to: .float32).transposed()) + bias.detached()
            // One rounding of the product and one of the sum.
            #expect((y.detached().reshaped(120, 30).cast(to: .float32) - expected).absolute().maximum().item < 0.2)
        } else {
            #expect(try isProduct(y.detached().reshaped(120, 30), rows, narrow, isRounded: true))
        }
        try y.backward(upstream)
        #expect(try isProduct(x.gradient?.reshaped(120, 50), slopes, narrow.transposed(), isRounded: true))
        #expect(weight.gradient?.dtype == weightType)
        #expect(
            try isProduct(
                weight.gradient, slopes.transposed(), rows.transposed(), isRounded: weightType == .bfloat16))
        if let bias {
            let sums = slopes.cast(to: .float32).sum(along: 0)
            #expect(try #require(bias.gradient).isClose(to: sums, absoluteTolerance: 1e-4))
        }
    }

    @Test("An input that is made again has the gradients of one that is kept")
    func madeAgain() throws {
        let source = RandomSource(seed: 2)
        let x = Tensor.normal([2, 40, 48], from: source).cast(to: .bfloat16)
        let weight = Tensor.normal([16, 48], from: source)
        let upstream = Tensor.normal([2, 40, 16], from: source).cast(to: .bfloat16)
        func gradients(again: Bool) throws -> [[Float]] {
            let (x, weight) = (x.copy().requiringGradient(), weight.copy().requiringGradient())
            let norm = x.rmsNormalized(weight: .ones([48]), epsilon: 1e-6)
            #expect((norm.recomputation != nil) == true)
            let y = try #require((again ? norm : norm.reshaped(norm.shape)).mixedLinear(weight))
            try y.backward(upstream, keepGraph: true)
            try y.backward(upstream)
            return try [x, weight].map { try #require($0.gradient).floats }
        }
        #expect(try gradients(again: true) == gradients(again: false))
    }

    @Test("Few rows, other types and frozen inputs: left to one type, or no gradient")
    func limits() throws {
        let weight = Tensor.ones([4, 8]).requiringGradient()
        #expect(Tensor.ones([63, 8], dtype: .bfloat16).mixedLinear(weight) == nil)
        #expect(Tensor.ones([64, 8]).mixedLinear(weight) == nil)
        #expect(Tensor.ones([64, 8], dtype: .bfloat16).mixedLinear(weight.cast(to: .float64)) == nil)
        #expect(Tensor.ones([64, 7], dtype: .bfloat16).mixedLinear(weight) == nil)
        let y = try #require(Tensor.ones([64, 8], dtype: .bfloat16).mixedLinear(weight))
        #expect(y.floats == [Float](repeating: 8, count: 256))
        try y.sum().backward()
        #expect(weight.gradient?.floats == [Float](repeating: 64, count: 32))
    }
}
