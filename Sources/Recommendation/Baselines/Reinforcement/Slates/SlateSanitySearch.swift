import Evaluation
public import Experiments
import Training
import Worlds

/// Eight configurations for each learner, with the study's own budget. The rankers have no settings.
extension SlateSanityStudy: TunedStudy {
    public var tuningMetric: String {
        "watch time of a session, mean over users not learned from; seeds 1000 up (measured are 0 to 9)"
    }

    public func trials(_ scale: Scale) -> [TuningTrial] {
        let scale = SlateSanityScale(scale)
        typealias Slate = SlateLearner.Settings
        let slates = TuningTrial.grid(
            "slate-q", Slate(),
            [
                .init("rate", [2e-3, 5e-4], \Slate.learningRate), .init("discount", [1.0, 0.97], \Slate.discount),
                .init("follow", [0.1, 0.02], \Slate.followRate),
            ]
        ) { settings, seed in
            let seed = UInt64(seed) + 1_000
            return try await TensorActor.run {
                let learner = SlateLearner(InterestEvolutionConfiguration(), settings: settings, seed: seed)
                try learner.train(users: scale.users, updates: scale.updates, seed: seed)
                return try learner.watchTime(
                    users: scale.measuredUsers, seed: SeededGenerator.seed(seed, "measured users"))
            }
        }
        typealias Log = SlateLogLearner.Settings
        func logged(_ name: String, _ base: Log, _ settings: [TuningSetting<Log>]) -> [TuningTrial] {
            TuningTrial.grid(name, base, settings) { settings, seed in
                let seed = UInt64(seed) + 1_000
                return try await TensorActor.run {
                    var configuration = InterestEvolutionConfiguration()
                    configuration.slateSize = 1
                    let log = try InterestEvolutionLog(
                        configuration, users: scale.users, exploration: SlateSanityScale.logExploration, seed: seed)
                    let learner = try SlateLogLearner(log, configuration: configuration, settings: settings, seed: seed)
                    return try learner.watchTime(
                        users: scale.measuredUsers, seed: SeededGenerator.seed(seed, "measured users"))
                }
            }
        }
        var conservative = Log()
        conservative.updates = scale.updates
        var plain = Log.plain
        plain.updates = scale.updates
        return slates
            + logged(
                "log-conservative", conservative,
                [
                    .init("penalty", [0.1, 0.3, 1, 5], \Log.conservatism),
                    .init("rate", [3e-4, 1e-3], \Log.learningRate),
                ])
            + logged(
                "log-q-learning", plain,
                [
                    .init("rate", [3e-4, 1e-3], \Log.learningRate), .init("discount", [1.0, 0.97], \Log.discount),
                    .init("follow", [0.02, 0.1], \Log.followRate),
                ])
    }
}
