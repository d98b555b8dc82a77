import Layers
import Tensors

/// The upper level (HRA): past sessions and the context of the new one lead to an option, and state with option to a
/// value.
package final class UpperNetwork: Network {
    /// Clicks that count as 1 in values, so that they stay near 1.
    package static let rewardUnit = 10.0

    package let history: GRU
    private let trunk: Linear
    private let policy: Linear
    private let critics: [MultilayerPerceptron]
    private let norm: Double

    package init(_ catalogue: FeedCatalogue, configuration: HierarchicalAgentConfiguration, from source: RandomSource) {
        let hidden = configuration.headHidden
        norm = catalogue.meanNorm
        history = GRU(
            inputDimensions: FeedSession.summaryWidth(catalogue, optionWidth: catalogue.dimensions),
            hiddenDimensions: configuration.hidden, from: source)
        let inputs = configuration.hidden + FeedSession.contextWidth
        trunk = Linear(
            inputDimensions: inputs, outputDimensions: hidden, hasBias: true,
            standardDeviation: (2 / Double(inputs)).squareRoot(), from: source)
        policy = Linear(
            inputDimensions: hidden, outputDimensions: catalogue.dimensions, hasBias: true,
            standardDeviation: 0.3 / Double(hidden).squareRoot(), from: source)
        critics = (0..<2).map { _ in
            MultilayerPerceptron([hidden, hidden, catalogue.dimensions + 1], outputScale: 0.3, from: source)
        }
    }

    private init(copying other: UpperNetwork) {
        func copy(_ layer: Linear) -> Linear {
            Linear(weight: layer.weight.detached().copy(), bias: layer.bias.map { $0.detached().copy() })
        }
        norm = other.norm
        history = other.history.copy()
        trunk = copy(other.trunk)
        policy = copy(other.policy)
        critics = other.critics.map { $0.copy() }
    }

    package func copy() -> UpperNetwork { UpperNetwork(copying: self) }

    /// `[batch, history, summary]` and `[batch, context]` to o `[batch, hidden]`.
    package func state(_ history: Tensor, _ context: Tensor) -> Tensor {
        trunk(.concatenated([self.history(history).state, context], along: 1)).relu()
    }

    /// μ_H: `[batch, option]`, of the length of an item.
    package func option(_ state: Tensor) -> Tensor { scaled(policy(state)) }

    package func scaled(_ option: Tensor) -> Tensor {
        option / (option.norm(along: 1, keepingAxes: true) + 1e-6) * norm
    }

    /// Q_H of one critic, linear in the option as the lower critics are in the item: `[batch]`.
    package func value(_ critic: Int, _ state: Tensor, _ option: Tensor) -> Tensor {
        let found = critics[critic](state)
        let width = option.size(1)
        return (found.slice(0..<width, along: 1) * option).sum(along: 1) + found.select(width, along: 1)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        history.visitParameters(path / "history", visit)
        trunk.visitParameters(path / "trunk", visit)
        policy.visitParameters(path / "policy", visit)
        for (index, critic) in critics.enumerated() { critic.visitParameters(path / "critic" / index, visit) }
    }
}

/// The lower level (LRA): the views of the session, the option, who the user is and the slot lead to items.
package final class LowerNetwork: Network {
    /// On the device: the user's group; time and gaps are the upper level's.
    package static let contextWidth = 5

    package static func context(_ whole: Tensor) -> Tensor {
        whole.slice(2..<FeedSession.contextWidth, along: 1)
    }

    package let memory: FeedMemory
    package let heads: ItemHeads

    package init(_ catalogue: FeedCatalogue, configuration: HierarchicalAgentConfiguration, from source: RandomSource) {
        memory = FeedMemory(catalogue, hidden: configuration.hidden, from: source)
        heads = ItemHeads(
            inputs: configuration.hidden + catalogue.dimensions + Self.contextWidth + 1,
            hidden: configuration.headHidden, dimensions: catalogue.dimensions, norm: catalogue.meanNorm,
            from: source)
    }

    private init(memory: FeedMemory, heads: ItemHeads) {
        self.memory = memory
        self.heads = heads
    }

    package func copy() -> LowerNetwork { LowerNetwork(memory: memory.copy(), heads: heads.copy()) }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        memory.visitParameters(path / "memory", visit)
        heads.visitParameters(path / "heads", visit)
    }
}
