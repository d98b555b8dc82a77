public import Layers
public import Tensors

/// The loss of one batch: a sum, so that batches of different size can be added up before they are divided.
public struct BatchLoss {
    /// `Σ weight · loss` over the batch, a tensor with one element.
    public let sum: Tensor
    /// `Σ weight`: trained tokens, samples, or whatever the loss is a mean over.
    public let weight: Double
    /// Tokens (or samples) read, for speed and budgets.
    public let tokens: Int

    public init(sum: Tensor, weight: Double, tokens: Int) {
        self.sum = sum
        self.weight = weight
        self.tokens = tokens
    }
}

/// Something that can be trained: what the one loop needs to know of a model and its objective.
public protocol Learner<Batch>: AnyObject {
    associatedtype Batch

    /// The parameters that train, in a fixed order.
    var trainedParameters: [NamedParameter] { get }

    /// Generators that a training step draws from. Checkpoints keep their state.
    var randomSources: [(name: String, source: RandomSource)] { get }

    /// Tensors beside the trained parameters that a step changes: target networks, running means. Checkpoints keep them.
    var changingState: [NamedParameter] { get }

    /// The loss of a batch with its graph.
    func loss(_ batch: Batch) throws -> BatchLoss

    /// Called after every step of the optimiser, counted from 1.
    func didStep(_ step: Int)

    /// Measures the learner on held-out data, without gradients: metrics by name. Early stopping watches one of them.
    func evaluate() throws -> [String: Double]
}

extension Learner {
    public var randomSources: [(name: String, source: RandomSource)] { [] }
    public var changingState: [NamedParameter] { [] }
    public func didStep(_ step: Int) {}
    public func evaluate() throws -> [String: Double] { [:] }
}
