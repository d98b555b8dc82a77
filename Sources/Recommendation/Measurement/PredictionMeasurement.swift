public import Evaluation
import Tensors

/// Measures predicted probabilities of one task on rows of features: AUC, grouped AUC, log loss, calibration error, clicks
/// over predicted.
public struct PredictionMeasurement: Sendable {
    public let rows: FeatureRows
    public let task: Int
    /// The group of each row (user, cell), for the grouped AUC; empty for none.
    public let groups: [Int32]
    public let groupWeight: GroupedDiscrimination.Weight
    private let labelled: [Int]

    /// - Parameter includes: rows that are measured.
    /// - Throws: ``RecommendationError/notLabelled(rows:)``.
    public init(
        _ rows: FeatureRows, task: Int = 0, groups: [Int32] = [],
        groupWeight: GroupedDiscrimination.Weight = .impressions, includes: (Int) -> Bool = { _ in true }
    ) throws {
        precondition(groups.isEmpty || groups.count == rows.count, "a group for each row")
        self.rows = rows
        self.task = task
        self.groups = groups
        self.groupWeight = groupWeight
        labelled = (0..<rows.count).filter { rows.label($0, task: task) != nil && includes($0) }
        guard !labelled.isEmpty else { throw RecommendationError.notLabelled(rows: rows.count) }
    }

    static let rowsAtOnce = 4096

    /// Whether there are positive and negative labels, without which AUC is not defined.
    public var hasBothClasses: Bool {
        let positives = labelled.count { (rows.label($0, task: task) ?? 0) > 0.5 }
        return positives > 0 && positives < labelled.count
    }

    /// The probability of the task for each labelled row.
    public func probabilities(_ model: some FeatureModel) -> [Double] {
        var found: [Double] = []
        for start in stride(from: 0, to: labelled.count, by: Self.rowsAtOnce) {
            let part = labelled[start..<min(start + Self.rowsAtOnce, labelled.count)]
            found += model.probabilities(rows.batch(part)).select(task, along: 1).values(Double.self)
        }
        return found
    }

    /// `AUC`, `logLoss`, `ECE` (15 bins), `COPC`, and `GAUC` where there are groups; metrics that are not defined are left out.
    /// - Throws: `EvaluationError` where the model predicts what is no number.
    public func metrics(_ model: some FeatureModel) throws -> [String: Double] {
        let probabilities = probabilities(model)
        let positive = labelled.map { (rows.label($0, task: task) ?? 0) > 0.5 }
        var metrics: [String: Double] = [:]
        metrics["AUC"] = try Discrimination.areaUnderCurve(scores: probabilities, positive: positive)
        metrics["logLoss"] = try Likelihood.logLoss(probabilities: probabilities, outcomes: positive)
        metrics["ECE"] = try Calibration.expectedError(confidences: probabilities, correct: positive)
        metrics["COPC"] = try Likelihood.clicksOverPredicted(probabilities: probabilities, outcomes: positive)
        if !groups.isEmpty {
            metrics["GAUC"] = try GroupedDiscrimination(
                scores: probabilities, positive: positive, groups: labelled.map { groups[$0] }, weight: groupWeight)?
                .value
        }
        return metrics
    }
}
