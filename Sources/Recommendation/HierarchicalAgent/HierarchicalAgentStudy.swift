public import Experiments
import Tensors
import Training
import Worlds

/// Does a level that plans across sessions earn more clicks in a month than one level that plans across views, and does
/// it bear late features better (mccHRL; spec 05 §10)?
///
/// Every variant is trained for each seed in a world of its own, with the same log, users, views and updates, and is
/// measured on other users by the world's true click probabilities.
public struct HierarchicalAgentStudy: Study {
    public let id = "hierarchical-agent"
    public let paper = "Hierarchical Reinforcement Learning for Temporal Abstraction of Listwise Recommendation"
    public let summary =
        "Two levels with two clocks in a feed whose users come back or do not: against one level, a myopic ranker, and "
        + "itself with a constant option or late features."
    public let world = World.synthetic
    public let claims = HierarchicalAgentStudy.allClaims

    public init() {}

    public func budget(_ scale: Scale) -> Budget {
        let own = HierarchicalAgentScale(scale)
        let steps = HierarchicalAgentVariant.trained(own).reduce(0) { $0 + $1.preset.budget(own).updates }
        return Budget(seeds: own.seeds, steps: steps)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = HierarchicalAgentScale(context.scale)
        let measured = try await context.measure { seed in try values(seed: seed, scale, context) }
        return try context.result(
            measured, protocol: Self.protocolFields(scale),
            tables: [Self.table(measured), Self.lagTable(measured, scale)])
    }

    @TensorActor
    private func values(seed: Int, _ scale: HierarchicalAgentScale, _ context: StudyContext) throws -> SeedValues {
        var values = SeedValues()
        for preset in HierarchicalAgentVariant.Preset.allCases {
            let ground = try FeedTrainingGround(
                preset.configuration(scale), budget: preset.budget(scale),
                // Settings were searched in world 1.
                seed: UInt64(seed) + 100)
            for bound in try Self.bounds(ground) {
                values[preset.prefix + bound.policy, Metric.clicks] = bound.expectedClicksPerUser
                values[preset.prefix + bound.policy, Metric.sessions] = bound.sessionsPerUser
                values[preset.prefix + bound.policy, Metric.views] = bound.viewsPerSession
            }
            for variant in HierarchicalAgentVariant.trained(scale)
            where variant.preset == preset && Self.isNeeded(variant, context) {
                context.note("\(variant.name), \(preset.rawValue) world", seed: seed)
                let agent = variant.agent(ground)
                try ground.train(agent, exploration: variant.exploration) { _, _ in try context.checkInterruption() }
                let report = try ground.measure(agent)
                values[variant.name, Metric.clicks] = report.expectedClicksPerUser
                values[variant.name, Metric.sessions] = report.sessionsPerUser
                values[variant.name, Metric.views] = report.viewsPerSession
            }
        }
        for (name, fresh, late) in HierarchicalAgentVariant.lagged {
            let lags = [0] + scale.lags
            let known = lags.compactMap { lag in
                values[lag == 0 ? fresh : late(lag), Metric.clicks].map { (x: Double(lag), y: $0) }
            }
            // Fitted where every lag was measured; under ablation some are not.
            if known.count == lags.count { values[name, Metric.loss] = -Self.slope(known) }
        }
        return values
    }

    /// Least squares.
    static func slope(_ points: [(x: Double, y: Double)]) -> Double {
        let count = Double(points.count)
        let meanX = points.reduce(0) { $0 + $1.x } / count
        let meanY = points.reduce(0) { $0 + $1.y } / count
        let spread = points.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
        return points.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) } / spread
    }

    /// Floors and oracles under the same luck.
    private static func bounds(_ ground: FeedTrainingGround) throws -> [FeedReport] {
        let rollout = ground.measurement
        let planner = try PlanningOracle.fitted(
            world: ground.world, users: 0..<min(64, ground.budget.trainingUsers), luckSeed: ground.seed)
        return [
            try rollout.run(RandomFeedPolicy(seed: ground.seed)),
            try rollout.run(PopularFeedPolicy(world: ground.world)), try rollout.run(MyopicOracle()),
            try rollout.run(planner),
        ]
    }

    private static func isNeeded(_ variant: HierarchicalAgentVariant, _ context: StudyContext) -> Bool {
        guard context.isAblated else { return true }
        return context.needs(variant.name) || variant.isPartOfSlope
    }
}

extension HierarchicalAgentStudy {
    enum Metric {
        /// Sum of true click probabilities of a user's views in 30 days, mean over measured users.
        static let clicks = "clicks-per-user"
        static let sessions = "sessions-per-user"
        static let views = "views-per-session"
        /// Clicks per user lost for every session that features are late.
        static let loss = "clicks-lost-per-session-of-lag"
    }

