import Evaluation
import Foundation
import Testing
import Worlds

@Suite("Item-life world") struct ItemLifeTests {
    private func small(_ change: (inout ItemLifeConfiguration) -> Void = { _ in }) -> ItemLifeConfiguration {
        var configuration = ItemLifeConfiguration()
        configuration.horizonInDays = 40
        configuration.launchesPerDay = 4
        change(&configuration)
        return configuration
    }

    @Test("Every day hands out exactly the budget, in the order of the scores")
    func budget() throws {
        let world = try ItemLifeWorld(small(), seed: 1)
        var market = ItemLifeMarket(world: world)
        var policy = RandomRanking(seed: 2)
        while !market.isFinished {
            let scores = policy.scores(market)
            let days = try market.step(scores: scores)
            #expect(days.reduce(0) { $0 + Int($1.recommendedViews) } == world.configuration.dailyImpressions)
            let ranked = zip(scores, days).sorted { $0.0 > $1.0 }.map(\.1.recommendedViews)
            #expect(ranked == ranked.sorted(by: >))
        }
    }

    @Test("Items live from launch to the end of their life or five dead days, and never come back")
    func lives() throws {
        let world = try ItemLifeWorld(small { $0.potentialMean = -9 }, seed: 3)
        let report = try ItemLifeReport(world: world, policy: RandomRanking(seed: 1))
        var dead = 0
        for (item, history) in report.histories.enumerated() where !history.isEmpty {
            #expect(history.map(\.age) == (0..<Int16(history.count)).map { $0 })
            #expect(history.count <= world.configuration.lifeInDays)
            #expect(history.dropLast().allSatisfy { !$0.delisted })
            let last = history[history.count - 1]
            if last.delisted, history.count < world.configuration.lifeInDays {
                #expect(history.suffix(5).allSatisfy { $0.clicks == 0 })
                dead += 1
            }
            if !last.delisted { #expect(world.items[item].launchDay + history.count == 40) }
        }
        #expect(dead > 10)
    }

    @Test("Clicks follow the stated rates, and one seed gives one market")
    func calibrated() throws {
        let world = try ItemLifeWorld(small(), seed: 4)
        let first = try ItemLifeReport(world: world, policy: PopularityRanking())
        let second = try ItemLifeReport(world: try ItemLifeWorld(small(), seed: 4), policy: PopularityRanking())
        #expect(first.histories == second.histories)
        #expect(abs(Double(first.clicks) - first.expectedClicks) < 4 * first.expectedClicks.squareRoot())
    }

    @Test("Rates, other channels and sales are those of the specification")
    func equations() throws {
        let world = try ItemLifeWorld(small { $0.horizonInDays = 30 }, seed: 6)
        let settings = world.configuration
        let item = try #require(world.items.indices.first { world.items[$0].launchDay == 3 })
        // Five days old, 60 clicks of 2,000 views.
        let success = log(61.0)
        let logit =
            world.potentials[item] + settings.growth * success / (1 + success) - 0.03 * 5
            - settings.saturation * 2_000 / (2_000 + settings.saturationViews) + world.trends[8]
        let rate = world.clickRate(item: item, day: 8, clicks: 60, views: 2_000)
        #expect(abs(rate - 1 / (1 + exp(-logit))) < 1e-12)
        #expect(
            abs(world.otherViews(day: 8, clicks: 60) - settings.otherViews * world.seasons[8] * (1 + success / 5))
                < 1e-9)
        let report = try ItemLifeReport(world: world, policy: ClickRateRanking())
        var (sold, expected) = (0.0, 0.0)
        for (item, days) in report.histories.enumerated() {
            for day in days {
                sold += Double(day.sales)
                expected += Double(day.clicks) * 0.03 * exp(0.3 * world.potentials[item])
                #expect(abs(day.revenue - Double(day.sales) * world.items[item].price) < 1e-9)
            }
        }
        #expect(expected > 100)
        #expect(abs(sold - expected) < 4 * expected.squareRoot())
    }

