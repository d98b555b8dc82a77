import Corpora
import Evaluation

/// A supporter that sees the hidden state and the turn: probabilities of the eight strategies.
public struct SupportPolicy: Sendable {
    private let table: [[[Double]]]

    /// - Parameter probabilities: `[turn][state index][strategy]`, each row with sum 1.
    init(table: [[[Double]]]) { self.table = table }

    /// Probabilities in the canonical order of `SupportStrategy`.
    public func probabilities(_ state: SupportState, turn: Int) -> [Double] { table[turn][state.index] }

    /// The most likely strategy; the earlier in canonical order among equals.
    public func mostLikely(_ state: SupportState, turn: Int) -> SupportStrategy {
        let row = table[turn][state.index]
        return SupportStrategy.allCases[row.indices.max { (row[$0], -$0) < (row[$1], -$1) } ?? 0]
    }

    /// Draws a strategy.
    public func strategy(_ state: SupportState, turn: Int, using generator: inout SeededGenerator) -> SupportStrategy {
        SupportStrategy.allCases[generator.index(weights: table[turn][state.index])]
    }

    /// Every strategy equally likely, whatever the state.
    public static func random(horizon: Int = 12) -> SupportPolicy {
        let count = SupportStrategy.allCases.count
        let row = [Double](repeating: 1 / Double(count), count: count)
        return SupportPolicy(
            table: Array(repeating: Array(repeating: row, count: SupportState.allCases.count), count: horizon))
    }

    /// A supporter by rule of thumb that uses all eight strategies, each in states of its own: ask while nothing is told,
    /// build trust, comfort those who are badly off, advise those who are understood, and say goodbye when it is over. It
    /// earns less than a planner; what it does can be read off the state.
    public static func textbook(horizon: Int = 12) -> SupportPolicy {
        let rows = SupportState.allCases.map { state -> [Double] in
            let chosen = textbookStrategy(state)
            return SupportStrategy.allCases.map { $0 == chosen ? 1 : 0 }
        }
        return SupportPolicy(table: Array(repeating: rows, count: horizon))
    }

    private static func textbookStrategy(_ state: SupportState) -> SupportStrategy {
        if state.distress == 0 { return .others }
        switch (state.understanding, state.rapport) {
        case (0, _): return .question
        case (1, 0): return .reflectionOfFeelings
        case (2, 0): return .restatement
        case (_, 0): return .selfDisclosure
        case (1, _): return state.rapport == 1 ? .question : .restatement
        case (2, _): return state.distress >= 3 ? .affirmation : .information
        default: return .suggestions
        }
    }

    /// One of several policies drawn anew at every turn.
    public static func mixture(_ parts: [(share: Double, policy: SupportPolicy)]) -> SupportPolicy {
        precondition(!parts.isEmpty, "a mixture needs a policy")
        var table = parts[0].policy.table
        for turn in table.indices {
            for state in table[turn].indices {
                for strategy in table[turn][state].indices {
                    table[turn][state][strategy] = parts.reduce(0) {
                        $0 + $1.share * $1.policy.table[turn][state][strategy]
                    }
                }
            }
        }
        return SupportPolicy(table: table)
    }
}

// MARK: - Exact solutions

extension SupportWorld {
    /// Optimal action values by backward induction over the turns, exact.
    /// - Returns: `[turn][state index][strategy]`, the discounted sum of rewards from that turn on.
    public func optimalValues(discount: Double) -> [[[Double]]] {
        var later = [Double](repeating: 0, count: SupportState.allCases.count)
        var values: [[[Double]]] = []
        for _ in 0..<horizon {
            let current = SupportState.allCases.map { state in
                SupportStrategy.allCases.map { strategy in
                    transitions(from: state, strategy).reduce(0) { sum, outcome in
                        let following = outcome.ends ? 0 : discount * later[outcome.state.index]
                        return sum + outcome.probability * (outcome.reward + following)
                    }
                }
            }
            later = current.map { $0.max() ?? 0 }
            values.append(current)
        }
        return values.reversed()
    }

    /// The policy that maximises the discounted sum of rewards. Among strategies of equal value (to 1e-9) the earliest in
    /// canonical order is taken.
    public func optimalPolicy(discount: Double) -> SupportPolicy {
        SupportPolicy(
            table: optimalValues(discount: discount).map { turn in
                turn.map { values in
                    let best = values.max() ?? 0
                    let chosen = values.firstIndex { $0 >= best - 1e-9 } ?? 0
                    return values.indices.map { $0 == chosen ? 1 : 0 }
                }
            })
    }

    /// The myopic policy: the largest immediate reward.
    public var greedyPolicy: SupportPolicy { optimalPolicy(discount: 0) }

    /// The supporter whose log is imitated: 60 % optimal, 30 % greedy, 10 % random, drawn anew at every turn.
    public var noisyExpert: SupportPolicy {
        .mixture([(0.6, optimalPolicy(discount: 1)), (0.3, greedyPolicy), (0.1, .random(horizon: horizon))])
    }

    /// What a policy earns on average, exactly.
    public struct Outcome: Sendable, Equatable {
        /// Expected discounted sum of rewards.
        public let value: Double
        /// Expected distress at the end.
        public let finalDistress: Double
    }

    /// Follows the distribution over states turn by turn.
    public func evaluate(_ policy: SupportPolicy, discount: Double = 1) -> Outcome {
        var open = [Double](repeating: 0, count: SupportState.allCases.count)
        for state in startStates { open[state.index] += 1 / Double(startStates.count) }
        var value = 0.0
        var finalDistress = 0.0
        var weight = 1.0
        for turn in 0..<horizon {
            var next = [Double](repeating: 0, count: open.count)
            for state in SupportState.allCases where open[state.index] > 0 {
                let probabilities = policy.probabilities(state, turn: turn)
                for (strategy, chosen) in zip(SupportStrategy.allCases, probabilities) where chosen > 0 {
                    for outcome in transitions(from: state, strategy) {
                        let mass = open[state.index] * chosen * outcome.probability
                        value += weight * mass * outcome.reward
                        if outcome.ends {
                            finalDistress += mass * Double(outcome.state.distress)
                        } else {
                            next[outcome.state.index] += mass
                        }
                    }
                }
            }
            open = next
            weight *= discount
        }
        for state in SupportState.allCases { finalDistress += open[state.index] * Double(state.distress) }
        return Outcome(value: value, finalDistress: finalDistress)
    }
}
