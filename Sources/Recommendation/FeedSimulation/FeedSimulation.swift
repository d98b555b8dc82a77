public import Experiments
public import Foundation
import Training
public import Worlds

/// Policies side by side in one feed world, under the same luck.
public struct FeedSimulation: Sendable {
    /// The world and its users, where no trained agent brings its own.
    public struct Settings: Sendable, Equatable {
        public var users = 512
        public var items = 300
        public var preset = HierarchicalAgentRecipe.Preset.longTerm
        public var seed = 0

        public init() {}
    }

    /// How far the running policy is.
    public struct Live: Sendable, Equatable {
        public let policy: String
        public var views = 0
        public var clicks = 0
        public var sessions = 0
        public var usersLeft = 0
        private var gaps = 0
        private var returns = 0

        init(policy: String) { self.policy = policy }

        public var viewsPerSession: Double { Double(views) / Double(max(1, sessions)) }
        /// Days to the next session of those who came back.
        public var meanGap: Double { Double(gaps) / Double(max(1, returns)) }

        mutating func add(_ outcome: FeedOutcome) {
            views += 1
            clicks += outcome.clicked ? 1 : 0
            guard outcome.endsSession else { return }
            sessions += 1
            if outcome.ending != .churned {
                returns += 1
                gaps += Int(outcome.gapInDays)
            }
        }
    }

    private enum Policy: Sendable {
        case random, popular, myopic, planning
        case agent(URL, HierarchicalAgentRecipe)
    }

    private let policies: [(name: String, policy: Policy)]
    private let rollout: FeedRollout

    /// The names of policies that need no training.
    public static let builtIn = ["random", "popular", "myopic-oracle", "planning-oracle"]

    /// - Parameters:
    ///   - names: of ``builtIn``, or of trained agents.
    ///   - locate: finds the folder of a trained agent.
    /// - Throws: ``RecommendationError/mismatch(reason:)`` where agents of different worlds are named together or the
    ///   artefact is no `hierarchical-agent`, what `locate` throws, `WorldError`.
    public init(_ names: [String], _ settings: Settings, locate: (String) throws -> URL) throws {
        var policies: [(name: String, policy: Policy)] = []
        var shared: HierarchicalAgentRecipe?
        for name in names {
            switch name {
            case "random": policies.append((name, .random))
            case "popular": policies.append((name, .popular))
            case "myopic-oracle": policies.append((name, .myopic))
            case "planning-oracle": policies.append((name, .planning))
            default:
                let folder = try locate(name)
                let manifest = try ArtefactManifest.read(from: folder)
                guard manifest.kind == HierarchicalAgentMethod.name else {
                    throw RecommendationError.mismatch(
                        reason: "\(name) was trained by \(manifest.kind); a feed is served by "
                            + (Self.builtIn + ["a trained \(HierarchicalAgentMethod.name)"]).joined(separator: ", "))
                }
                let recipe = try HierarchicalAgentMethod.settings(
                    RecipeDocument(yaml: manifest.recipe, source: "\(name)/manifest.json"))
                if let shared, shared.configuration != recipe.configuration || shared.seed != recipe.seed {
                    throw RecommendationError.mismatch(
                        reason: "\(name) was trained in another feed world than the agent before it")
                }
                shared = recipe
                policies.append((name, .agent(folder, recipe)))
            }
        }
        self.policies = policies
        if let shared {
            rollout = try HierarchicalAgentMethod.measurement(shared)
        } else {
            var configuration = settings.preset == .null ? FeedConfiguration.null : .longTerm
            configuration.itemCount = settings.items
            configuration.userCount = settings.users
            let world = try FeedWorld(configuration, seed: UInt64(settings.seed))
            rollout = FeedRollout(world: world, users: 0..<settings.users, luckSeed: UInt64(settings.seed) &+ 1)
        }
    }

    /// Runs one policy after another.
    /// - Parameter observe: told every few steps how far it is; may throw to stop.
    @TensorActor
    public func run(observe: @escaping (Live) throws -> Void = { _ in }) throws -> [FeedReport] {
        try policies.map { name, policy in
            var live = Live(policy: name)
            var steps = 0
            func watch(_ batch: FeedBatch, _ outcomes: [FeedOutcome]) throws {
                for outcome in outcomes { live.add(outcome) }
                live.usersLeft = batch.activeLanes.count
                steps += 1
                if steps % 16 == 0 || batch.isFinished { try observe(live) }
            }
            switch policy {
            case .random: return try rollout.run(RandomFeedPolicy(seed: rollout.world.seed), observe: watch)
            case .popular: return try rollout.run(PopularFeedPolicy(world: rollout.world), observe: watch)
            case .myopic: return try rollout.run(MyopicOracle(), observe: watch)
            case .planning:
                let first = rollout.users.lowerBound
                let oracle = try PlanningOracle.fitted(
                    world: rollout.world, users: first..<min(first + 64, rollout.users.upperBound),
                    luckSeed: rollout.luckSeed &+ 1)
                return try rollout.run(oracle, observe: watch)
            case .agent(let folder, let recipe):
                return try HierarchicalAgentMethod.simulate(folder, with: recipe, rollout: rollout, observe: watch)
            }
        }
    }

    /// Views, clicks, length and return of each policy.
    public func table(_ reports: [FeedReport]) -> Table {
        var table = Table(
            "Feed, \(rollout.users.count) users, \(rollout.world.configuration.horizonInDays) days",
            columns: [
                "policy", "views", "clicks per user", "click rate", "views a session", "sessions per user",
                "days to return", "churned",
            ],
            note: "clicks are true probabilities; all policies meet the same users with the same luck")
        for (name, report) in zip(policies.map(\.name), reports) {
            let gaps = report.returnGaps.compactMap(\.self)
            table.append([
                .text(name), .integer(report.views), .number(report.expectedClicksPerUser, decimals: 2),
                .percent(report.clickThroughRate), .number(report.viewsPerSession, decimals: 2),
                .number(report.sessionsPerUser, decimals: 2),
                gaps.isEmpty ? .empty : .number(Double(gaps.reduce(0, +)) / Double(gaps.count), decimals: 2),
                .percent(Double(report.churned) / Double(max(1, report.users))),
            ])
        }
        return table
    }

    /// The table with survival of sessions and clicks over days.
    public func report(_ reports: [FeedReport]) -> Report {
        let named = Array(zip(policies.map(\.name), reports))
        let survival = LineChart(
            "Sessions that last", xLabel: "views", yLabel: "share of sessions",
            series: named.map { name, report in
                LineChart.Series(
                    name, points: report.survival.enumerated().map { (x: Double($0.offset + 1), y: $0.element) })
            })
        let clicks = LineChart(
            "Clicks over days", xLabel: "day", yLabel: "clicks per user of the start",
            series: named.map { name, report in
                LineChart.Series(
                    name,
                    points: report.clicksByDay.enumerated().map {
                        (x: Double($0.offset), y: Double($0.element) / Double(max(1, report.users)))
                    })
            })
        return Report(
            "Feed", subtitle: "\(rollout.users.count) simulated users, world seed \(rollout.world.seed)",
            sections: [
                Report.Section("Policies", [.table(table(reports))]),
                Report.Section("Sessions and days", [.chart(survival), .chart(clicks)]),
            ])
    }
}
