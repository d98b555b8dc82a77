import Evaluation
import Foundation
import Reinforcement
import Tensors
import Worlds

/// The ranking that mixes a click-rate score with an item's own score (the paper's dual-rank; the form is our
/// reconstruction):
///
/// `y = y_ctr^(1-α_i) · y_rl^α_i`, `α_i = α_max · clip((Q_i - Q_5%) / (Q_95% - Q_5%), 0, 1)`:
/// the more the critic expects of an item, the more its own score counts.
public enum DualRank {
    /// - Parameters:
    ///   - clickRates: of the items of one request, above 0.
    ///   - scores: of the same items, of any scale: the item with the r-th highest score is given the r-th highest click
    ///     rate as its y_rl, so that both factors have one scale. Equal scores share.
    ///   - values: what the critic expects of each item.
    ///   - maximumWeight: α_max, 0 to 1. With 0 the order is that of the click rates.
    /// - Returns: scores to sort by.
    public static func scores(
        clickRates: [Double], scores: [Double], values: [Double], maximumWeight: Double
    ) -> [Double] {
        let weights = weights(values, maximum: maximumWeight)
        let calibrated = calibrate(scores, to: clickRates)
        return clickRates.indices.map {
            exp((1 - weights[$0]) * log(max(clickRates[$0], 1e-9)) + weights[$0] * log(max(calibrated[$0], 1e-9)))
        }
    }

    /// α of each item; the maximum for all where all values are equal.
    package static func weights(_ values: [Double], maximum: Double) -> [Double] {
        let sorted = values.sorted()
        guard let lowest = sorted.first else { return [] }
        func quantile(_ share: Double) -> Double { sorted[Int((share * Double(sorted.count - 1)).rounded())] }
        let (low, high) = (quantile(0.05), quantile(0.95))
        guard high > low, lowest.isFinite else { return values.map { _ in maximum } }
        return values.map { maximum * min(1, max(0, ($0 - low) / (high - low))) }
    }

    /// The click rates in the order of the scores. Items of one score share the mean of the rates of their ranks on the
    /// log scale: many scores stand at a bound of the actor, and which of them comes first is no one's choice.
    package static func calibrate(_ scores: [Double], to clickRates: [Double]) -> [Double] {
        let rates = clickRates.sorted(by: >)
        let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
        var result = clickRates
        var first = 0
        while first < order.count {
            var end = first + 1
            while end < order.count, scores[order[end]] == scores[order[first]] { end += 1 }
            let logarithms = rates[first..<end].reduce(0) { $0 + log(max($1, 1e-9)) }
            for rank in first..<end {
                result[order[rank]] = end == first + 1 ? rates[first] : exp(logarithms / Double(end - first))
            }
            first = end
        }
        return result
    }
}

/// What ranks a market day by day with an agent: keeps every item's inputs and actions, so that memories can be unrolled.
final class LifetimeRanker {
    private let world: ItemLifeWorld
    private let clickRates: ClickRateModel
    private let judge: any ItemJudge
    private var inputs: [[[Float]]]
    /// What was used for each item on each day.
    private(set) var actions: [[Float]]
    /// What the judge expected of the live items at the last call.
    private(set) var values: [Double] = []
    private var lastRates: [Double] = []
    private var lastScores: [Double] = []

    init(_ world: ItemLifeWorld, clickRates: ClickRateModel, judge: any ItemJudge) {
        self.world = world
        self.clickRates = clickRates
        self.judge = judge
        inputs = [[[Float]]](repeating: [], count: world.items.count)
        actions = [[Float]](repeating: [], count: world.items.count)
    }

    /// Scores of today's items by the dual rank.
    /// - Parameters:
    ///   - maximumWeight: α_max.
    ///   - fixedWeight: α of every item, whatever the critic expects: while exploring.
    ///   - noise: added to the actions.
    func scores(
        _ market: ItemLifeMarket, maximumWeight: Double, fixedWeight: Bool = false, noise: (() -> Float)? = nil
    ) -> [Double] {
        let observations = market.observations
        let live = market.live.map(Int.init)
        for (item, observed) in zip(live, observations) { inputs[item].append(observed) }
        let rates = clickRates.rates(observations)
        let judged = judge.judge(live.map { inputs[$0] }, previousActions: live.map { actions[$0] })
        let used = judged.scores.map { score in noise.map { min(1, max(-1, Float(score) + $0())) } ?? Float(score) }
        (values, lastRates, lastScores) = (judged.values, rates, used.map(Double.init))
        for (item, action) in zip(live, used) { actions[item].append(action) }
        return DualRank.scores(
            clickRates: rates, scores: lastScores,
            values: fixedWeight ? rates.map { _ in 0 } : judged.values,
            maximumWeight: maximumWeight)
    }

