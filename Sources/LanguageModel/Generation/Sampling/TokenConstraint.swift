/// Which tokens a continuation may hold, as an automaton: each state allows a set of tokens, and each token leads to the
/// next state. The first state is the start.
///
/// Tokens that end a text are tokens like others: a continuation ends by itself only where they are allowed. Where nothing
/// is allowed it ends as well (``FinishReason/constraint``).
public struct TokenConstraint: Sendable, Hashable, Codable {
    public struct State: Sendable, Hashable, Codable {
        public var allowed: TokenSet
        /// The state after an allowed token.
        public var next: Int
        /// The state after particular tokens, in the place of ``next``.
        public var exceptions: [TokenID: Int]

        public init(allowed: TokenSet, next: Int, exceptions: [TokenID: Int] = [:]) {
            self.allowed = allowed
            self.next = next
            self.exceptions = exceptions
        }
    }

    public var states: [State]

    public init(states: [State]) { self.states = states }

    /// Each token from one set, in turn and over again: with two sets, even steps take from one and odd steps from the
    /// other (self-skepticism's text tokens and levels, spec 02 §4.3).
    public static func alternating(_ sets: [TokenSet]) -> TokenConstraint {
        TokenConstraint(
            states: sets.enumerated().map { State(allowed: $1, next: ($0 + 1) % sets.count) })
    }

    /// One of some texts, and after it a token of `ends`.
    public static func oneOf(_ options: [[TokenID]], ends: TokenSet) -> TokenConstraint {
        var states = [State(allowed: TokenSet([]), next: 0)]
        var leaves: [Int] = []
        for option in options {
            var state = 0
            for token in option {
                if let known = states[state].exceptions[token] {
                    state = known
                    continue
                }
                states.append(State(allowed: TokenSet([]), next: 0))
                states[state].exceptions[token] = states.count - 1
                state = states.count - 1
            }
            leaves.append(state)
        }
        // After the end nothing is allowed.
        let finished = states.count
        for index in states.indices {
            states[index].allowed = TokenSet(states[index].exceptions.keys)
            states[index].next = finished
        }
        for leaf in leaves { states[leaf].allowed = states[leaf].allowed.union(ends) }
        states.append(State(allowed: TokenSet([]), next: finished))
        return TokenConstraint(states: states)
    }

    /// The state after a token.
    func state(after token: TokenID, in state: Int) -> Int {
        states[state].exceptions[token] ?? states[state].next
    }

    /// - Throws: ``GenerationOptionsError`` where a state leads nowhere.
    func validate() throws {
        func check(_ state: Int, _ found: String) throws {
            guard states.indices.contains(state) else {
                throw GenerationOptionsError(
                    field: "constraint", found: found, allowed: "states from 0 to \(states.count - 1)")
            }
        }
        guard !states.isEmpty else {
            throw GenerationOptionsError(field: "constraint", found: "without states", allowed: "at least one state")
        }
        for (index, state) in states.enumerated() {
            try check(state.next, "state \(index) with the next state \(state.next)")
            for (token, next) in state.exceptions {
                try check(next, "state \(index) with the state \(next) after token \(token)")
            }
        }
    }
}
