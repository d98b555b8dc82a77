import Evaluation
import Reinforcement
import Tensors
import Worlds

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
