import Evaluation
public import Experiments
import Training
import Worlds

/// Eight configurations for the method, its ablation and each trained baseline. Exploration boosts, whose search costs a
/// market each, get their eight in every seed of the study.
extension LifetimeValueStudy: TunedStudy {
    public var tuningMetric: String {
        "cold clicks relative to ranking by click rate, less 20 times the share of all clicks lost beyond 2 %; for the click "
            + "rate itself, all clicks relative to popularity; markets of seeds 500 up (measured are 0 to 9)"
    }

    public func trials(_ scale: Scale) -> [TuningTrial] {
        let scale = LifetimeValueScale(scale)
        typealias Settings = LifetimeValueConfiguration
        func ranked(
            _ name: String, _ base: Settings, _ settings: [TuningSetting<Settings>],
            _ judge: @escaping @Sendable @TensorActor (LifetimeLearning, Settings) throws -> any ItemJudge
        ) -> [TuningTrial] {
            TuningTrial.grid(name, base, settings) { configuration, seed in
                try await TensorActor.run {
                    let learning = try LifetimeLearning(scale.world, configuration, seed: UInt64(seed) + 500)
                    let judge = try judge(learning, configuration)
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
            .init("reward", [Settings.Reward.ratio, .difference], \Settings.reward),
            .init("actor rate", [1e-3, 3e-4], \Settings.actorLearningRate),
            .init("critic rate", [3e-3, 1e-3], \Settings.criticLearningRate),
        ]
        let agent: @Sendable @TensorActor (LifetimeLearning, Settings) throws -> any ItemJudge = {
            try $0.agent($1) { Task.isCancelled }
        }
        return ranked(Variant.agent.rawValue, scale.configuration, rates, agent)
            + ranked(Variant.memoryless.rawValue, scale.memoryless, rates, agent)
            + ranked(
                Variant.regression.rawValue, scale.regression,
                [
                    .init("rate", [3e-3, 1e-3, 3e-4, 1e-2], \Settings.criticLearningRate),
                    .init("hidden", [32, 64], \Settings.hiddenDimensions),
                ]
            ) { try $0.regression($1) }
            + TuningTrial.grid(
                Variant.clickRate.rawValue, ClickRateModel.Settings(),
                [
                    .init("rate", [3e-3, 1e-3, 3e-4, 1e-2], \ClickRateModel.Settings.learningRate),
                    .init("weight decay", [1e-3, 0.0], \ClickRateModel.Settings.weightDecay),
                ]
            ) { settings, seed in
                try await TensorActor.run {
                    let learning = try LifetimeLearning(
                        scale.world, scale.configuration, clickRates: settings, seed: UInt64(seed) + 500)
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
