import Evaluation
import Foundation
import Reinforcement
import Tensors
import Worlds

/// Finished sessions in the order of each user's time, and batches of them for learning.
package struct FeedReplay {
    /// Summaries that the history of a session shows at most.
    package static let historyLength = 8
    /// Views of a session that are learned from; what comes later is cut off as a truncation.
    package static let sessionLength = 24

    package let catalogue: FeedCatalogue
    package let optionWidth: Int
    private let summaryWidth: Int
    package private(set) var sessions: [FeedSession] = []
    private var summaries: [Float] = []
    /// First session of the user's run that each session belongs to.
    private var runStarts: [Int] = []

    package init(_ catalogue: FeedCatalogue, optionWidth: Int) {
        self.catalogue = catalogue
        self.optionWidth = optionWidth
        summaryWidth = FeedSession.summaryWidth(catalogue, optionWidth: optionWidth)
    }

    package var count: Int { sessions.count }

    /// Adds one user's run, oldest session first.
    package mutating func append(run: [FeedSession]) {
        let start = sessions.count
        for session in run {
            sessions.append(session)
            summaries += session.summary(catalogue, optionWidth: optionWidth)
            runStarts.append(start)
        }
    }

    /// Places of sessions drawn uniformly.
    package func rows(_ count: Int, using generator: inout SeededGenerator) -> [Int] {
        (0..<count).map { _ in generator.integer(below: sessions.count) }
    }

    /// The last items that the user of a session had clicked before it, oldest first, at most `count`.
    package func clickedBefore(_ session: Int, count: Int) -> [Int] {
        var found: [Int] = []
        var place = session - 1
        while place >= runStarts[session], found.count < count {
            let earlier = sessions[place]
            for (item, clicked) in zip(earlier.items, earlier.clicks).reversed() where clicked && found.count < count {
                found.append(Int(item))
            }
            place -= 1
        }
        return found.reversed()
    }

    /// Sessions drawn uniformly.
    ///
    /// - Parameters:
    ///   - lag: an agent sees sessions at least so many before the current one; 0 and 1 are the same for what is decided
    ///     when a session begins.
    ///   - discounting: what later sessions are worth now.
    package func sample(
        _ batch: Int, lag: Int, discounting: SessionDiscounting, using generator: inout SeededGenerator
    ) -> FeedSessionBatch {
        FeedSessionBatch(self, rows: rows(batch, using: &generator), lag: lag, discounting: discounting)
    }

    /// What came after the end of a session, discounted to that end.
    ///
    /// - Returns: the clicks of the sessions that are read, with `returnReward` for each return; the discount of the
    ///   session that follows the last read one, 0 where the user never came back; and that last one.
    package func after(
        _ session: Int, _ discounting: SessionDiscounting
    ) -> (reward: Float, weight: Float, last: Int) {
        var (reward, weight, last) = (0.0, 1.0, session)
        for ahead in 1... {
            guard !sessions[last].isTerminal else { return (Float(reward), 0, last) }
            weight *= pow(discounting.daily, Double(sessions[last].gapAfter))
            if !sessions[last].isCut { reward += weight * discounting.returnReward }
            let isNextKnown = last + 1 < count && runStarts[last + 1] == runStarts[session]
            guard ahead < discounting.sessions, isNextKnown else { break }
            last += 1
            for (view, clicked) in sessions[last].clicks.enumerated() {
                if view > 0 { weight *= discounting.view }
                if clicked { reward += weight }
            }
        }
        return (Float(reward), Float(weight), last)
    }

    /// What is visible of a user's past when a session begins: the newest summaries, newest last, 0 in front where there are
    /// fewer `[history, summary]`.
    /// - Parameters:
    ///   - summaries: of all sessions before, oldest first.
    ///   - width: numbers of one.
    static func window(_ summaries: [Float], width: Int, lag: Int) -> [Float] {
        let visible = max(0, summaries.count / width - max(0, lag - 1))
        let shown = min(historyLength, visible)
        return [Float](repeating: 0, count: (historyLength - shown) * width)
            + summaries[((visible - shown) * width)..<(visible * width)]
    }

    /// The windows of summaries up to session `last` of the run of `session`, newest at the end; what is missing stays
    /// 0: `[rows, history, summary]`.
    fileprivate func history(_ rows: [(session: Int, last: Int)]) -> Tensor {
        let width = summaryWidth
        var values = [Float](repeating: 0, count: rows.count * Self.historyLength * width)
        for (row, place) in rows.enumerated() {
            let first = max(runStarts[place.session], place.last - Self.historyLength + 1)
            guard place.last >= first else { continue }
            let to = ((row + 1) * Self.historyLength - (place.last - first + 1)) * width
            for column in 0..<((place.last - first + 1) * width) {
                values[to + column] = summaries[first * width + column]
            }
        }
        return Tensor(values, shape: [rows.count, Self.historyLength, width])
    }
}

/// How far beyond a session its return is read from the log before a value stands for the rest, and how it is discounted.
package struct SessionDiscounting: Sendable, Equatable {
    /// Session ends that are looked across: with 1 a value stands at the beginning of the next session. Later ones are
    /// taken as they were played, by an older policy.
    package var sessions = 1
    /// From view to view of later sessions.
    package var view = 1.0
    /// For every day between two sessions.
    package var daily = 1.0
    /// Clicks that a return counts beside those it brings.
    package var returnReward = 0.0

    package init(sessions: Int = 1, view: Double = 1, daily: Double = 1, returnReward: Double = 0) {
        self.sessions = sessions
        self.view = view
        self.daily = daily
        self.returnReward = returnReward
    }
}