    private static let allClaims = [
        Claim(
            id: "hierarchical-agent-temporal-abstraction",
            statement: "Two levels earn more clicks in 30 days than one level trained by the same policy gradient.",
            metric: Metric.clicks, direction: .higher, method: HierarchicalAgentVariant.twoLevel.name,
            baseline: HierarchicalAgentVariant.flat.name,
            control: .init(HierarchicalAgentVariant.constantOption.name, kind: .ablated),
            minimumSeeds: Claim.reinforcementSeeds),
        Claim(
            id: "hierarchical-agent-temporal-abstraction-sessions",
            statement: "Two levels bring users back for more sessions in 30 days than one level.",
            metric: Metric.sessions, direction: .higher, method: HierarchicalAgentVariant.twoLevel.name,
            baseline: HierarchicalAgentVariant.flat.name,
            control: .init(HierarchicalAgentVariant.constantOption.name, kind: .ablated),
            minimumSeeds: Claim.reinforcementSeeds),
        Claim(
            id: "hierarchical-agent-temporal-abstraction-null",
            statement: "Two levels earn more clicks than one level, and not where nothing shown has consequences.",
            metric: Metric.clicks, direction: .higher, method: HierarchicalAgentVariant.twoLevel.name,
            baseline: HierarchicalAgentVariant.flat.name,
            control: .init(
                HierarchicalAgentVariant.nullTwoLevel.name, kind: .null,
                baseline: HierarchicalAgentVariant.nullFlat.name),
            minimumSeeds: Claim.reinforcementSeeds),
        Claim(
            id: "hierarchical-agent-temporal-abstraction-myopic",
            statement: "Two levels earn more clicks in 30 days than a ranker by click probability.",
            metric: Metric.clicks, direction: .higher, method: HierarchicalAgentVariant.twoLevel.name,
            baseline: HierarchicalAgentVariant.ranking.name,
            control: .init(
                HierarchicalAgentVariant.nullTwoLevel.name, kind: .null,
                baseline: HierarchicalAgentVariant.nullRanking.name),
            minimumSeeds: Claim.reinforcementSeeds),
        Claim(
            id: "hierarchical-agent-temporal-abstraction-two-topics",
            statement: "The same as temporal-abstraction in a world of two topics, whose best policy is known.",
            metric: Metric.clicks, direction: .higher, method: inTwoTopics(.twoLevel), baseline: inTwoTopics(.flat),
            control: .init(inTwoTopics(.constantOption), kind: .ablated), minimumSeeds: Claim.reinforcementSeeds),
        Claim(
            id: "hierarchical-agent-temporal-abstraction-myopic-two-topics",
            statement: "The same as temporal-abstraction-myopic in that world.",
            metric: Metric.clicks, direction: .higher, method: inTwoTopics(.twoLevel), baseline: inTwoTopics(.ranking),
            control: .init(
                HierarchicalAgentVariant.twoLevel.placed(in: .nullTwoTopics).name, kind: .null,
                baseline: HierarchicalAgentVariant.ranking.placed(in: .nullTwoTopics).name),
            minimumSeeds: Claim.reinforcementSeeds),
        Claim(
            id: "hierarchical-agent-stale-cloud",
            statement: "Late features cost two levels, of which only the upper is late, fewer clicks than one level.",
            metric: Metric.loss, direction: .lower, method: "two-level", baseline: "flat",
            control: .init("two-level-all-late", kind: .ablated), minimumSeeds: Claim.reinforcementSeeds),
    ]

    private static func inTwoTopics(_ variant: HierarchicalAgentVariant) -> String {
        variant.placed(in: .twoTopics).name
    }

    private static func protocolFields(_ scale: HierarchicalAgentScale) -> [String: JSONValue] {
        let training = scale.training
        return [
            "data": .text(
                "feed world of our own, one for each seed; null: no drift by clicks, browsing and returning free of "
                    + "what is shown; two topics: 60 items, no tastes, \(scale.small.updates) updates a variant, "
                    + "\(scale.small.measuredUsers) measured users"),
            "items": .integer(scale.items), "trainingUsers": .integer(training.trainingUsers),
            "measuredUsers": .integer(training.measuredUsers), "logUsers": .integer(training.logUsers),
            "rounds": .integer(training.episodes), "usersPerRound": .integer(training.episodeUsers),
            "updatesPerVariant": .integer(training.updates), "sessionsPerUpdate": .integer(training.batchSessions),
            "lags": .array(scale.lags.map { .integer($0) }),
            "metric": "true click probabilities of the views of users not learned from, the same luck for all variants",
        ]
    }

    private static func table(_ measured: [SeedValues]) -> Table {
        var table = Table(
            "Users not learned from, 30 days",
            columns: ["variant", "world", "clicks per user", "sessions per user", "views per session"],
            note: "mean over \(measured.count) seeds; clicks are true probabilities")
        let bounds = ["random", "popular", "myopic oracle", "planning oracle"]
        for preset in HierarchicalAgentVariant.Preset.allCases {
            let learned = HierarchicalAgentVariant.main.filter { $0.preset == preset }.map(\.name)
            for name in bounds.map({ preset.prefix + $0 }) + learned {
                func mean(_ metric: String) -> Table.Cell {
                    let values = measured.compactMap { $0[name, metric] }
                    return values.isEmpty ? .empty : .number(values.reduce(0, +) / Double(values.count), decimals: 2)
                }
                table.append([
                    .text(name), .text(preset.rawValue), mean(Metric.clicks), mean(Metric.sessions),
                    mean(Metric.views),
                ])
            }
        }
        return table
    }

    private static func lagTable(_ measured: [SeedValues], _ scale: HierarchicalAgentScale) -> Table {
        let lags = [0] + scale.lags
        var table = Table(
            "Clicks per user when features are late", columns: ["variant"] + lags.map { "\($0) sessions" },
            note: "late for the upper level only; for all of the flat agent; for both levels")
        for (name, fresh, late) in HierarchicalAgentVariant.lagged {
            let cells = lags.map { lag -> Table.Cell in
                let values = measured.compactMap { $0[lag == 0 ? fresh : late(lag), Metric.clicks] }
                return values.isEmpty ? .empty : .number(values.reduce(0, +) / Double(values.count), decimals: 2)
            }
            table.append([.text(name)] + cells)
        }
        return table
    }
}
