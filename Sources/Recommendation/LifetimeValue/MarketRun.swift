import Evaluation
import Foundation
import Worlds

/// What a ranking achieved with a market, by the world's true rates: luck is left out of the metrics.
package struct MarketOutcome {
    /// Expected clicks and revenue of all items, and of items in their first days.
    package private(set) var clicks = 0.0
    package private(set) var revenue = 0.0
    package private(set) var coldClicks = 0.0
    package private(set) var coldRevenue = 0.0
    package let histories: [[ItemDay]]

    /// What is reported of a market, by name.
    package static let measures: [(name: String, value: @Sendable (MarketOutcome) -> Double)] = [
        ("clicks", { $0.clicks }), ("revenue", { $0.revenue }), ("cold-clicks", { $0.coldClicks }),
        ("cold-revenue", { $0.coldRevenue }),
    ]

    /// Items younger than this are cold.
    package static let coldDays = 7

    package init(_ market: ItemLifeMarket) {
        histories = market.histories
        let world = market.world
        let configuration = world.configuration
        for (item, days) in market.histories.enumerated() {
            let purchase = min(
                1, configuration.purchaseRate * exp(configuration.purchasePotential * world.potentials[item]))
            for day in days {
                let expected = Double(day.recommendedViews + day.otherViews) * day.clickRate
                let earned = expected * purchase * world.items[item].price
                clicks += expected
                revenue += earned
                if Int(day.age) < Self.coldDays {
                    coldClicks += expected
                    coldRevenue += earned
                }
            }
        }
    }

    /// Clicks that each item still earned from a day of its life on, discounted.
    package func remainingValue(item: Int, from age: Int, discount: Double) -> Double {
        guard age < histories[item].count else { return 0 }
        return SessionMetrics.lifetimeValue(
            histories[item][age...].map { Double($0.recommendedViews + $0.otherViews) * $0.clickRate },
            discount: discount)
    }
}

extension ItemLifeWorld {
    /// Lives through the whole market.
    /// - Parameter rank: scores of the live items, in their order.
    package func run(_ rank: (ItemLifeMarket) throws -> [Double]) throws -> MarketOutcome {
        var market = ItemLifeMarket(world: self)
        while !market.isFinished { _ = try market.step(scores: try rank(market)) }
        return MarketOutcome(market)
    }

    package func run(_ policy: some ItemLifePolicy) throws -> MarketOutcome {
        var policy = policy
        return try run { policy.scores($0) }
    }
}

/// Turns the days of a market into item episodes.
package enum EpisodeLog {
    /// - Parameters:
    ///   - actions: of each item, one a day.
    package static func episodes(
        _ world: ItemLifeWorld, _ histories: [[ItemDay]], actions: [[Float]],
        _ configuration: LifetimeValueConfiguration
    ) -> [ItemEpisode] {
        let prices = impressionPrices(world, histories)
        return histories.enumerated().map { item, days in
            var episode = ItemEpisode()
            let launch = world.items[item].launchDay
            for age in 0...days.count {
                episode.observations.append(
                    ItemObservation.inputs(world, item: item, history: days[..<age], day: launch + age))
            }
            episode.actions = actions[item]
            episode.rewards = days.enumerated().map { age, day in
                Float(configuration.reward(of: day, impressionPrice: prices[launch + age]))
            }
            episode.clicks = days.map { Float($0.clicks) }
            episode.isTerminal = days.last?.delisted ?? false
            return episode
        }
    }

    /// The market's click rate of each day: what an impression earns on average.
    private static func impressionPrices(_ world: ItemLifeWorld, _ histories: [[ItemDay]]) -> [Double] {
        var views = [Double](repeating: 0, count: world.configuration.horizonInDays)
        var clicks = views
        for (item, days) in histories.enumerated() {
            for (age, day) in days.enumerated() {
                views[world.items[item].launchDay + age] += Double(day.recommendedViews + day.otherViews)
                clicks[world.items[item].launchDay + age] += Double(day.clicks)
            }
        }
        return zip(clicks, views).map { $1 > 0 ? $0 / $1 : 0 }
    }
}

extension LifetimeValueConfiguration {
    /// - Parameter impressionPrice: the market's click rate of the day.
    package func reward(of day: ItemDay, impressionPrice: Double) -> Double {
        switch reward {
        case .difference:
            (Double(day.clicks) - impressionPrice * Double(day.recommendedViews)) / differenceUnit
        case .ratio:
            min(ratioLimit, Double(day.clicks) / (Double(day.recommendedViews) + ratioFloor)) / ratioUnit
        case .sharedRatio:
            (Double(day.clicks) + impressionPrice * ratioFloor)
                / (Double(day.recommendedViews + day.otherViews) + ratioFloor) / ratioUnit
        }
    }
}
