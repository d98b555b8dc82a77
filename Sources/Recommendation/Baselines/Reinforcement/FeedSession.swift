import Worlds

/// One finished session of a user, as agents keep it.
package struct FeedSession {
    package var items: [Int32] = []
    package var clicks: [Bool] = []
    /// Day of the first view.
    package var day = 0
    /// Days since the session before; 0 for the first.
    package var gapBefore = 0
    /// Days to the next session; what stands there after a churn does not matter.
    package var gapAfter = 0
    /// The user never came back: terminal. A session at the horizon is not.
    package var isTerminal = false
    package var demographic = 0
    /// What the high level handed down; empty where there is none.
    package var option: [Float] = []
    /// More of the session follows, or may: the log ends here, or it was cut to pieces. What it ends with is a truncation
    /// for the level of views too.
    package var isCut = false
    /// Of a logged session, which was not served by the agent: the option that what was shown comes closest to. Empty
    /// where ``option`` was played.
    package var played: [Float] = []

    package init() {}

    package var clickCount: Int { clicks.count { $0 } }

    /// What is known before a session begins: time, gap, who.
    package static let contextWidth = 7

    package static func context(day: Int, gap: Int, demographic: Int) -> [Float] {
        [Float(day) / 30, Float(gap) / 10] + (0..<5).map { $0 == demographic ? 1 : 0 }
    }

    /// Numbers that a past session is remembered by: mean of the clicked items, views, clicks, the gap before it, and
    /// the option it was played with (spec 05 §1.4).
    package static func summaryWidth(_ catalogue: FeedCatalogue, optionWidth: Int) -> Int {
        catalogue.dimensions + 3 + optionWidth
    }

    package func summary(_ catalogue: FeedCatalogue, optionWidth: Int) -> [Float] {
        var mean = [Float](repeating: 0, count: catalogue.dimensions)
        let count = clickCount
        if count > 0 {
            for (item, clicked) in zip(items, clicks) where clicked {
                for (place, value) in catalogue.row(Int(item)).enumerated() { mean[place] += value / Float(count) }
            }
        }
        let own = option.isEmpty ? [Float](repeating: 0, count: optionWidth) : option
        return mean + [Float(items.count) / 10, Float(count) / 5, Float(gapBefore) / 10] + own
    }
}
