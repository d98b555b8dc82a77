import Experiments
import Worlds

/// One thing that the study trains: an agent in a world with features of some age.
struct HierarchicalAgentVariant: Sendable {
    /// The world: click-bait and satisfaction matter, or nothing shown has consequences; with all topics, or with two whose
    /// best policy is known.
    enum Preset: String, Sendable, CaseIterable {
        case longTerm = "long-term"
        case null
        case twoTopics = "two-topics"
        case nullTwoTopics = "null-two-topics"

        var prefix: String { self == .longTerm ? "" : "\(rawValue)-" }
        var isSmall: Bool { self == .twoTopics || self == .nullTwoTopics }

        func budget(_ scale: HierarchicalAgentScale) -> FeedTrainingBudget { isSmall ? scale.small : scale.training }

        func configuration(_ scale: HierarchicalAgentScale) -> FeedConfiguration {
            var configuration: FeedConfiguration =
                switch self {
                case .longTerm: .longTerm
                case .null: .null
                case .twoTopics: .twoTopics
                case .nullTwoTopics: .nullTwoTopics
                }
            if !isSmall { configuration.itemCount = scale.items }
            let budget = budget(scale)
            configuration.userCount = budget.trainingUsers + budget.measuredUsers
            return configuration
        }
    }

    enum Kind: Sendable {
        case twoLevel(HierarchicalAgentConfiguration.Option, lag: Int, seesSession: Bool)
        case flat(FlatAgent.Algorithm, lag: Int)
        case list
        case interest
    }

    let name: String
    let preset: Preset
    let kind: Kind
    var isPartOfSlope = false

    static let twoLevel = variant("two-level", .twoLevel(.learned, lag: 1, seesSession: true), isPartOfSlope: true)
    static let constantOption = variant("constant-option", .twoLevel(.constant, lag: 1, seesSession: true))
    static let flat = variant("flat", .flat(.policyGradient, lag: 0), isPartOfSlope: true)
    static let qLearning = variant("flat-q-learning", .flat(.qLearning, lag: 0))
    static let list = variant("list-agent", .list)
    static let ranking = variant("click-ranking", .flat(.clickRanking, lag: 0))
    static let interest = variant("interest-network", .interest)
    static let nullTwoLevel = twoLevel.placed(in: .null)
    static let nullRanking = ranking.placed(in: .null)
    static let nullFlat = flat.placed(in: .null)
    /// Those of the small worlds.
    static let small =
        [twoLevel, constantOption, flat, qLearning, ranking].map { $0.placed(in: .twoTopics) }
        + [twoLevel, ranking].map { $0.placed(in: .nullTwoTopics) }

    /// All but those with late features.
    static let main =
        [twoLevel, constantOption, flat, qLearning, list, ranking, interest, nullTwoLevel, nullFlat, nullRanking]
        + small

    /// Everything a scale trains.
    static func trained(_ scale: HierarchicalAgentScale) -> [HierarchicalAgentVariant] {
        main
            + scale.lags.flatMap { lag in
                [
                    variant(
                        "two-level-late-\(lag)", .twoLevel(.learned, lag: lag, seesSession: true),
                        isPartOfSlope: true),
                    variant("flat-late-\(lag)", .flat(.policyGradient, lag: lag), isPartOfSlope: true),
                    variant(
                        "two-level-all-late-\(lag)", .twoLevel(.learned, lag: lag, seesSession: false),
                        isPartOfSlope: true),
                ]
            }
    }

    /// The curves over lags: name, variant without a lag, variant with one.
    static let lagged: [(name: String, fresh: String, late: @Sendable (Int) -> String)] = [
        ("two-level", twoLevel.name, { "two-level-late-\($0)" }), ("flat", flat.name, { "flat-late-\($0)" }),
        ("two-level-all-late", twoLevel.name, { "two-level-all-late-\($0)" }),
    ]

    private static func variant(_ name: String, _ kind: Kind, isPartOfSlope: Bool = false) -> Self {
        Self(name: name, preset: .longTerm, kind: kind, isPartOfSlope: isPartOfSlope)
    }

    /// The same agent in another world.
    func placed(in preset: Preset) -> Self { Self(name: preset.prefix + name, preset: preset, kind: kind) }

    /// Two levels with an option of some kind, with what the search found best for them.
    static func configuration(
        _ option: HierarchicalAgentConfiguration.Option, in preset: Preset
    ) -> HierarchicalAgentConfiguration {
        var configuration = HierarchicalAgentConfiguration()
        configuration.option = option
        if preset.isSmall {
            configuration.trace = 0.9
            if option == .learned { configuration.lowerFreedom = 2 }
        } else if option == .constant {
            configuration.lowerActorRate = 5e-4
        }
        return configuration
    }

    /// One level, likewise.
    static func settings(_ algorithm: FlatAgent.Algorithm, in preset: Preset) -> FlatAgent.Settings {
        guard preset.isSmall else { return FlatAgent.Settings(for: algorithm) }
        var settings = FlatAgent.Settings()
        switch algorithm {
        case .policyGradient: (settings.actorRate, settings.trace, settings.neighbours) = (3e-3, 0.9, 10)
        case .qLearning: settings.sessionsAhead = 3
        case .clickRanking: break
        }
        return settings
    }

    func agent(_ ground: FeedTrainingGround) -> any FeedAgent {
        switch kind {
        case .twoLevel(let option, let lag, let seesSession):
            return HierarchicalAgent(
                ground.catalogue, configuration: Self.configuration(option, in: preset), lag: lag,
                seesSession: seesSession,
                seed: ground.seed)
        case .flat(let algorithm, let lag):
            return FlatAgent(
                algorithm, catalogue: ground.catalogue, settings: Self.settings(algorithm, in: preset), lag: lag,
                seed: ground.seed)
        case .list: return ListAgent(ground.catalogue, seed: ground.seed)
        case .interest: return InterestAgent(ground.catalogue, seed: ground.seed)
        }
    }

    var exploration: FeedExploration {
        switch kind {
        case .flat(.clickRanking, _), .flat(.qLearning, _), .interest: .ranking
        case .flat, .list: .flat
        case .twoLevel(let option, _, _): option.exploration
        }
    }
}

extension HierarchicalAgentConfiguration.Option {
    /// What is tried while learning. A constant option is not explored: a free one would hand down what the ablation
    /// leaves out.
    var exploration: FeedExploration { self == .constant ? .flat : .twoLevel }
}

/// What one scale of the study trains and measures.
struct HierarchicalAgentScale: Sendable {
    let seeds: Int
    let items: Int
    /// Sessions by which features are late.
    let lags: [Int]
    let training: FeedTrainingBudget
    /// In the small worlds.
    let small: FeedTrainingBudget

    init(_ scale: Scale) {
        var training = FeedTrainingBudget()
        switch scale {
        case .smoke:
            (seeds, items, lags) = (2, 60, [2])
            training.logUsers = 16
            training.warmUpdates = 4
            training.episodes = 2
            training.episodeUsers = 8
            training.updatesPerEpisode = 4
            training.batchSessions = 8
            training.trainingUsers = 16
            training.measuredUsers = 16
        case .quick:
            (seeds, items, lags) = (10, 300, [3])
            training.warmUpdates = 150
            training.episodes = 5
            training.updatesPerEpisode = 90
        case .full:
            (seeds, items, lags) = (10, 300, [1, 2, 3, 4, 5])
            training.episodes = 24
        }
        self.training = training
        small = scale == .smoke ? training : .small
    }
}
