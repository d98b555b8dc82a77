/// How old features must be before a learner may read them.
public enum FeatureDelay: Sendable, Hashable, CustomStringConvertible {
    /// 0: everything up to the previous slot (on the device). `n`: events of sessions at least `n` before the current one.
    case sessions(Int)
    /// Events at least this many minutes old.
    case minutes(Float)

    /// Features on the device itself.
    public static var immediate: FeatureDelay { .sessions(0) }

    public var description: String {
        switch self {
        case .sessions(let count): "\(count) sessions"
        case .minutes(let count): "\(count) minutes"
        }
    }
}

/// What one user saw, oldest first, six bytes and a bit a view.
public struct FeedHistory: Sendable, Equatable {
    public private(set) var items: [Int32] = []
    public private(set) var clicks: [Bool] = []
    private var days: [Int16] = []
    private var slots: [Int16] = []
    /// First event of each session.
    public private(set) var sessionStarts: [Int32] = []

    public var count: Int { items.count }

    mutating func append(item: Int32, clicked: Bool, session: Int16, slot: Int16, day: Int16) {
        while sessionStarts.count <= Int(session) { sessionStarts.append(Int32(items.count)) }
        items.append(item)
        clicks.append(clicked)
        days.append(day)
        slots.append(slot)
    }

    /// The events that features delayed by `delay` may use in the given session: always a prefix of the history.
    ///
    /// - Parameters:
    ///   - session: the current session.
    ///   - minute: minutes since day 0 (`day * 1440 + (slot - 1) * minutesPerView`) of the decision; for `.minutes` only.
    public func visible(
        session: Int, delay: FeatureDelay, minute: Float = .infinity, minutesPerView: Float = 0.5
    ) -> Range<Int> {
        switch delay {
        case .sessions(let lag):
            guard lag > 0 else { return 0..<count }
            let first = session - lag + 1
            guard first > 0 else { return 0..<0 }
            return 0..<(first < sessionStarts.count ? Int(sessionStarts[first]) : count)
        case .minutes(let age):
            var low = 0
            var high = count
            while low < high {
                let middle = (low + high) / 2
                let at = Float(days[middle]) * 1_440 + Float(slots[middle] - 1) * minutesPerView
                if at <= minute - age { low = middle + 1 } else { high = middle }
            }
            return 0..<low
        }
    }

    /// The events of the session, empty before its first view.
    public func events(ofSession session: Int) -> Range<Int> {
        guard session < sessionStarts.count else { return count..<count }
        let end = session + 1 < sessionStarts.count ? Int(sessionStarts[session + 1]) : count
        return Int(sessionStarts[session])..<end
    }
}
