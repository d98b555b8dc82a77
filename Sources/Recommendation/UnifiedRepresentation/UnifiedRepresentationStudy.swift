import Evaluation
public import Experiments
import Foundation
import Tensors
import Training
import Worlds

/// Does one space for all types of items help the type with few interactions, and which part of it helps (DURation,
/// WWW 2022)?
///
/// The item-type world shows one hidden space through other attributes for each type. Every variant trains on the same
/// pairs with the same optimiser and passes, and keeps the best pass; the sparse type's training pairs are then thinned to 30
/// and 10 %.
public struct UnifiedRepresentationStudy: Study {
    public let id = "unified-representation"
    public let paper = "Deep Unified Representation for Heterogeneous Recommendation"
    public let summary =
        "Items of three types with different attributes and 10 : 3 : 1 interactions: a shared, aligned space against "
        + "per-type, cross-type and homogeneous models, at 100, 30 and 10 % of the sparse type's data."
    public let world = World.synthetic
    public let claims = UnifiedRepresentationStudy.allClaims

    public init() {}

    public func budget(_ scale: Scale) -> Budget {
        let own = UnifiedRepresentationScale(scale)
        return Budget(seeds: own.seeds, steps: own.mostSteps)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = UnifiedRepresentationScale(context.scale)
        let first = context.seeds.first ?? 0
        let seed = StudySearch.seed
        let search = try Variant.search(
            [.unified, .perType] + Variant.rivals,
            on: scale.data(ItemTypeWorld(scale.world, seed: UInt64(seed))),
            scale.configuration
        ) {
            context.note($0, seed: first)
            try context.checkInterruption()
        }
        let measured = try await context.measure { seed in
            var measurement = try UnifiedRepresentationMeasurement(scale, search, seed: seed) { note in
                context.note(note, seed: seed)
                try context.checkInterruption()
            }
            return try measurement.run(isAblated: context.isAblated)
        }
        return try context.result(
            measured, protocol: scale.protocolFields,
            tables: [
                Self.areaTable(measured), Self.spaceTable(measured), Self.leakTable(measured),
                Self.courseTable(measured),
                search.table,
            ])
    }
}

extension UnifiedRepresentationStudy {
    private static let allClaims: [Claim] = [
        claim(
            "sparse-type",
            "On the type with the fewest interactions, the unified representation has a larger area under the curve than "
                + "the same network trained on that type alone.",
            metric: area(sparseAt: 100), .unified, over: .perType, null: .unified),
        claim(
            "cross-type-baselines",
            "It also has a larger one than the strongest of factorisation, DeepFM on shared fields, per-type towers with "
                + "shared users and dual transfer (chosen by the sparse type's validation pairs).",
            metric: area(sparseAt: 100), .unified, over: .strongest, null: .unified),
        claim(
            "lift-grows", "Its lead over the model of that type alone grows when the type's data shrink to a tenth.",
            metric: "lift", .liftAtTenth, over: .liftAtWhole, null: .liftAtTenth),
        Claim(
            id: "unified-representation-alignment",
            statement:
                "At a tenth of the sparse type's data, the alignment of the types' distributions adds to the area.",
            metric: area(sparseAt: 10), direction: .higher, method: Variant.unified.rawValue,
            baseline: Variant.noAlignment.rawValue,
            control: Claim.Control(Variant.shuffledTypes.rawValue, kind: .shuffled)),
        Claim(
            id: "unified-representation-topology",
            statement:
                "At a tenth of the sparse type's data, keeping the geometry of the raw features adds to the area.",
            metric: area(sparseAt: 10), direction: .higher, method: Variant.unified.rawValue,
            baseline: Variant.noTopology.rawValue,
            control: Claim.Control(Variant.shuffledTopology.rawValue, kind: .shuffled)),
    ]

    private static func claim(
        _ id: String, _ statement: String, metric: String, _ method: Variant, over baseline: Variant, null: Variant
    ) -> Claim {
        Claim(
            id: "unified-representation-\(id)", statement: statement, metric: metric, direction: .higher,
            method: method.rawValue, baseline: baseline.rawValue,
            control: Claim.Control(null.inNullWorld, kind: .null, baseline: baseline.inNullWorld))
    }

