import Tensors
import Testing

@Suite("Dropout")
struct DropoutTests {
    @Test("The share asked for is zeroed, the rest scaled up, and the gradient goes through what is left")
    func values() throws {
        let x = Tensor.full([100, 100], 3).requiringGradient()
        let y = x.dropout(0.25, from: RandomSource(seed: 3))
        let values = y.floats
        #expect(values.allSatisfy { $0 == 0 || abs($0 - 4) < 1e-6 })
        let zeros = Double(values.count { $0 == 0 }) / 10_000
        // Four standard errors.
        #expect(abs(zeros - 0.25) < 4 * (0.25 * 0.75 / 10_000).squareRoot())
        try y.sum().backward()
        let gradient = try #require(x.gradient).floats
        #expect(zip(gradient, values).allSatisfy { ($0 == 0) == ($1 == 0) })
    }

    @Test("One seed gives one mask, the next draw another; no probability leaves the tensor alone")
    func seeds() {
        let x = Tensor.ones([50, 7])
        let source = RandomSource(seed: 9)
        let first = x.dropout(0.5, from: source)
        #expect(first.isIdentical(to: x.dropout(0.5, from: RandomSource(seed: 9))))
        #expect(!first.isIdentical(to: x.dropout(0.5, from: source)))
        #expect(x.dropout(0, from: source) === x)
        #expect(x.cast(to: .bfloat16).dropout(0.5, from: source).dtype == .bfloat16)
    }
}
