public import Layers
public import Tensors
public import Training

/// A metric that early stopping watches and a search compares.
public struct WatchedMetric: Sendable, Hashable, Codable {
    public var name: String
    public var isHigherBetter: Bool

    public init(_ name: String, isHigherBetter: Bool) {
        self.name = name
        self.isHigherBetter = isHigherBetter
    }

    /// Higher is worse, as the training loop wants it.
    func cost(_ value: Double) -> Double { isHigherBetter ? -value : value }

    /// The name under which the loop finds it: `-AUC` where more is better.
    public var costName: String { isHigherBetter ? "-\(name)" : name }
}

/// Joins a model and its measurement to what the one training loop needs.
public final class RecommendationLearner<Model: TrainableModel>: Learner {
    public let model: Model
    public let watched: WatchedMetric?
    public let trainedParameters: [NamedParameter]
    private let measure: (Model) throws -> [String: Double]
    /// The buffers of the best evaluation: running moments belong to the parameters they were gathered with.
    private let bestBuffers: [NamedParameter]
    private let bestCost = Tensor([Double.infinity])

    /// - Parameters:
    ///   - watched: one of the metrics that `measure` returns.
    ///   - measure: metrics on held-out data; it runs without gradients.
    public init(
        _ model: Model, watched: WatchedMetric? = nil,
        measure: @escaping (Model) throws -> [String: Double] = { _ in [:] }
    ) {
        self.model = model
        self.watched = watched
        self.measure = measure
        trainedParameters = model.trainableParameters
        bestBuffers = model.buffers.map { NamedParameter(name: "best.\($0.name)", tensor: $0.tensor.copy()) }
    }

    public var randomSources: [(name: String, source: RandomSource)] { model.randomSources }

    public var changingState: [NamedParameter] {
        model.trainingState
            + (model.buffers.isEmpty
                ? [] : model.buffers + bestBuffers + [NamedParameter(name: "best.cost", tensor: bestCost)])
    }

    public func didStep(_ step: Int) { model.didStep() }

    public func loss(_ batch: Model.Batch) throws -> BatchLoss { try model.loss(batch) }

    public func evaluate() throws -> [String: Double] {
        var metrics = try measure(model)
        guard let watched, let value = metrics[watched.name] else { return metrics }
        let cost = watched.cost(value)
        metrics[watched.costName] = cost
        if cost < bestCost.item {
            bestCost.assign(Tensor([cost]))
            for (best, own) in zip(bestBuffers, model.buffers) { best.tensor.assign(own.tensor) }
        }
        return metrics
    }

    /// Goes back to the buffers of the best evaluation, as the loop does with the parameters.
    public func restoreBestBuffers() {
        guard bestCost.item < .infinity else { return }
        for (best, own) in zip(bestBuffers, model.buffers) { own.tensor.assign(best.tensor) }
    }
}