    @Test("With growth, exposure today raises tomorrow's rate; in the null world it changes nothing")
    func growth() throws {
        let growing = try ItemLifeWorld(small(), seed: 5)
        let null = try ItemLifeWorld(.null, seed: 5)
        #expect(
            growing.clickRate(item: 0, day: 5, clicks: 50, views: 1_000)
                > 1.5 * growing.clickRate(item: 0, day: 5, clicks: 0, views: 0))
        #expect(
            null.clickRate(item: 0, day: 5, clicks: 50, views: 1_000)
                == null.clickRate(item: 0, day: 5, clicks: 0, views: 0))
        #expect(null.otherViews(day: 5, clicks: 50) == null.otherViews(day: 5, clicks: 0))
        #expect(growing.otherViews(day: 5, clicks: 50) > growing.otherViews(day: 5, clicks: 0))
    }

    @Test(
        "Bounds: random < popularity < click rate < myopic oracle <= investing oracle; a premium on youth helps cold items"
    )
    func bounds() throws {
        let world = try ItemLifeWorld(ItemLifeConfiguration(), seed: 1)
        let random = try ItemLifeReport(world: world, policy: RandomRanking(seed: 1))
        let popular = try ItemLifeReport(world: world, policy: PopularityRanking())
        let rate = try ItemLifeReport(world: world, policy: ClickRateRanking())
        let bonus = try ItemLifeReport(world: world, policy: ClickRateRanking(bonus: 0.5))
        let myopic = try ItemLifeReport(world: world, policy: MyopicItemOracle())
        let investing = try InvestingItemOracle.premiums.map {
            try ItemLifeReport(world: world, policy: InvestingItemOracle(youth: $0))
        }
        #expect(random.expectedClicks < popular.expectedClicks)
        #expect(popular.expectedClicks < rate.expectedClicks)
        #expect(rate.expectedClicks < myopic.expectedClicks)
        #expect(bonus.coldClicks > rate.coldClicks)
        #expect(investing[0].expectedClicks == myopic.expectedClicks)
        #expect(Double(investing[4].coldClicks) > 1.2 * Double(rate.coldClicks))
        #expect(investing[5].coldClicks > investing[0].coldClicks)
        // Popularity starves new items: fewer cold clicks than a random order.
        #expect(popular.coldClicks < random.coldClicks)
    }

    @Test("In the null world no premium on youth beats today's rate")
    func null() throws {
        let world = try ItemLifeWorld(.null, seed: 1)
        let myopic = try ItemLifeReport(world: world, policy: MyopicItemOracle())
        for youth in InvestingItemOracle.premiums {
            let other = try ItemLifeReport(world: world, policy: InvestingItemOracle(youth: youth))
            #expect(other.expectedClicks <= 1.001 * myopic.expectedClicks)
        }
    }

    @Test("Potential shows in the features only in part, and wrong scores are refused")
    func observations() throws {
        let world = try ItemLifeWorld(ItemLifeConfiguration(), seed: 2)
        let one = world.items.map { Double($0.features[0]) }
        let correlation = try #require(try Correlation.pearson(one, world.potentials))
        #expect(correlation * correlation < 0.3 && correlation > 0.1)
        var market = ItemLifeMarket(world: world)
        #expect(throws: WorldError.actionCount(world: "item life", found: 1, expected: market.live.count)) {
            try market.step(scores: [1])
        }
        #expect(throws: WorldError.self) {
            try market.step(scores: [Double](repeating: .nan, count: market.live.count))
        }
        #expect(market.day == 0)
        #expect(throws: WorldError.self) { try ItemLifeWorld(small { $0.horizonInDays = 0 }, seed: 1) }
        #expect(
            throws: WorldError.invalid(world: "item life", field: "growth", found: "nan", allowed: "finite numbers")
        ) { try ItemLifeWorld(small { $0.growth = .nan }, seed: 1) }
    }
}
