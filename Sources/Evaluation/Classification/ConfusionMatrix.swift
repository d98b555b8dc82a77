/// Counts of (predicted, gold) classes and the scores computed from them.
///
/// Rows are predictions, columns the gold labels. Scores follow scikit-learn's `f1_score` with `labels` = all classes
/// and `zero_division` = 0: a class that never occurs has an F1 of 0 and still counts in the unweighted mean.
public struct ConfusionMatrix: Sendable, Equatable {
    public let classCount: Int
    private var cells: [Int]

    /// An empty matrix.
    public init(classCount: Int) {
        precondition(classCount > 0, "a confusion matrix needs at least one class")
        self.classCount = classCount
        cells = [Int](repeating: 0, count: classCount * classCount)
    }

    /// Counts of paired labels, each in `0 ..< classCount`.
    /// - Throws: ``EvaluationError`` for lists of different lengths, no labels, or a label outside the classes.
    public init(predicted: [Int], gold: [Int], classCount: Int) throws {
        try requirePaired("confusion matrix", predicted.count, gold.count)
        self.init(classCount: classCount)
        for position in predicted.indices {
            for value in [predicted[position], gold[position]] where !(0..<classCount).contains(value) {
                throw EvaluationError.outOfRange(
                    metric: "confusion matrix", value: "\(value)", position: position,
                    allowed: "0 to \(classCount - 1)")
            }
            add(predicted: predicted[position], gold: gold[position])
        }
    }

    public mutating func add(predicted: Int, gold: Int, count: Int = 1) {
        precondition((0..<classCount).contains(predicted) && (0..<classCount).contains(gold), "class out of range")
        cells[predicted * classCount + gold] += count
    }

    /// Adds the counts of a matrix of the same classes.
    public mutating func add(_ other: ConfusionMatrix) {
        precondition(classCount == other.classCount, "\(other.classCount) classes added to \(classCount)")
        for cell in cells.indices { cells[cell] += other.cells[cell] }
    }

    public subscript(predicted predicted: Int, gold gold: Int) -> Int { cells[predicted * classCount + gold] }

    /// Number of counted pairs.
    public var total: Int { cells.reduce(0, +) }

    public func predictedCount(_ label: Int) -> Int {
        (0..<classCount).reduce(0) { $0 + self[predicted: label, gold: $1] }
    }

    /// Number of gold labels of a class (its support).
    public func goldCount(_ label: Int) -> Int { (0..<classCount).reduce(0) { $0 + self[predicted: $1, gold: label] } }

    /// Share of pairs on the diagonal, in [0, 1]; 0 for an empty matrix.
    public var accuracy: Double {
        ratio((0..<classCount).reduce(0) { $0 + self[predicted: $1, gold: $1] }, total)
    }

    public func precision(_ label: Int) -> Double { ratio(self[predicted: label, gold: label], predictedCount(label)) }

    public func recall(_ label: Int) -> Double { ratio(self[predicted: label, gold: label], goldCount(label)) }

    /// `2 TP / (predicted + gold)`, the harmonic mean of precision and recall.
    public func f1(_ label: Int) -> Double {
        ratio(2 * self[predicted: label, gold: label], predictedCount(label) + goldCount(label))
    }

    /// Unweighted mean of the classes' F1.
    public var macroF1: Double { (0..<classCount).reduce(0) { $0 + f1($1) } / Double(classCount) }

    /// Mean of the classes' F1, weighted by their gold counts.
    public var weightedF1: Double {
        let total = total
        guard total > 0 else { return 0 }
        return (0..<classCount).reduce(0) { $0 + f1($1) * Double(goldCount($1)) } / Double(total)
    }

    private func ratio(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
}
