/// Whole-session and retention metrics, from the logged or simulated sessions.
public enum SessionMetrics {
    /// Views, clicks and reward of one session.
    public struct Session: Sendable, Equatable {
        public let views: Int
        public let clicks: Int
        public let reward: Double

        public init(views: Int, clicks: Int, reward: Double) {
            self.views = views
            self.clicks = clicks
            self.reward = reward
        }
    }

    public struct Summary: Sendable, Equatable {
        public let sessions: Int
        public let viewsPerSession: Double
        public let clicksPerSession: Double
        public let clickThroughRate: Double
        public let medianViews: Double
        /// Sum of rewards per session.
        public let totalReward: Double
        /// Reward per view.
        public let averageReward: Double
    }

    /// - Returns: `nil` without sessions.
    public static func summary(_ sessions: [Session]) -> Summary? {
        guard !sessions.isEmpty else { return nil }
        let count = Double(sessions.count)
        let views = sessions.reduce(0) { $0 + $1.views }
        let clicks = sessions.reduce(0) { $0 + $1.clicks }
        let reward = sessions.reduce(0.0) { $0 + $1.reward }
        let lengths = sessions.map(\.views).sorted()
        let middle = lengths.count / 2
        let median =
            lengths.count % 2 == 1 ? Double(lengths[middle]) : Double(lengths[middle - 1] + lengths[middle]) / 2
        return Summary(
            sessions: sessions.count, viewsPerSession: Double(views) / count, clicksPerSession: Double(clicks) / count,
            clickThroughRate: views > 0 ? Double(clicks) / Double(views) : 0, medianViews: median,
            totalReward: reward / count, averageReward: views > 0 ? reward / Double(views) : 0)
    }

    /// `S(t)`: the share of sessions with at least `t` views, for `t = 1 ... limit`.
    public static func survival(_ sessions: [Session], limit: Int) -> [Double] {
        guard !sessions.isEmpty else { return [] }
        var atLength = [Int](repeating: 0, count: limit + 1)
        for session in sessions where session.views > 0 { atLength[min(session.views, limit)] += 1 }
        var alive = atLength.reduce(0, +)
        var curve: [Double] = []
        for length in 1...limit {
            curve.append(Double(alive) / Double(sessions.count))
            alive -= atLength[length]
        }
        return curve
    }

    /// Mean days to return and the share that returned on the next day; `nil` gaps are users who never returned, which
    /// count in the rate's denominator but have no return time.
    public static func retention(gapsInDays: [Int?]) -> (meanReturnDays: Double?, nextDayRate: Double)? {
        guard !gapsInDays.isEmpty else { return nil }
        let returned = gapsInDays.compactMap { $0 }
        let mean = returned.isEmpty ? nil : Double(returned.reduce(0, +)) / Double(returned.count)
        return (mean, Double(returned.count { $0 <= 1 }) / Double(gapsInDays.count))
    }

    /// Lifetime value: `sum_t discount^t values[t]`, oldest first.
    public static func lifetimeValue(_ values: [Double], discount: Double) -> Double {
        ListMetrics.discountedReward(values, discount: discount)
    }
}
