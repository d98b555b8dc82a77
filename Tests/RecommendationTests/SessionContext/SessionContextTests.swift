import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training
import Worlds

@Suite("Session context: logs and model")
struct SessionContextTests {
    @Test("A session may read the clicks of earlier sessions of its user, and of nobody else")
    func histories() {
        var log = smallLog()
        #expect(Array(log.history(ofSession: 0, most: 9)) == [])
        #expect(Array(log.history(ofSession: 1, most: 9)) == [2, 8])
        #expect(Array(log.history(ofSession: 1, most: 1)) == [8])
        log.startUser()
        log.append(items: [1] as [Int32], clicks: [true], endIsKnown: true)
        #expect(Array(log.history(ofSession: 2, most: 9)) == [])
    }

    @Test("The last browse is 0 where the user left and unknown where the list ended")
    func browseLabels() {
        #expect(Array(smallLog().browses.suffix(5)) == [true, true, true, true, false])
        #expect(smallLog().knowsBrowse.allSatisfy { $0 })
        #expect(Array(smallLog(endIsKnown: false).knowsBrowse.suffix(5)) == [true, true, true, true, false])
    }

    @Test("The objective is the sum of both cross-entropies, without the censored browse label")
    func objective() throws {
        var configuration = smallConfiguration()
        configuration.browseWeight = 0.7
        let model = smallModel(configuration)
        for endIsKnown in [true, false] {
            let log = smallLog(endIsKnown: endIsKnown)
            let loss = SessionContextLearner(model, training: log).loss([0, 1])
            let found = model.predictions(log)
            func crossEntropy(_ probabilities: [Double], _ labels: [Bool]) -> Double {
                zip(probabilities, labels).reduce(0) { $0 - log1($1.1 ? $1.0 : 1 - $1.0) }
            }
            let expected =
                crossEntropy(found.clicks, found.clickLabels) + 0.7 * crossEntropy(found.browses, found.browseLabels)
            #expect(found.browses.count == (endIsKnown ? 8 : 7))
            #expect(abs(loss.sum.item - expected) < 1e-4)
            #expect(loss.weight == 8)
        }
    }

    private func log1(_ x: Double) -> Double { Foundation.log(x) }

    @Test(
        "A view changes predictions behind it only; its own click reaches the browse head and nothing else of its slot")
    func causality() {
        let model = smallModel()
        func logits(_ log: SessionLog) -> (click: [Float], browse: [Float]) {
            let found = withoutGradients { model.logits(model.batch(log, sessions: [1])) }
            return (found.click.floats, found.browse.floats)
        }
        let before = logits(smallLog())
        let clicked = logits(smallLog(clicks: [true, false, false, false, false]))
        #expect(clicked.click[0...2] == before.click[0...2])
        #expect(clicked.browse[0...1] == before.browse[0...1])
        #expect(clicked.browse[2] != before.browse[2])
        #expect(abs(clicked.click[3] - before.click[3]) > 1e-5)
        let other = logits(smallLog(items: [3, 7, 11, 9, 4]))
        #expect(other.click[0...1] == before.click[0...1])
        #expect(abs(other.click[4] - before.click[4]) > 1e-5)
    }

    @Test("Without context the order of what was shown before does not matter")
    func withoutContext() {
        var configuration = smallConfiguration()
        configuration.usesContext = false
        let model = smallModel(configuration)
        func last(_ items: [Int32]) -> Float {
            let batch = model.batch(smallLog(items: items), sessions: [1])
            return withoutGradients { model.logits(batch).click.floats[4] }
        }
        #expect(last([3, 7, 1, 9, 4]) == last([1, 9, 3, 7, 4]))
        let full = SessionContextModel.parameterCount(
            smallConfiguration(), catalogue: smallCatalogue(), profileCount: 2)
        let matched = smallConfiguration().withoutContext {
            SessionContextModel.parameterCount($0, catalogue: smallCatalogue(), profileCount: 2)
        }
        let count = SessionContextModel.parameterCount(matched, catalogue: smallCatalogue(), profileCount: 2)
        #expect(!matched.usesContext && count >= full && Double(count) < 1.1 * Double(full))
    }

