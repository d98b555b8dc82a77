public import Tensors

extension SessionContextModel: Recommender {
    public var itemCount: Int { catalogue.count }

    /// The click probability of each candidate in the first slot of a session. Identities of users are not looked at.
    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        guard !users.isEmpty else { return .zeros([0, candidates.count]) }
        let scorer = SessionScorer(self, requests: users.map { SessionRequest(history: $0.history) })
        let found = scorer.score(users.indices.map { ListPrefix(request: $0) })
        return Tensor(found.clicks, shape: [users.count, itemCount])
            .selected(Tensor(candidates.map(Int.init)), along: 1)
    }

    /// Whole lists by the expected value of the session, best first slot first, with the views and clicks that the model
    /// expects of them.
    ///
    /// - Parameters:
    ///   - viewWeight: what a view is worth in clicks.
    ///   - beamWidth: prefixes kept at each slot; 1 is the greedy rule.
    /// - Throws: ``RecommendationError`` for items or profiles the model does not know, for no request, and for a list that is
    ///   empty, longer than the catalogue or than the sessions the model reads.
    public func lists(
        for requests: [SessionRequest], length: Int, viewWeight: Double = 0.2, beamWidth: Int = 5
    ) throws -> [ListPrefix] {
        guard length > 0, beamWidth > 0 else { throw RecommendationError.invalidCount(min(length, beamWidth)) }
        let most = min(itemCount, configuration.maximumSlots)
        guard length <= most, !requests.isEmpty else {
            throw RecommendationError.mismatch(
                reason: "\(requests.count) lists of \(length) items; the model gives lists of up to \(most)")
        }
        try check(requests.map { UserContext(history: $0.history) }, candidates: [])
        if let profile = requests.map(\.profile).first(where: { !(0..<Int32(profileCount)).contains($0) }) {
            throw RecommendationError.userOutOfRange(profile, count: profileCount)
        }
        let scorer = SessionScorer(self, requests: requests)
        var search = ListSearch.fitted(
            to: scorer, requests: min(requests.count, 64), length: length, viewWeight: viewWeight)
        search.beamWidth = beamWidth
        return search.run(scorer, requests: requests.count)
    }
}
