import Evaluation
import Foundation

/// The daily life of items in a market (the world of lifetime-value methods): a ranker hands out impressions, other
/// channels bring more, clicks make an item grow, age and saturation make it fade.
///
/// Which items launch when, and the luck of every item on every day, depend on the seed only: two rankers meet the same
/// market.
public struct ItemLifeWorld: Sendable {
    public struct Item: Sendable {
        public let launchDay: Int
        public let price: Double
        /// Inherent features: noisy views of the potential.
        public let features: [Float]
    }

    public let configuration: ItemLifeConfiguration
    public let seed: UInt64
    /// All items that ever launch, ascending by launch day.
    public let items: [Item]
    /// Hidden potential of each item (the logit of its first click rate); for oracles and scoring.
    public let potentials: [Double]
    /// Market factors of each day: not controlled by the ranker, seen by everyone.
    public let seasons: [Double]
    public let trends: [Double]

    /// - Throws: `WorldError.invalid`.
    public init(_ configuration: ItemLifeConfiguration = ItemLifeConfiguration(), seed: UInt64) throws {
        try configuration.validate()
        self.configuration = configuration
        self.seed = seed
        let base = SeededGenerator(seed: seed).split("item life")
        var market = base.split("market")
        var seasons: [Double] = []
        var trends: [Double] = []
        var trend = 0.0
        for day in 0..<configuration.horizonInDays {
            seasons.append(1 + 0.25 * sin(2 * Double.pi * Double(day) / 7))
            trend = 0.9 * trend + configuration.trendDeviation * 0.19.squareRoot() * market.normal()
            trends.append(trend)
        }
        var items: [Item] = []
        var potentials: [Double] = []
        for day in 0..<configuration.horizonInDays {
            var launches = base.split("launches").split(UInt64(day))
            // The first day opens the market with ten days' worth of items.
            let count = launches.poisson(mean: configuration.launchesPerDay * (day == 0 ? 10 : 1))
            for _ in 0..<max(day == 0 ? 1 : 0, count) {
                var own = base.split("items").split(UInt64(items.count))
                let standard = own.normal()
                let signal = configuration.featureSignal
                let noise = (1 - signal * signal).squareRoot()
                items.append(
                    Item(
                        launchDay: day, price: exp(3 + 0.5 * own.normal()),
                        features: (0..<configuration.featureCount).map { _ in
                            Float(signal * standard + noise * own.normal())
                        }))
                potentials.append(configuration.potentialMean + configuration.potentialDeviation * standard)
            }
        }
        self.items = items
        self.potentials = potentials
        self.seasons = seasons
        self.trends = trends
    }

    /// `sigmoid(theta + g L/(1 + L) - 0.03 age - s saturation + trend)` with `L = log(1 + clicks so far)`.
    public func clickRate(item: Int, day: Int, clicks: Int, views: Int) -> Double {
        let success = log1p(Double(clicks))
        let seen = Double(views) / (Double(views) + configuration.saturationViews)
        let logit =
            potentials[item] + configuration.growth * success / (1 + success)
            - configuration.agePenaltyPerDay * Double(day - items[item].launchDay) - configuration.saturation * seen
            + trends[day]
        return 1 / (1 + exp(-logit))
    }

    /// Mean impressions from other channels.
    public func otherViews(day: Int, clicks: Int) -> Double {
        let fame = configuration.otherViewsGrow ? 1 + log1p(Double(clicks)) / 5 : 1
        return configuration.otherViews * seasons[day] * fame
    }

    /// Impressions by rank: in proportion to `r^-exponent`, the rounding given to the first ranks, summing to the budget.
    public func exposure(ranks: Int) -> [Int] {
        guard ranks > 0 else { return [] }
        let weights = (1...ranks).map { pow(Double($0), -configuration.positionExponent) }
        let scale = Double(configuration.dailyImpressions) / weights.reduce(0, +)
        var views = weights.map { Int($0 * scale) }
        for rank in 0..<(configuration.dailyImpressions - views.reduce(0, +)) { views[rank % ranks] += 1 }
        return views
    }

    func luck(item: Int, day: Int) -> SeededGenerator {
        SeededGenerator(seed: seed, 0x11FE, UInt64(item), UInt64(day))
    }
}
