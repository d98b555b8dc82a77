public import Corpora
import Evaluation
public import Experiments
import Tensors
import Training
import Worlds

/// Do the learners of values behave as they must where the answer is known (spec 05 §10, "RL sanity")?
///
/// RecSim's interest evolution: good items give back time, so that a ranker that looks ahead keeps users longer.
public struct SlateSanityStudy: Study {
    public let id = "slate-sanity"
    public let paper = "SlateQ: A Tractable Decomposition for Reinforcement Learning with Recommendation Sets"
    public let summary =
        "SlateQ against greedy and random slates where good items give back time, and conservative against plain "
        + "Q-learning from a narrow log."
    public let world = World.synthetic
    public let claims = SlateSanityStudy.allClaims

    private let data: DataDirectory

    /// - Parameter data: searched for Open Bandit; where it is not found, its off-policy estimates are left out.
    public init(data: DataDirectory = DataDirectory()) { self.data = data }

    public func budget(_ scale: Scale) -> Budget {
        let own = SlateSanityScale(scale)
        return Budget(seeds: own.seeds, steps: 6 * own.updates)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = SlateSanityScale(context.scale)
        let measured = try await context.measure { seed in
            var values = SeedValues()
            for (prefix, configuration) in [
                ("", InterestEvolutionConfiguration()), ("null-", InterestEvolutionConfiguration.null),
            ] {
                try slates(prefix, configuration, seed: UInt64(seed), scale, &values, context)
            }
            try logs(seed: UInt64(seed), scale, &values, context)
            return values
        }
        context.note("off-policy estimates", seed: context.seeds[0])
        var estimates = try OffPolicyCheck.interestEvolution(
            users: scale.users, updates: scale.updates, seed: UInt64(context.seeds[0]))
        if let folder = data.folder(dataSet: "open-bandit") {
            estimates += try OffPolicyCheck.openBandit(folder, campaign: .all)
        }
        return try context.result(
            measured,
            protocol: [
                "data": "interest evolution as in RecSim: 20 topics, 10 candidates, slates of 3 (of 1 for the log)",
                "trainingUsers": .integer(scale.users), "measuredUsers": .integer(scale.measuredUsers),
                "logExploration": .number(SlateSanityScale.logExploration),
                "metric": "watch time of a session, mean over measured users",
            ], tables: [OffPolicyCheck.table(estimates)])
    }

    @TensorActor
    private func slates(
        _ prefix: String, _ configuration: InterestEvolutionConfiguration, seed: UInt64, _ scale: SlateSanityScale,
        _ values: inout SeedValues, _ context: StudyContext
    ) throws {
        let measuring = SeededGenerator.seed(seed, "measured users")
        for (name, ranker) in [
            ("random", InterestEvolutionRanker.random(seed: seed)), ("random-again", .random(seed: seed + 1_000)),
            ("greedy", .greedy),
            ("quality-oracle", .qualityOracle),
        ] {
            values[prefix + name, Self.metric] = try ranker.watchTime(
                configuration, users: scale.measuredUsers, seed: measuring)
        }
        context.note("SlateQ \(prefix)", seed: Int(seed))
        try context.checkInterruption()
        let learner = SlateLearner(configuration, seed: seed)
        try learner.train(users: scale.users, updates: scale.updates, seed: seed)
        values[prefix + "slate-q", Self.metric] = try learner.watchTime(users: scale.measuredUsers, seed: measuring)
    }

    @TensorActor
    private func logs(
        seed: UInt64, _ scale: SlateSanityScale, _ values: inout SeedValues, _ context: StudyContext
    ) throws {
        var configuration = InterestEvolutionConfiguration()
        configuration.slateSize = 1
        let log = try InterestEvolutionLog(
            configuration, users: scale.users, exploration: SlateSanityScale.logExploration, seed: seed)
        let uniform = try InterestEvolutionLog(configuration, users: scale.users, exploration: 1, seed: seed)
        let measuring = SeededGenerator.seed(seed, "measured users")
        typealias Settings = SlateLogLearner.Settings
        for (name, settings, log) in [
            ("log-conservative", Settings(), log), ("log-q-learning", .plain, log),
            ("wide-log-conservative", Settings(), uniform), ("wide-log-q-learning", .plain, uniform),
        ] {
            try context.checkInterruption()
            context.note(name, seed: Int(seed))
            var settings = settings
            settings.updates = scale.updates
            let learner = try SlateLogLearner(log, configuration: configuration, settings: settings, seed: seed)
            values[name, Self.metric] = try learner.watchTime(users: scale.measuredUsers, seed: measuring)
        }
    }

    static let metric = "watch-time"

    private static let allClaims = [
        claim(
            "slate-sanity-slateq-greedy", "SlateQ keeps users longer than the slate of highest interest.", "slate-q",
            over: "greedy", control: .init("null-slate-q", kind: .null, baseline: "null-greedy")),
        claim(
            "slate-sanity-greedy-random", "The slate of highest interest keeps users longer than a random one.",
            "greedy", over: "random", control: .init("random-again", kind: .null)),
        claim(
            "slate-sanity-conservative",
            "From a narrow log, conservative Q-learning keeps users longer than plain Q-learning.", "log-conservative",
            over: "log-q-learning",
            control: .init("wide-log-conservative", kind: .null, baseline: "wide-log-q-learning")),
    ]

    private static func claim(
        _ id: String, _ statement: String, _ method: String, over baseline: String, control: Claim.Control
    ) -> Claim {
        Claim(
            id: id, statement: statement, metric: metric, direction: .higher, method: method, baseline: baseline,
            control: control, minimumSeeds: Claim.reinforcementSeeds)
    }
}

struct SlateSanityScale: Sendable {
    /// Share of uniform choices in the narrow log.
    static let logExploration = 0.02

    let seeds: Int
    let users: Int
    let measuredUsers: Int
    /// Of each learner.
    let updates: Int

    init(_ scale: Scale) {
        switch scale {
        case .smoke: (seeds, users, measuredUsers, updates) = (2, 8, 8, 20)
        case .quick: (seeds, users, measuredUsers, updates) = (10, 64, 256, 4_000)
        case .full: (seeds, users, measuredUsers, updates) = (10, 256, 1_000, 20_000)
        }
    }
}

extension SeededGenerator {
    /// A seed of its own for one purpose.
    static func seed(_ seed: UInt64, _ purpose: String) -> UInt64 {
        var generator = SeededGenerator(seed: seed).split(purpose)
        return generator.next()
    }
}
