import Corpora
import Foundation

/// How often each item was shown and liked in the rows that may be learned from.
public struct CountedFeedback: Sendable, Equatable, Codable {
    /// Of each item.
    public var shown: [Double]
    public var liked: [Double]

    public init(shown: [Double], liked: [Double]) {
        self.shown = shown
        self.liked = liked
    }

    /// - Parameter halfLife: a row of age `a` counts `2^(-a / halfLife)`, the newest training row having age 0; nil: all count
    ///   alike. In the unit of the log's times.
    /// - Throws: `InteractionError.invalidSplit` for a half-life where the log has no times.
    public init(_ data: FeedbackData, halfLife: Double? = nil) throws {
        let log = data.log
        if halfLife != nil, log.times.isEmpty {
            throw InteractionError.invalidSplit(field: "time", found: "absent", allowed: "a log with times")
        }
        shown = [Double](repeating: 0, count: log.itemCount)
        liked = shown
        let rows = (0..<log.userCount).flatMap { data.trainRows(ofUser: $0) }
        let newest = halfLife == nil ? 0 : rows.map { log.times[$0] }.max() ?? 0
        for row in rows {
            let weight = halfLife.map { exp2((log.times[row] - newest) / $0) } ?? 1
            shown[Int(log.itemIndices[row])] += weight
            if data.isLiked[row] { liked[Int(log.itemIndices[row])] += weight }
        }
    }
}