    @Test("Scores of the whole catalogue equal the logits of the training pass")
    func scorerAgrees() {
        let model = smallModel()
        let log = smallLog()
        let scorer = SessionScorer(model, requests: [SessionRequest(profile: 1, history: [2, 8])])
        let shown: [Int32] = [3, 7, 1, 9]
        let search = ListSearch.clicks(length: 5)
        // The prefix of the log with its real clicks, item by item through the search's own bookkeeping.
        let forced = ForcedScorer(scorer: scorer, items: shown, clicks: [1, 0, 1, 0])
        _ = search.run(forced, requests: 1)
        let batch = model.batch(log, sessions: [1])
        let expected = withoutGradients { model.logits(batch).click.sigmoid().floats }
        #expect(forced.seen.count == 5)
        for slot in 0..<5 { #expect(abs(forced.seen[slot] - expected[slot]) < 1e-5) }
    }

    @Test("Weights against exposure bias have mean 1 and are larger for what was shown rarely")
    func propensityWeights() throws {
        var configuration = FeedConfiguration.longTerm.fast
        configuration.userCount = 30
        let world = try FeedWorld(configuration, seed: 4)
        let feed = try FeedLog(
            world: world, users: 0..<30, base: PopularFeedPolicy(world: world), exploration: 0.5, luckSeed: 2)
        let log = SessionLog(feed, users: world.users, debiasing: .inversePropensity(cap: 10))
        let mean = log.clickWeights.reduce(0, +) / Float(log.rowCount)
        #expect(abs(mean - 1) < 1e-3)
        let rows = 0..<log.rowCount
        let rare = rows.filter { feed.slots[$0] == 1 && feed.propensities[$0] < 0.01 }.map { log.clickWeights[$0] }
        let common = rows.filter { feed.slots[$0] == 1 && feed.propensities[$0] > 0.4 }.map { log.clickWeights[$0] }
        #expect(try #require(rare.min()) > #require(common.max()))
        #expect(SessionLog(feed, users: world.users).clickWeights.allSatisfy { $0 == 1 })
    }

    @Test(
        "It learns: clicks above chance and below the entropy of the base rate, browsing from what was clicked before")
    func learns() throws {
        // A click on category 0 makes the user leave at the next view; clicks depend on the category.
        var generator = SeededGenerator(seed: 11)
        func log(_ users: Int) -> SessionLog {
            var log = SessionLog()
            for _ in 0..<users {
                log.startUser()
                var items: [Int32] = []
                var clicks: [Bool] = []
                var isBored = false
                for _ in 0..<8 {
                    let item = Int32(generator.integer(below: 12))
                    let clicked = generator.bernoulli(item % 3 == 0 ? 0.6 : 0.1)
                    items.append(item)
                    clicks.append(clicked)
                    if generator.bernoulli(isBored ? 0.9 : 0.02) { break }
                    isBored = isBored || (clicked && item % 3 == 0)
                }
                log.append(items: items, clicks: clicks, endIsKnown: items.count < 8)
            }
            return log
        }
        let (training, heldOut, test) = (log(600), log(100), log(300))
        var recipe = SessionTrainingRecipe()
        recipe.steps = 150
        recipe.learningRate = 1e-2
        func measured(_ configuration: SessionContextConfiguration) throws -> (click: Double, browse: Double) {
            let model = SessionContextModel(
                configuration, catalogue: smallCatalogue(), profileCount: 1, from: RandomSource(seed: 1))
            try model.fit(training, heldOut: heldOut, recipe, seed: 1) { false }
            let found = model.predictions(test)
            return (
                try #require(try Discrimination.areaUnderCurve(scores: found.clicks, positive: found.clickLabels)),
                try #require(try Discrimination.areaUnderCurve(scores: found.browses, positive: found.browseLabels))
            )
        }
        let full = try measured(smallConfiguration())
        var plain = smallConfiguration()
        plain.usesContext = false
        let without = try measured(plain)
        #expect(full.click > 0.75)
        #expect(full.browse > without.browse + 0.1)
        #expect(full.browse > 0.85)
    }
}

/// Follows a given list with given clicks and notes the click probability of each of its items.
private final class ForcedScorer: ListScorer {
    let scorer: SessionScorer
    let items: [Int32]
    let clicks: [Float]
    private(set) var seen: [Float] = []

    init(scorer: SessionScorer, items: [Int32], clicks: [Float]) {
        self.scorer = scorer
        self.items = items
        self.clicks = clicks
    }

    var itemCount: Int { scorer.itemCount }

    func score(_ prefixes: [ListPrefix]) -> (clicks: [Float], browses: [Float]) {
        let slot = prefixes[0].items.count
        let prefix = ListPrefix(request: 0, items: Array(items.prefix(slot)), clicks: Array(clicks.prefix(slot)))
        let found = scorer.score([prefix])
        let wanted = slot < items.count ? items[slot] : 4
        seen.append(found.clicks[Int(wanted)])
        var forced = [Float](repeating: 0, count: itemCount)
        forced[Int(wanted)] = 1
        return (forced, found.browses)
    }
}
