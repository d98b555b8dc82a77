import Evaluation
public import Experiments
import Foundation
import Tensors
import Training
import Worlds

/// Does ranking by an item's lifetime value help cold items, and at what cost (RL-LTV, CIKM 2021)?
///
/// In the item-life world items launch, grow by clicks and fade. Every ranker hands out the same impressions each day, on
/// markets that no training has seen, and is measured by the world's true click rates.
public struct LifetimeValueStudy: Study {
    public let id = "lifetime-value"
    public let paper = "Reinforcement Learning to Optimize Lifetime Value in Cold-Start Recommendation"
    public let summary =
        "A market of items that launch, grow and fade: a recurrent critic and actor mixed into a click-rate ranking, against "
        + "popularity, click rate, exploration boosts, a supervised lifetime value and no recurrence."
    public let world = World.synthetic
    public let claims = LifetimeValueStudy.allClaims

    public init() {}

    public func budget(_ scale: Scale) -> Budget {
        let own = LifetimeValueScale(scale)
        return Budget(seeds: own.seeds, steps: own.updates)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = LifetimeValueScale(context.scale)
        let measured = try await context.measure { seed in
            var measurement = LifetimeValueMeasurement(scale, seed: seed) { note in
                context.note(note, seed: seed)
                try context.checkInterruption()
            }
            return try measurement.run(isAblated: context.isAblated)
        }
        return try context.result(
            measured, protocol: scale.protocolFields,
            tables: [Self.marketTable(measured), Self.recognitionTable(measured), Self.weightTable(measured)])
    }
}

extension LifetimeValueStudy {
    /// What ranks the market.
    enum Variant: String, CaseIterable {
        case agent = "lifetime-value"
        case memoryless = "without recurrence"
        case regression = "supervised lifetime value"
        case clickRate = "click rate"
        case popularity
        case boost = "exploration boost"
        case confidence = "click rate with UCB bonus"
        case myopicOracle = "myopic oracle"
        /// Of the true rates with the premium on youth that earns the market most.
        case investingOracle = "investing oracle"
        /// The same with the premium that earns cold items most among those that keep 98 % of all clicks.
        case coldOracle = "investing oracle for cold items"
        case empirical = "clicks a day so far"
        /// Expects the same of every item.
        case unknowing = "all items alike"
        case shuffledMemory = "history of another item"
        case shuffledScores = "scores of other items"
        case strongestBoost = "strongest boost"
        /// The clicks that a ranking must keep.
        case globalBound = "98 % of click rate"
        /// A weight that changes nothing.
        case noStep = "no step"

        /// The same variant in the world where exposure changes nothing later.
        var inNullWorld: String { "\(rawValue), no growth" }

        static func weighted(_ weight: Double, _ name: String = agent.rawValue) -> String {
            "\(name), weight \(weight)"
        }
        static func shuffled(_ weight: Double) -> String { weighted(weight, shuffledScores.rawValue) }
    }

    /// α_max of the sweep; the first ranks by click rate.
    static let weights = [0, 0.1, 0.2, 0.3, 0.5]
    static let highestWeight = 0.5
    /// Of all clicks, what a ranking for cold items must keep.
    static let globalShare = 0.98
    /// What the exploration boosts are searched over: the share of cold items that stand first, and the UCB bonus.
    static let boostShares = [
        0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5,
    ]
    static let confidenceBonuses = [
        0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 1, 1.2, 1.6, 3.2,
    ]

