import Corpora
import Evaluation

/// A support conversation as a small Markov decision process with known truth.
///
/// The supporter picks one of eight strategies a turn, for at most 12 turns. Understanding and rapport must be built before
/// suggestions help: that takes turns without an immediate gain, so a supporter that plans does better than one that takes
/// what looks best now. A small bonus for comforting and advising words is the bait for the latter. All constants are of
/// our own making; returns of the usual policies are computed exactly by ``evaluate(_:discount:)``.
public struct SupportWorld: Sendable {
    /// Most turns of the supporter.
    public let horizon: Int
    /// Immediate bonus of affirmation, suggestions and information.
    public let bait: Double
    /// Reward for closing the conversation (`SupportStrategy.others`) once the distress is gone.
    public let closingReward: Double

    /// One possible outcome of a turn.
    public struct Transition: Sendable, Equatable {
        public let probability: Double
        public let state: SupportState
        /// `D_t − D_{t+1}`, plus the bait and the closing reward where they apply.
        public let reward: Double
        /// The conversation is closed.
        public let ends: Bool
    }

    /// States at the first turn, equally likely.
    public let startStates: [SupportState]

    public init(
        horizon: Int = 12, bait: Double = 0.2, closingReward: Double = 2,
        startStates: [SupportState] = [3, 4].map { SupportState(distress: $0, understanding: 0, rapport: 0) }
    ) {
        precondition(horizon > 0 && !startStates.isEmpty, "a support world needs a turn and a state to start from")
        self.startStates = startStates
        self.horizon = horizon
        self.bait = bait
        self.closingReward = closingReward
    }

    /// All outcomes of a strategy in a state, with probabilities that sum to 1.
    public func transitions(from state: SupportState, _ strategy: SupportStrategy) -> [Transition] {
        if strategy == .others, state.distress == 0 {
            return [Transition(probability: 1, state: state, reward: closingReward, ends: true)]
        }
        let (chance, changed) = Self.effect(of: strategy, in: state)
        let bonus = Self.baited.contains(strategy) ? bait : 0
        func outcome(_ probability: Double, _ next: SupportState) -> Transition {
            Transition(
                probability: probability, state: next, reward: Double(state.distress - next.distress) + bonus,
                ends: false)
        }
        guard chance > 0, changed != state else { return [outcome(1, state)] }
        return [outcome(chance, changed), outcome(1 - chance, state)]
    }

    private static let baited: Set<SupportStrategy> = [.affirmation, .suggestions, .information]

    /// The one change that a strategy can make, and its probability.
    private static func effect(of strategy: SupportStrategy, in state: SupportState) -> (Double, SupportState) {
        switch strategy {
        case .question:
            // Asking on when all is told annoys.
            return state.understanding < 3 ? (0.8, state.adding(understanding: 1)) : (0.2, state.adding(distress: 1))
        case .restatement:
            return (0.5, state.adding(understanding: 1))
        case .reflectionOfFeelings:
            return state.understanding >= 1 ? (0.8, state.adding(rapport: 1)) : (0, state)
        case .selfDisclosure:
            return state.understanding >= 1 ? (0.4, state.adding(rapport: 1)) : (0, state)
        case .affirmation:
            return ([0.1, 0.3, 0.4][state.rapport], state.adding(distress: -1))
        case .suggestions:
            return advice(in: state, strength: 1)
        case .information:
            return advice(in: state, strength: 0.5)
        case .others:
            return (0, state)
        }
    }

    /// Advice helps one who is understood and trusts, and hurts otherwise.
    private static func advice(in state: SupportState, strength: Double) -> (Double, SupportState) {
        guard state.rapport >= 1, state.understanding >= 2 else {
            return (0.3 * strength, state.adding(distress: 1))
        }
        return ((state.understanding == 2 ? 0.6 : 0.9) * strength, state.adding(distress: -1))
    }

    /// Draws a start state.
    public func start(using generator: inout SeededGenerator) -> SupportState { generator.element(of: startStates) }

    /// Draws one outcome.
    public func step(
        _ state: SupportState, _ strategy: SupportStrategy, using generator: inout SeededGenerator
    ) -> Transition {
        let outcomes = transitions(from: state, strategy)
        return outcomes[generator.index(weights: outcomes.map(\.probability))]
    }
}

/// Many support conversations side by side, each with random numbers of its own: conversation `first + i` at turn t gives
/// the same outcome for the same strategy, whatever runs beside it.
public struct SupportBatch: Sendable {
    public let world: SupportWorld
    public private(set) var states: [SupportState]
    /// True for a conversation that was closed or has used all its turns.
    public private(set) var isDone: [Bool]
    public private(set) var turn = 0
    private let streams: [SeededGenerator]

    public init(_ world: SupportWorld = SupportWorld(), seed: UInt64, first: Int = 0, count: Int) {
        self.world = world
        streams = (0..<count).map { SeededGenerator(seed: seed, UInt64(first + $0)) }
        states = streams.map { stream in
            var generator = stream.split("start")
            return world.start(using: &generator)
        }
        isDone = [Bool](repeating: false, count: count)
    }

    /// One turn of every open conversation.
    /// - Parameter strategies: one for each conversation; those of done conversations are not used.
    /// - Returns: rewards, 0 for a conversation that was done before.
    public mutating func step(_ strategies: [SupportStrategy]) -> [Double] {
        precondition(
            strategies.count == states.count, "\(strategies.count) strategies for \(states.count) conversations")
        var rewards = [Double](repeating: 0, count: states.count)
        for index in states.indices where !isDone[index] {
            var generator = streams[index].split(UInt64(turn))
            let outcome = world.step(states[index], strategies[index], using: &generator)
            states[index] = outcome.state
            rewards[index] = outcome.reward
            isDone[index] = outcome.ends || turn + 1 == world.horizon
        }
        turn += 1
        return rewards
    }
}
