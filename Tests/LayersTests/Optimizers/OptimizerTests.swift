import Foundation
import Layers
import Tensors
import Testing

/// Three steps of every optimiser beside the same steps in PyTorch (Scripts/fixtures/optimizers.py).
@Suite("Optimisers")
struct OptimizerTests {
    struct Course: Decodable {
        let losses: [Double]
        let matrix: [Float]
        let vector: [Float]
    }
    struct Clipped: Decodable {
        let norm: Double
        let matrix: [Float]
        let vector: [Float]
    }
    struct Cases: Decodable {
        let adamw: Course
        let sgd: Course
        let nesterov: Course
        let plain: Course
        let muon: Course
        let muonOriginal: Course
        let clipped: Clipped
    }

    let cases: Cases

    init() throws {
        let file = try #require(
            Bundle.module.url(forResource: "optimizers", withExtension: "json", subdirectory: "Fixtures"))
        cases = try JSONDecoder().decode(Cases.self, from: Data(contentsOf: file))
    }

    /// The two parameters and the loss of the fixtures.
    struct Problem {
        let matrix = Tensor((0..<24).map { Float(sin(0.7 * Double($0))) }, shape: [4, 6]).requiringGradient()
        let vector = Tensor((0..<6).map { Float(cos(0.9 * Double($0))) }).requiringGradient()

        var parameters: [NamedParameter] {
            [NamedParameter(name: "matrix", tensor: matrix), NamedParameter(name: "vector", tensor: vector)]
        }
        func groups(decay: Double) -> [ParameterGroup] { ParameterGroup.standard(parameters, weightDecay: decay) }
        func loss() -> Tensor {
            matrix.matmul((vector + 0.3).expanded(axis: 1)).squared().sum() + matrix.power(3).sum() * 0.1
        }
    }

    static let rates = [0.02, 0.01, 0.005]

    func check(
        _ optimizer: some Optimizer, on problem: Problem, against course: Course, tolerance: Double = 2e-6,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        for (rate, expected) in zip(Self.rates, course.losses) {
            let loss = problem.loss()
            #expect(abs(loss.item - expected) <= 1e-5 * max(1, abs(expected)) + tolerance, sourceLocation: location)
            try loss.backward()
            optimizer.step(learningRate: rate)
            optimizer.clearGradients()
        }
        let matrix = Tensor(course.matrix, shape: [4, 6])
        #expect(problem.matrix.isClose(to: matrix, absoluteTolerance: tolerance), sourceLocation: location)
        #expect(
            problem.vector.isClose(to: Tensor(course.vector), absoluteTolerance: tolerance), sourceLocation: location)
    }

    @Test("AdamW equals PyTorch's fused AdamW; vectors do not decay")
    func adamW() throws {
        let problem = Problem()
        try check(AdamW(problem.groups(decay: 0.1), beta2: 0.95), on: problem, against: cases.adamw)
    }

    @Test("SGD equals PyTorch's, plain, with momentum and with Nesterov's")
    func sgd() throws {
        var problem = Problem()
        try check(SGD(problem.groups(decay: 0)), on: problem, against: cases.plain)
        problem = Problem()
        try check(SGD(problem.groups(decay: 0.1), momentum: 0.9), on: problem, against: cases.sgd)
        problem = Problem()
        try check(SGD(problem.groups(decay: 0.1), momentum: 0.9, nesterov: true), on: problem, against: cases.nesterov)
    }

    @Test("Muon equals PyTorch's at both scales, with AdamW for the vector")
    func muon() throws {
        for (scale, course) in [(Muon.Scale.likeAdamW, cases.muon), (.original, cases.muonOriginal)] {
            let problem = Problem()
            let optimizer = Muon(problem.groups(decay: 0.1), scale: scale, iterationType: .bfloat16)
            try check(optimizer, on: problem, against: course, tolerance: 1e-5)
        }
    }

    @Test("Muon's f32 update is orthogonal up to its known slack, and heads go to AdamW")
    func muonUpdate() throws {
        let head = Tensor.normal([5, 4], from: RandomSource(seed: 3)).requiringGradient()
        let hidden = Tensor.normal([5, 4], from: RandomSource(seed: 4)).requiringGradient()
        let before = hidden.detached().copy()
        let parameters = [
            NamedParameter(name: "lm_head.weight", tensor: head), NamedParameter(name: "up.weight", tensor: hidden),
        ]
        let optimizer = Muon(ParameterGroup.standard(parameters, weightDecay: 0), scale: .original)
        #expect(Set(optimizer.state.map(\.name)).contains("lm_head.weight.second"))
        #expect(Set(optimizer.state.map(\.name)).contains("up.weight.momentum"))
        try (head * hidden.power(2)).sum().backward()
        optimizer.step(learningRate: 1)
        let update = (before - hidden.detached()) / (5.0 / 4).squareRoot()
        let gram = update.transposed().matmul(update)
        // Singular values end between 0.68 and 1.14 (Jordan et al. 2024), so their squares do between 0.46 and 1.3.
        #expect(gram.diagonal().minimum().item > 0.3)
        #expect(gram.diagonal().maximum().item < 1.4)
    }

    @Test("Clipping equals PyTorch's, scales first, and leaves gradients that are not finite alone")
    func clipping() throws {
        let problem = Problem()
        try (problem.loss() * 4).backward()
        let norm = GradientScaling.scaleAndClip(problem.parameters, scale: 0.25, maximumNorm: 1)
        #expect(abs(norm - cases.clipped.norm) < 1e-4)
        let matrix = try #require(problem.matrix.gradient)
        #expect(matrix.isClose(to: Tensor(cases.clipped.matrix, shape: [4, 6]), absoluteTolerance: 1e-6))
        let vector = try #require(problem.vector.gradient)
        #expect(vector.isClose(to: Tensor(cases.clipped.vector), absoluteTolerance: 1e-6))

        problem.vector.gradient = Tensor([Float](repeating: .infinity, count: 6))
        #expect(!GradientScaling.scaleAndClip(problem.parameters, maximumNorm: 1).isFinite)
        #expect(try #require(problem.matrix.gradient).isIdentical(to: matrix))
    }

    @Test("A step with scaled gradients is a step after scaling them", arguments: [0, 1, 2])
    func scaledStep(maker: Int) throws {
        let makers: [([ParameterGroup]) -> any Optimizer] = [
            { AdamW($0) }, { SGD($0, momentum: 0.9) }, { Muon($0) },
        ]
        func result(scalesBefore: Bool) throws -> [[Float]] {
            let problem = Problem()
            let optimizer = makers[maker](problem.groups(decay: 0.1))
            for _ in 0..<3 {
                try (problem.loss() * 4).backward()
                if scalesBefore {
                    GradientScaling.scaleAndClip(problem.parameters, scale: 0.25, maximumNorm: 1)
                    optimizer.step(learningRate: 0.01)
                } else {
                    let clipping = GradientScaling.clipping(problem.parameters, scale: 0.25, maximumNorm: 1)
                    optimizer.step(learningRate: 0.01, gradientScale: clipping.factor)
                }
                optimizer.clearGradients()
            }
            return [problem.matrix.detached().floats, problem.vector.detached().floats]
        }
        let (one, other) = (try result(scalesBefore: true), try result(scalesBefore: false))
        for (one, other) in zip(one, other) { #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-6 }) }
    }

    @Test("AdamW over sizes around a vector and a task equals the equations; other types go to LibTorch's")
    func adamWSizes() throws {
        let sizes = [1, 15, 16, 17, 65_536, 65_537, 131_100]
        let source = RandomSource(seed: 9)
        let parameters = sizes.map { size in
            NamedParameter(name: "\(size)", tensor: Tensor.normal([size], from: source).requiringGradient())
        }
        let wide = NamedParameter(
            name: "wide", tensor: Tensor.normal([5], from: source).cast(to: .float64).requiringGradient())
        let all = parameters + [wide]
        let optimizer = AdamW([ParameterGroup(all, weightDecay: 0.1)], beta2: 0.99, epsilon: 1e-6)
        var expected = all.map { $0.tensor.detached().values(Double.self) }
        var first = expected.map { $0.map { _ in 0.0 } }
        var second = first
        for step in 1...3 {
            let gradients = all.map { Tensor.normal($0.tensor.shape, from: source).cast(to: $0.tensor.dtype) }
            for (parameter, gradient) in zip(all, gradients) { parameter.tensor.gradient = gradient.copy() }
            let version = parameters[0].tensor.version
            optimizer.step(learningRate: 0.01, gradientScale: 0.5)
            #expect(parameters[0].tensor.version > version)
            for (index, gradient) in gradients.enumerated() {
                for (place, g) in gradient.values(Double.self).map({ $0 / 2 }).enumerated() {
                    first[index][place] = 0.9 * first[index][place] + 0.1 * g
                    second[index][place] = 0.99 * second[index][place] + 0.01 * g * g
                    let m = first[index][place] / (1 - pow(0.9, Double(step)))
                    let v = second[index][place] / (1 - pow(0.99, Double(step)))
                    expected[index][place] *= 1 - 0.01 * 0.1
                    expected[index][place] -= 0.01 * m / (v.squareRoot() + 1e-6)
                }
            }
        }
        for (parameter, expected) in zip(all, expected) {
            let found = parameter.tensor.detached().values(Double.self)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-6 }, "\(parameter.name)")
        }
        let squares = all.compactMap(\.tensor.gradient).map { $0.cast(to: .float64).squared().sum().item }
        let norm = GradientScaling.clipping(all).norm
        #expect(abs(norm - squares.reduce(0, +).squareRoot()) < 1e-4 * norm)
    }

    @Test("A restored optimiser takes the very same steps; a foreign state is refused")
    func restore() throws {
        let makers: [([ParameterGroup]) -> any Optimizer] = [
            { AdamW($0) }, { SGD($0, momentum: 0.9) }, { Muon($0) },
        ]
        for make in makers {
            let first = Problem()
            let optimizer = make(first.groups(decay: 0.1))
            for _ in 0..<3 {
                optimizer.clearGradients()
                try first.loss().backward()
                optimizer.step(learningRate: 0.01)
            }
            let second = Problem()
            let restored = make(second.groups(decay: 0.1))
            second.matrix.assign(first.matrix.detached())
            second.vector.assign(first.vector.detached())
            let saved = Dictionary(uniqueKeysWithValues: optimizer.state.map { ($0.name, $0.tensor.copy()) })
            try restored.restore(saved)
            for (problem, optimizer) in [(first, optimizer), (second, restored)] {
                optimizer.clearGradients()
                try problem.loss().backward()
                optimizer.step(learningRate: 0.01)
            }
            #expect(first.matrix.isIdentical(to: second.matrix))
            #expect(first.vector.isIdentical(to: second.vector))

            var broken = saved
            let name = try #require(saved.keys.sorted().first)
            broken[name] = nil
            #expect(throws: OptimizerStateError.missing(name)) { try restored.restore(broken) }
            broken = saved
            broken["stranger"] = Tensor(Float(0))
            #expect(throws: OptimizerStateError.unexpected("stranger")) { try restored.restore(broken) }
        }
    }

    @Test("Parameters without a gradient stay, and their step counts with them")
    func withoutGradient() throws {
        let problem = Problem()
        let before = problem.vector.detached().copy()
        let optimizer = AdamW(problem.groups(decay: 0.1))
        try problem.matrix.squared().sum().backward()
        optimizer.step(learningRate: 0.1)
        #expect(problem.vector.isIdentical(to: before))
        #expect(optimizer.state.first { $0.name == "vector.step" }?.tensor.item == 0)
        #expect(optimizer.state.first { $0.name == "matrix.step" }?.tensor.item == 1)
    }
}

@Suite("Learning rates")
struct LearningRateScheduleTests {
    @Test("The rate rises to the peak in the warm-up and falls to the final share at the last step")
    func courses() {
        let cosine = LearningRateSchedule(peak: 2, warmUpSteps: 4, totalSteps: 12, decay: .cosine, finalShare: 0.1)
        #expect([1, 2, 4].map(cosine.rate) == [0.5, 1, 2])
        #expect(abs(cosine.rate(atStep: 8) - (0.2 + 1.8 * 0.5)) < 1e-12)
        #expect(abs(cosine.rate(atStep: 12) - 0.2) < 1e-12)
        #expect(cosine.rate(atStep: 50) == cosine.rate(atStep: 12))
        let linear = LearningRateSchedule(peak: 1, totalSteps: 5, decay: .linear)
        #expect((1...5).map(linear.rate) == [1, 0.75, 0.5, 0.25, 0])
        let constant = LearningRateSchedule(peak: 3, warmUpSteps: 3, totalSteps: 5, decay: .constant)
        #expect((1...5).map(constant.rate) == [1, 2, 3, 3, 3])
        #expect(LearningRateSchedule(peak: 1, totalSteps: 1).rate(atStep: 1) == 1)
    }
}