    private static let allClaims = [
        claim(
            "cold", "The dual rank earns cold items more clicks than ranking by click rate.", metric: "cold-clicks",
            over: Variant.clickRate.rawValue,
            control: .init(Variant.agent.inNullWorld, kind: .null, baseline: Variant.clickRate.inNullWorld)),
        claim(
            "cold-revenue", "It earns cold items more revenue than ranking by click rate.", metric: "cold-revenue",
            over: Variant.clickRate.rawValue,
            control: .init(Variant.agent.inNullWorld, kind: .null, baseline: Variant.clickRate.inNullWorld)),
        claim(
            "global", "It keeps at least 98 % of all clicks that ranking by click rate earns.", metric: "clicks",
            over: Variant.globalBound.rawValue, control: .init(Variant.shuffled(highestWeight), kind: .shuffled)),
        claim(
            "boosts",
            "It earns cold items more clicks than the stronger of a random boost and a UCB bonus, each tuned to lose at most "
                + "2 % of all clicks.", metric: "cold-clicks", over: Variant.strongestBoost.rawValue,
            control: .init(Variant.agent.inNullWorld, kind: .null, baseline: Variant.strongestBoost.inNullWorld)),
        claim(
            "recognition",
            "The critic's values order the items' remaining clicks better (nDCG@20) than a supervised model of the same "
                + "shape.", metric: "ndcg-20", over: Variant.regression.rawValue,
            control: .init(Variant.shuffledMemory.rawValue, kind: .shuffled)),
        claim(
            "recurrence", "It earns cold items more clicks than the same agent without memory.", metric: "cold-clicks",
            over: Variant.memoryless.rawValue,
            control: .init(Variant.agent.inNullWorld, kind: .null, baseline: Variant.memoryless.inNullWorld)),
        claim(
            "trade-off", "Every step of more weight (0, 0.1, 0.2, 0.3, 0.5) earns cold items more clicks.",
            metric: "smallest-step", over: Variant.noStep.rawValue,
            control: .init(Variant.agent.inNullWorld, kind: .null)),
        Claim(
            id: "lifetime-value-weighted-recognition",
            statement: "More weight orders items better by what they will still earn (nDCG@20): 0.5 against 0.",
            metric: "ndcg-20", direction: .higher, method: Variant.weighted(highestWeight),
            baseline: Variant.weighted(0),
            control: .init(Variant.shuffled(highestWeight), kind: .shuffled, baseline: Variant.shuffled(0)),
            minimumSeeds: Claim.reinforcementSeeds),
    ]

    private static func claim(
        _ id: String, _ statement: String, metric: String, over baseline: String, control: Claim.Control
    ) -> Claim {
        Claim(
            id: "lifetime-value-\(id)", statement: statement, metric: metric, direction: .higher,
            method: Variant.agent.rawValue, baseline: baseline, control: control,
            minimumSeeds: Claim.reinforcementSeeds)
    }

    static func marketTable(_ measured: [SeedValues]) -> Table {
        let ranked: [Variant] = [
            .agent, .memoryless, .regression, .clickRate, .popularity, .boost, .confidence, .myopicOracle,
            .investingOracle, .coldOracle,
        ]
        let names =
            ranked.map(\.rawValue) + [Variant.empirical.rawValue]
            + [Variant.agent, .memoryless, .boost, .confidence, .investingOracle, .coldOracle].map(\.inNullWorld)
        return UnifiedRepresentationStudy.table(
            "Markets", measured, variants: names,
            metrics: ["cold-clicks", "cold-revenue", "clicks", "revenue", "ndcg-20"],
            headings: ["cold clicks", "cold revenue", "all clicks", "all revenue", "nDCG@20"],
            note:
                "Relative to ranking by click rate in the same market (1 = equal), by true rates; cold: first 7 days. "
                + "nDCG@20 of expected against realised remaining clicks on five days of the market ranked by click rate."
        )
    }

    static func recognitionTable(_ measured: [SeedValues]) -> Table {
        let judges: [Variant] = [
            .agent, .memoryless, .regression, .clickRate, .empirical, .unknowing, .shuffledMemory, .shuffledScores,
        ]
        return UnifiedRepresentationStudy.table(
            "Recognition of lifetime values", measured, variants: judges.map(\.rawValue),
            metrics: ["ndcg-10", "ndcg-20", "ndcg-50", "rmse", "mae"],
            headings: ["nDCG@10", "nDCG@20", "nDCG@50", "RMSE", "MAE"],
            note:
                "Expected against realised remaining discounted clicks of an item on five days of the market ranked by "
                + "click rate. Errors in clicks, each market's read by the rising function that fits the other markets."
        )
    }

    static func weightTable(_ measured: [SeedValues]) -> Table {
        UnifiedRepresentationStudy.table(
            "Weight of the lifetime score", measured,
            variants: weights.map { Variant.weighted($0) }
                + weights.map { Variant.weighted($0, Variant.agent.inNullWorld) },
            metrics: [
                "cold-clicks", "cold-revenue", "clicks", "revenue", "click-auc", "click-ece", "click-copc", "ndcg-10",
                "ndcg-20", "ndcg-50",
            ],
            headings: [
                "cold clicks", "cold revenue", "all clicks", "all revenue", "AUC of clicks", "ECE", "COPC", "nDCG@10",
                "nDCG@20", "nDCG@50",
            ],
            note:
                "Relative to ranking by click rate; the weight is α_max of the dual rank. AUC, expected calibration error "
                + "(bins of 1 %) and clicks over predicted clicks by true click rates, every item shown equally often: at "
                + "weight 0 those of the click-rate model; nDCG against remaining clicks.")
    }
}
