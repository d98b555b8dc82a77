public import Worlds

/// Sessions of exposed items with clicks and browse decisions, and what each user had clicked before.
///
/// Only what was really shown has rows: items that a user never reached are no negatives.
public struct SessionLog: Sendable, Equatable {
    /// The exposed item of each row; a session's rows stand in the order of the slots.
    public private(set) var items: [Int32] = []
    public private(set) var clicks: [Bool] = []
    /// Whether the user went on to the next item.
    public private(set) var browses: [Bool] = []
    /// False where the session ended because the list did: nobody knows whether the user would have gone on.
    public private(set) var knowsBrowse: [Bool] = []
    /// What each row counts in the click loss.
    public private(set) var clickWeights: [Float] = []
    /// Session `s` has the rows `sessionStarts[s] ..< sessionStarts[s + 1]`.
    public private(set) var sessionStarts: [Int] = [0]
    /// The profile group of each session's user.
    public private(set) var profiles: [Int32] = []
    /// Clicked items, user by user in the order of time.
    private var clicked: [Int32] = []
    /// The part of `clicked` that each session may read: clicks of the same user in earlier sessions.
    private var histories: [Range<Int>] = []
    private var userStart = 0

    public init() {}

    public var sessionCount: Int { sessionStarts.count - 1 }
    public var rowCount: Int { items.count }

    public func rows(ofSession session: Int) -> Range<Int> { sessionStarts[session]..<sessionStarts[session + 1] }

    /// The last clicked items of the user before the session, oldest first.
    public func history(ofSession session: Int, most: Int) -> ArraySlice<Int32> {
        clicked[histories[session]].suffix(most)
    }

    /// Starts the next user, who has clicked nothing yet.
    public mutating func startUser() { userStart = clicked.count }

    /// Adds the current user's next session.
    /// - Parameters:
    ///   - endIsKnown: false where the list ended before the user left.
    ///   - weights: of the clicks' losses; 1 each where nothing is said.
    /// - Precondition: at least one item, lists of equal length.
    public mutating func append(
        items: some Collection<Int32>, clicks: some Collection<Bool>, endIsKnown: Bool, profile: Int32 = 0,
        weights: [Float]? = nil
    ) {
        precondition(!items.isEmpty && items.count == clicks.count, "\(items.count) items, \(clicks.count) clicks")
        precondition(weights.map { $0.count == items.count } ?? true, "one weight for each item")
        histories.append(userStart..<clicked.count)
        profiles.append(profile)
        self.items += items
        self.clicks += clicks
        browses += [Bool](repeating: true, count: items.count - 1) + [!endIsKnown]
        knowsBrowse += [Bool](repeating: true, count: items.count - 1) + [endIsKnown]
        clickWeights += weights ?? [Float](repeating: 1, count: items.count)
        sessionStarts.append(self.items.count)
        for (item, isClicked) in zip(items, clicks) where isClicked { clicked.append(item) }
    }

    /// The share of sessions with at least `t` views, for `t = 1 … count`.
    public func reach(count: Int) -> [Double] {
        var lengths = [Int](repeating: 0, count: count + 1)
        for session in 0..<sessionCount { lengths[min(rows(ofSession: session).count, count)] += 1 }
        var alive = sessionCount
        return (1...count).map { length in
            defer { alive -= lengths[length] }
            return Double(alive) / Double(max(1, sessionCount))
        }
    }
}

extension SessionLog {
    /// How clicks are weighted to undo the exposure bias of a log.
    public enum Debiasing: Sendable, Equatable {
        case none
        /// `1 / (P(shown) · P(slot reached))`, cut off at `cap` times the mean and scaled to mean 1.
        case inversePropensity(cap: Float)
    }

    /// The sessions of a simulated feed. Sessions that reached the world's last slot have an unknown end.
    public init(_ log: FeedLog, users: FeedUsers, debiasing: Debiasing = .none) {
        self.init()
        var user: Int32 = -1
        for session in 0..<log.sessionCount {
            let rows = log.rows(ofSession: session)
            let last = rows.upperBound - 1
            if log.users[last] != user {
                user = log.users[last]
                startUser()
            }
            append(
                items: log.items[rows], clicks: log.clicks[rows], endIsKnown: !log.capped[last],
                profile: users.demographics[Int(user)])
        }
        if case .inversePropensity(let cap) = debiasing, rowCount > 0 {
            let reach = reach(count: Int(log.slots.max() ?? 1))
            let raw = (0..<rowCount).map { row in
                1 / (log.propensities[row] * Float(reach[Int(log.slots[row]) - 1]))
            }
            let limit = cap * raw.reduce(0, +) / Float(raw.count)
            let cut = raw.map { min($0, limit) }
            let mean = cut.reduce(0, +) / Float(cut.count)
            clickWeights = cut.map { $0 / mean }
        }
    }
}
