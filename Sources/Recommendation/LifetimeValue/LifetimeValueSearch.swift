import Evaluation
public import Experiments
import Training
import Worlds

/// Eighteen configurations for the method, its ablation and each trained baseline. Exploration boosts, whose search costs a
/// market each, get their eighteen in every seed of the study.
extension LifetimeValueStudy: TunedStudy {
    public var tuningMetric: String {
        "cold clicks relative to ranking by click rate, less 20 times the share of all clicks lost beyond 2 %; for the "
            + "supervised model, nDCG@20 of remaining clicks; for the click rate itself, all clicks relative to popularity; "
            + "markets of seeds 500 up (measured are 0 to 9)"
    }

    public func trials(_ scale: Scale) -> [TuningTrial] {
        let scale = LifetimeValueScale(scale)
        typealias Settings = LifetimeValueConfiguration
        func ranked(
            _ name: String, _ base: Settings, _ settings: [TuningSetting<Settings>]
        ) -> [TuningTrial] {
            TuningTrial.grid(name, base, settings) { configuration, seed in
                try await TensorActor.run {
                    let learning = try LifetimeLearning(
                        scale.world, markets: configuration.markets, seed: UInt64(seed) + 500)
                    let judge = try learning.agent(configuration) { Task.isCancelled }
                    let market = try Self.market(scale, seed)
                    let ranker = LifetimeRanker(market, clickRates: learning.clickRates, judge: judge)
                    let own = try market.run { ranker.scores($0, maximumWeight: configuration.maximumWeight) }
                    let plain = try market.run { learning.clickRates.rates($0.observations) }
                    return own.coldClicks / plain.coldClicks
                        - 20 * max(0, LifetimeValueStudy.globalShare - own.clicks / plain.clicks)
                }
            }
        }
        let rates: [TuningSetting<Settings>] = [
            .init("reward", Settings.Reward.allCases, \Settings.reward),
            .init("actor rate", [3e-3, 1e-3, 3e-4], \Settings.actorLearningRate),
            .init("critic rate", [3e-3, 1e-3], \Settings.criticLearningRate),
        ]
        return ranked(Variant.agent.rawValue, scale.configuration, rates)
            + ranked(Variant.memoryless.rawValue, scale.memoryless, rates)
            + TuningTrial.grid(
                Variant.regression.rawValue, scale.regression,
                [
                    .init("rate", [1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5], \Settings.criticLearningRate),
                    .init("hidden", [32, 64, 128], \Settings.hiddenDimensions),
                ]
            ) { configuration, seed in
                try await TensorActor.run {
                    let learning = try LifetimeLearning(
                        scale.world, markets: configuration.markets, seed: UInt64(seed) + 500)
                    let market = try Self.market(scale, seed)
                    let judge = try learning.regression(configuration)
                    let ranker = LifetimeRanker(market, clickRates: learning.clickRates, judge: judge)
                    let recognition = LifetimeRecognition(
                        world: market, reference: try market.run { learning.clickRates.rates($0.observations) },
                        discount: configuration.discount)
                    var gains: [Double] = []
                    _ = try market.run {
                        let scores = ranker.scores($0, maximumWeight: 0)
                        if recognition.asks($0), let gain = recognition.gain(ranker.values, $0) { gains.append(gain) }
                        return scores
                    }
                    return Summary(gains).mean
                }
            }
            + TuningTrial.grid(
                Variant.clickRate.rawValue, ClickRateModel.Settings(),
                [
                    .init("rate", [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4], \ClickRateModel.Settings.learningRate),
                    .init("weight decay", [1e-2, 1e-3, 0.0], \ClickRateModel.Settings.weightDecay),
                ]
            ) { settings, seed in
                try await TensorActor.run {
                    let learning = try LifetimeLearning(
                        scale.world, markets: scale.configuration.markets, clickRates: settings,
                        seed: UInt64(seed) + 500)
                    let market = try Self.market(scale, seed)
                    let own = try market.run { learning.clickRates.rates($0.observations) }
                    return try own.clicks / market.run(PopularityRanking()).clicks
                }
            }
    }

    private static func market(_ scale: LifetimeValueScale, _ seed: Int) throws -> ItemLifeWorld {
        try ItemLifeWorld(scale.world, seed: 600_000_000 &+ UInt64(seed))
    }
}
