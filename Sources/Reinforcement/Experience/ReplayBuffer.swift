public import Evaluation
import Tensors

/// The last steps of one or more environments in flat arrays; the oldest step makes room for the newest.
///
/// Terminal and truncated ends are kept apart. Samples are drawn with a generator that is passed in.
public struct ReplayBuffer: Sendable {
    /// How actions are stored.
    public enum ActionKind: Sendable, Equatable {
        /// Numbered actions.
        case discrete
        /// Vectors of this length.
        case continuous(Int)

        var width: Int {
            switch self {
            case .discrete: 1
            case .continuous(let dimensions): dimensions
            }
        }
    }

    public let capacity: Int
    public let stateDimensions: Int
    public let actionKind: ActionKind
    /// Steps that are stored.
    public private(set) var count = 0
    private var next = 0
    private var states: [Float]
    private var nextStates: [Float]
    private var actions: [Float]
    private var rewards: [Float]
    private var ends: [EpisodeEnd]

    /// - Precondition: all sizes are positive, and numbered actions stay below 2²⁴ (they are stored as `Float`).
    public init(capacity: Int, stateDimensions: Int, actions kind: ActionKind) {
        precondition(
            capacity > 0 && stateDimensions > 0 && kind.width > 0,
            "a buffer of \(capacity) steps, states of \(stateDimensions) and actions of \(kind.width) numbers")
        self.capacity = capacity
        self.stateDimensions = stateDimensions
        actionKind = kind
        states = [Float](repeating: 0, count: capacity * stateDimensions)
        nextStates = states
        actions = [Float](repeating: 0, count: capacity * kind.width)
        rewards = [Float](repeating: 0, count: capacity)
        ends = [EpisodeEnd](repeating: .none, count: capacity)
    }

    /// Stores a step with a numbered action.
    public mutating func append(
        state: some Collection<Float>, action: Int, reward: Float, nextState: some Collection<Float>,
        end: EpisodeEnd = .none
    ) {
        precondition(actionKind == .discrete, "a numbered action in a buffer of \(actionKind)")
        append(state: state, action: CollectionOfOne(Float(action)), reward: reward, nextState: nextState, end: end)
    }

    /// Stores a step.
    /// - Precondition: the lengths of states and action are the buffer's.
    public mutating func append(
        state: some Collection<Float>, action: some Collection<Float>, reward: Float,
        nextState: some Collection<Float>, end: EpisodeEnd = .none
    ) {
        precondition(
            state.count == stateDimensions && nextState.count == stateDimensions && action.count == actionKind.width,
            "states of \(state.count) and \(nextState.count) and an action of \(action.count) numbers in a buffer of "
                + "\(stateDimensions) and \(actionKind.width)")
        write(state, to: &states, row: next, width: stateDimensions)
        write(nextState, to: &nextStates, row: next, width: stateDimensions)
        write(action, to: &actions, row: next, width: actionKind.width)
        rewards[next] = reward
        ends[next] = end
        next = (next + 1) % capacity
        count = min(count + 1, capacity)
    }

    /// Steps drawn uniformly, with replacement.
    /// - Precondition: the buffer is not empty.
    public func sample(_ batch: Int, using generator: inout SeededGenerator) -> Transitions {
        precondition(count > 0, "a sample of an empty buffer")
        return transitions((0..<batch).map { _ in generator.integer(below: count) })
    }

    /// The steps at the given places.
    public func transitions(_ rows: [Int]) -> Transitions {
        let width = actionKind.width
        let taken: Tensor
        switch actionKind {
        case .discrete: taken = Tensor(rows.map { Int(actions[$0]) })
        case .continuous: taken = Tensor(gathered(actions, rows, width: width), shape: [rows.count, width])
        }
        return Transitions(
            states: Tensor(gathered(states, rows, width: stateDimensions), shape: [rows.count, stateDimensions]),
            actions: taken, rewards: Tensor(rows.map { rewards[$0] }),
            nextStates: Tensor(
                gathered(nextStates, rows, width: stateDimensions), shape: [rows.count, stateDimensions]),
            notTerminal: Tensor(rows.map { ends[$0] == .terminal ? Float(0) : 1 }))
    }

    /// How the step at a place ended.
    public func end(_ row: Int) -> EpisodeEnd { ends[row] }

    private func write(_ values: some Collection<Float>, to array: inout [Float], row: Int, width: Int) {
        var place = row * width
        for value in values {
            array[place] = value
            place += 1
        }
    }

    private func gathered(_ array: [Float], _ rows: [Int], width: Int) -> [Float] {
        [Float](unsafeUninitializedCapacity: rows.count * width) { result, written in
            array.withUnsafeBufferPointer { source in
                for (index, row) in rows.enumerated() {
                    for column in 0..<width { result[index * width + column] = source[row * width + column] }
                }
            }
            written = rows.count * width
        }
    }
}
