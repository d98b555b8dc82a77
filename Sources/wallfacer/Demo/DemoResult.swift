import Evaluation
import Experiments

/// What the demo measured, as `demo.json` has it.
struct DemoResult: Codable, Sendable {
    struct Pair: Codable, Sendable {
        let base: Double
        let tuned: Double
    }

    struct WithFloor: Codable, Sendable {
        let base: Double
        let tuned: Double
        /// The best classifier that never reads the text.
        let floor: Double
    }

    struct Strategy: Codable, Sendable {
        let accuracy: WithFloor
        let macroF1: WithFloor
    }

    let data: String
    let model: String
    let perplexity: Pair
    let strategy: Strategy
    let seconds: Double
    /// Held-out conversations and supporter turns behind the numbers.
    let conversations: Int
    let turns: Int
    let trainedTokens: Int
    let shuffledStrategies: Bool
    let reusedAdapter: Bool
    let precision: String
    let commit: String
}

/// Scores of base and tuned model on the same conversations, and the floors.
struct DemoMeasurement: Sendable {
    let base: SupportScores
    let tuned: SupportScores
    let floors: [TextBlindFloors.Score]

    /// One model's numbers with their intervals.
    struct SupportScores: Sendable {
        let perplexity: ConfidenceInterval
        let accuracy: ConfidenceInterval
        let macroF1: ConfidenceInterval
        let conversations: Int
        let turns: Int
        let words: PerplexityTally
    }

    var bestFloor: (accuracy: Double, macroF1: Double) {
        (floors.map(\.accuracy).max() ?? 0, floors.map(\.macroF1).max() ?? 0)
    }

    /// Base against tuned, n and intervals in every row.
    var table: Table {
        var table = Table(
            "Base against tuned on held-out conversations",
            columns: ["measure", "base", "tuned", "best text-blind floor", "n"],
            note: "95 % intervals: bootstrap over conversations.")
        table.append([
            "perplexity of supporter words", .interval(base.perplexity), .interval(tuned.perplexity), .empty,
            .text("\(tuned.conversations) conversations, \(tuned.words.tokens) tokens"),
        ])
        table.append([
            "strategy accuracy", .interval(base.accuracy), .interval(tuned.accuracy), .number(bestFloor.accuracy),
            .text("\(tuned.turns) turns"),
        ])
        table.append([
            "strategy macro-F1", .interval(base.macroF1), .interval(tuned.macroF1), .number(bestFloor.macroF1),
            .text("\(tuned.turns) turns"),
        ])
        return table
    }

    /// The four floors one by one.
    var floorTable: Table {
        Table(
            "Floors that never read the text, fitted on the same training split",
            columns: ["floor", "accuracy", "macro-F1"],
            rows: floors.map { [.text($0.kind.rawValue), .number($0.accuracy), .number($0.macroF1)] })
    }
}
