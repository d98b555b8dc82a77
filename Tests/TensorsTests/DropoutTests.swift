import Tensors
import Testing

@Suite("Dropout")
struct DropoutTests {
    @Test(
        "The share asked for is zeroed, the rest scaled up, and the gradient is the mask times the scale",
        arguments: [DType.float32, .bfloat16, .float64])
    func values(dtype: DType) throws {
        let x = Tensor.full([100, 100], 3).cast(to: dtype).requiringGradient()
        let y = x.dropout(0.25, from: RandomSource(seed: 3))
        #expect(y.dtype == dtype && y.shape == [100, 100])
        let values = y.values(Double.self)
        #expect(values.allSatisfy { $0 == 0 || abs($0 - 4) < 1e-6 })
        let zeros = Double(values.count { $0 == 0 }) / 10_000
        #expect(abs(zeros - 0.25) < 5 * (0.25 * 0.75 / 10_000).squareRoot())
        try y.backward(Tensor.full([100, 100], 1.5).cast(to: dtype))
        // 1.5 / 0.75, which all the types hold.
        #expect(try #require(x.gradient).values(Double.self) == values.map { $0 == 0 ? 0 : 2 })
    }

    @Test("One seed gives one mask, the next draw another; no probability leaves the tensor alone")
    func seeds() {
        let x = Tensor.ones([50, 7])
        let source = RandomSource(seed: 9)
        let first = x.dropout(0.5, from: source)
        #expect(first.isIdentical(to: x.dropout(0.5, from: RandomSource(seed: 9))))
        #expect(!first.isIdentical(to: x.dropout(0.5, from: source)))
        #expect(x.dropout(0, from: source) === x)
    }

    @Test("All types have the same mask, and so have views with gaps by their logical order")
    func types() {
        let x = Tensor.ones([30, 20])
        let mask = x.dropout(0.5, from: RandomSource(seed: 4))
        for dtype in [DType.bfloat16, .float16, .float64] {
            let other = x.cast(to: dtype).dropout(0.5, from: RandomSource(seed: 4))
            #expect(other.dtype == dtype && other.cast(to: .float32).isIdentical(to: mask))
        }
        let turned = Tensor.ones([20, 30]).transposed()
        #expect(turned.dropout(0.5, from: RandomSource(seed: 4)).isIdentical(to: mask))
        #expect(
            Tensor.ones([1, 20]).broadcast(to: [30, 20]).dropout(0.5, from: RandomSource(seed: 4)).isIdentical(to: mask)
        )
    }

    @Test("A probability of one leaves zeros, and no gradient", arguments: [DType.float32, .bfloat16, .float64])
    func everything(dtype: DType) throws {
        let x = Tensor.full([9, 9], 3).cast(to: dtype).requiringGradient()
        let y = x.dropout(1, from: RandomSource(seed: 1))
        #expect(y.values(Double.self).allSatisfy { $0 == 0 })
        try y.sum().backward()
        #expect(try #require(x.gradient).values(Double.self).allSatisfy { $0 == 0 })
    }

    @Test("A generator whose state was kept goes on with the same masks, and one draw is taken for a mask of any size")
    func state() throws {
        let source = RandomSource(seed: 11)
        let x = Tensor.ones([64, 33])
        _ = x.dropout(0.3, from: source)
        let kept = source.state
        let next = x.dropout(0.3, from: source)
        let resumed = RandomSource(seed: 0)
        try resumed.restore(kept)
        #expect(x.dropout(0.3, from: resumed).isIdentical(to: next))
        let small = RandomSource(seed: 11)
        _ = Tensor.ones([1]).dropout(0.3, from: small)
        #expect(x.dropout(0.3, from: small).isIdentical(to: next))
    }

    @Test("The number of LibTorch's threads does not change a mask")
    func threads() {
        let x = Tensor.ones([300, 301])
        let before = Runtime.threadCount
        defer { Runtime.threadCount = before }
        Runtime.threadCount = 1
        let alone = x.dropout(0.2, from: RandomSource(seed: 2))
        Runtime.threadCount = 3
        #expect(x.dropout(0.2, from: RandomSource(seed: 2)).isIdentical(to: alone))
    }
}
