import Foundation
import Testing
import Worlds

@Suite("Feed world: its equations, written out") struct FeedEquationTests {
    private let world: FeedWorld
    private let configuration: FeedConfiguration

    init() throws {
        var configuration = FeedConfiguration.longTerm.fast
        // Numbers of our own, so that no term can hide behind a default of 0 or 1.
        (configuration.clickBase, configuration.clickMatch) = (-1.5, 2)
        (configuration.clickBait, configuration.clickRepetition) = (0.7, 0.3)
        (configuration.satisfactionDecay, configuration.satisfactionGain) = (0.8, 0.25)
        configuration.unclickedCost = 0.4
        (configuration.browseBase, configuration.browseSatisfaction) = (2, 1.1)
        (configuration.browseMatch, configuration.browseRepetition) = (0.6, 0.2)
        configuration.browseFatigue = 0.9
        (configuration.returnBase, configuration.returnSatisfaction) = (0.4, 0.2)
        (configuration.intentPersistence, configuration.clickDrift) = (0.7, 0.5)
        configuration.intentNoise = 0
        self.configuration = configuration
        world = try FeedWorld(configuration, seed: 8)
    }

    private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    @Test("Click, satisfaction, browse: the sigmoids and sums of the specification")
    func oneView() {
        for item in [3, 77, 200] {
            let bait = Double(world.items.truth.clickbait[item])
            let quality = Double(world.items.truth.quality[item])
            let intent = world.users.truth.tastes[5]
            let match = Double((intent * world.items.truth.vectors[item]).sum())
            let click = world.clickProbability(item: item, intent: intent, repetition: 1.3)
            #expect(abs(Double(click) - sigmoid(-1.5 + 2 * match + 0.7 * bait - 0.3 * 1.3)) < 1e-5)
            let liked = Double(world.satisfaction(after: 0.5, item: item, clicked: true))
            #expect(abs(liked - (0.8 * 0.5 + 0.25 * quality)) < 1e-5)
            let passed = Double(world.satisfaction(after: 0.5, item: item, clicked: false))
            #expect(abs(passed - (0.8 * 0.5 - 0.25 * 0.4)) < 1e-5)
            let browse = world.browseProbability(satisfaction: -0.6, match: 0.3, repetition: 1.3, slot: 7)
            #expect(
                abs(Double(browse) - sigmoid(2 + 1.1 * -0.6 + 0.6 * 0.3 - 0.2 * 1.3 - 0.9 * 7 / 20)) < 1e-5)
        }
    }

    @Test("Quality is the topic's, click-bait is -rho q / 3 and the rest noise")
    func items() {
        let items = world.items
        let topics = configuration.topicCount
        // Fourteen topics from -3 to 0 and six from 0 to 3.
        for topic in 0..<topics {
            let own = (0..<items.count).filter { Int(items.topics[$0]) == topic }.map { items.truth.quality[$0] }
            let mean = Double(own.reduce(0, +)) / Double(own.count)
            let wanted = topic < 14 ? -3 + 3 * Double(topic) / 13 : 3 * Double(topic - 14) / 5
            #expect(abs(mean - wanted) < 4 * 0.1 / Double(own.count).squareRoot())
        }
        let rest = (0..<items.count).map {
            Double(items.truth.clickbait[$0]) + 0.8 * Double(items.truth.quality[$0]) / 3
        }
        let count = Double(rest.count)
        let mean = rest.reduce(0, +) / count
        let deviation = (rest.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        #expect(abs(mean) < 4 * 0.6 / count.squareRoot())
        #expect(abs(deviation - 0.6) < 0.08)
        for vector in items.truth.vectors { #expect(abs((vector * vector).sum() - 1) < 1e-4) }
    }

    @Test("The next intent: rho z + (1 - rho) p + eta mean(v clicked)")
    func intents() {
        let intent = world.items.truth.vectors[9]
        let clicked = world.items.truth.vectors[30]
        let next = world.nextIntent(user: 4, session: 2, intent: intent, meanClicked: clicked, luckSeed: 1)
        let wanted = 0.7 * intent + 0.3 * world.users.truth.tastes[4] + 0.5 * clicked
        for axis in 0..<16 { #expect(abs(next[axis] - wanted[axis]) < 1e-5) }
    }

    @Test("Returns: a clipped daily probability, geometric gaps, and churn above ten days")
    func returns() {
        let bias = world.users.truth.returnBias[6]
        #expect(abs(world.returnProbability(user: 6, satisfaction: 0.5) - (0.4 + 0.1 + bias)) < 1e-5)
        #expect(world.returnProbability(user: 6, satisfaction: -9) == 0.02)
        #expect(world.returnProbability(user: 6, satisfaction: 9) == 0.95)
        // Over an even grid of luck, gaps have their own shares: p (1 - p)^(d - 1), and (1 - p)^10 never come back.
        let (probability, steps): (Float, Int) = (0.3, 100_000)
        var counts = [Int](repeating: 0, count: 12)
        for step in 0..<steps {
            let luck = (Float(step) + 0.5) / Float(steps)
            counts[world.returnGap(probability: probability, luck: luck) ?? 11] += 1
        }
        #expect(counts[0] == 0)
        for gap in 1...10 {
            let wanted = 0.3 * pow(0.7, Double(gap - 1))
            #expect(abs(Double(counts[gap]) / Double(steps) - wanted) < 1e-3)
        }
        #expect(abs(Double(counts[11]) / Double(steps) - pow(0.7, 10)) < 1e-3)
    }
}
