import Evaluation
import Foundation
import Worlds

/// What is observed of an item on a day before the ranking: the observation of the partially observable and controllable
/// decision process.
///
/// The hidden potential and stage of the item are not in it; trend factors, which nobody controls, are inputs.
package enum ItemObservation {
    /// Age; accumulated and yesterday's impressions, clicks and sales; smoothed click rate.
    static let dailyCount = 10

    /// All inputs: daily numbers, inherent features X and price, trend factors Z.
    package static func count(_ world: ItemLifeConfiguration) -> Int { dailyCount + staticCount(world) }

    /// X and Z, which networks also see beside the memory.
    package static func staticCount(_ world: ItemLifeConfiguration) -> Int { world.featureCount + 1 + 2 }

    /// The inputs of an item on a day of its life, given the days before.
    ///
    /// - Parameters:
    ///   - history: the item's days so far, oldest first; only its first `age` days are read.
    ///   - day: the market's day. Past the horizon the last day's trend factors stand in.
    /// - Returns: ``count(_:)`` numbers of a scale around 1, the daily ones first.
    package static func inputs(_ world: ItemLifeWorld, item: Int, history: ArraySlice<ItemDay>, day: Int) -> [Float] {
        let recommended = history.reduce(0) { $0 + Int($1.recommendedViews) }
        let views = recommended + history.reduce(0) { $0 + Int($1.otherViews) }
        let clicks = history.reduce(0) { $0 + Int($1.clicks) }
        let sales = history.reduce(0) { $0 + Int($1.sales) }
        let yesterday = history.last
        func logarithm(_ count: some BinaryInteger, _ scale: Double) -> Float { Float(log1p(Double(count)) / scale) }
        let rate = (Double(clicks) + 4) / (Double(views) + 100)
        let trendDay = min(day, world.trends.count - 1)
        return [
            Float(history.count) / 30, logarithm(recommended, 10), logarithm(views, 10), logarithm(clicks, 8),
            logarithm(sales, 4), logarithm(yesterday?.recommendedViews ?? 0, 10),
            logarithm(yesterday?.otherViews ?? 0, 8), logarithm(yesterday?.clicks ?? 0, 8),
            logarithm(yesterday?.sales ?? 0, 4), Float(log(rate / (1 - rate)) / 3 + 1),
        ] + world.items[item].features
            + [
                Float(log(world.items[item].price) - 3), Float(4 * (world.seasons[trendDay] - 1)),
                Float(5 * world.trends[trendDay]),
            ]
    }
}
