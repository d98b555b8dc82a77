import CKernels
import Tensors
import Testing

/// Parts of a training step in one pass, against the same equations in plain f32 operators on the same bf16 numbers.
@Suite("Fused operators")
struct FusedTests {
    /// Values of bf16 in both types, as variables.
    private func variables(_ shape: [Int], seed: UInt64) -> (half: Tensor, full: Tensor) {
        let half = Tensor.normal(shape, from: RandomSource(seed: seed)).cast(to: .bfloat16)
        return (half.requiringGradient(), half.detached().cast(to: .float32).requiringGradient())
    }

    /// bf16 has 8 bits: one rounding is at most 2⁻⁸ of a value.
    private func isClose(_ half: Tensor?, _ full: Tensor?, absolute: Double = 1e-3) -> Bool {
        guard let half, let full, half.shape == full.shape else { return false }
        let expected = full.values(Double.self)
        return zip(half.values(Double.self), expected).allSatisfy { abs($0 - $1) <= absolute + abs($1) / 256 }
    }

    @Test("A gate in one pass has the values and gradients of silu(x) y", arguments: [[3, 7], [5, 64], [2, 40_000]])
    func gate(shape: [Int]) throws {
        let (a, b) = (variables(shape, seed: 1), variables(shape, seed: 2))
        let upstream = Tensor.normal(shape, from: RandomSource(seed: 3)).cast(to: .bfloat16)
        let fused = a.half.siluGated(b.half)
        let plain = a.full.silu() * b.full
        #expect(fused.dtype == .bfloat16)
        #expect(isClose(fused, plain))
        try fused.backward(upstream)
        try plain.backward(upstream.cast(to: .float32))
        #expect(isClose(a.half.gradient, a.full.gradient))
        #expect(isClose(b.half.gradient, b.full.gradient))
    }

