import Corpora
import Evaluation
import Tensors

/// Asks an agent about the views of a part of a log: what was liked among all items, and whether what was shown was liked.
///
/// Every view is asked for with what came before it: earlier sessions for the upper level, the views of its own session,
/// with their clicks, for the lower one.
struct LoggedMeasurement {
    private struct View {
        let user: Int
        /// Of the log.
        let row: Int
        let item: Int32
        let isLiked: Bool
    }

    let data: FeedbackData
    let `protocol`: RankingProtocol
    /// Of the users with views in the part, with all sessions before.
    private let runs: [[FeedSession]]
    /// Rows of the part of each run, counted from its first.
    private let asked: [Range<Int>]
    private let views: [View]
    /// The liked ones among ``views``.
    private let liked: [Int]

    init(_ data: FeedbackData, part: InteractionSplit.Part, settings: LogSettings, seed: UInt64) {
        var runs: [[FeedSession]] = []
        var asked: [Range<Int>] = []
        var views: [View] = []
        for user in 0..<data.log.userCount {
            let rows = data.rows(part, ofUser: user)
            guard !rows.isEmpty else { continue }
            let first = data.log.rows(ofUser: user).lowerBound
            runs.append(settings.sessions(first..<rows.upperBound, of: data))
            asked.append((rows.lowerBound - first)..<(rows.upperBound - first))
            views += rows.map {
                View(user: user, row: $0, item: data.log.itemIndices[$0], isLiked: data.isLiked[$0])
            }
        }
        self.data = data
        self.runs = runs
        self.asked = asked
        self.views = views
        liked = views.indices.filter { views[$0].isLiked }
        `protocol` = RankingProtocol(
            data: data.name, split: "\(data.split.name), \(part.rawValue), one ranking for each liked view",
            excluded: "what was liked before it", cutoffs: [10], seeds: [seed])
    }

    /// Views that are ranked for.
    var rankedViews: Int { liked.count }

    /// What an agent, or a ranking that is the same for all, reaches.
    struct Result {
        let ranking: RankingReport
        /// Of liked views over others; nil where all are alike.
        let area: Double?
        /// The same within users, weighed by their views.
        let areaWithinUsers: GroupedDiscrimination?

        /// By name, with what stands before it.
        func metrics(_ prefix: String = "") -> [String: Double] {
            var metrics: [String: Double] = [:]
            for metric in [RankingReport.Metric.hitRate, .discountedGain] {
                if let found = ranking.value(metric, k: 10) { metrics[prefix + found.metric] = found.value }
            }
            metrics[prefix + "AUC"] = area
            metrics[prefix + "GAUC"] = areaWithinUsers?.value
            return metrics
        }
    }

    /// - Throws: `RankingError`, `EvaluationError` where scores are not numbers.
    func callAsFunction(_ agent: HierarchicalAgent) throws -> Result {
        let width = agent.catalogue.dimensions
        let protos = protos(agent)
        let ranking = try rank { views, buffer in
            let rows = views.flatMap { protos[($0 * width)..<(($0 + 1) * width)] }
            withoutGradients { Tensor(rows, shape: [views.count, width]).matmul(agent.catalogue.columns) }.contiguous()
                .withUnsafeBytes { _ = buffer.update(fromContentsOf: $0.assumingMemoryBound(to: Float.self)) }
        }
        return try result(ranking, scores: scores(protos, agent.catalogue))
    }

    /// `w · e` of every view for the item that was shown in it.
    private func scores(_ protos: [Float], _ catalogue: FeedCatalogue) -> [Double] {
        let width = catalogue.dimensions
        return views.indices.map { view in
            zip(protos[(view * width)..<((view + 1) * width)], catalogue.row(Int(views[view].item)))
                .reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        }
    }

