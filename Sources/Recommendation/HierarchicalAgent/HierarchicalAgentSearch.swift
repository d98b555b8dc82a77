public import Experiments
import Training
import Worlds

/// Eight configurations for the method, its ablation and each baseline, with the study's own budget; sixteen for one level
/// with proto-items, eight with the nearest item and eight with the critic's choice of neighbours.
extension HierarchicalAgentStudy: TunedStudy {
    public var tuningMetric: String {
        "clicks per user in 30 days, true probabilities, users not learned from, worlds 1, 2 … (measured are 100 up)"
    }

    public func trials(_ scale: Scale) -> [TuningTrial] {
        [HierarchicalAgentVariant.Preset.longTerm, .twoTopics].flatMap { trials(HierarchicalAgentScale(scale), $0) }
    }

    private func trials(_ scale: HierarchicalAgentScale, _ preset: HierarchicalAgentVariant.Preset) -> [TuningTrial] {
        @Sendable func clicks(
            _ exploration: FeedExploration, _ seed: Int,
            _ agent: @TensorActor (FeedTrainingGround) -> any FeedAgent
        ) async throws -> Double {
            try await TensorActor.run {
                let ground = try FeedTrainingGround(
                    preset.configuration(scale), budget: preset.budget(scale), seed: UInt64(seed) + 1)
                let agent = agent(ground)
                try ground.train(agent, exploration: exploration) { _, _ in try Task.checkCancellation() }
                return try ground.measure(agent).expectedClicksPerUser
            }
        }
        typealias Two = HierarchicalAgentConfiguration
        func twoLevels(
            _ variant: HierarchicalAgentVariant, _ option: Two.Option, _ third: TuningSetting<Two>
        ) -> [TuningTrial] {
            TuningTrial.grid(
                preset.prefix + variant.name, HierarchicalAgentVariant.configuration(option, in: preset),
                [
                    .init("actor rate", [2e-3, 5e-4], \Two.lowerActorRate), .init("trace", [0.0, 0.9], \Two.trace),
                    third,
                ]
            ) { configuration, seed in
                try await clicks(variant.exploration, seed) {
                    HierarchicalAgent($0.catalogue, configuration: configuration, seed: $0.seed)
                }
            }
        }
        typealias Flat = FlatAgent.Settings
        func flat(
            _ variant: HierarchicalAgentVariant, _ algorithm: FlatAgent.Algorithm, _ settings: [TuningSetting<Flat>]
        ) -> [TuningTrial] {
            TuningTrial.grid(
                preset.prefix + variant.name, HierarchicalAgentVariant.settings(algorithm, in: preset), settings
            ) { configuration, seed in
                try await clicks(variant.exploration, seed) {
                    FlatAgent(algorithm, catalogue: $0.catalogue, settings: configuration, seed: $0.seed)
                }
            }
        }
        let inBoth =
            twoLevels(.twoLevel, .learned, .init("freedom", [2.0, 1], \Two.lowerFreedom))
            + twoLevels(.constantOption, .constant, .init("follow", [0.03, 0.01], \Two.followRate))
            + flat(
                .flat, .policyGradient,
                [
                    .init("actor rate", [3e-3, 1e-3], \Flat.actorRate), .init("trace", [0.0, 0.9], \Flat.trace),
                    // Two levels read three sessions ahead.
                    .init("sessions ahead", [1, 3], \Flat.sessionsAhead),
                    .init("neighbours", [1, 10], \Flat.neighbours),
                ])
            + flat(
                .qLearning, .qLearning,
                [
                    .init("rate", [2e-3, 1e-3], \Flat.criticRate), .init("trace", [0.0, 0.9], \Flat.trace),
                    // Two levels read three sessions ahead.
                    .init("sessions ahead", [1, 3], \Flat.sessionsAhead),
                ])
            + flat(
                .ranking, .clickRanking,
                [
                    .init("rate", [2e-3, 5e-4], \Flat.criticRate),
                    .init("rate on the log", [2e-3, 5e-4], \Flat.warmRate),
                    .init("hidden", [32, 64], \Flat.hidden),
                ])
        guard !preset.isSmall else { return inBoth }
        typealias List = ListAgent.Settings
        typealias Interest = InterestAgent.Settings
        let list = HierarchicalAgentVariant.list
        let interest = HierarchicalAgentVariant.interest
        return inBoth
            + TuningTrial.grid(
                list.name, List(),
                [
                    .init("actor rate", [1e-3, 3e-4], \List.actorRate),
                    .init("critic rate", [2e-3, 5e-4], \List.criticRate),
                    .init("discount", [0.9, 0.5], \List.discount),
                ]
            ) { configuration, seed in
                try await clicks(list.exploration, seed) {
                    ListAgent($0.catalogue, settings: configuration, seed: $0.seed)
                }
            }
            + TuningTrial.grid(
                interest.name, Interest(),
                [
                    .init("rate", [2e-3, 5e-4], \Interest.rate),
                    .init("rate on the log", [2e-3, 5e-4], \Interest.warmRate),
                    .init("hidden", [32, 64], \Interest.hidden),
                ]
            ) { configuration, seed in
                try await clicks(interest.exploration, seed) {
                    InterestAgent($0.catalogue, settings: configuration, seed: $0.seed)
                }
            }
    }
}
