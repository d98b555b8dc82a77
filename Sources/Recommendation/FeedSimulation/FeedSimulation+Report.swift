import Evaluation
public import Experiments
public import Worlds

/// What a comparison of feed policies found: for tables, reports and scripts.
public struct FeedSimulationResult: Sendable, Equatable, Encodable {
    /// One policy under the luck that all share.
    public struct Row: Sendable, Equatable, Encodable {
        public let policy: String
        public let views: Int
        /// True click probabilities summed over a user's views, mean over users.
        public let clicksPerUser: Double
        public let clickRate: Double
        public let viewsPerSession: Double
        public let sessionsPerUser: Double
        /// Until the next session of those who came back; nil where nobody did.
        public let daysToReturn: Double?
        /// Share of users who never came back.
        public let churned: Double
        /// Clicks per user more than the first policy, by user; nil for the first itself.
        public let difference: Difference?
        /// Share of sessions with at least 1, 2, 3 … views.
        public let survival: [Double]
        /// Clicks of a day for each user of the start.
        public let clicksByDay: [Double]
    }

    /// A paired difference with its 95 % interval (Student's t over users).
    public struct Difference: Sendable, Equatable, Encodable {
        public let estimate: Double
        public let low: Double
        public let high: Double
    }

    public let world: String
    public let worldSeed: Int
    public let items: Int
    public let users: Int
    public let days: Int
    public let seed: Int
    /// Items that the policies fixed at a time; 1: slot by slot.
    public let page: Int
    public let policies: [Row]
}

extension FeedSimulation {
    /// - Parameter reports: of ``run(observe:)``, in the order of the policies.
    /// - Throws: `EvaluationError`.
    public func result(_ reports: [FeedReport]) throws -> FeedSimulationResult {
        let rows = try zip(policyNames, reports).enumerated().map { place, own in
            let (name, report) = own
            let gaps = report.returnGaps.compactMap(\.self)
            var difference: FeedSimulationResult.Difference?
            if place > 0, report.users > 1 {
                let interval = try ConfidenceInterval.pairedDifference(
                    report.expectedClicksByUser, reports[0].expectedClicksByUser)
                difference = .init(estimate: interval.estimate, low: interval.low, high: interval.high)
            }
            return FeedSimulationResult.Row(
                policy: name, views: report.views, clicksPerUser: report.expectedClicksPerUser,
                clickRate: report.clickThroughRate, viewsPerSession: report.viewsPerSession,
                sessionsPerUser: report.sessionsPerUser,
                daysToReturn: gaps.isEmpty ? nil : Double(gaps.reduce(0, +)) / Double(gaps.count),
                churned: Double(report.churned) / Double(max(1, report.users)), difference: difference,
                survival: report.survival,
                clicksByDay: report.clicksByDay.map { Double($0) / Double(max(1, report.users)) })
        }
        return FeedSimulationResult(
            world: preset.rawValue, worldSeed: Int(world.seed),
            items: world.items.count, users: users.count, days: world.configuration.horizonInDays,
            seed: settings.seed, page: settings.page, policies: rows)
    }
}

extension FeedSimulationResult {
    private var pages: String { page > 1 ? ", pages of \(page)" : "" }

    /// Views, clicks, length and return of each policy.
    public var table: Table {
        let first = policies.first?.policy ?? ""
        var table = Table(
            "Feed, \(users) users, \(days) days\(pages)",
            columns: [
                "policy", "views", "clicks", "click rate", "length", "sessions", "return", "churned",
                "clicks over \(first)",
            ],
            note:
                "Clicks (true probabilities) and sessions are per user, length is views a session, return is days to the "
                + "next one. All policies meet the same users with the same luck; intervals of 95 % over users.")
        for row in policies {
            table.append([
                .text(row.policy), .integer(row.views), .number(row.clicksPerUser, decimals: 2),
                .percent(row.clickRate), .number(row.viewsPerSession, decimals: 2),
                .number(row.sessionsPerUser, decimals: 2),
                row.daysToReturn.map { .number($0, decimals: 2) } ?? .empty, .percent(row.churned),
                row.difference.map { .interval($0.estimate, low: $0.low, high: $0.high) } ?? .empty,
            ])
        }
        return table
    }

    /// The table, the survival of sessions and the clicks over days.
    public var report: Report {
        func chart(
            _ title: String, _ x: String, _ y: String, _ points: (Row) -> [(x: Double, y: Double)]
        ) -> LineChart {
            LineChart(
                title, xLabel: x, yLabel: y, series: policies.map { LineChart.Series($0.policy, points: points($0)) })
        }
        let survival = chart("Sessions that last", "views", "share of sessions") { row in
            row.survival.enumerated().map { (x: Double($0.offset + 1), y: $0.element) }
        }
        let daily = chart("Clicks of a day", "day", "clicks per user of the start") { row in
            row.clicksByDay.enumerated().map { (x: Double($0.offset + 1), y: $0.element) }
        }
        let total = chart("Clicks so far", "day", "clicks per user of the start") { row in
            var sum = 0.0
            return row.clicksByDay.enumerated().map { day, clicks in
                sum += clicks
                return (x: Double(day + 1), y: sum)
            }
        }
        let gains = policies.compactMap { row in
            row.difference.map {
                IntervalChart.Row(row.policy, estimate: $0.estimate, low: $0.low, high: $0.high)
            }
        }
        var first: [Report.Block] = [.table(table)]
        if !gains.isEmpty {
            first.append(
                .chart(IntervalChart("Clicks per user over \(policies[0].policy)", xLabel: "clicks", rows: gains)))
        }
        return Report(
            "Feed",
            subtitle: "\(users) simulated users, \(days) days, world \(world) \(worldSeed), luck \(seed)\(pages)",
            sections: [
                Report.Section("Policies", first), Report.Section("Sessions", [.chart(survival)]),
                Report.Section("Reward over days", [.chart(daily), .chart(total)]),
            ])
    }
}
