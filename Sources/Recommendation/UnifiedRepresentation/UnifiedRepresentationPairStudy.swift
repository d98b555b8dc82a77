public import Corpora
import Evaluation
public import Experiments
import Foundation
import Tensors
import Training

/// The unified representation on public data: two Amazon categories that share users (DisenCDR's pairs), and how much the
/// released code's inputs leak.
///
/// The pairs have no attributes, so that an item is its identifier and its interactions: the hard case for a method that
/// unifies attributes.
public struct UnifiedRepresentationPairStudy: Study {
    public let id = "unified-representation-amazon"
    public let paper = "Deep Unified Representation for Heterogeneous Recommendation"
    public let summary =
        "Two Amazon categories with shared users: the unified representation against a model of each category alone and "
        + "cross-category ones; and the released code's leaking inputs."
    public let world = World.public
    public let claims = [
        Claim(
            id: "unified-representation-amazon-small-category",
            statement:
                "On the category with fewer training pairs, the unified representation has a larger area under the "
                + "curve than the same network trained on that category alone.",
            metric: "auc-sparse", direction: .higher, method: "unified-representation", baseline: "per-type",
            control: Claim.Control("shuffled users", kind: .shuffled)),
        Claim(
            id: "unified-representation-amazon-cross-type-baselines",
            statement:
                "It also has a larger one than the strongest of factorisation, per-type towers with shared users "
                + "and dual transfer (chosen by the category's validation pairs).",
            metric: "auc-sparse", direction: .higher, method: "unified-representation", baseline: "strongest baseline",
            control: Claim.Control("shuffled users", kind: .shuffled)),
    ]

    private let data: DataDirectory
    private let pair: String

    /// - Parameter pair: a folder of the data set `disencdr-cross-domain`.
    public init(data: DataDirectory = DataDirectory(), pair: String = "phone_sport") {
        self.data = data
        self.pair = pair
    }

    public func budget(_ scale: Scale) -> Budget { Budget(seeds: scale == .smoke ? 2 : 5) }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let pairs = try HeterogeneousData.crossDomainPair(pair, in: data)
        let configuration = configuration(context.scale)
        let first = context.seeds.first ?? 0
        let search = try UnifiedRepresentationStudy.Variant.search(
            [.unified, .perType] + Self.rivals,
            on: try HeterogeneousData(
                pairs, negatives: 1, testNegatives: 4, seed: UInt64(StudySearch.seed)),
            configuration
        ) {
            context.note($0, seed: first)
            try context.checkInterruption()
        }
        let measured = try await context.measure { seed in
            try values(pairs, configuration, search, seed: seed, context)
        }
        return try context.result(
            measured,
            protocol: [
                "pair": .text(pair), "negativesPerPositive": .integer(1), "testNegativesPerPositive": .integer(4),
                "split":
                    "published train and test; one training interaction of each user validates, as the test has one",
                "epochs": .integer(configuration.epochs),
                "search": .text(
                    "each model: 8 trials of all passes with negatives of another seed, by the smaller category's "
                        + "validation area"),
            ],
            tables: [
                UnifiedRepresentationStudy.table(
                    "Area under the curve", measured,
                    variants: ["unified-representation", "without alignment", "per-type", "strongest baseline"]
                        + Self.rivals.map(\.rawValue) + ["shuffled users", "released inputs"],
                    metrics: ["auc-sparse", "auc-rich", "auc-sparse-validation"],
                    headings: ["fewer pairs", "more pairs", "fewer pairs, validation"],
                    note:
                        "Negatives are uniform among items that the user met neither in their part nor in an earlier one. "
                        + "`released inputs` fills the interaction "
                        + "multi-hots as the released code does, before the split: a positive test pair is then the only "
                        + "kind whose own edge is among the inputs."),
                search.table,
            ])
    }

    private static let rivals: [UnifiedRepresentationStudy.Variant] = [.factors, .contentBoosted, .dualTransfer]

    private func configuration(_ scale: Scale) -> UnifiedRepresentationConfiguration {
        var configuration = UnifiedRepresentationConfiguration.small
        configuration.batchSize = 2_048
        configuration.epochs = scale == .smoke ? 1 : scale == .quick ? 8 : 40
        configuration.patience = configuration.epochs
        return configuration
    }

    private func values(
        _ pair: CrossDomainPair, _ configuration: UnifiedRepresentationConfiguration, _ search: StudySearch,
        seed: Int, _ context: StudyContext
    ) throws -> SeedValues {
        let data = try HeterogeneousData(pair, negatives: 1, testNegatives: 4, seed: UInt64(seed))
        let sparse = data.sparseType
        // A model of one category takes as many steps as the others.
        let stepsPerPass = try PairSource(data.train, batchSize: configuration.batchSize, seed: 0).stepsPerEpoch
        var values = SeedValues()
        var validation: [UnifiedRepresentationStudy.Variant: Double] = [:]
        func measure(_ variant: UnifiedRepresentationStudy.Variant, _ data: HeterogeneousData, name: String) throws {
            context.note(name, seed: seed)
            try context.checkInterruption()
            let isAlone = data.types.count == 1
            let own = configuration.with(search[variant.searched.rawValue])
            let model = variant.scorer(data, own, seed: UInt64(seed))
            let course = try model.fit(
                data, own, stepsPerPass: stepsPerPass, watching: isAlone ? 0 : sparse,
                seed: UInt64(seed))
            let areas = try model.areas(data.test)
            values[name, "auc-sparse"] = areas[isAlone ? 0 : sparse]
            if !isAlone { values[name, "auc-rich"] = areas[1 - sparse] }
            validation[variant] = course.max()
            values[name, "auc-sparse-validation"] = validation[variant]
        }
        try measure(.perType, data.only(type: sparse), name: "per-type")
        for variant in Self.rivals { try measure(variant, data, name: variant.rawValue) }
        if let best = Self.rivals.max(by: { validation[$0] ?? 0 < validation[$1] ?? 0 }) {
            values["strongest baseline", "auc-sparse"] = values[best.rawValue, "auc-sparse"]
        }
        try measure(.unified, data.withShuffledUsers(outside: sparse, seed: UInt64(seed)), name: "shuffled users")
        if !context.isAblated {
            for variant in [UnifiedRepresentationStudy.Variant.unified, .noAlignment, .releasedInputs] {
                try measure(variant, data, name: variant.rawValue)
            }
        }
        return values
    }
}

extension HeterogeneousData {
    /// The users of all other types exchanged at random: what they like there says nothing of the type that is kept.
    func withShuffledUsers(outside kept: Int, seed: UInt64) -> HeterogeneousData {
        var generator = SeededGenerator(seed: seed).split("shuffled users")
        let names = generator.shuffled(0..<Int32(userCount))
        func renamed(_ parts: [LabelledPairs]) -> [LabelledPairs] {
            parts.enumerated().map { type, pairs in
                guard type != kept else { return pairs }
                var result = LabelledPairs()
                for index in 0..<pairs.count {
                    result.append(
                        user: names[Int(pairs.users[index])], item: pairs.items[index], liked: pairs.labels[index] > 0)
                }
                return result
            }
        }
        return HeterogeneousData(
            userCount: userCount, types: types, train: renamed(train), validation: renamed(validation),
            test: renamed(test), samplesNegatives: samplesNegatives)
    }
}
