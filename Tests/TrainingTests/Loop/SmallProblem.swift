import Evaluation
import Foundation
import Layers
import Tensors
import Training

/// A two-layer network with dropout that learns sums of sines, for tests of the loop.
final class SmallLearner: Learner {
    struct Batch { let indices: [Int] }

    private let first: Tensor
    private let second: Tensor
    private let bias: Tensor
    private let dropout: RandomSource
    private let dropoutShare: Double
    /// What evaluations return instead of the loss.
    var evaluations: [Double]?
    private(set) var steps: [Int] = []

    init(seed: UInt64 = 1, dropout: Double = 0.1) {
        let source = RandomSource(seed: seed)
        first = Tensor.normal([16, 4], standardDeviation: 0.5, from: source).requiringGradient()
        second = Tensor.normal([1, 16], standardDeviation: 0.3, from: source).requiringGradient()
        bias = Tensor.zeros([1]).requiringGradient()
        self.dropout = RandomSource(seed: seed + 100)
        dropoutShare = dropout
    }

    var trainedParameters: [NamedParameter] {
        [
            NamedParameter(name: "first.weight", tensor: first), NamedParameter(name: "second.weight", tensor: second),
            NamedParameter(name: "second.bias", tensor: bias),
        ]
    }
    var randomSources: [(name: String, source: RandomSource)] { [("dropout", dropout)] }
    var snapshot: [Tensor] { trainedParameters.map { $0.tensor.detached().copy() } }

    private func squaredErrors(_ indices: [Int], dropping: Bool) -> Tensor {
        let inputs = indices.flatMap { index in (0..<4).map { Float(sin(Double(index * ($0 + 1)))) } }
        let targets = indices.map { Float(sin(Double($0)) - 0.5 * sin(Double(3 * $0)) + 0.2) }
        let x = Tensor(inputs, shape: [indices.count, 4])
        var hidden = x.linear(first).tanh()
        if dropping { hidden = hidden.dropout(dropoutShare, from: dropout) }
        return (hidden.linear(second, bias).reshaped(-1) - Tensor(targets)).squared()
    }

    func loss(_ batch: Batch) -> BatchLoss {
        BatchLoss(
            sum: squaredErrors(batch.indices, dropping: true).sum(), weight: Double(batch.indices.count),
            tokens: batch.indices.count)
    }

    func didStep(_ step: Int) { steps.append(step) }

    func evaluate() -> [String: Double] {
        if let next = evaluations?.first {
            evaluations?.removeFirst()
            return ["loss": next]
        }
        return ["loss": squaredErrors(Array(1000..<1064), dropping: false).mean().item]
    }
}

/// Numbers in random order, in batches of a size or of sizes that take turns.
final class SmallSource: BatchSource {
    struct Position: Codable, Sendable {
        var order: ShuffledOrder.Position
        var batches: Int
    }
    private var order: ShuffledOrder
    private let sizes: [Int]
    private var batches = 0
    private let mostBatches: Int?

    init(sizes: [Int] = [8], seed: UInt64 = 5, mostBatches: Int? = nil) {
        order = ShuffledOrder(count: 50, seed: seed)
        self.sizes = sizes
        self.mostBatches = mostBatches
    }

    func next() -> SmallLearner.Batch? {
        if let mostBatches, batches >= mostBatches { return nil }
        defer { batches += 1 }
        return .init(indices: (0..<sizes[batches % sizes.count]).map { _ in order.next() })
    }
    var position: Position { Position(order: order.position, batches: batches) }
    func restore(_ position: Position) {
        order.position = position.order
        batches = position.batches
    }
}

typealias SmallLoop = TrainingLoop<SmallLearner, SmallSource>

extension SmallLoop {
    static func make(
        steps: Int = 30, seed: UInt64 = 1, dropout: Double = 0.1, sizes: [Int] = [8], accumulation: Int = 1,
        mostBatches: Int? = nil, checkpoint: URL? = nil, change: (inout TrainingLimits) -> Void = { _ in }
    ) -> SmallLoop {
        let learner = SmallLearner(seed: seed, dropout: dropout)
        var limits = TrainingLimits(steps: steps)
        limits.accumulation = accumulation
        limits.maximumGradientNorm = 1
        change(&limits)
        let loop = SmallLoop(
            learner: learner, source: SmallSource(sizes: sizes, mostBatches: mostBatches),
            optimizer: AdamW(ParameterGroup.standard(learner.trainedParameters, weightDecay: 0.01)),
            schedule: LearningRateSchedule(peak: 0.02, warmUpSteps: 3, totalSteps: steps), limits: limits)
        loop.checkpoint = checkpoint
        loop.isInterrupted = { false }
        return loop
    }
}
