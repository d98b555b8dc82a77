import Tensors

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
