import Corpora
import Evaluation
import Tensors

/// What was measured, row by row: the cells that `evaluate --predictions` writes.
enum MeasuredRows {
    /// The test rows of a model of features in the order of users and times: user, item, then for each task its label (1,
    /// 0, or nothing where it is unknown) and its probability. A few thousand rows are in memory at once.
    /// - Throws: ``RecommendationError/scoreNotANumber(user:)``, and what `write` throws.
    static func write(
        _ data: FeatureData, _ model: some FeatureModel, to write: ([String]) throws -> Void
    ) throws {
        let tasks = data.test.schema.tasks
        try write(["user", "item"] + tasks.flatMap { ["label.\($0)", "probability.\($0)"] })
        for start in stride(from: 0, to: data.test.count, by: PredictionMeasurement.rowsAtOnce) {
            let part = start..<min(start + PredictionMeasurement.rowsAtOnce, data.test.count)
            // [rows, tasks]
            let probabilities = withoutGradients { model.probabilities(data.test.batch(part)) }.contiguous().floats
            for row in part {
                let (user, item) = (data.testUsers[row], data.testItems[row])
                var cells = [data.users.tokens[Int(user)], data.items.tokens[Int(item)]]
                for task in tasks.indices {
                    let probability = probabilities[(row - start) * tasks.count + task]
                    guard probability.isFinite else { throw RecommendationError.scoreNotANumber(user: user) }
                    cells.append(data.test.label(row, task: task).map { $0 > 0.5 ? "1" : "0" } ?? "")
                    cells.append("\(probability)")
                }
                try write(cells)
            }
        }
    }

    /// Writes the lists of a ranking as they are made: user, place from 1 up, item, score, and whether it is a hit (1 or 0).
    /// - Throws: what `write` throws; what is returned also ``RecommendationError/scoreNotANumber(user:)``.
    static func lists(
        _ log: InteractionLog, to write: @escaping ([String]) throws -> Void
    ) throws -> (Int, [RankedItem]) throws -> Void {
        try write(["user", "place", "item", "score", "hit"])
        return { user, list in
            for (place, ranked) in list.enumerated() {
                guard ranked.score.isFinite else { throw RecommendationError.scoreNotANumber(user: Int32(user)) }
                try write([
                    log.users.tokens[user], "\(place + 1)", log.items.tokens[Int(ranked.item)], "\(ranked.score)",
                    ranked.isRelevant ? "1" : "0",
                ])
            }
        }
    }
}