    @Test(
        "A norm in one pass has the values and gradients of x / rms(x) w",
        arguments: [[3, 7], [130, 48], [4, 33, 576]])
    func norm(shape: [Int]) throws {
        let x = variables(shape, seed: 4)
        let weight = (Tensor.normal([shape[shape.count - 1]], from: RandomSource(seed: 5)) + 1).requiringGradient()
        let plainWeight = weight.detached().copy().requiringGradient()
        let upstream = Tensor.normal(shape, from: RandomSource(seed: 6)).cast(to: .bfloat16)
        let fused = x.half.rmsNormalized(weight: weight, epsilon: 1e-5)
        let mean = x.full.squared().mean(along: -1, keepingAxes: true)
        let plain = x.full * (mean + 1e-5).reciprocalSquareRoot() * plainWeight
        #expect(fused.dtype == .bfloat16)
        #expect(isClose(fused, plain))
        try fused.backward(upstream)
        try plain.backward(upstream.cast(to: .float32))
        #expect(isClose(x.half.gradient, x.full.gradient))
        // Sums of f32 products: only the order differs.
        let difference = (try #require(weight.gradient) - (try #require(plainWeight.gradient))).absolute().maximum()
            .item
        #expect(difference < 1e-3)
    }

    @Test("Products whose input is made again have the gradients of products that keep it, also in a second pass")
    func madeAgain() throws {
        let x = Tensor.normal([3, 5, 48], from: RandomSource(seed: 21)).cast(to: .bfloat16)
        let upstream = Tensor.normal([3, 5, 16], from: RandomSource(seed: 22)).cast(to: .bfloat16)
        let scale = Tensor.ones([48])
        /// Two products share a norm, and a third one takes their gate.
        func gradients(again: Bool) throws -> [[Float]] {
            let (x, scale) = (x.copy().requiringGradient(), scale.copy().requiringGradient())
            let weights = [[32, 48], [32, 48], [16, 32]].enumerated().map { index, shape in
                Tensor.normal(shape, from: RandomSource(seed: UInt64(30 + index))).cast(to: .bfloat16)
                    .requiringGradient()
            }
            let bias = Tensor.zeros([16], dtype: .bfloat16).requiringGradient()
            func kept(_ tensor: Tensor) -> Tensor { again ? tensor : tensor.reshaped(tensor.shape) }
            let normed = kept(x.rmsNormalized(weight: scale, epsilon: 1e-6))
            let gated = kept(normed.linear(weights[0]).siluGated(normed.linear(weights[1])))
            let y = gated.linear(weights[2], bias)
            try y.backward(upstream, keepGraph: true)
            try y.backward(upstream)
            return try ([x, scale, bias] + weights).map { try #require($0.gradient).floats }
        }
        #expect(try gradients(again: true) == gradients(again: false))
    }

    /// `softmax(q k^T scale + mask) v` in f32, `[batch, time, heads, dimensions]`.
    private func plainAttention(_ q: Tensor, _ k: Tensor, _ v: Tensor, starts: [[Int]], scale: Double) -> Tensor {
        let (time, group) = (q.size(1), q.size(2) / k.size(2))
        let keys = k.transposed(1, 2).repeatedEach(group, along: 1)
        let values = v.transposed(1, 2).repeatedEach(group, along: 1)
        let places = Tensor.range(0..<time)
        let first = Tensor(starts.flatMap { $0 }, shape: [starts.count, time, 1])
        let visible =
            places.isLessOrEqual(to: places.expanded(axis: -1)).expanded(axis: 0) & first.isLessOrEqual(to: places)
        let scores = q.transposed(1, 2).matmul(keys.transposed()) * scale
        return scores.filled(where: !visible.expanded(axis: 1), with: -.infinity).softmax().matmul(values)
            .transposed(1, 2)
    }

    @Test(
        "Attention in blocks has the values and gradients of the plain one",
        arguments: [
            (time: 1, heads: 1, keyHeads: 1, dimensions: 16, window: 1),
            (time: 64, heads: 2, keyHeads: 2, dimensions: 64, window: 1000),
            (time: 150, heads: 6, keyHeads: 2, dimensions: 48, window: 1000),
            (time: 200, heads: 3, keyHeads: 1, dimensions: 80, window: 70),
        ], [false, true])
    func attention(
        shape: (time: Int, heads: Int, keyHeads: Int, dimensions: Int, window: Int), packed: Bool
    ) throws {
        let (batch, time) = (2, shape.time)
        let q = variables([batch, time, shape.heads, shape.dimensions], seed: 11)
        let k = variables([batch, time, shape.keyHeads, shape.dimensions], seed: 12)
        let v = variables([batch, time, shape.keyHeads, shape.dimensions], seed: 13)
        let upstream = Tensor.normal(q.half.shape, from: RandomSource(seed: 14)).cast(to: .bfloat16)
        // Documents of 40 tokens in the first row, of 67 in the second.
        let starts = (0..<batch).map { row in
            (0..<time).map { max(packed ? $0 / (40 + 27 * row) * (40 + 27 * row) : 0, $0 - shape.window + 1) }
        }
        let scale = 0.3
        let given = Tensor(starts.flatMap { $0 }.map(Int32.init), shape: [batch, time])
        let fused = try #require(q.half.causallyAttended(keys: k.half, values: v.half, starts: given, scale: scale))
        let plain = plainAttention(q.full, k.full, v.full, starts: starts, scale: scale)
        // Each weight of a value is rounded once, by at most 2⁻⁸ of itself, and so is the output.
        let terms = plainAttention(q.full, k.full, v.full.absolute(), starts: starts, scale: scale)
        let error = (fused.cast(to: .float32) - plain).absolute()
        #expect((error - (terms + plain.absolute()) / 255).maximum().item < 1e-5)
        try fused.backward(upstream)
        try plain.backward(upstream.cast(to: .float32), keepGraph: true)
        // Weights and slopes of scores are rounded, so errors add up over the time.
        #expect(isClose(q.half.gradient, q.full.gradient, absolute: 2e-2))
        #expect(isClose(k.half.gradient, k.full.gradient, absolute: 2e-2))
        let most = try plain.gradients(withRespectTo: [v.full], upstream: upstream.cast(to: .float32).absolute())
        let (found, expected) = try (#require(v.half.gradient), #require(v.full.gradient))
        let valueError = (found.cast(to: .float32) - expected).absolute()
        #expect((valueError - (try #require(most[0]) + expected.absolute()) / 255).maximum().item < 1e-5)
    }

    @Test("Attention without starts is causal; views with gaps and odd sizes are left to LibTorch")
    func attentionWithoutStarts() throws {
        let q = variables([1, 70, 2, 32], seed: 15).half
        let zeros = Tensor([Int32](repeating: 0, count: 70), shape: [1, 70])
        let plain = try #require(q.causallyAttended(keys: q, values: q, starts: nil, scale: 0.2))
        let given = try #require(q.causallyAttended(keys: q, values: q, starts: zeros, scale: 0.2))
        #expect(plain.floats == given.floats)
        let odd = variables([1, 4, 2, 20], seed: 16).half
        #expect(odd.causallyAttended(keys: odd, values: odd, starts: nil, scale: 1) == nil)
        let view = q.transposed(1, 2)
        #expect(view.causallyAttended(keys: view, values: view, starts: nil, scale: 1) == nil)
    }

    @Test("A rotation in one pass turns pairs of halves, and its derivative turns them back", arguments: [1, 3])
    func rotation(tables: Int) throws {
        let (batch, time, heads, half) = (3, 70, 2, 20)
        let x = variables([batch, time, heads, 2 * half], seed: 7)
        let angles = Tensor.normal([tables, 1, time, half], from: RandomSource(seed: 8))
        let (cosine, sine) = (angles.cosine(), angles.sine())
        let upstream = Tensor.normal([batch, time, heads, 2 * half], from: RandomSource(seed: 9)).cast(to: .bfloat16)
        let fused = try #require(x.half.rotated(cosine: cosine, sine: sine))
        let parts = x.full.transposed(1, 2).chunks(2, along: -1)
        let plain = Tensor.concatenated(
            [parts[0] * cosine - parts[1] * sine, parts[1] * cosine + parts[0] * sine], along: -1
        ).transposed(1, 2)
        #expect(isClose(fused, plain))
        try fused.backward(upstream)
        try plain.backward(upstream.cast(to: .float32))
        #expect(isClose(x.half.gradient, x.full.gradient))
        #expect(x.full.detached().rotated(cosine: cosine, sine: sine) == nil)
    }

    @Test("Cross-entropies in place equal those of plain operators, with their gradients", arguments: [17, 1000])
    func crossEntropy(classes: Int) throws {
        let rows = 9
        let logits = variables([rows, classes], seed: 10)
        let labels = Tensor.integers([rows], in: 0..<classes, from: RandomSource(seed: 11))
        let factors = Tensor.uniform([rows], from: RandomSource(seed: 12))
        let plain = logits.full.crossEntropy(labels, reduction: .none) * factors
        try plain.sum().backward()
        let kept = logits.half.detached().copy()
        let unchanged = try #require(kept.crossEntropyInPlace(labels: labels, factors: factors, makingGradients: false))
        #expect(kept.floats == logits.half.floats)
        let losses = try #require(kept.crossEntropyInPlace(labels: labels, factors: factors, makingGradients: true))
        #expect(losses.floats == unchanged.floats)
        #expect((losses - plain.detached()).absolute().maximum().item < 1e-4)
        #expect(isClose(kept, logits.full.gradient, absolute: 1e-6))
    }

    @Test("All instruction sets give one result", arguments: [WF_LEVEL_PLAIN, WF_LEVEL_AVX2, WF_LEVEL_AVX512])
    func levels(level: wf_level) {
        let (x, y) = (variables([5, 100], seed: 13).half.detached(), variables([5, 100], seed: 14).half.detached())
        let weight = Tensor.ones([100])
        let best = (x.siluGated(y), x.rmsNormalized(weight: weight, epsilon: 1e-6))
        wf_kernels_force(level)
        defer { wf_kernels_force(wf_kernels_available()) }
        #expect(isClose(x.siluGated(y), best.0.cast(to: .float32)))
        #expect(isClose(x.rmsNormalized(weight: weight, epsilon: 1e-6), best.1.cast(to: .float32)))
    }
}