/// Sessions side by side: memories run over padded time, everything else over the views that there are, one row a view.
package struct FeedSessionBatch {
    /// Sessions.
    package let count: Int
    /// `[sessions, history, summary]`: what was visible when the session began, and when the one after the last that is
    /// read did.
    package let history: Tensor
    package let nextHistory: Tensor
    /// `[sessions, context]`.
    package let context: Tensor
    package let nextContext: Tensor
    /// `[sessions, time]`, padded with 0: for memories.
    package let paddedItems: Tensor
    package let paddedClicks: Tensor
    /// Place of each view in padded time with a state before the first view: `session · (time + 1) + view`, and the one
    /// after it. `[views]`.
    package let before: Tensor
    package let after: Tensor
    /// The session of each view `[views]`.
    package let sessionOfView: Tensor
    /// `[views]`, `int64`.
    package let items: Tensor
    /// `[views]`, 0 or 1.
    package let clicks: Tensor
    /// 1 at the view that ended the session `[views]`; a session that was cut (``FeedSession/isCut``, or longer than
    /// ``FeedReplay/sessionLength``) has none.
    package let isLast: Tensor
    /// Slots in units of 20 `[views, 1]`, and those after.
    package let slots: Tensor
    package let nextSlots: Tensor
    /// `[sessions, option]`.
    package let options: Tensor
    /// What was done in place of an option: ``options`` but for logged sessions (``FeedSession/played``)
    /// `[sessions, option]`.
    package let playedOptions: Tensor
    /// Clicks of the whole session `[sessions]`.
    package let sessionClicks: Tensor
    /// What came after the session, up to where ``nextHistory`` stands, discounted to the session's end `[sessions]`.
    package let laterReward: Tensor
    /// The discount of what comes from there on; 0 where the user never came back `[sessions]`.
    package let laterWeight: Tensor

    package init(
        _ replay: FeedReplay, rows: [Int], lag: Int, discounting: SessionDiscounting = SessionDiscounting()
    ) {
        let sessions = rows.map { replay.sessions[$0] }
        let later = rows.map { replay.after($0, discounting) }
        let delay = max(1, lag)
        count = rows.count
        history = replay.history(rows.map { ($0, $0 - delay) })
        nextHistory = replay.history(later.map { ($0.last, $0.last + 1 - delay) })
        context = Tensor(
            sessions.flatMap {
                FeedSession.context(day: $0.day, gap: $0.gapBefore, demographic: $0.demographic)
            }, shape: [count, FeedSession.contextWidth])
        nextContext = Tensor(
            later.map { replay.sessions[$0.last] }.flatMap {
                FeedSession.context(day: $0.day + $0.gapAfter, gap: $0.gapAfter, demographic: $0.demographic)
            }, shape: [count, FeedSession.contextWidth])
        let longest = min(FeedReplay.sessionLength, sessions.map(\.items.count).max() ?? 1)
        var shown = [Int](repeating: 0, count: count * longest)
        var clicked = [Float](repeating: 0, count: count * longest)
        var places: [Int] = []
        var owners: [Int] = []
        var viewItems: [Int] = []
        var viewClicks: [Float] = []
        var last: [Float] = []
        var views: [Float] = []
        for (row, session) in sessions.enumerated() {
            for view in 0..<min(longest, session.items.count) {
                let item = Int(session.items[view])
                let click: Float = session.clicks[view] ? 1 : 0
                shown[row * longest + view] = item
                clicked[row * longest + view] = click
                places.append(row * (longest + 1) + view)
                owners.append(row)
                viewItems.append(item)
                viewClicks.append(click)
                last.append(view == session.items.count - 1 && !session.isCut ? 1 : 0)
                views.append(Float(view + 1))
            }
        }
        paddedItems = Tensor(shown, shape: [count, longest])
        paddedClicks = Tensor(clicked, shape: [count, longest])
        before = Tensor(places)
        after = Tensor(places.map { $0 + 1 })
        sessionOfView = Tensor(owners)
        items = Tensor(viewItems)
        clicks = Tensor(viewClicks)
        isLast = Tensor(last)
        slots = Tensor(views.map { $0 / 20 }, shape: [views.count, 1])
        nextSlots = Tensor(views.map { ($0 + 1) / 20 }, shape: [views.count, 1])
        let blank = [Float](repeating: 0, count: replay.optionWidth)
        options = Tensor(
            sessions.flatMap { $0.option.isEmpty ? blank : $0.option }, shape: [count, replay.optionWidth])
        playedOptions = Tensor(
            sessions.flatMap { session in
                [session.played, session.option].first { !$0.isEmpty } ?? blank
            }, shape: [count, replay.optionWidth])
        sessionClicks = Tensor(sessions.map { Float($0.clickCount) })
        laterReward = Tensor(later.map(\.reward))
        laterWeight = Tensor(later.map(\.weight))
    }

    /// Targets of the views: rewards are clicks, `following` is what comes after a view, discounted `[views]`.
    ///
    /// The trace runs within a session. It takes later choices as they were made, by an older policy; a trace of 0 does
    /// without them.
    package func targets(following: Tensor, discount: Double, trace: Double) -> Tensor {
        guard trace > 0 else { return clicks + following }
        let owners = sessionOfView.integers
        let isLast = owners.indices.map { $0 + 1 == owners.count || owners[$0 + 1] != owners[$0] }
        return Tensor(
            Returns.traced(
                rewards: clicks.floats, following: following.floats, isLast: isLast, discount: Float(discount),
                trace: Float(trace)))
    }

    /// Rows of what a session is played with, one for each view.
    package func perView(_ sessions: Tensor) -> Tensor { sessions.selected(sessionOfView, along: 0) }
}
