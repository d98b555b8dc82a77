import Corpora
import Training

/// How a user's own log becomes sessions and vectors of items; none of it is used in the feed world.
public struct LogSettings: Codable, Sendable, Equatable {
    public var sessionGap = 1800.0
    public var day = 86_400.0
    public var sessionLength = 20
    public var dimensions = 32
    public var vectorEpochs = 20
    public var vectorRate = 3e-3
    public var imitation = 1.0

    public init() {}

    static let fields = [
        RecipeField(
            "sessionGap", "A longer gap between two rows of a user begins a session, in the unit of the log's times.",
            range: .above(0), source: "ours: 30 minutes of a log in seconds"),
        RecipeField(
            "day", "A day in the unit of the log's times: what is discounted between sessions.", range: .above(0),
            source: "ours: a log in seconds"),
        RecipeField(
            "sessionLength",
            "Rows of a session; a longer one is cut. A log without times has sessions of this length throughout.",
            range: .between(1, Double(FeedReplay.sessionLength)), source: "ours"),
        RecipeField("dimensions", "Of the learned part of an item's vector.", range: .between(1, 1024), source: "ours"),
        RecipeField(
            "vectorEpochs", "Most passes over the liked training rows for vectors of items (BPR).",
            range: .between(1, 1_000_000), source: "ours"),
        RecipeField("vectorRate", "Learning rate for vectors of items.", range: .above(0), source: "ours"),
        RecipeField(
            "imitation", "Pull of proto-items to what was liked, beside what their values are.", range: .atLeast(0),
            source: "ours"),
    ]
}

extension LogSettings {
    /// Days that the networks' inputs are made for: later ones, and longer gaps, are taken as this.
    static let horizon = 30

    /// Cuts consecutive rows of one user into sessions: after a longer gap than ``sessionGap``, and after
    /// ``sessionLength`` rows.
    ///
    /// Days count from the first row. No session is terminal: who never comes back is not seen in a log. What was cut by
    /// its length, and the last session, is a truncation that more may follow at once (spec 05 §11).
    ///
    /// A session depends on its own rows and those before it alone, so that the sessions of a part of a log are a part of its
    /// sessions.
    func sessions(_ rows: Range<Int>, of data: FeedbackData) -> [FeedSession] {
        guard let first = rows.first else { return [] }
        let times = data.log.times
        func day(_ row: Int) -> Int { times.isEmpty ? 0 : days(times[row] - times[first]) }
        var finished: [FeedSession] = []
        var open = FeedSession()
        for row in rows {
            let isOver = row > first && !times.isEmpty && times[row] - times[row - 1] > sessionGap
            if isOver || open.items.count == sessionLength {
                var next = FeedSession()
                next.day = day(row)
                if isOver { next.gapBefore = min(Self.horizon, days(times[row] - times[row - 1])) }
                open.gapAfter = next.gapBefore
                open.isCut = !isOver
                finished.append(open)
                open = next
            }
            open.items.append(data.log.itemIndices[row])
            open.clicks.append(data.isLiked[row])
        }
        open.isCut = true
        return finished + [open]
    }

    /// Whole days of a time, ``horizon`` at most.
    private func days(_ time: Double) -> Int {
        let days = time / day
        return days < Double(Self.horizon) ? max(0, Int(days)) : Self.horizon
    }
}

extension FeedbackData {
    /// The rows of a user that a part asks for: those after the part before, liked or not.
    func rows(_ part: InteractionSplit.Part, ofUser user: Int) -> Range<Int> {
        let all = log.rows(ofUser: user)
        let train = trainRows(ofUser: user)
        let held = split.rows(.validation, user: user).count
        var validationEnd = train.upperBound
        if held > 0 {
            let liked = all.filter { isLiked[$0] }
            validationEnd = liked[split.rows(.train, user: user).count + held - 1] + 1
        }
        return switch part {
        case .train: train
        case .validation: train.upperBound..<validationEnd
        case .test: validationEnd..<all.upperBound
        }
    }
}
