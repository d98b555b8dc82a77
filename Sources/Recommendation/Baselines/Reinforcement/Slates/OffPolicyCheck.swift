import Corpora
import Evaluation
import Experiments
import Foundation
import Layers
import Reinforcement
import Tensors
import Worlds

/// Estimates of a policy's value from another policy's log, beside what the policy really earned. A check of the
/// estimators: no claim rests on an estimate.
package enum OffPolicyCheck {
    /// One estimate beside the truth.
    package struct Row: Sendable {
        package let what: String
        package let estimator: String
        package let estimate: Double
        /// Of the policy that logged.
        package let logged: Double
        package let truth: Double
        /// `(Σ w)² / Σ w²`; nil for estimators without weights.
        package let effectiveRows: Double?
        package let rows: Int
    }

    static func table(_ rows: [Row]) -> Table {
        var table = Table(
            "Off-policy estimates beside the truth",
            columns: ["policy and log", "estimator", "estimate", "truth", "logging policy", "rows", "effective rows"],
            note:
                "SNIPS: self-normalised inverse propensities. FQE: fitted Q evaluation, without discount beyond the step "
                + "where a decision stands alone (then it is the direct method). DR: doubly robust. The truth is what the policy "
                + "earned when it acted: in the simulator with other users, in Open Bandit by its own log.")
        for row in rows {
            table.append([
                .text(row.what), .text(row.estimator), .number(row.estimate), .number(row.truth), .number(row.logged),
                .integer(row.rows), row.effectiveRows.map { .number($0, decimals: 0) } ?? .empty,
            ])
        }
        return table
    }

    // MARK: - Open Bandit

    /// Thompson sampling from the log of uniform choices: clicks a view.
    ///
    /// Thompson sampling's probabilities are taken from its own log, by item and position: they moved while it ran, so this
    /// is its mean policy.
    static func openBandit(_ folder: URL, campaign: OpenBanditLog.Campaign) throws -> [Row] {
        let uniform = try OpenBanditLog(folder: folder, behaviour: .random, campaign: campaign)
        let thompson = try OpenBanditLog(folder: folder, behaviour: .thompson, campaign: campaign)
        return try bandit(
            log: uniform, target: thompson, name: "Open Bandit \(campaign.rawValue), Thompson from uniform")
    }

    static func bandit(log: OpenBanditLog, target: OpenBanditLog, name: String) throws -> [Row] {
        let count = log.itemCount
        var shares = [Double](repeating: 0, count: 3 * count)
        var totals = [Double](repeating: 0, count: 3)
        for (item, position) in zip(target.items, target.positions) {
            shares[(Int(position) - 1) * count + Int(item)] += 1
            totals[Int(position) - 1] += 1
        }
        for place in shares.indices { shares[place] /= max(1, totals[place / count]) }
        func probability(_ item: Int, _ position: Int32) -> Double { shares[(Int(position) - 1) * count + item] }
        let rewards = log.clicks.map { $0 ? 1.0 : 0 }
        let decisions = try LoggedDecisions(
            rewards: rewards, loggingProbabilities: log.propensities,
            targetProbabilities: zip(log.items, log.positions).map { probability(Int($0), $1) })
        let means = OffPolicyEstimators.actionMeans(actions: log.items, rewards: rewards, actionCount: count)
        let expected = log.positions.map { position in
            (0..<count).reduce(0.0) { $0 + probability($1, position) * means[$1] }
        }
        let estimates = [
            ("SNIPS", OffPolicyEstimators.selfNormalized(decisions)),
            ("FQE", try OffPolicyEstimators.directMethod(expected: expected)),
            (
                "DR",
                try OffPolicyEstimators.doublyRobust(
                    decisions, taken: log.items.map { means[Int($0)] }, expected: expected)
            ),
        ]
        let truth = Double(target.clicks.count { $0 }) / Double(max(1, target.rowCount))
        return estimates.map { estimator, found in
            Row(
                what: name, estimator: estimator, estimate: found.value,
                logged: rewards.reduce(0, +) / Double(rewards.count), truth: truth,
                effectiveRows: estimator == "FQE" ? nil : found.effectiveSampleSize, rows: found.rows)
        }
    }

    // MARK: - Interest evolution

    private static let discount = 0.97
    /// Share of uniform choices in the log.
    private static let exploration = 0.5

    /// The greedy ranker from a log with half of the choices uniform: watch time of the next step by SNIPS, discounted watch
    /// time of the session by FQE.
    package static func interestEvolution(users: Int, updates: Int, seed: UInt64) throws -> [Row] {
        var configuration = InterestEvolutionConfiguration()
        configuration.slateSize = 1
        let log = try InterestEvolutionLog(configuration, users: users, exploration: exploration, seed: seed)
        let truth = try InterestEvolutionLog(configuration, users: users, exploration: 0, seed: seed &+ 1)
        let decisions = try LoggedDecisions(
            rewards: log.rewards, loggingProbabilities: log.propensities,
            targetProbabilities: log.isGreedy.map { $0 ? 1 : 0 })
        let weighted = OffPolicyEstimators.selfNormalized(decisions)
        let evaluation = FittedPolicyEvaluation(
            TimedValues(configuration, choices: configuration.topicCount, from: RandomSource(seed: seed)),
            discount: discount, followRate: 0.1)
        var generator = SeededGenerator(seed: seed).split("fitted evaluation")
        for _ in 0..<updates {
            let rows = (0..<128).map { _ in generator.integer(below: log.buffer.count) }
            try evaluation.step(
                log.buffer.transitions(rows), nextActions: Tensor(rows.map { log.nextGreedy[$0] }))
        }
        let watched = evaluation.value(
            states: Tensor(log.firstStates.flatMap(\.self), shape: [users, configuration.stateCount]),
            actions: Tensor(log.firstGreedy))
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        return [
            Row(
                what: "interest evolution, greedy from half uniform: watch time of a step", estimator: "SNIPS",
                estimate: weighted.value, logged: mean(log.rewards), truth: mean(truth.rewards),
                effectiveRows: weighted.effectiveSampleSize, rows: weighted.rows),
            Row(
                what: "interest evolution, greedy from half uniform: discounted watch time", estimator: "FQE",
                estimate: watched * Double(configuration.watchTime), logged: mean(log.returns(discount: discount)),
                truth: mean(truth.returns(discount: discount)), effectiveRows: nil,
                rows: log.rewards.count),
        ]
    }
}
