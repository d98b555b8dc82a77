import Layers
import Reinforcement
public import Tensors

/// A recommender whose state is the window of the newest liked items, and which has an answer for everyone.
public protocol WindowRecommender: Recommender, TrainableModel where Batch == FeedbackBatch {
    /// Of windows, in items.
    var length: Int { get }
    /// Scores of candidates for windows `[users, length]`: `[users, candidates]`.
    func score(windows: Tensor, candidates: [Int32], histories: [[Int32]]) -> Tensor
}

extension WindowRecommender {
    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        let windows = FeedbackBatch.windows(users.map { $0.history[...] }, length: length)
        return withoutGradients {
            score(windows: windows, candidates: candidates, histories: users.map(\.history))
        }
    }
}

/// Windows of liked items to one number for each item, linear in the item's vector: `s_i = W h · e_i + b_i`, h the state of a
/// GRU over the window's vectors. Vector 0, that of an empty place in a window, is also that of choosing nothing.
package final class WindowValues: DiscreteActionValue {
    /// `[items + 1, dimensions]`.
    package var table: Tensor
    package let memory: GRU
    /// Score after score, on the same state and vectors.
    package let heads: [Linear]
    package var biases: [Tensor]  // [items + 1] each

    package init(itemCount: Int, dimensions: Int, hidden: Int, heads count: Int = 1, from source: RandomSource) {
        table = .normal(
            [itemCount + 1, dimensions], standardDeviation: (1 / Double(dimensions)).squareRoot(), from: source)
        memory = GRU(inputDimensions: dimensions, hiddenDimensions: hidden, from: source)
        heads = (0..<count).map { _ in .glorot(hidden, dimensions, from: source) }
        biases = (0..<count).map { _ in .zeros([itemCount + 1]) }
    }

    private init(copying other: WindowValues) {
        table = other.table.detached().copy()
        memory = other.memory.copy()
        heads = other.heads.map {
            Linear(weight: $0.weight.detached().copy(), bias: $0.bias.map { $0.detached().copy() })
        }
        biases = other.biases.map { $0.detached().copy() }
    }

    package func copy() -> WindowValues { WindowValues(copying: self) }

    package var itemCount: Int { table.size(0) - 1 }

    /// `[rows, length]` to `[rows, hidden]`.
    package func state(_ windows: Tensor) -> Tensor { memory(table.rows(windows)).state }

    /// One head's scores of nothing and of all items: `[rows, items + 1]`.
    package func all(_ head: Int, _ state: Tensor) -> Tensor { heads[head](state).linear(table) + biases[head] }

    /// One head's scores of some items: `[rows, candidates]`.
    package func scores(_ head: Int, _ state: Tensor, candidates: ItemSelection) -> Tensor {
        let items = candidates(table.slice(1..<table.size(0), along: 0))
        return heads[head](state).linear(items) + candidates(biases[head].slice(1..<table.size(0), along: 0))
    }

    /// The first head's scores of all items: `[rows, items]`.
    package func callAsFunction(_ windows: Tensor) -> Tensor {
        all(0, state(windows)).slice(1..<table.size(0), along: 1)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "items", &table)
        memory.visitParameters(path / "memory", visit)
        for (place, head) in heads.enumerated() { head.visitParameters(path / "heads" / place, visit) }
        for place in biases.indices { visit(path / "biases" / place, &biases[place]) }
    }
}

/// Windows to proto-items: vectors of the items' space, of the length of a mean item.
package final class WindowPolicy: DeterministicPolicy {
    private let items: ItemVectors
    private let memory: GRU
    private let head: MultilayerPerceptron

    package init(_ items: ItemVectors, hidden: Int, from source: RandomSource) {
        self.items = items
        memory = GRU(inputDimensions: items.dimensions, hiddenDimensions: hidden, from: source)
        head = MultilayerPerceptron([hidden, hidden, items.dimensions], from: source)
    }

    private init(copying other: WindowPolicy) {
        items = other.items
        memory = other.memory.copy()
        head = other.head.copy()
    }

    package func copy() -> WindowPolicy { WindowPolicy(copying: self) }

    package func callAsFunction(_ windows: Tensor) -> Tensor {
        let direction = head(memory(items.table.rows(windows)).state)
        return direction / (direction.norm(along: -1, keepingAxes: true) + 1e-6) * items.norm
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        memory.visitParameters(path / "memory", visit)
        head.visitParameters(path / "head", visit)
    }
}

/// Windows and vectors of the items' space to values.
package final class WindowCritic: ActionValue {
    private let items: ItemVectors
    private let memory: GRU
    private let value: PerceptronActionValue

    package init(_ items: ItemVectors, hidden: Int, from source: RandomSource) {
        self.items = items
        memory = GRU(inputDimensions: items.dimensions, hiddenDimensions: hidden, from: source)
        value = PerceptronActionValue(
            stateDimensions: hidden, actionDimensions: items.dimensions, hidden: [hidden], from: source)
    }

    private init(copying other: WindowCritic) {
        items = other.items
        memory = other.memory.copy()
        value = other.value.copy()
    }

    package func copy() -> WindowCritic { WindowCritic(copying: self) }

    /// `[rows, length]` and `[rows, dimensions]` to `[rows]`.
    package func callAsFunction(_ windows: Tensor, _ actions: Tensor) -> Tensor {
        value(memory(items.table.rows(windows)).state, actions)
    }

    /// Of several actions for each window: `[rows, actions, dimensions]` to `[rows, actions]`.
    package func values(_ windows: Tensor, actions: Tensor) -> Tensor {
        let state = memory(items.table.rows(windows)).state.expanded(axis: 1)
        return value(state.broadcast(to: [actions.size(0), actions.size(1), state.size(2)]), actions)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        memory.visitParameters(path / "memory", visit)
        value.visitParameters(path / "value", visit)
    }
}
