import Tensors
import Testing

@Suite("Tensors")
struct TensorTests {
    @Test("Values go in and come out in row-major order")
    func roundTrip() {
        let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(tensor.shape == [2, 3])
        #expect(tensor.transposed().floats == [1, 4, 2, 5, 3, 6])
        #expect(tensor.cast(to: .bfloat16).dtype == .bfloat16)
        #expect(Tensor([1, 2] as [Int]).dtype == .int64)
        #expect(Tensor([true, false]).values(Bool.self) == [true, false])
    }

    @Test("Arithmetic follows broadcasting and the schema's overloads")
    func arithmetic() {
        let x = Tensor([1, 2, 3] as [Float])
        #expect((2 - x).floats == [1, 0, -1])
        #expect((x * 2 + x.reshaped(1, 3)).shape == [1, 3])
        #expect((1 / x).isClose(to: Tensor([1, 0.5, 1 / 3] as [Float]), absoluteTolerance: 1e-7))
        #expect(x.sum(along: 0).item == 6)
        #expect(x.clamped(from: 2).floats == [2, 2, 3])
        #expect(x.padded(along: 0, before: 1, after: 2, with: 9).floats == [9, 1, 2, 3, 9, 9])
        #expect(Tensor.range(2..<8, step: 2).integers == [2, 4, 6])
        #expect(x.top(2).indices.integers == [2, 1])
        #expect(x.floorDivided(by: 2).floats == [0, 1, 1])
    }

    @Test("A refused call names the operator, the reason and the arguments")
    func operatorErrors() throws {
        let matmul = try Operator(finding: "mm")
        let error = #expect(throws: TensorError.self) {
            _ = try matmul.results(Tensor.ones([2, 3]), Tensor.ones([2, 3]))
        }
        let text = error?.description ?? ""
        #expect(text.contains("mm(float32 [2, 3], float32 [2, 3])"))
        #expect(text.contains("cannot be multiplied"))
        #expect(throws: TensorError.self) { _ = try matmul.results(Tensor.ones([2, 2])) }
        #expect(throws: TensorError.self) { _ = try matmul.results(Tensor.ones([2, 2]), 3.0) }
        #expect(throws: TensorError.self) {
            _ = try matmul.results(
                Tensor.ones([2, 2]), Tensor.ones([2, 2]), Tensor.ones([2, 2]), Tensor.ones([2, 2]))
        }
        #expect(throws: TensorError.self) { _ = try Operator(finding: "no_such_operator") }
    }

    @Test("An absent device is a clear error")
    func devices() throws {
        #expect(try Device(named: "cpu") == .cpu)
        #expect(throws: TensorError.absentDevice("mps")) { _ = try Device(named: "mps") }
        #expect(throws: TensorError.unknownDevice("cuda:x")) { _ = try Device(named: "cuda:x") }
        #expect(throws: TensorError.absentDevice("cuda:99")) { _ = try Device(named: "cuda:99") }
    }

    @Test("Equal seeds give equal numbers, and a restored state continues the stream")
    func seeds() {
        let first = RandomSource(seed: 7)
        let second = RandomSource(seed: 7)
        #expect(Tensor.normal([5], from: first).isIdentical(to: .normal([5], from: second)))
        let state = first.state
        let next = Tensor.uniform([5], from: first)
        first.state = state
        #expect(Tensor.uniform([5], from: first).isIdentical(to: next))
        #expect(!Tensor.normal([5], from: first).isIdentical(to: .normal([5], from: RandomSource(seed: 8))))
    }

    @Test("Gradients add up in leaves and can be taken on their own")
    func gradients() throws {
        let x = Tensor([1, 2, 3] as [Double]).requiringGradient()
        try (x.squared() * x).sum().backward()
        #expect(x.gradient?.values(Double.self) == [3, 12, 27])
        try (x * 2).sum().backward()
        #expect(x.gradient?.values(Double.self) == [5, 14, 29])
        let gradients = try x.exponential().sum().gradients(withRespectTo: [x, Tensor(1.0).requiringGradient()])
        #expect(gradients[1] == nil)
        #expect(try #require(gradients[0]).isClose(to: x.detached().exponential(), absoluteTolerance: 1e-12))
        withoutGradients { #expect(!(x * 2).requiresGradient) }
        #expect((x * 2).requiresGradient)
        #expect(throws: TensorError.self) { try Tensor(1.0).backward() }
    }

    @Test("A custom derivative is used in place of the operators'")
    func customDerivative() throws {
        let x = Tensor([1, 2] as [Float]).requiringGradient()
        let y = Tensor.custom(inputs: [x]) {
            x.detached() * 10
        } backward: {
            [$0 * 7]
        }
        #expect(y.floats == [10, 20])
        try (y * 2).sum().backward()
        #expect(x.gradient?.floats == [14, 14])
    }

    @Test("A linear map through oneDNN equals LibTorch's, values and gradients", arguments: [true, false])
    func linear(withBias: Bool) throws {
        #if arch(x86_64)
            #expect(Tensor.usesOneDNN)
        #endif
        let source = RandomSource(seed: 3)
        let x = Tensor.normal([3, 5, 96], from: source).requiringGradient()
        let weight = Tensor.normal([64, 96], from: source).requiringGradient()
        let bias = withBias ? Tensor.normal([64], from: source).requiringGradient() : nil
        let upstream = Tensor.normal([3, 5, 64], from: source)
        var plain = x.matmul(weight.transposed())
        if let bias { plain = plain + bias }
        let fast = x.linear(weight, bias)
        #expect(fast.isClose(to: plain, absoluteTolerance: 1e-4))
        let inputs = [x, weight] + (bias.map { [$0] } ?? [])
        let expected = try plain.gradients(withRespectTo: inputs, upstream: upstream)
        let found = try fast.gradients(withRespectTo: inputs, upstream: upstream)
        for (one, other) in zip(found, expected) {
            #expect(try #require(one).isClose(to: #require(other), absoluteTolerance: 1e-3))
        }
    }

    @Test("Some columns of a matrix are a weight too")
    func linearByColumns() {
        let source = RandomSource(seed: 4)
        let (x, whole) = (Tensor.normal([7, 96], from: source), Tensor.normal([64, 128], from: source))
        let columns = whole.slice(16..<112, along: 1)
        #expect(x.linear(columns).isClose(to: x.matmul(columns.transposed()), absoluteTolerance: 1e-4))
    }

    @Test("RMS normalisation of bf16 input takes its statistics in f32")
    func rmsNorm() {
        let x = Tensor([300, -300, 300, 300] as [Float]).cast(to: .bfloat16)
        let weight = Tensor([1, 2, 1, 1] as [Float])
        let y = x.rmsNormalized(weight: weight, epsilon: 1e-6)
        #expect(y.dtype == .bfloat16)
        #expect(y.floats == [1, -2, 1, 1])
    }
}
