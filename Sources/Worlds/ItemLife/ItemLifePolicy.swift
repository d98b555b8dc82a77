import Evaluation
import Foundation

/// Scores the live items of a market, one score each in the order of `market.live`.
public protocol ItemLifePolicy: Sendable {
    var name: String { get }
    mutating func scores(_ market: ItemLifeMarket) -> [Double]
}

/// A new uniform order every day: the floor.
public struct RandomRanking: ItemLifePolicy {
    public let name = "random"
    public let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    public mutating func scores(_ market: ItemLifeMarket) -> [Double] {
        market.live.map { item in
            var generator = SeededGenerator(seed: seed, UInt64(item), UInt64(market.day))
            return generator.uniform()
        }
    }
}

/// Accumulated clicks.
public struct PopularityRanking: ItemLifePolicy {
    public let name = "popularity"

    public init() {}

    public mutating func scores(_ market: ItemLifeMarket) -> [Double] {
        market.live.map { Double(market.clicks[Int($0)]) }
    }
}

/// The smoothed click rate so far, with an optional bonus for uncertainty: `(c + k r0)/(n + k) + bonus / sqrt(n + k)`.
public struct ClickRateRanking: ItemLifePolicy {
    public var name: String { bonus > 0 ? "click rate with UCB bonus" : "click rate" }
    public let prior: Double
    public let bonus: Double

    public init(prior: Double = 500, bonus: Double = 0) {
        self.prior = prior
        self.bonus = bonus
    }

    public mutating func scores(_ market: ItemLifeMarket) -> [Double] {
        let views = market.views.reduce(0.0) { $0 + Double($1) }
        let clicks = market.clicks.reduce(0.0) { $0 + Double($1) }
        let mean = views > 0 ? clicks / views : 0.04
        return market.live.map { item in
            let seen = Double(market.views[Int(item)])
            let rate = (Double(market.clicks[Int(item)]) + prior * mean) / (seen + prior)
            return rate + bonus / (seen + prior).squareRoot()
        }
    }
}

/// Today's true click rate: the best myopic ranking.
public struct MyopicItemOracle: ItemLifePolicy {
    public let name = "myopic oracle"

    public init() {}

    public mutating func scores(_ market: ItemLifeMarket) -> [Double] {
        market.live.map { item in
            market.world.clickRate(
                item: Int(item), day: market.day, clicks: Int(market.clicks[Int(item)]),
                views: Int(market.views[Int(item)]))
        }
    }
}

/// Today's true click rate, with a premium on the days an item has left: `rate · exp(youth · left / life)`.
///
/// With `youth` 0 it is the ``MyopicItemOracle``; what exposure is worth later is not computed but searched for: the
/// best of ``premiums`` in a market is what a ranker with foresight can at least earn there.
public struct InvestingItemOracle: ItemLifePolicy {
    /// The searched premiums, in logarithms of the click rate for a whole life left.
    public static let premiums = [0, 0.1, 0.2, 0.4, 0.8, 1.6]

    public let name = "investing oracle"
    public let youth: Double

    public init(youth: Double) { self.youth = youth }

    public mutating func scores(_ market: ItemLifeMarket) -> [Double] {
        var myopic = MyopicItemOracle()
        let life = Double(market.world.configuration.lifeInDays)
        return zip(market.live, myopic.scores(market)).map { item, rate in
            rate * exp(youth * (1 - Double(market.day - market.world.items[Int(item)].launchDay) / life))
        }
    }
}

/// What a ranking achieved with the market.
public struct ItemLifeReport: Sendable {
    public let policy: String
    /// Clicks and revenue of all items, and of items in their first `coldDays`.
    public private(set) var clicks = 0
    public private(set) var revenue = 0.0
    public private(set) var coldClicks = 0
    public private(set) var coldRevenue = 0.0
    /// Sum over impressions of the true click rates: clicks without their luck.
    public private(set) var expectedClicks = 0.0
    public private(set) var clicksByDay: [Int] = []
    /// Every item's whole life.
    public let histories: [[ItemDay]]

    /// Runs a policy to the horizon.
    /// - Throws: `WorldError`.
    public init(world: ItemLifeWorld, policy: some ItemLifePolicy, coldDays: Int = 7) throws {
        var policy = policy
        self.policy = policy.name
        var market = ItemLifeMarket(world: world)
        while !market.isFinished {
            let days = try market.step(scores: policy.scores(market))
            var today = 0
            for lived in days {
                today += Int(lived.clicks)
                clicks += Int(lived.clicks)
                revenue += lived.revenue
                expectedClicks += Double(lived.recommendedViews + lived.otherViews) * lived.clickRate
                if Int(lived.age) < coldDays {
                    coldClicks += Int(lived.clicks)
                    coldRevenue += lived.revenue
                }
            }
            clicksByDay.append(today)
        }
        histories = market.histories
    }

    /// `sum_t discount^t clicks_t` of every item from its launch.
    public func lifetimeValues(discount: Double) -> [Double] {
        histories.map { SessionMetrics.lifetimeValue($0.map { Double($0.clicks) }, discount: discount) }
    }
}
