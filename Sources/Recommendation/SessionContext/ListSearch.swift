/// A beginning of a list while it is being built.
public struct ListPrefix: Sendable, Equatable {
    /// Which request it belongs to.
    public let request: Int
    public internal(set) var items: [Int32] = []
    /// The expected click of each item: what stands in for the clicks that have not happened yet.
    public internal(set) var clicks: [Float] = []
    /// `S_t = Π_{j<t} p^b_j`: the probability that the next slot is seen.
    public internal(set) var reach = 1.0
    public internal(set) var expectedViews = 0.0
    public internal(set) var expectedClicks = 0.0
    /// `p^c + w_v` of each slot and its `p^b`, for values-to-go.
    var gains: [Double] = []
    var browses: [Double] = []

    public init(request: Int, items: [Int32] = [], clicks: [Float] = []) {
        self.request = request
        self.items = items
        self.clicks = clicks
    }
}

/// Click and browse probabilities of every item at the next slot of some prefixes.
public protocol ListScorer {
    var itemCount: Int { get }
    /// - Returns: row by row `[prefixes, itemCount]`.
    func score(_ prefixes: [ListPrefix]) -> (clicks: [Float], browses: [Float])
}

/// Builds lists that maximise the expected value of a session,
/// `J(π) = Σ_t S_t (p^c_t + w_v)` with `S_1 = 1`, `S_t = Π_{j<t} p^b_j`.
///
/// At slot t an item is worth `p^c + w_v + p^b V_{t+1}`, where `V_{t+1}` is the mean value still to come from slot t + 1 on.
/// A beam keeps the best prefixes by the sum over the slots so far plus that estimate; a beam of one is the greedy rule.
/// No item stands in a list twice.
public struct ListSearch: Sendable, Equatable {
    public var length: Int
    public var beamWidth: Int
    /// w_v: what a view is worth in clicks.
    public var viewWeight: Double
    /// `V_1 … V_{length + 1}`; the last is 0. All 0 and no view weight ranks by the click alone.
    public var valueToGo: [Double]

    /// Ranks by expected value.
    public init(length: Int, beamWidth: Int = 1, viewWeight: Double, valueToGo: [Double]) {
        precondition(length > 0 && beamWidth > 0, "a list of \(length) items with a beam of \(beamWidth)")
        precondition(valueToGo.count == length + 1, "\(valueToGo.count) values-to-go for \(length) slots and the end")
        self.length = length
        self.beamWidth = beamWidth
        self.viewWeight = viewWeight
        self.valueToGo = valueToGo
    }

    /// Ranks by the click probability of each slot.
    public static func clicks(length: Int) -> ListSearch {
        ListSearch(length: length, viewWeight: 0, valueToGo: [Double](repeating: 0, count: length + 1))
    }

    /// The best list found for each request.
    /// - Parameter excluded: items that a request's list must not have, one set for each request; empty for none.
    /// - Precondition: `length` items are left for each request.
    public func run(_ scorer: some ListScorer, requests: Int, excluding excluded: [Set<Int32>] = []) -> [ListPrefix] {
        precondition(excluded.isEmpty || excluded.count == requests, "a set of excluded items for each request")
        let least = scorer.itemCount - (excluded.map(\.count).max() ?? 0)
        precondition(least >= length, "a list of \(length) from \(least) items")
        var beams = (0..<requests).map { [ListPrefix(request: $0)] }
        for slot in 0..<length {
            let scores = scorer.score(beams.flatMap { $0 })
            var row = 0
            for request in beams.indices {
                let from = row
                row += beams[request].count
                beams[request] = extended(
                    beams[request], slot: slot, itemCount: scorer.itemCount,
                    excluded: excluded.isEmpty ? [] : excluded[request],
                    clicks: scores.clicks[(from * scorer.itemCount)..<(row * scorer.itemCount)],
                    browses: scores.browses[(from * scorer.itemCount)..<(row * scorer.itemCount)])
            }
        }
        return beams.map { $0[0] }
    }

    /// The `beamWidth` best extensions of the beams of one request, best first.
    private func extended(
        _ beams: [ListPrefix], slot: Int, itemCount: Int, excluded: Set<Int32>, clicks: ArraySlice<Float>,
        browses: ArraySlice<Float>
    ) -> [ListPrefix] {
        struct Candidate {
            let beam: Int
            let item: Int32
            let value: Double
        }
        var best: [Candidate] = []
        let next = valueToGo[slot + 1]
        for (place, beam) in beams.enumerated() {
            let shown = excluded.union(beam.items)
            // What all extensions of one prefix share is left out where there is but one: it would cost digits.
            let base = beams.count > 1 ? beam.expectedClicks + viewWeight * beam.expectedViews : 0
            let scale = beams.count > 1 ? beam.reach : 1
            let click = clicks.dropFirst(place * itemCount)
            let browse = browses.dropFirst(place * itemCount)
            for item in 0..<itemCount where !shown.contains(Int32(item)) {
                let gain =
                    Double(click[click.startIndex + item]) + viewWeight + Double(browse[browse.startIndex + item])
                    * next
                let value = base + scale * gain
                if best.count == beamWidth, let worst = best.last, value <= worst.value { continue }
                let at = best.firstIndex { $0.value < value } ?? best.count
                best.insert(Candidate(beam: place, item: Int32(item), value: value), at: at)
                if best.count > beamWidth { best.removeLast() }
            }
        }
        return best.map { candidate in
            var prefix = beams[candidate.beam]
            let place = candidate.beam * itemCount + Int(candidate.item)
            let click = Double(clicks[clicks.startIndex + place])
            let browse = Double(browses[browses.startIndex + place])
            prefix.expectedViews += prefix.reach
            prefix.expectedClicks += prefix.reach * click
            prefix.reach *= browse
            prefix.items.append(candidate.item)
            prefix.clicks.append(Float(click))
            prefix.gains.append(click + viewWeight)
            prefix.browses.append(browse)
            return prefix
        }
    }

    /// The mean value still to come from each slot on, by the scorer's own probabilities:
    /// `G_t = p^c_t + w_v + p^b_t G_{t+1}`. One more entry than slots, the last 0.
    public static func valuesToGo(of lists: [ListPrefix], length: Int) -> [Double] {
        var means = [Double](repeating: 0, count: length + 1)
        for list in lists {
            var value = 0.0
            for slot in stride(from: length - 1, through: 0, by: -1) {
                value = list.gains[slot] + list.browses[slot] * value
                means[slot] += value
            }
        }
        return means.map { $0 / Double(max(1, lists.count)) }
    }

    /// A search whose values-to-go are running means over the lists it builds itself, beginning with those of lists ranked
    /// by clicks.
    /// - Parameters:
    ///   - rounds: how often lists are built and the values taken from them.
    public static func fitted(
        to scorer: some ListScorer, requests: Int, length: Int, viewWeight: Double, rounds: Int = 3
    ) -> ListSearch {
        var search = ListSearch.clicks(length: length)
        search.viewWeight = viewWeight
        for round in 0..<rounds {
            let found = valuesToGo(of: search.run(scorer, requests: requests), length: length)
            let share = round == 0 ? 1 : 0.5
            search.valueToGo = zip(search.valueToGo, found).map { $0 + share * ($1 - $0) }
        }
        return search
    }
}