    /// Writes every view of the part: user, item, whether it was liked (1 or 0), score.
    /// - Throws: ``RecommendationError/scoreNotANumber(user:)``, and what `write` throws.
    func rows(_ agent: HierarchicalAgent, to write: ([String]) throws -> Void) throws {
        try write(["user", "item", "liked", "score"])
        for (view, score) in zip(views, scores(protos(agent), agent.catalogue)) {
            guard score.isFinite else { throw RecommendationError.scoreNotANumber(user: Int32(view.user)) }
            try write([
                data.log.users.tokens[view.user], data.log.items.tokens[Int(view.item)], view.isLiked ? "1" : "0",
                "\(score)",
            ])
        }
    }

    /// - Parameter scores: of the items, the same for every view.
    func callAsFunction(scores: [Float]) throws -> Result {
        let ranking = try rank { views, buffer in
            for row in views.indices {
                for (item, score) in scores.enumerated() { buffer[row * scores.count + item] = score }
            }
        }
        return try result(ranking, scores: views.map { Double(scores[Int($0.item)]) })
    }

    /// The metrics of an agent, with those of popularity in the training rows under the same protocol; and the agent's
    /// ranking.
    func besidePopularity(_ agent: HierarchicalAgent) throws -> (metrics: [String: Double], ranking: RankingReport) {
        let found = try self(agent)
        let popular = try self(scores: FeedCatalogue.counts(of: data).likes)
        return (found.metrics().merging(popular.metrics("popularity.")) { own, _ in own }, found.ranking)
    }

    private func result(_ ranking: RankingReport, scores: [Double]) throws -> Result {
        let labels = views.map(\.isLiked)
        return Result(
            ranking: ranking, area: try Discrimination.areaUnderCurve(scores: scores, positive: labels),
            areaWithinUsers: try GroupedDiscrimination(
                scores: scores, positive: labels, groups: views.map { Int32($0.user) }, weight: .impressions))
    }

    /// - Parameter fill: scores of all items for some views.
    private func rank(
        _ fill: ([Int], UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws -> RankingReport {
        let items = data.log.itemCount
        return try FullRanking(
            itemCount: items, protocol: `protocol`, scoreBytes: RankingMeasurement.scoreBytes(itemCount: items)
        ).evaluate(relevant: ItemSets(liked.map { [views[$0].item] })) { range, buffer in
            try fill(Array(liked[range]), buffer)
            for (place, view) in liked[range].enumerated() {
                let view = views[view]
                for row in data.log.rows(ofUser: view.user).lowerBound..<view.row where data.isLiked[row] {
                    let item = data.log.itemIndices[row]
                    if item != view.item { buffer[place * items + Int(item)] = -.infinity }
                }
            }
        }
    }

    private static let sessionsAtOnce = 256

    /// The proto-items of ``views``, row by row.
    private func protos(_ agent: HierarchicalAgent) -> [Float] {
        var replay = FeedReplay(agent.catalogue, optionWidth: agent.optionWidth)
        var sessions: [Int] = []
        // The views of those sessions that are asked for, counted over all of them.
        var wanted: [Int] = []
        var seen = 0
        for (run, asked) in zip(agent.replayed(runs), asked) {
            var from = 0
            for (place, session) in run.enumerated() {
                let own = (from..<(from + session.items.count)).clamped(to: asked)
                if !own.isEmpty {
                    sessions.append(replay.count + place)
                    wanted += own.map { seen + $0 - from }
                    seen += session.items.count
                }
                from += session.items.count
            }
            replay.append(run: run)
        }
        let width = agent.catalogue.dimensions
        var all: [Float] = []
        for start in stride(from: 0, to: sessions.count, by: Self.sessionsAtOnce) {
            let rows = Array(sessions[start..<min(start + Self.sessionsAtOnce, sessions.count)])
            all += agent.protos(FeedSessionBatch(replay, rows: rows, lag: agent.lag)).floats
        }
        return wanted.flatMap { all[($0 * width)..<(($0 + 1) * width)] }
    }
}
