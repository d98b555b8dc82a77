import Evaluation
import Foundation
import Testing
import Worlds

/// Shows nothing but the most click-baiting items.
private struct BaitPolicy: FeedPolicy {
    let name = "bait"

    mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let bait = batch.world.items.truth.clickbait
        let ranked = bait.indices.sorted { bait[$0] > bait[$1] }
        for (index, lane) in batch.activeLanes.enumerated() {
            choices[index] = Int32(ranked[(Int(batch.slots[Int(lane)]) - 1) % ranked.count])
        }
    }
}

@Suite("Feed world: bounds and probes") struct FeedBoundsTests {
    /// Oracles that plan over the catalogue at every step take minutes without optimisation, and seconds with it.
    private static let isOptimized: Bool = {
        #if DEBUG
            false
        #else
            true
        #endif
    }()

    private func reports(_ configuration: FeedConfiguration) throws -> [String: FeedReport] {
        let world = try FeedWorld(configuration.fast, seed: 1)
        let rollout = FeedRollout(world: world, users: 0..<150, luckSeed: 11)
        let planner = try PlanningOracle.fitted(world: world, users: 300..<330, luckSeed: 12)
        var reports: [String: FeedReport] = [:]
        for report in [
            try rollout.run(RandomFeedPolicy(seed: 5)), try rollout.run(PopularFeedPolicy(world: world)),
            try rollout.run(MyopicOracle()), try rollout.run(RepeatBestPolicy()), try rollout.run(BaitPolicy()),
            try rollout.run(planner),
        ] {
            reports[report.policy] = report
        }
        return reports
    }

    private func clicks(_ reports: [String: FeedReport], _ policy: String) throws -> Double {
        try #require(reports[policy]).expectedClicksPerUser
    }

