public import Tensors

/// Who a list is built for: the profile group and the items clicked in earlier sessions, oldest first.
public struct SessionRequest: Sendable, Equatable {
    public var profile: Int32
    public var history: [Int32]

    public init(profile: Int32 = 0, history: [Int32]) {
        self.profile = profile
        self.history = history
    }
}

/// Scores the whole catalogue for prefixes of lists. What does not change from slot to slot is computed once.
package final class SessionScorer: ListScorer {
    private let model: SessionContextModel
    private let table: Tensor  // [items, dimensions]
    private let constant: Tensor  // [requests, items, hidden]

    package init(_ model: SessionContextModel, requests: [SessionRequest], requestsPerPass: Int = 16) {
        self.model = model
        let items = withoutGradients { model.itemTable() }
        let count = model.catalogue.count
        let length = model.configuration.historyLength
        table = items
        let parts = stride(from: 0, to: requests.count, by: requestsPerPass).map { start in
            let some = requests[start..<min(start + requestsPerPass, requests.count)]
            let histories = SessionBatch.History(some.map { $0.history[...] }, length: length)
            return withoutGradients {
                model.constantPart(
                    profiles: Tensor(some.map { Int($0.profile) }).repeatedEach(count, along: 0),
                    items: items.tiled([some.count, 1]),
                    history: items.rows(histories.items).repeatedEach(count, along: 0),
                    mask: histories.mask.repeatedEach(count, along: 0)
                ).reshaped(some.count, count, -1)
            }
        }
        constant = .concatenated(parts, along: 0)
    }

    package var itemCount: Int { model.catalogue.count }

    package func score(_ prefixes: [ListPrefix]) -> (clicks: [Float], browses: [Float]) {
        var clicks: [Float] = []
        var browses: [Float] = []
        for start in stride(from: 0, to: prefixes.count, by: 64) {
            let some = Array(prefixes[start..<min(start + 64, prefixes.count)])
            let (click, browse) = withoutGradients { probabilities(some) }
            clicks += click.floats
            browses += browse.floats
        }
        return (clicks, browses)
    }

    /// `[prefixes, items]` each; the browse probability is the mean over the click.
    private func probabilities(_ prefixes: [ListPrefix]) -> (click: Tensor, browse: Tensor) {
        let slot = prefixes[0].items.count
        precondition(prefixes.allSatisfy { $0.items.count == slot }, "prefixes of one length are scored together")
        precondition(slot < model.configuration.maximumSlots, "slot \(slot + 1) lies beyond the model's window")
        var sums = constant.selected(Tensor(prefixes.map(\.request)), along: 0)
        let shown = table.rows(Tensor(prefixes.flatMap { $0.items.map(Int.init) }, shape: [prefixes.count, slot]))
        let flags = Tensor(prefixes.flatMap(\.clicks), shape: [prefixes.count, slot])
        let context = model.contexts(items: shown, clicks: flags)?.select(slot, along: 1)
        let slots = Tensor([Int](repeating: slot, count: prefixes.count))
        if let part = model.changingPart(slots: slots, contexts: context) { sums = sums + part.expanded(axis: 1) }
        if let context, let part = model.matchPart(table: table, contexts: context) { sums = sums + part }
        let click = model.clickLogits(sums).sigmoid()
        guard model.configuration.browseSeesClick else {
            return (click, model.browseLogits(sums, clicks: click).sigmoid())
        }
        let liked = model.browseLogits(sums, clicks: .ones(like: click)).sigmoid()
        let passed = model.browseLogits(sums, clicks: .zeros(like: click)).sigmoid()
        return (click, click * liked + (1 - click) * passed)
    }
}

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
    ///   - excludesHistory: whether items of a request's own history are left out of its list.
    /// - Throws: ``RecommendationError`` for items or profiles the model does not know, for no request, and for a list that is
    ///   empty, longer than what is left of the catalogue or than the sessions the model reads.
    public func lists(
        for requests: [SessionRequest], length: Int, viewWeight: Double = 0.2, beamWidth: Int = 5,
        excludesHistory: Bool = false
    ) throws -> [ListPrefix] {
        guard length > 0, beamWidth > 0 else { throw RecommendationError.invalidCount(min(length, beamWidth)) }
        let met = excludesHistory ? requests.map { Set($0.history) } : []
        let most = longestList(without: met.map(\.count).max() ?? 0)
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
        return search.run(scorer, requests: requests.count, excluding: met)
    }

    /// The longest list that ``lists(for:length:viewWeight:beamWidth:excludesHistory:)`` can give.
    /// - Parameter excluded: how many items of the catalogue may not be in it.
    func longestList(without excluded: Int) -> Int { min(itemCount - excluded, configuration.maximumSlots) }
}
