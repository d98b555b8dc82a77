import Experiments
import Training

/// The searches of one study: every model that is trained gets as many trials, each with the same budget, on data of a seed
/// that is not measured afterwards. What they choose holds for all seeds.
struct StudySearch {
    /// Of the data and weights of the trials; the seeds that are measured count from 0.
    static let seed = 10_000

    let watched: WatchedMetric
    private var results: [(model: String, result: TuningSearch.Result<FittingChoice>)] = []

    init(watching watched: WatchedMetric) { self.watched = watched }

    /// Searches for the settings of one model.
    /// - Parameter fit: trains with a choice and returns the watched metric on validation rows.
    /// - Throws: what `fit` throws, except that a training that diverges is a trial without result.
    mutating func run(_ model: String, _ choices: [FittingChoice], fit: (FittingChoice) throws -> Double?) throws {
        let result = try TuningSearch.run(choices, watching: watched) { choice in
            do { return try fit(choice) } catch TrainingError.diverged(_, _, _) { return nil }
        }
        results.append((model, result))
    }

    /// What was chosen for a model.
    /// - Precondition: it was searched for.
    subscript(model: String) -> FittingChoice {
        guard let found = results.first(where: { $0.model == model }) else {
            preconditionFailure("no search for \(model)")
        }
        return found.result.configuration
    }

    /// What each search chose, and how far its trials lie apart.
    var table: Table {
        var table = Table(
            "Search", columns: ["model", "chosen", "trials", "best \(watched.name)", "worst \(watched.name)"],
            note: "Equal trials and steps for every model, on validation rows of a seed that is not measured.")
        for (model, result) in results {
            let values = result.trials.compactMap(\.value).filter(\.isFinite)
            let worst = watched.isHigherBetter ? values.min() : values.max()
            table.append([
                .text(model), .text("\(result.configuration)"), .integer(result.trials.count),
                result.value.map { .number($0) } ?? .empty, worst.map { .number($0) } ?? .empty,
            ])
        }
        return table
    }
}
