import Evaluation
import Foundation

/// What one item did on one day.
public struct ItemDay: Sendable, Equatable {
    public let item: Int32
    /// Days since launch.
    public let age: Int16
    /// Impressions given by the ranker, and by other channels.
    public let recommendedViews: Int32
    public let otherViews: Int32
    /// Clicks into the item (IPV).
    public let clicks: Int32
    public let sales: Int32
    /// Revenue (GMV).
    public let revenue: Double
    /// The true click rate behind the clicks: for scoring.
    public let clickRate: Double
    /// Whether the item was delisted at the end of the day: terminal. The end of the horizon is a truncation.
    public let delisted: Bool
}

/// A running market: rank the live items, see the day, repeat.
public struct ItemLifeMarket: Sendable {
    public let world: ItemLifeWorld
    public private(set) var day = 0
    /// Items on the market today, ascending.
    public private(set) var live: [Int32] = []
    /// Accumulated counts of every item.
    public private(set) var views: [Int32]
    public private(set) var clicks: [Int32]
    public private(set) var sales: [Int32]
    /// All past days of every item, oldest first: what recurrent learners read.
    public private(set) var histories: [[ItemDay]]
    private var deadDays: [Int16]
    private var nextLaunch = 0

    public init(world: ItemLifeWorld) {
        self.world = world
        let count = world.items.count
        views = [Int32](repeating: 0, count: count)
        clicks = views
        sales = views
        deadDays = [Int16](repeating: 0, count: count)
        histories = [[ItemDay]](repeating: [], count: count)
        launch()
    }

    public var isFinished: Bool { day >= world.configuration.horizonInDays }

    /// Ranks the live items by score (ties: the lower index first) and lives through the day.
    ///
    /// - Parameter scores: one per live item, in the order of `live`.
    /// - Returns: the day of each item that was live, in that order.
    /// - Throws: `WorldError.actionCount`; `WorldError.invalid` for a score that is not a number or after the horizon.
    public mutating func step(scores: [Double]) throws -> [ItemDay] {
        guard scores.count == live.count else {
            throw WorldError.actionCount(world: "item life", found: scores.count, expected: live.count)
        }
        guard !isFinished else {
            throw WorldError.invalid(
                world: "item life", field: "day", found: "\(day)",
                allowed: "below the horizon (\(world.configuration.horizonInDays))")
        }
        if let bad = scores.firstIndex(where: \.isNaN) {
            throw WorldError.invalid(
                world: "item life", field: "score of item \(live[bad])", found: "not a number", allowed: "numbers")
        }
        let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
        let exposure = world.exposure(ranks: live.count)
        var recommended = [Int](repeating: 0, count: live.count)
        for (rank, index) in order.enumerated() { recommended[index] = exposure[rank] }

        var days: [ItemDay] = []
        days.reserveCapacity(live.count)
        var kept: [Int32] = []
        for (index, item) in live.enumerated() {
            let lived = live(Int(item), recommended: recommended[index])
            histories[Int(item)].append(lived)
            days.append(lived)
            if !lived.delisted { kept.append(item) }
        }
        live = kept
        day += 1
        launch()
        return days
    }

    private mutating func live(_ item: Int, recommended: Int) -> ItemDay {
        var luck = world.luck(item: item, day: day)
        let rate = world.clickRate(item: item, day: day, clicks: Int(clicks[item]), views: Int(views[item]))
        let other = luck.poisson(mean: world.otherViews(day: day, clicks: Int(clicks[item])))
        let clicked = luck.binomial(trials: recommended + other, probability: rate)
        let configuration = world.configuration
        let purchase = configuration.purchaseRate * exp(configuration.purchasePotential * world.potentials[item])
        let sold = luck.binomial(trials: clicked, probability: min(1, purchase))
        views[item] += Int32(recommended + other)
        clicks[item] += Int32(clicked)
        sales[item] += Int32(sold)
        deadDays[item] = clicked > 0 ? 0 : deadDays[item] + 1
        let age = day - world.items[item].launchDay
        return ItemDay(
            item: Int32(item), age: Int16(age), recommendedViews: Int32(recommended), otherViews: Int32(other),
            clicks: Int32(clicked), sales: Int32(sold), revenue: Double(sold) * world.items[item].price,
            clickRate: rate,
            delisted: age + 1 >= configuration.lifeInDays || Int(deadDays[item]) >= configuration.deadDays)
    }

    private mutating func launch() {
        while nextLaunch < world.items.count, world.items[nextLaunch].launchDay <= day {
            live.append(Int32(nextLaunch))
            nextLaunch += 1
        }
    }
}
