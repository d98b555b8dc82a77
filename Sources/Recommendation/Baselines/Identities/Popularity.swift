public import Corpora
import Foundation
public import Tensors

/// The same list for everyone: items by how often they were met, or by their smoothed click-through rate.
public final class Popularity: Recommender {
    /// Of each item; more is better.
    public let scores: [Double]

    public init(scores: [Double]) { self.scores = scores }

    public var itemCount: Int { scores.count }

    /// Counts of the training part.
    public convenience init(_ split: InteractionSplit) { self.init(scores: split.trainItemCounts.map(Double.init)) }

    /// Counts of the training part in which an interaction of age `a` weighs `2^(-a / halfLife)`; the newest training
    /// interaction has age 0.
    /// - Parameter halfLife: in the unit of the log's times.
    /// - Throws: `InteractionError.invalidSplit` where the log has no times.
    public convenience init(_ split: InteractionSplit, halfLife: Double) throws {
        precondition(halfLife > 0, "a half-life of \(halfLife)")
        let log = split.log
        guard !log.times.isEmpty else {
            throw InteractionError.invalidSplit(field: "time", found: "absent", allowed: "a log with times")
        }
        let rows = (0..<log.userCount).flatMap { split.rows(.train, user: $0) }
        let newest = rows.map { log.times[$0] }.max() ?? 0
        var scores = [Double](repeating: 0, count: log.itemCount)
        for row in rows { scores[Int(log.itemIndices[row])] += exp2((log.times[row] - newest) / halfLife) }
        self.init(scores: scores)
    }

    /// Click-through rates drawn towards the rate of all items: `(clicks + κ rate) / (views + κ)`.
    /// - Parameter strength: κ, in views.
    public convenience init(clicks: [Double], views: [Double], strength: Double = 20) {
        precondition(clicks.count == views.count && strength > 0, "clicks and views of each item")
        let allViews = views.reduce(0, +)
        let rate = allViews > 0 ? clicks.reduce(0, +) / allViews : 0
        self.init(scores: zip(clicks, views).map { ($0 + strength * rate) / ($1 + strength) })
    }

    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        let row = Tensor(candidates.map { Float(scores[Int($0)]) }, shape: [1, candidates.count])
        return row.broadcast(to: [users.count, candidates.count])
    }
}