    @Test(
        "Long-term preset: random < myopic oracle < planning oracle with at least 15 % room, all inside real ranges",
        .enabled(if: isOptimized, "needs a release build"))
    func longTerm() throws {
        let reports = try reports(.longTerm)
        let random = try #require(reports["random"])
        let myopic = try clicks(reports, "myopic oracle")
        let planned = try clicks(reports, "planning oracle")
        #expect(random.expectedClicksPerUser < myopic)
        #expect(planned > 1.15 * myopic)
        #expect((0.08...0.15).contains(random.clickThroughRate))
        #expect((6...10).contains(random.viewsPerSession))
        #expect(try #require(reports["myopic oracle"]).clickThroughRate <= 0.45)
        // Repeating the best item must lose to showing different ones, and nobody reaches a rate that no feed has.
        #expect(try clicks(reports, "repeat best") < myopic)
        #expect(try clicks(reports, "repeat best") < planned)
        for report in reports.values { #expect(report.clickThroughRate < 0.6, "\(report.policy)") }
    }

    @Test(
        "Null preset: planning gains at most 2 % over the myopic oracle, and retention depends on no policy",
        .enabled(if: isOptimized, "needs a release build"))
    func null() throws {
        let reports = try reports(.null)
        let myopic = try clicks(reports, "myopic oracle")
        #expect(try clicks(reports, "planning oracle") <= 1.02 * myopic)
        #expect(try clicks(reports, "random") < myopic)
        let views = Set(reports.values.map(\.views))
        #expect(views.count == 1)
        for report in reports.values { #expect(report.clickThroughRate < 0.6, "\(report.policy)") }
    }

    /// The topic is observable and sets an item's quality but for a noise of 0.1 (`q ~ N(m_topic, 0.1)`), and through it a
    /// part of the bait (`-rho q / 3`): that much is meant to be known of an item. What is hidden of the two is how it
    /// differs from its topic, so these are tested within topics; match and satisfaction with the topic among the rest.
    @Test("Hidden quality, bait, intent and satisfaction cannot be read off one observed view (R² < 0.3)")
    func hidden() throws {
        let world = try FeedWorld(.longTerm.fast, seed: 3)
        var rows: [[Double]] = []
        var topics: [Int] = []
        var hidden: [[Double]] = [[], [], [], []]
        var batch = try FeedBatch(world: world, users: 0..<300, luckSeed: 4)
        var policy = RandomFeedPolicy(seed: 2)
        var outcomes: [FeedOutcome] = []
        for _ in 0..<15 where !batch.isFinished {
            var choices = [Int32](repeating: 0, count: batch.activeLanes.count)
            policy.choose(for: batch, into: &choices)
            let truths = batch.activeLanes.map { FeedTruth(batch: batch, lane: Int($0)) }
            try batch.step(choices, outcomes: &outcomes)
            for (outcome, truth) in zip(outcomes, truths) {
                let item = Int(outcome.item)
                topics.append(Int(world.items.topics[item]))
                rows.append([1, outcome.clicked ? 1 : 0, outcome.browsed ? 1 : 0, Double(outcome.slot)])
                hidden[0].append(Double(world.items.truth.quality[item]))
                hidden[1].append(Double(world.items.truth.clickbait[item]))
                hidden[2].append(Double((truth.intent * world.items.truth.vectors[item]).sum()))
                hidden[3].append(Double(truth.satisfaction))
            }
        }
        for values in hidden { #expect(explainedShare(rows, values) < 0.3) }
        // With an intercept for each topic: all columns and values lose their topic's mean (Frisch and Waugh).
        let within = centred(rows.map { Array($0.dropFirst()) }, by: topics)
        let shares = hidden.map { values -> (topic: Double, within: Double) in
            let rest = centred(values.map { [$0] }, by: topics).map { $0[0] }
            return (1 - variance(rest) / variance(values), explainedShare(within, rest))
        }
        for share in shares { #expect(share.within < 0.3) }
        for share in shares[2...] { #expect(1 - (1 - share.topic) * (1 - share.within) < 0.3) }
        #expect(shares[0].topic > 0.95)
        // Of the bait's variance 1 - rho² is noise of the item's own.
        #expect(shares[1].topic < 0.5)
    }

    private func variance(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
    }

    /// All columns without the mean of their group.
    private func centred(_ rows: [[Double]], by groups: [Int]) -> [[Double]] {
        let width = rows[0].count
        var sums = [[Double]](repeating: [Double](repeating: 0, count: width), count: groups.max()! + 1)
        var counts = [Double](repeating: 0, count: sums.count)
        for (row, group) in zip(rows, groups) {
            counts[group] += 1
            for column in 0..<width { sums[group][column] += row[column] }
        }
        return zip(rows, groups).map { row, group in
            (0..<width).map { row[$0] - sums[group][$0] / counts[group] }
        }
    }

    /// R² of least squares by the normal equations.
    private func explainedShare(_ rows: [[Double]], _ values: [Double]) -> Double {
        let width = rows[0].count
        var system = [[Double]](repeating: [Double](repeating: 0, count: width + 1), count: width)
        for (row, value) in zip(rows, values) {
            for i in 0..<width {
                for j in 0..<width { system[i][j] += row[i] * row[j] }
                system[i][width] += row[i] * value
            }
        }
        for pivot in 0..<width {
            for other in 0..<width where other != pivot {
                let factor = system[other][pivot] / system[pivot][pivot]
                for column in pivot...width { system[other][column] -= factor * system[pivot][column] }
            }
        }
        let weights = (0..<width).map { system[$0][width] / system[$0][$0] }
        let mean = values.reduce(0, +) / Double(values.count)
        var residual = 0.0
        var total = 0.0
        for (row, value) in zip(rows, values) {
            let fitted = zip(row, weights).reduce(0.0) { $0 + $1.0 * $1.1 }
            residual += (value - fitted) * (value - fitted)
            total += (value - mean) * (value - mean)
        }
        return 1 - residual / total
    }

    #if !DEBUG
        @Test("One core shows at least 100,000 items a second")
        func speed() throws {
            let world = try FeedWorld(.longTerm, seed: 1)
            var best = 0.0
            for round in 0..<3 {
                let start = ContinuousClock.now
                let report = try FeedRollout(world: world, users: 0..<1_000, luckSeed: UInt64(round)).run(
                    RandomFeedPolicy(seed: 5))
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                best = max(best, Double(report.views) / seconds)
            }
            #expect(best > 100_000)
        }
    #endif
}