    /// What is trained, and what is computed from it.
    enum Variant: String, CaseIterable {
        case unified = "unified-representation"
        case noAlignment = "without alignment"
        case noTopology = "without topology"
        case noShaping = "without both"
        case perType = "per-type"
        case factors = "matrix factorisation"
        case sharedFields = "DeepFM on shared fields"
        case contentBoosted = "per-type towers, shared users"
        case dualTransfer = "dual transfer"
        case shuffledTypes = "alignment of shuffled types"
        case shuffledTopology = "topology of shuffled items"
        case releasedInputs = "released inputs"
        case strongest = "strongest baseline"
        case liftAtTenth = "lift at 10 %"
        case liftAtWhole = "lift at 100 %"
        case oracle

        /// The same variant where users have independent tastes for every type.
        var inNullWorld: String { "\(rawValue), independent tastes" }

        /// What the strongest baseline is chosen from.
        static let rivals: [Variant] = [.factors, .sharedFields, .contentBoosted, .dualTransfer]
        static let trained: [Variant] = [.unified, .noAlignment, .noTopology, .noShaping, .perType] + rivals

        /// What is trained at a share of the sparse type's data: the method, the type alone and the other models at all of
        /// them, the ablations at the ends.
        static func measured(share: Int, isAblated: Bool) -> [Variant] {
            if isAblated { return share == 10 ? [.noAlignment, .noTopology] : [] }
            switch share {
            case 100: return trained
            case 10: return [.unified, .perType, .noAlignment, .noTopology] + rivals
            default: return [.unified, .perType] + rivals
            }
        }
    }

    static func area(sparseAt percent: Int) -> String { "auc-sparse-\(percent)" }
}

extension UnifiedRepresentationStudy {
    static func areaTable(_ measured: [SeedValues]) -> Table {
        let metrics = ["auc-rich-100", "auc-middle-100", "auc-sparse-100", "auc-sparse-30", "auc-sparse-10"]
        let names =
            Variant.trained.map(\.rawValue) + [Variant.oracle.rawValue]
            + ([Variant.unified, .perType] + Variant.rivals).map(\.inNullWorld)
        return table(
            "Area under the curve by type and share of the sparse type's data", measured, variants: names,
            metrics: metrics, headings: ["rich", "middle", "sparse, 100 %", "sparse, 30 %", "sparse, 10 %"],
            note: "Mean ± standard deviation over seeds.")
    }

    static func spaceTable(_ measured: [SeedValues]) -> Table {
        let variants: [Variant] = [.unified, .noAlignment, .noTopology, .noShaping]
        return table(
            "The unified space", measured, variants: variants.map(\.rawValue),
            metrics: ["alignment-gap", "neighbour-overlap"], headings: ["gap between types", "neighbours kept"],
            note:
                "Gap: root of the distributional variance between types over that of randomly dealt items (1 = aligned). "
                + "Neighbours kept: share of the 10 nearest by raw features that stay so (sparse type).")
    }

    /// Whether the passes were enough.
    static func courseTable(_ measured: [SeedValues]) -> Table {
        table(
            "Validation area of the sparse type during training", measured, variants: Variant.trained.map(\.rawValue),
            metrics: (1...4).map { "validation-\($0)" },
            headings: ["a quarter of the passes", "half", "three quarters", "all"],
            note: "All of the sparse type's data; the rate falls along a cosine.")
    }

    static func leakTable(_ measured: [SeedValues]) -> Table {
        table(
            "The released code's inputs", measured,
            variants: [Variant.unified.rawValue, Variant.releasedInputs.rawValue],
            metrics: ["auc-rich-100", "auc-sparse-100"], headings: ["rich", "sparse"],
            note: "Released inputs: interactions of all splits, whatever their label, with the scored pair among them. "
                + "Where negatives are rows too, as here, the leak is the other test rows; where negatives are sampled, it is "
                + "the answer itself (study unified-representation-amazon).")
    }

    static func table(
        _ title: String, _ measured: [SeedValues], variants: [String], metrics: [String], headings: [String],
        note: String
    ) -> Table {
        var table = Table(title, columns: ["variant"] + headings, note: note)
        for variant in variants {
            table.append([.text(variant)] + metrics.map { spread(measured, variant, $0) })
        }
        return table
    }

    private static func spread(_ measured: [SeedValues], _ variant: String, _ metric: String) -> Table.Cell {
        let summary = Summary(measured.compactMap { $0[variant, metric] })
        guard summary.count > 0 else { return .empty }
        guard summary.count > 1 else { return .number(summary.mean, decimals: 4) }
        return "\(Numbers.decimal(summary.mean, 4)) ± \(Numbers.decimal(summary.standardDeviation, 4))"
    }
}
