import Corpora
import Evaluation
import Experiments
import Layers
import Tensors
import Training

/// A log on which agents are trained and measured: its sessions, its items as vectors, and the part that says which
/// parameters are kept.
package struct LogTrainingGround {
    let data: FeedbackData
    package let catalogue: FeedCatalogue
    /// The training sessions of each user who has some.
    package let runs: [[FeedSession]]
    private let validation: LoggedMeasurement
    private let settings: LogSettings
    private let seed: UInt64

    static let watched = WatchedMetric("nDCG@10", isHigherBetter: true)
    /// Parts of the training on clicks alone; options follow from what was learned before each.
    static let warmRounds = 4

    /// Reads the data and learns the vectors of the items.
    /// - Throws: `InteractionError`, `CorpusError`, ``RecommendationDataError``, `BatchSourceError`, `TrainingError`,
    ///   `CancellationError`.
    package init(_ settings: HierarchicalAgentRecipe, say: (String) -> Void = { _ in }) throws {
        seed = UInt64(settings.seed)
        self.settings = settings.log
        data = try settings.data.feedback(seed: seed)
        let sessions = (0..<data.log.userCount).map { [data] in
            settings.log.sessions(data.trainRows(ofUser: $0), of: data)
        }
        let views = sessions.joined().reduce(0) { $0 + $1.items.count }
        say(
            "data: \(data.name), \(data.log.userCount) users, \(data.log.itemCount) items, \(data.log.rowCount) views, "
                + "\(data.split.log.rowCount) of them liked, \(data.split.name); to learn from: \(views) views in "
                + "\(sessions.joined().count) sessions")
        // Said before the training, not after its first round.
        guard data.split.rowCount(.validation) > 0 else {
            throw RecommendationDataError.noRows(source: data.name, part: InteractionSplit.Part.validation.rawValue)
        }
        let catalogue = try FeedCatalogue.learned(from: data, settings.log, seed: seed)
        self.catalogue = catalogue
        runs = sessions.filter { !$0.isEmpty }.map { run in
            run.map { session in
                var session = session
                session.played = catalogue.direction(of: session.items)
                return session
            }
        }
        validation = LoggedMeasurement(data, part: .validation, settings: settings.log, seed: seed)
    }

    package func agent(_ settings: HierarchicalAgentRecipe) -> HierarchicalAgent {
        HierarchicalAgent(
            catalogue, configuration: settings.agent, lag: settings.lag, imitation: settings.log.imitation, seed: seed)
    }

    /// Warms an agent up on clicks, lets it learn from rewards, both from the training sessions, and leaves it with the
    /// parameters of the round that was best on validation views.
    ///
    /// The options of the sessions are those of the upper level as it was at the beginning of a round (spec 05 §1.4:
    /// "recompute g_s with current μ_H").
    /// - Parameter onRound: told the updates so far and what was measured.
    /// - Returns: the updates up to the best round, and what it measured.
    /// - Throws: `CancellationError` where the user stops it, `RankingError` where scores are not numbers, what `onRound`
    ///   throws.
    @discardableResult
    package func train(
        _ agent: HierarchicalAgent, budget: FeedTrainingBudget,
        onRound: (Int, [String: Double]) throws -> Void = { _, _ in }
    ) throws -> (updates: Int, metrics: [String: Double]) {
        var generator = SeededGenerator(seed: seed).split("training on a log")
        var best: (updates: Int, metrics: [String: Double], parameters: [Tensor])?
        var updates = 0
        let warmParts = (0...Self.warmRounds).map { $0 * budget.warmUpdates / Self.warmRounds }
        for round in 0..<(Self.warmRounds + budget.episodes) {
            var replay = FeedReplay(catalogue, optionWidth: agent.optionWidth)
            for run in agent.replayed(runs) { replay.append(run: run) }
            if round < Self.warmRounds {
                for update in warmParts[round]..<warmParts[round + 1] {
                    try Interruption.check()
                    try agent.warmUp(
                        replay, sessions: budget.batchSessions, using: &generator,
                        progress: Double(update) / Double(budget.warmUpdates))
                    updates += 1
                }
            } else {
                for update in 0..<budget.updatesPerEpisode {
                    try Interruption.check()
                    let share = Double(update) / Double(budget.updatesPerEpisode)
                    try agent.learn(
                        replay, sessions: budget.batchSessions, using: &generator,
                        progress: (Double(round - Self.warmRounds) + share) / Double(budget.episodes))
                    updates += 1
                }
            }
            let metrics = try validation(agent).metrics()
            try onRound(updates, metrics)
            let watched = Self.watched.name
            if metrics[watched] ?? 0 > best?.metrics[watched] ?? -1 {
                best = (updates, metrics, agent.namedParameters.map { $0.tensor.detached().copy() })
            }
        }
        guard let best else { return (0, [:]) }
        for (parameter, kept) in zip(agent.namedParameters, best.parameters) { parameter.tensor.assign(kept) }
        return (best.updates, best.metrics)
    }

    /// What an agent reaches in the test part, beside popularity.
    /// - Throws: `RankingError` where no view of the part was liked, or scores are not numbers.
    package func test(_ agent: HierarchicalAgent) throws -> [String: Double] {
        try LoggedMeasurement(data, part: .test, settings: settings, seed: seed).besidePopularity(agent).metrics
    }

    /// The settings that do best of eight on validation views, each with a third of the updates.
    /// - Throws: what training throws; a trial whose scores are no numbers is one without result.
    func searched(_ settings: HierarchicalAgentRecipe, say: (String) -> Void) throws -> HierarchicalAgentRecipe {
        var budget = settings.training
        budget.warmUpdates = (budget.warmUpdates + 2) / 3
        budget.updatesPerEpisode = (budget.updatesPerEpisode + 2) / 3
        let trials = [1.0, 3].flatMap { rate in
            [1.0, 2].flatMap { freedom in
                [1.0, 4].map { imitation in
                    var trial = settings
                    trial.agent.warmUpRate *= rate
                    trial.agent.lowerFreedom *= freedom
                    trial.log.imitation *= imitation
                    return trial
                }
            }
        }
        let result = try TuningSearch.run(trials, watching: Self.watched) { trial in
            do {
                return try train(agent(trial), budget: budget).metrics[Self.watched.name]
            } catch RankingError.scoreNotANumber(_) { return nil }
        }
        var best = result.configuration
        // What is kept says how the model was trained.
        best.search = false
        say(
            "search: agent.warmUpRate \(best.agent.warmUpRate), agent.lowerFreedom \(best.agent.lowerFreedom), "
                + "log.imitation \(best.log.imitation) of \(result.trials.count) trials, \(Self.watched.name) "
                + Numbers.short(result.value ?? .nan))
        return best
    }

    /// What the upper level hands each user for the session that comes next, and in the last row what it hands a stranger:
    /// `[users + 1, option]`.
    ///
    /// When a user comes back is not known: the gap is the median of the gaps in the log.
    func nextOptions(_ agent: HierarchicalAgent) -> Tensor {
        let gaps = runs.joined().filter { !$0.isCut }.map(\.gapAfter).sorted()
        let gap = gaps.isEmpty ? 1 : gaps[gaps.count / 2]
        var open = (0..<data.log.userCount).map { user -> [FeedSession] in
            let run = settings.sessions(data.log.rows(ofUser: user), of: data)
            var next = FeedSession()
            if let last = run.last {
                next.gapBefore = gap
                next.day = min(LogSettings.horizon, last.day + gap)
            }
            return run + [next]
        }
        open.append([FeedSession()])
        let options = agent.replayed(open).flatMap { $0.last?.option ?? [] }
        return Tensor(options, shape: [open.count, agent.optionWidth])
    }
}
