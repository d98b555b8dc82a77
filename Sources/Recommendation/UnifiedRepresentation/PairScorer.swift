import Layers
public import Tensors
public import Training

/// Pairs of users and items of one type that are scored together.
public struct PairBatch: Sendable, Equatable {
    public let type: Int
    public let users: [Int32]
    public let items: [Int32]
    /// 1 or 0 for each pair.
    public let labels: [Float]

    public init(type: Int, users: [Int32], items: [Int32], labels: [Float]) {
        self.type = type
        self.users = users
        self.items = items
        self.labels = labels
    }

    /// The pairs at some places of a list.
    init(_ pairs: LabelledPairs, type: Int, at places: some Sequence<Int>) {
        var users: [Int32] = []
        var items: [Int32] = []
        var labels: [Float] = []
        for place in places {
            users.append(pairs.users[place])
            items.append(pairs.items[place])
            labels.append(pairs.labels[place])
        }
        self.init(type: type, users: users, items: items, labels: labels)
    }

    public var count: Int { users.count }

    var userIndices: Tensor { Tensor(users.map(Int64.init)) }
    var itemIndices: Tensor { Tensor(items.map(Int64.init)) }
}

/// A model that scores pairs of users and items of several types: the unified representation and what it is compared
/// with. A training batch holds one minibatch of each type.
public protocol PairScorer: TrainableModel where Batch == [PairBatch] {
    /// The logit of a like for each pair, `[pairs]`.
    func logits(_ batch: PairBatch) -> Tensor

    /// What a training step adds to the classification loss, in a tensor of shape `[]`; nil for nothing.
    func penalty() -> Tensor?
}

extension PairScorer {
    public func penalty() -> Tensor? { nil }

    /// The mean binary cross-entropy of each type, summed over types, and the penalty.
    public func loss(_ batch: [PairBatch]) -> BatchLoss {
        var losses = batch.filter { $0.count > 0 }.map { logits($0).binaryCrossEntropy(Tensor($0.labels)) }
        if let penalty = penalty() { losses.append(penalty) }
        return BatchLoss(
            sum: Tensor.stacked(losses).sum(), weight: 1, tokens: batch.reduce(0) { $0 + $1.count })
    }
}

/// A tower whose last layer is linear, so that inner products can be negative.
final class ScoringTower: Layer {
    let hidden: Tower
    let last: Linear

    init(
        _ inputs: Int, hidden widths: [Int], output: Int, activation: Tower.Activation = .relu,
        from source: RandomSource
    ) {
        hidden = Tower(inputDimensions: inputs, widths: widths, activation: activation, from: source)
        last = .glorot(widths.last ?? inputs, output, from: source)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { last(hidden(x)) }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        hidden.visitParameters(path / "hidden", visit)
        last.visitParameters(path / "last", visit)
    }
}
