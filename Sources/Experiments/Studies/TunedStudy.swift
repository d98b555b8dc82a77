import Evaluation

/// A study whose learners were searched for: no baseline with fewer configurations than the method, all with the same budget and
/// with validation worlds that are not among the measured ones.
public protocol TunedStudy: Study {
    /// What the search maximises, with the worlds and users it is measured on.
    var tuningMetric: String { get }

    /// Every configuration of every learner. Which one the study uses is written in its code; ``TuningTrial/isUsed``
    /// says which.
    func trials(_ scale: Scale) -> [TuningTrial]
}

/// One configuration of one learner.
public struct TuningTrial: Sendable {
    public let learner: String
    /// The settings that differ, for example `actorRate 0.001, trace 0.9`.
    public let configuration: String
    /// Whether the study trains with it.
    public let isUsed: Bool
    /// The metric in the validation world of a seed.
    let measure: @Sendable (_ seed: Int) async throws -> Double

    public init(
        _ learner: String, _ configuration: String, isUsed: Bool,
        measure: @escaping @Sendable (_ seed: Int) async throws -> Double
    ) {
        self.learner = learner
        self.configuration = configuration
        self.isUsed = isUsed
        self.measure = measure
    }

    /// All combinations of the settings' values, for example eight of two values of three settings.
    ///
    /// - Parameters:
    ///   - base: the configuration that the study uses.
    ///   - settings: the values in use first.
    public static func grid<Configuration: Sendable>(
        _ learner: String, _ base: Configuration, _ settings: [TuningSetting<Configuration>],
        measure: @escaping @Sendable (_ configuration: Configuration, _ seed: Int) async throws -> Double
    ) -> [TuningTrial] {
        var found: [(text: [String], configuration: Configuration, isUsed: Bool)] = [([], base, true)]
        for setting in settings {
            found = found.flatMap { one in
                setting.choices.map { choice in
                    var next = one
                    choice.apply(&next.configuration)
                    next.text.append("\(setting.name) \(choice.text)")
                    next.isUsed = one.isUsed && choice.isUsed(base)
                    return next
                }
            }
        }
        return found.map { one in
            let configuration = one.configuration
            return TuningTrial(learner, one.text.joined(separator: ", "), isUsed: one.isUsed) { seed in
                try await measure(configuration, seed)
            }
        }
    }
}

/// One setting of a learner with the values that a search tries.
public struct TuningSetting<Configuration>: Sendable {
    struct Choice: Sendable {
        let text: String
        let apply: @Sendable (inout Configuration) -> Void
        let isUsed: @Sendable (Configuration) -> Bool
    }

    let name: String
    let choices: [Choice]

    /// - Parameter place: where the setting stands in the configuration.
    public init<Value: Equatable & Sendable>(
        _ name: String, _ values: [Value], _ place: any WritableKeyPath<Configuration, Value> & Sendable
    ) {
        self.name = name
        choices = values.map { value in
            Choice(
                text: (value as? Double).map { Numbers.short($0) } ?? "\(value)",
                apply: { $0[keyPath: place] = value }, isUsed: { $0[keyPath: place] == value })
        }
    }
}

/// What a search found.
public struct TuningResult: Sendable, Encodable {
    public struct Row: Sendable, Encodable {
        public let learner: String
        public let configuration: String
        /// Of each validation seed.
        public let values: [Double]
        public let mean: Double
        public let isUsed: Bool
        /// The highest mean of its learner.
        public let isBest: Bool
    }

    public let study: String
    public let commit: String
    public let scale: Scale
    public let metric: String
    public let seconds: Double
    public let rows: [Row]

    public var table: Table {
        let seeds = rows.first?.values.count ?? 0
        var table = Table(
            "Search for \(study), \(scale.rawValue)", columns: ["learner", "configuration", "value", "best", "used"],
            note: "\(metric); mean over \(seeds) validation seeds")
        for row in rows {
            table.append([
                .text(row.learner), .text(row.configuration), .number(row.mean, decimals: 3),
                row.isBest ? "best" : "", row.isUsed ? "used" : "",
            ])
        }
        return table
    }
}

extension StudyRunner {
    /// Runs every trial of a study on its validation seeds.
    ///
    /// - Parameter learners: those whose settings are searched; all where there are none.
    /// - Throws: ``StudyError/seeds(found:)``, `CancellationError`, and what a trial throws.
    public func tune(_ study: any TunedStudy, scale: Scale, seeds: Int = 1, learners: [String] = []) async throws
        -> TuningResult
    {
        guard seeds > 0 else { throw StudyError.seeds(found: seeds) }
        let trials = study.trials(scale).filter { learners.isEmpty || learners.contains($0.learner) }
        let start = ContinuousClock.now
        var values: [[Double]] = []
        for (place, trial) in trials.enumerated() {
            var own: [Double] = []
            for seed in 0..<seeds {
                try checkInterruption()
                report(
                    StudyProgress(
                        seedsDone: place, seeds: trials.count, note: "\(trial.learner): \(trial.configuration)"))
                own.append(try await trial.measure(seed))
            }
            values.append(own)
        }
        let means = values.map { Summary($0).mean }
        let rows = trials.indices.map { place in
            let best = trials.indices.filter { trials[$0].learner == trials[place].learner }
                .max { means[$0] < means[$1] }
            return TuningResult.Row(
                learner: trials[place].learner, configuration: trials[place].configuration, values: values[place],
                mean: means[place], isUsed: trials[place].isUsed, isBest: best == place)
        }
        return TuningResult(
            study: study.id, commit: sourceCommit, scale: scale, metric: study.tuningMetric,
            seconds: (ContinuousClock.now - start) / .seconds(1), rows: rows)
    }
}
