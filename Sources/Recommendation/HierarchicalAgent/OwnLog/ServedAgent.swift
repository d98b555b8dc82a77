public import Tensors

/// A two-level agent that was trained on a log, as it serves: the upper level's options are stored, late as they are in
/// the paper's cloud; the lower level reads what was clicked in the session that goes on.
public final class ServedAgent: Recommender {
    private let agent: HierarchicalAgent
    /// Of each user, then of a stranger `[users + 1, option]`.
    private let options: Tensor
    /// Views of a session that the lower level has learned from, but the one that is asked for.
    private let longest: Int
    private let strangers: Int

    /// - Parameters:
    ///   - options: `[users + 1, option]`, that of a stranger last.
    ///   - sessionLength: views of a session in the training.
    init(_ agent: HierarchicalAgent, options: Tensor, sessionLength: Int) {
        self.agent = agent
        self.options = options
        strangers = options.size(0) - 1
        longest = sessionLength - 1
    }

    public var itemCount: Int { agent.catalogue.itemCount }

    /// `w · e` after the newest items of the history as clicked views of the session that goes on, with the option of the
    /// user, or of a stranger.
    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        if let user = users.compactMap(\.user).first(where: { !(0..<Int32(strangers)).contains($0) }) {
            throw RecommendationError.userOutOfRange(user, count: strangers)
        }
        let histories = users.map { $0.history.suffix(longest) }
        let rows = users.map { $0.user.map(Int.init) ?? strangers }
        return withoutGradients {
            var state = Tensor.zeros([users.count, agent.stateWidth])
            let steps = histories.map(\.count).max() ?? 0
            for step in 0..<steps {
                // Shorter histories begin later.
                let places = histories.map { step - (steps - $0.count) }
                let items = zip(histories, places).map { $1 < 0 ? 0 : Int($0[$0.startIndex + $1]) }
                let next = agent.advance(
                    state, items: Tensor(items), clicks: Tensor([Float](repeating: 1, count: users.count)), slots: state
                )
                state = next * Tensor(places.map { $0 < 0 ? Float(0) : 1 }, shape: [users.count, 1])
            }
            let context = Tensor(
                users.flatMap { _ in FeedSession.context(day: 0, gap: 0, demographic: 0) },
                shape: [users.count, FeedSession.contextWidth])
            let scores = agent.scores(
                state: state,
                session: .concatenated(
                    [options.selected(Tensor(rows), along: 0), LowerNetwork.context(context)], along: 1),
                slots: Tensor(histories.map { Float($0.count + 1) / 20 }, shape: [users.count, 1]), shown: [],
                noise: 0, random: RandomSource(seed: 0))
            return ItemSelection(candidates, of: itemCount)(scores.transposed(0, 1)).transposed(0, 1)
        }
    }
}
