import Foundation
public import Worlds

/// What a session model may know of the items: a category and some numbers each.
public struct SessionCatalogue: Sendable, Equatable, Codable {
    /// The category of each item, from 0.
    public let categories: [Int32]
    public let categoryCount: Int
    /// `[items, featureCount]`, each feature with mean 0 and variance 1 over the items.
    public let features: [Float]
    public let featureCount: Int

    public var count: Int { categories.count }

    /// - Parameter features: `[items, featureCount]`, any scale.
    /// - Precondition: sizes agree, categories lie below `categoryCount`.
    public init(categories: [Int32], categoryCount: Int, features: [Float], featureCount: Int) {
        precondition(
            features.count == categories.count * featureCount,
            "\(features.count) features for \(categories.count) items with \(featureCount) each")
        precondition(
            categories.allSatisfy { (0..<Int32(categoryCount)).contains($0) }, "categories reach \(categoryCount)")
        self.categories = categories
        self.categoryCount = categoryCount
        self.featureCount = featureCount
        self.features = Self.standardized(features, width: featureCount)
    }

    /// What the feed world shows of its items: noisy vectors, topics, ages and past clicks.
    public init(feed items: FeedItems) {
        let clicks = Float(items.pastClicks.reduce(0, +))
        let views = Float(items.pastViews.reduce(0, +))
        let mean = views > 0 ? max(clicks / views, 1e-4) : 0.1
        var features: [Float] = []
        for item in 0..<items.count {
            for axis in 0..<16 { features.append(items.vectors[item][axis]) }
            // The past click rate, drawn to the mean by 20 views, as log-odds.
            let rate = (Float(items.pastClicks[item]) + 20 * mean) / (Float(items.pastViews[item]) + 20)
            features.append(log(rate / (1 - min(rate, 0.999))))
            features.append(log(1 + items.ageInDays[item]))
        }
        self.init(
            categories: items.topics, categoryCount: Int(items.topics.max() ?? 0) + 1, features: features,
            featureCount: 18)
    }

    /// Whether sizes and categories agree: what a file from elsewhere has to be asked.
    var isSound: Bool {
        featureCount >= 0 && featureCount < 1_000_000 && features.count == categories.count * featureCount
            && categories.allSatisfy { $0 >= 0 && Int($0) < categoryCount }
    }

    private static func standardized(_ values: [Float], width: Int) -> [Float] {
        guard width > 0, !values.isEmpty else { return values }
        var result = values
        let rows = values.count / width
        for column in 0..<width {
            let places = stride(from: column, to: values.count, by: width)
            let mean = places.reduce(0.0) { $0 + Double(values[$1]) } / Double(rows)
            let variance = places.reduce(0.0) { $0 + pow(Double(values[$1]) - mean, 2) } / Double(rows)
            let scale = variance > 1e-12 ? 1 / variance.squareRoot() : 0
            for place in places { result[place] = Float((Double(values[place]) - mean) * scale) }
        }
        return result
    }
}
