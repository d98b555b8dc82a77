import Evaluation

/// Lets a policy serve a group of users until each has churned or reached the horizon.
public struct FeedRollout: Sendable {
    public let world: FeedWorld
    public let users: Range<Int>
    public let luckSeed: UInt64
    /// Items that a policy fixes at a time, before any of them is seen; 1: slot by slot.
    public let pageLength: Int

    /// Two rollouts with the same users and seed meet the same luck: compare policies in pairs.
    public init(world: FeedWorld, users: Range<Int>, luckSeed: UInt64, pageLength: Int = 1) {
        self.world = world
        self.users = users
        self.luckSeed = luckSeed
        self.pageLength = pageLength
    }

    /// - Parameter observe: sees the outcomes of every step, for logs and live tables; those of pages when all active users
    ///   are through with theirs.
    /// - Throws: `WorldError`; `.invalid` for pages of no item or of more than there are.
    public func run(
        _ policy: some FeedPolicy, observe: ((FeedBatch, [FeedOutcome]) throws -> Void)? = nil
    ) throws -> FeedReport {
        var policy = policy
        var batch = try FeedBatch(world: world, users: users, luckSeed: luckSeed, keepsHistory: true)
        var outcomes: [FeedOutcome] = []
        var choices: [Int32] = []
        var report = FeedReport(policy: policy.name, users: users.count, configuration: world.configuration)
        while !batch.isFinished {
            try batch.fillPages(of: pageLength, by: &policy, into: &choices)
            try batch.step(choices, pageLength: pageLength, outcomes: &outcomes)
            for outcome in outcomes { report.add(outcome) }
            try observe?(batch, outcomes)
        }
        return report
    }
}

/// What a policy achieved with a group of users.
public struct FeedReport: Sendable {
    public let policy: String
    public let users: Int
    public private(set) var sessions: [SessionMetrics.Session] = []
    public private(set) var returnGaps: [Int?] = []
    /// Realised clicks of each user (by lane): what paired intervals need.
    public private(set) var clicksByUser: [Int32]
    /// True click probabilities of each user's views, summed: the same mean with less noise.
    public private(set) var expectedClicksByUser: [Double]
    public private(set) var sessionsByUser: [Int32]
    public private(set) var clicksByDay: [Int]
    public private(set) var viewsByDay: [Int]
    public private(set) var churned = 0
    private var openViews: [Int32]
    private var openClicks: [Int32]

    init(policy: String, users: Int, configuration: FeedConfiguration) {
        self.policy = policy
        self.users = users
        clicksByUser = [Int32](repeating: 0, count: users)
        expectedClicksByUser = [Double](repeating: 0, count: users)
        sessionsByUser = [Int32](repeating: 0, count: users)
        openViews = clicksByUser
        openClicks = clicksByUser
        clicksByDay = [Int](repeating: 0, count: configuration.horizonInDays)
        viewsByDay = clicksByDay
    }

    mutating func add(_ outcome: FeedOutcome) {
        let lane = Int(outcome.lane)
        openViews[lane] += 1
        viewsByDay[Int(outcome.day)] += 1
        expectedClicksByUser[lane] += Double(outcome.clickProbability)
        if outcome.clicked {
            openClicks[lane] += 1
            clicksByUser[lane] += 1
            clicksByDay[Int(outcome.day)] += 1
        }
        guard outcome.endsSession else { return }
        sessions.append(
            SessionMetrics.Session(
                views: Int(openViews[lane]), clicks: Int(openClicks[lane]), reward: Double(openClicks[lane])))
        sessionsByUser[lane] += 1
        openViews[lane] = 0
        openClicks[lane] = 0
        if outcome.ending == .churned { churned += 1 }
        returnGaps.append(outcome.ending == .churned ? nil : Int(outcome.gapInDays))
    }

    public var views: Int { viewsByDay.reduce(0, +) }
    public var clickThroughRate: Double { views > 0 ? Double(clicksByDay.reduce(0, +)) / Double(views) : 0 }
    public var viewsPerSession: Double { sessions.isEmpty ? 0 : Double(views) / Double(sessions.count) }
    public var clicksPerUser: Double { Double(clicksByDay.reduce(0, +)) / Double(max(1, users)) }
    public var expectedClicksPerUser: Double { expectedClicksByUser.reduce(0, +) / Double(max(1, users)) }
    public var sessionsPerUser: Double { Double(sessions.count) / Double(max(1, users)) }
    public var summary: SessionMetrics.Summary? { SessionMetrics.summary(sessions) }
    public var survival: [Double] { SessionMetrics.survival(sessions, limit: 50) }
}