    /// What the last call would have given with another weight.
    func lastScores(maximumWeight: Double) -> [Double] {
        DualRank.scores(clickRates: lastRates, scores: lastScores, values: values, maximumWeight: maximumWeight)
    }
}

/// How well it is known what the live items of a market will still earn, asked on five days from the middle of its horizon
/// (spec 05 §5.5).
struct LifetimeRecognition {
    let world: ItemLifeWorld
    /// The market ranked by click rate: what items still earned.
    let reference: MarketOutcome
    /// γ, for each day.
    let discount: Double

    func asks(_ market: ItemLifeMarket) -> Bool {
        let first = world.configuration.horizonInDays / 2
        return (first..<(first + 5)).contains(market.day)
    }

    /// Discounted clicks that the live items still earned.
    func realised(_ market: ItemLifeMarket) -> [Double] {
        market.live.map {
            reference.remainingValue(
                item: Int($0), from: market.day - world.items[Int($0)].launchDay, discount: discount)
        }
    }

    /// nDCG@k of what is expected of the live items; nil where none earns anything more.
    func gain(_ predicted: [Double], _ market: ItemLifeMarket, k: Int = 20) -> Double? {
        RankingMetrics.valueDiscountedGain(predicted: predicted, realised: realised(market), k: k)
    }
}

/// What was expected of the items of one market, on any scale, and the clicks they still earned.
package struct ExpectedLifetimes {
    package var predicted: [Double] = []
    package var realised: [Double] = []

    package init() {}

    mutating func append(_ predicted: [Double], _ realised: [Double]) {
        self.predicted += predicted
        self.realised += realised
    }

    /// Root mean square and mean absolute error in clicks, the mean over markets.
    ///
    /// A critic's values are no clicks, and neither are click rates: each market's are read in clicks by the rising
    /// function that fits the other markets best, so that only what order and spread tell counts.
    /// - Returns: nil for fewer than two markets.
    package static func errors(
        _ markets: [ExpectedLifetimes]
    ) throws -> (rootMeanSquare: Double, meanAbsolute: Double)? {
        guard markets.count > 1 else { return nil }
        let errors = try markets.indices.map { own in
            let others = markets.indices.filter { $0 != own }.map { markets[$0] }
            let clicks = try IsotonicRegression(
                scores: others.flatMap(\.predicted), values: others.flatMap(\.realised))
            let read = markets[own].predicted.map { clicks($0) }
            return (
                try Likelihood.rootMeanSquaredError(predicted: read, realised: markets[own].realised),
                try Likelihood.meanAbsoluteError(predicted: read, realised: markets[own].realised)
            )
        }
        return (Summary(errors.map(\.0)).mean, Summary(errors.map(\.1)).mean)
    }
}

/// Gives items a score for the ranking and says what it expects of them.
package protocol ItemJudge {
    /// - Parameters:
    ///   - days: inputs of each item from its launch to today.
    ///   - previousActions: what was used on its earlier days.
    func judge(_ days: [[[Float]]], previousActions: [[Float]]) -> (scores: [Double], values: [Double])
}

extension ItemDays {
    /// Histories of different lengths, aligned by age and padded at their ends.
    init(_ days: [[[Float]]], previousActions: [[Float]], staticCount: Int) {
        let longest = days.map(\.count).max() ?? 1
        let width = days.first?.first?.count ?? 0
        var observations: [Float] = []
        var previous: [Float] = []
        for (days, actions) in zip(days, previousActions) {
            for day in days { observations += day }
            observations += [Float](repeating: 0, count: (longest - days.count) * width)
            for day in 0..<longest { previous.append(day > 0 && day <= actions.count ? actions[day - 1] : 0) }
        }
        self.init(
            observations: Tensor(observations, shape: [days.count, longest, width]),
            previousActions: Tensor(previous, shape: [days.count, longest]), staticCount: staticCount)
    }
}

extension Tensor {
    /// Of each row `[items, days]`, the value at its own place.
    func at(_ places: [Int]) -> [Double] {
        gather(Tensor(places.map(Int64.init), shape: [places.count, 1]), along: 1).squeezed(axis: 1).values(Double.self)
    }
}

extension LifetimeValueAgent: ItemJudge {
    package func judge(_ days: [[[Float]]], previousActions: [[Float]]) -> (scores: [Double], values: [Double]) {
        guard !days.isEmpty else { return ([], []) }
        return withoutGradients {
            let inputs = ItemDays(days, previousActions: previousActions, staticCount: staticCount)
            let actions = actor.online(inputs)
            let values = critic.online(inputs, actions: actions)
            let today = days.map { $0.count - 1 }
            return (actions.at(today), values.at(today))
        }
    }
}
