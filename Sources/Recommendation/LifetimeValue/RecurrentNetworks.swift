import Layers
import Tensors

/// A memory of an item's days, `m_t = LSTM([o_t; X; Z_t; a_{t-1}], m_{t-1})`; or, without recurrence, a layer that sees
/// the day alone.
final class ItemMemory: Network {
    private let recurrent: LSTM?
    private let plain: Linear?

    init(inputs: Int, hidden: Int, isRecurrent: Bool, from source: RandomSource) {
        recurrent = isRecurrent ? LSTM(inputDimensions: inputs, hiddenDimensions: hidden, from: source) : nil
        plain = isRecurrent ? nil : .glorot(inputs, hidden, from: source)
    }

    private init(copying other: ItemMemory) {
        recurrent = other.recurrent?.copy()
        plain = other.plain.map {
            Linear(weight: $0.weight.detached().copy(), bias: $0.bias.map { $0.detached().copy() })
        }
    }

    func copy() -> ItemMemory { ItemMemory(copying: self) }

    /// - Parameter x: `[items, days, inputs]`, the days from the launch on (or from the start of a window).
    /// - Returns: `[items, days, hidden]`; what stands at a day depends on no later one.
    func callAsFunction(_ x: Tensor) -> Tensor {
        if let recurrent { return recurrent(x).outputs }
        return plain.map { $0(x).tanh() } ?? x
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        recurrent?.visitParameters(path, visit)
        plain?.visitParameters(path, visit)
    }
}

/// The actor: `a_t = μ([m_t; X; Z_t])`, cut to -1 ... 1: the item's score in the ranking.
package final class ItemActor: Network {
    private let memory: ItemMemory
    private let head: MultilayerPerceptron

    init(inputs: Int, statics: Int, _ configuration: LifetimeValueConfiguration, from source: RandomSource) {
        let hidden = configuration.hiddenDimensions
        memory = ItemMemory(
            inputs: inputs + 1, hidden: hidden, isRecurrent: configuration.isRecurrent, from: source)
        head = MultilayerPerceptron([hidden + statics, hidden, 1], outputScale: 0.1, from: source)
    }

    private init(memory: ItemMemory, head: MultilayerPerceptron) {
        self.memory = memory
        self.head = head
    }

    package func copy() -> ItemActor { ItemActor(memory: memory.copy(), head: head.copy()) }

    /// - Returns: `[items, days]`, in -1 ... 1.
    package func callAsFunction(_ days: ItemDays) -> Tensor { unbounded(days).clamped(from: -1, to: 1) }

    /// The same before the cut, which has no gradient beyond the bounds.
    package func unbounded(_ days: ItemDays) -> Tensor {
        head(Tensor.concatenated([memory(days.withPreviousActions), days.statics], along: 2)).squeezed(axis: 2)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        memory.visitParameters(path / "memory", visit)
        head.visitParameters(path / "head", visit)
    }
}

/// The critic: `Q([m_t; X; Z_t], a_t)`, the discounted worth of the item's days from t on. Its memory is its own.
///
/// It is smooth in the action: a piecewise linear one has its maximum at a kink, and an actor that climbs its slope stays
/// wherever that kink happens to be.
package final class ItemCritic: Network {
    private let memory: ItemMemory
    private let head: MultilayerPerceptron

    init(inputs: Int, statics: Int, _ configuration: LifetimeValueConfiguration, from source: RandomSource) {
        let hidden = configuration.hiddenDimensions
        memory = ItemMemory(
            inputs: inputs + 1, hidden: hidden, isRecurrent: configuration.isRecurrent, from: source)
        head = MultilayerPerceptron([hidden + statics + 1, hidden, 1], activation: .silu, from: source)
    }

    private init(memory: ItemMemory, head: MultilayerPerceptron) {
        self.memory = memory
        self.head = head
    }

    package func copy() -> ItemCritic { ItemCritic(memory: memory.copy(), head: head.copy()) }

    /// - Parameter actions: `[items, days]`.
    /// - Returns: `[items, days]`.
    package func callAsFunction(_ days: ItemDays, actions: Tensor) -> Tensor {
        value(remember(days), days, actions: actions)
    }

    /// `[items, days, hidden]`: shared by several actions on the same days.
    func remember(_ days: ItemDays) -> Tensor { memory(days.withPreviousActions) }

    func value(_ memory: Tensor, _ days: ItemDays, actions: Tensor) -> Tensor {
        head(Tensor.concatenated([memory, days.statics, actions.expanded(axis: 2)], along: 2)).squeezed(axis: 2)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        memory.visitParameters(path / "memory", visit)
        head.visitParameters(path / "head", visit)
    }
}

/// The inputs of some items' days, aligned by age.
package struct ItemDays {
    package let observations: Tensor  // [items, days, inputs]
    package let previousActions: Tensor  // [items, days]; 0 on the first
    /// How many of the inputs, at their end, are X and Z.
    package let staticCount: Int

    package init(observations: Tensor, previousActions: Tensor, staticCount: Int) {
        self.observations = observations
        self.previousActions = previousActions
        self.staticCount = staticCount
    }

    var withPreviousActions: Tensor {
        .concatenated([observations, previousActions.expanded(axis: 2)], along: 2)
    }

    var statics: Tensor {
        let width = observations.size(2)
        return observations.slice((width - staticCount)..<width, along: 2)
    }

    /// The first `count` days, or all but the first.
    package func days(_ range: Range<Int>) -> ItemDays {
        ItemDays(
            observations: observations.slice(range, along: 1), previousActions: previousActions.slice(range, along: 1),
            staticCount: staticCount)
    }
}
