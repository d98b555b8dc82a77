import Experiments
import Foundation
import Recommendation
import Testing
import Training
import Worlds

@Suite("The study lifetime-value", .serialized)
struct LifetimeValueStudyTests {
    @Test("The smoke scale measures every variant and gives no verdict", .timeLimit(.minutes(3)))
    func smoke() async throws {
        let result = try await StudyRunner(
            environment: UnifiedRepresentationStudyTests.environment, commit: "abc"
        ).run(LifetimeValueStudy(), scale: .smoke)
        #expect(
            result.claims.map(\.claim.id)
                == [
                    "cold", "cold-revenue", "global", "boosts", "recognition", "recurrence", "trade-off",
                    "weighted-recognition",
                ].map { "lifetime-value-\($0)" })
        #expect(result.claims.allSatisfy { $0.verdict == .notShown && $0.claim.minimumSeeds == 10 })
        let markets = result.tables[0]
        let plain = try #require(markets.rows.first { $0[0] == "click rate" })
        #expect(plain[1].text.hasPrefix("1.0000 ± 0.0000"))
        // Popularity starves new items.
        let popular = try #require(markets.rows.first { $0[0] == "popularity" })
        #expect(popular[1].text < "0.9")
        let recognition = result.tables[1]
        #expect(recognition.columns.suffix(5) == ["nDCG@10", "nDCG@20", "nDCG@50", "RMSE", "MAE"])
        let judged = try #require(recognition.rows.first { $0[0] == "click rate" })
        #expect(judged[2].text == plain[5].text)
        let unweighted = try #require(result.tables[2].rows.first)
        #expect(unweighted[1].text.hasPrefix("1.0000 ± 0.0000"))
        // Without weight, the mixture orders as the click rate does.
        #expect((8...10).map { unweighted[$0].text } == (1...3).map { judged[$0].text })
    }

    @Test("Errors of lifetimes: each market's expectations read in clicks by the others, whatever their scale")
    func lifetimeErrors() throws {
        func market(_ predicted: [Double], _ realised: [Double]) -> ExpectedLifetimes {
            var own = ExpectedLifetimes()
            (own.predicted, own.realised) = (predicted, realised)
            return own
        }
        let first = market([1, 2, 3], [10, 30, 20])  // rising: 10, 25, 25
        let second = market([1, 2], [0, 40])
        let errors = try #require(try ExpectedLifetimes.errors([first, second]))
        // The first market read by the second: 0, 40, 40; the second by the first: 10, 25.
        let squares = [(100.0 + 100 + 400) / 3, (100.0 + 225) / 2].map { $0.squareRoot() }
        #expect(abs(errors.rootMeanSquare - (squares[0] + squares[1]) / 2) < 1e-9)
        #expect(abs(errors.meanAbsolute - (40.0 / 3 + 25.0 / 2) / 2) < 1e-9)
        let scaled = try #require(
            try ExpectedLifetimes.errors([first, second].map { market($0.predicted.map { exp(3 * $0) }, $0.realised) }))
        #expect(scaled == errors)
        #expect(try ExpectedLifetimes.errors([first]) == nil)
    }

    @Test("True click rates are calibrated; rates that are twice as high expect twice the clicks")
    func clickCalibration() throws {
        var configuration = ItemLifeConfiguration()
        configuration.launchesPerDay = 2
        let world = try ItemLifeWorld(configuration, seed: 4)
        let market = ItemLifeMarket(world: world)
        let rates = market.live.map { world.clickRate(item: Int($0), day: 0, clicks: 0, views: 0) }
        let exact = try market.clickCalibration(rates)
        #expect(exact.expectedError < 1e-12 && abs(exact.clicksOverPredicted - 1) < 1e-12)
        let doubled = try market.clickCalibration(rates.map { 2 * $0 })
        #expect(abs(doubled.clicksOverPredicted - 0.5) < 1e-12)
        #expect(abs(doubled.expectedError - rates.reduce(0, +) / Double(rates.count)) < 1e-12)
    }

    @Test(
        "Every learner of a search has as many configurations, eight or more, one baseline twice as many; the study uses one"
    )
    func search() {
        for study in [LifetimeValueStudy(), HierarchicalAgentStudy(), SlateSanityStudy()] as [any TunedStudy] {
            for scale in Scale.allCases {
                let byLearner = Dictionary(grouping: study.trials(scale), by: \.learner)
                #expect(byLearner.count >= 3)
                let equal = byLearner.values.map(\.count).min() ?? 0
                #expect(equal >= 8, "\(study.id)")
                for (learner, trials) in byLearner {
                    // One level with proto-items is also tried with neighbours.
                    let isWider = study.id == "hierarchical-agent" && ["flat", "two-topics-flat"].contains(learner)
                    let count = isWider ? 2 * equal : equal
                    #expect(trials.count == count, "\(learner)")
                    #expect(Set(trials.map(\.configuration)).count == count, "\(learner)")
                    #expect(trials.count { $0.isUsed } == 1, "\(learner)")
                }
            }
        }
    }

    @Test("The area under the curve is the share of pairs in the right order, ties half")
    func clickArea() throws {
        var configuration = ItemLifeConfiguration()
        configuration.launchesPerDay = 2
        configuration.horizonInDays = 5
        let world = try ItemLifeWorld(configuration, seed: 4)
        let market = ItemLifeMarket(world: world)
        let rates = market.live.map { world.clickRate(item: Int($0), day: 0, clicks: 0, views: 0) }
        // Over all pairs of a clicked and an unclicked view.
        func expected(_ scores: [Double]) -> Double {
            var (wins, all) = (0.0, 0.0)
            for (own, rate) in zip(scores, rates) {
                for (other, otherRate) in zip(scores, rates) {
                    all += rate * (1 - otherRate)
                    wins += rate * (1 - otherRate) * (own > other ? 1 : own == other ? 0.5 : 0)
                }
            }
            return wins / all
        }
        #expect(rates.count > 3)
        #expect(abs(market.clickArea(rates) - expected(rates)) < 1e-9)
        #expect(market.clickArea(rates) > 0.55)
        let levels = rates.map { $0 > 0.04 ? 1.0 : 0 }
        #expect(abs(market.clickArea(levels) - expected(levels)) < 1e-9)
        #expect(abs(market.clickArea(rates.map { _ in 3 }) - 0.5) < 1e-12)
    }

    @Test("Ablated, the controls stand in the methods' place", .timeLimit(.minutes(3)))
    func ablated() async throws {
        let result = try await StudyRunner(
            environment: UnifiedRepresentationStudyTests.environment, commit: "abc"
        ).run(LifetimeValueStudy(), scale: .smoke, seeds: 1, ablate: true)
        #expect(result.claims.allSatisfy { $0.values.method.count == 1 })
        #expect(result.tables.last?.rows.contains { $0[0] == "lifetime-value" } == false)
        #expect(result.tables.last?.rows.contains { $0[0] == "history of another item" } == true)
    }
}
