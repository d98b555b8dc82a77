/// Classifiers of a sequence's next label that never read the text: what any model of the text must beat.
///
/// Each is a table of the most frequent training label under a condition; a condition unseen in training falls back to a
/// coarser one (both → turn index → majority). A sequence is one conversation's labels in order; the previous label is
/// the gold one, as it stands in the history that a model reads.
public struct TextBlindFloors: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        case majority
        case previousLabel = "previous label"
        case turnIndex = "turn index"
        case previousLabelAndTurnIndex = "previous label and turn index"
    }

    /// Scores of one classifier on one test set.
    public struct Score: Sendable, Equatable {
        public let kind: Kind
        public let accuracy: Double
        public let macroF1: Double
    }

    public let classCount: Int
    private var majority = 0
    private var byPrevious: [Int: Int] = [:]
    private var byTurn: [Int: Int] = [:]
    private var byBoth: [Condition: Int] = [:]

    private struct Condition: Hashable {
        let previous: Int
        let turn: Int
    }

    /// The previous label of a first turn.
    private static let noLabel = -1

    /// Counts the training sequences.
    /// - Parameters:
    ///   - train: labels in `0 ..< classCount`, one list for each conversation.
    ///   - classCount: number of classes.
    /// - Throws: ``EvaluationError`` where there are no labels or one lies outside the classes.
    public init(train: [[Int]], classCount: Int) throws {
        self.classCount = classCount
        var total = LabelCounts(classCount)
        var previousCounts: [Int: LabelCounts] = [:]
        var turnCounts: [Int: LabelCounts] = [:]
        var bothCounts: [Condition: LabelCounts] = [:]
        for sequence in train {
            var previous = Self.noLabel
            for (turn, label) in sequence.enumerated() {
                guard (0..<classCount).contains(label) else {
                    throw EvaluationError.outOfRange(
                        metric: "text-blind floors", value: "\(label)", position: turn,
                        allowed: "0 to \(classCount - 1)")
                }
                total.add(label)
                previousCounts[previous, default: LabelCounts(classCount)].add(label)
                turnCounts[turn, default: LabelCounts(classCount)].add(label)
                bothCounts[Condition(previous: previous, turn: turn), default: LabelCounts(classCount)].add(label)
                previous = label
            }
        }
        guard total.sum > 0 else { throw EvaluationError.empty(metric: "text-blind floors") }
        majority = total.most
        byPrevious = previousCounts.mapValues(\.most)
        byTurn = turnCounts.mapValues(\.most)
        byBoth = bothCounts.mapValues(\.most)
    }

    /// The label that a floor predicts at a turn (0 = the first labelled turn of the conversation).
    public func prediction(_ kind: Kind, previous: Int?, turn: Int) -> Int {
        let previous = previous ?? Self.noLabel
        switch kind {
        case .majority: return majority
        case .previousLabel: return byPrevious[previous] ?? majority
        case .turnIndex: return byTurn[turn] ?? majority
        case .previousLabelAndTurnIndex:
            return byBoth[Condition(previous: previous, turn: turn)] ?? byTurn[turn] ?? majority
        }
    }

    /// Predictions and gold labels of one floor over whole test sequences.
    public func confusion(_ kind: Kind, test: [[Int]]) throws -> ConfusionMatrix {
        var predicted: [Int] = []
        for sequence in test {
            for turn in sequence.indices {
                predicted.append(prediction(kind, previous: turn == 0 ? nil : sequence[turn - 1], turn: turn))
            }
        }
        return try ConfusionMatrix(predicted: predicted, gold: test.flatMap(\.self), classCount: classCount)
    }

    /// Scores of all four floors.
    public func scores(test: [[Int]]) throws -> [Score] {
        try Kind.allCases.map { kind in
            let matrix = try confusion(kind, test: test)
            return Score(kind: kind, accuracy: matrix.accuracy, macroF1: matrix.macroF1)
        }
    }

    /// The floor that a claim is held against: the best of the four, for each score by itself.
    public func best(test: [[Int]]) throws -> (accuracy: Double, macroF1: Double) {
        let scores = try scores(test: test)
        return (scores.map(\.accuracy).max() ?? 0, scores.map(\.macroF1).max() ?? 0)
    }
}

/// Counts of one condition; equally frequent labels are settled in favour of the lower one.
private struct LabelCounts {
    var counts: [Int]

    init(_ classCount: Int) { counts = [Int](repeating: 0, count: classCount) }

    mutating func add(_ label: Int) { counts[label] += 1 }

    var sum: Int { counts.reduce(0, +) }

    var most: Int { counts.indices.max { (counts[$0], -$0) < (counts[$1], -$1) } ?? 0 }
}
