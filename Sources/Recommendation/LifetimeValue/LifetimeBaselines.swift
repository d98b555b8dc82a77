import Evaluation
import Foundation
import Layers
import Reinforcement
import Tensors
import Worlds

/// Ranks a market by click rates and something of its own.
protocol MarketRanker {
    mutating func rank(_ market: ItemLifeMarket, _ clickRates: ClickRateModel) -> [Double]
}

/// ε-greedy for new items: each cold item stands first with a small probability.
struct RandomBoost: MarketRanker {
    let share: Double
    var generator: SeededGenerator

    mutating func rank(_ market: ItemLifeMarket, _ clickRates: ClickRateModel) -> [Double] {
        let rates = clickRates.rates(market.observations)
        return zip(market.live, rates).map { item, rate in
            let isCold = market.day - market.world.items[Int(item)].launchDay < MarketOutcome.coldDays
            // The draw is taken in any case, so that a change of one item leaves the luck of the others alone.
            let isBoosted = generator.bernoulli(share)
            return isCold && isBoosted ? 1 + rate : rate
        }
    }
}

/// A bonus that falls with the impressions an item has had: `rate + bonus / √(n + 100)`.
struct ConfidenceBonus: MarketRanker {
    let bonus: Double

    mutating func rank(_ market: ItemLifeMarket, _ clickRates: ClickRateModel) -> [Double] {
        zip(market.live, clickRates.rates(market.observations)).map { item, rate in
            rate + bonus / (Double(market.views[Int(item)]) + 100).squareRoot()
        }
    }
}

/// A control: another judge whose scores, or whose items' histories, are dealt to other items at random.
final class DealtJudge: ItemJudge {
    private let judge: any ItemJudge
    private var generator: SeededGenerator
    private let dealsHistories: Bool

    init(_ judge: any ItemJudge, seed: UInt64, dealsHistories: Bool) {
        self.judge = judge
        self.dealsHistories = dealsHistories
        generator = SeededGenerator(seed: seed).split("dealt")
    }

    func judge(_ days: [[[Float]]], previousActions: [[Float]]) -> (scores: [Double], values: [Double]) {
        let order = generator.shuffled(days.indices)
        if dealsHistories {
            return judge.judge(order.map { days[$0] }, previousActions: order.map { previousActions[$0] })
        }
        let (scores, values) = judge.judge(days, previousActions: previousActions)
        return (order.map { scores[$0] }, order.map { values[$0] })
    }
}

/// The supervised comparison: a memory and a head that predict `log(1 + remaining discounted clicks)` of an item from the
/// same episodes. The prediction is the item's score and its value at once.
///
/// It reads no actions: those of the log are not its own, and its scores are none.
package final class LifetimeRegression: ItemJudge {
    private let network: ItemCritic
    private let staticCount: Int
    /// Days that must follow for the rest of a life that the log cut off to be a label.
    private static let leastFuture = 10

    /// - Parameter steps: of as many episodes as an update of the agent reads.
    package init(
        _ replay: EpisodeReplay, inputs: Int, _ configuration: LifetimeValueConfiguration, steps: Int, seed: UInt64
    ) throws {
        staticCount = replay.staticCount
        network = ItemCritic(
            inputs: inputs, statics: staticCount, configuration, from: RandomSource(seed: seed))
        network.train()
        let optimizer = AdamW([ParameterGroup(network.parameters)])
        var generator = SeededGenerator(seed: seed).split("lifetime regression")
        for _ in 0..<steps {
            let episodes = (0..<configuration.episodesPerBatch).map { _ in
                replay.episodes[generator.integer(below: replay.episodes.count)]
            }
            let batch = EpisodeBatch(
                episodes.map { .init(episode: $0, days: 0..<$0.days, burnIn: 0) }, staticCount: staticCount)
            let longest = batch.actions.size(1)
            let labels = episodes.map { Self.labels($0, discount: configuration.discount, longest: longest) }
            let none = Tensor.zeros([episodes.count, longest])
            let days = ItemDays(
                observations: batch.days.days(0..<longest).observations, previousActions: none, staticCount: staticCount
            )
            let loss = TemporalDifference.squaredError(
                network(days, actions: none),
                Tensor(labels.flatMap(\.values), shape: [episodes.count, longest]),
                mask: Tensor(labels.flatMap(\.mask), shape: [episodes.count, longest]))
            optimizer.clearGradients()
            try loss.backward()
            GradientScaling.scaleAndClip(network.parameters, maximumNorm: 1)
            optimizer.step(learningRate: configuration.criticLearningRate)
        }
        network.train { _ in false }
    }

    /// Logarithms of the discounted clicks to come, and which of them count.
    package static func labels(
        _ episode: ItemEpisode, discount: Double, longest: Int
    ) -> (values: [Float], mask: [Float]) {
        var values = [Float](repeating: 0, count: longest)
        var mask = values
        var sum: Float = 0
        for day in (0..<episode.days).reversed() {
            sum = episode.clicks[day] + Float(discount) * sum
            values[day] = log1p(sum)
            mask[day] = episode.isTerminal || episode.days - day >= leastFuture ? 1 : 0
        }
        return (values, mask)
    }

    package func judge(_ days: [[[Float]]], previousActions: [[Float]]) -> (scores: [Double], values: [Double]) {
        guard !days.isEmpty else { return ([], []) }
        let values = withoutGradients {
            let inputs = ItemDays(days, previousActions: days.map { _ in [] }, staticCount: staticCount)
            let (items, longest) = (inputs.observations.size(0), inputs.observations.size(1))
            return network(inputs, actions: .zeros([items, longest])).at(days.map { $0.count - 1 })
        }
        return (values, values)
    }
}
