public import Corpora
import Evaluation
public import Foundation
import Layers
import Tensors
public import Training

/// Learning from a log of one's own: no simulator, the same two levels, measured on what was clicked next (spec 05 §1.4).
extension HierarchicalAgentMethod: RecommendationMethod {
    private static let catalogueTensor = "catalogue"
    private static let optionsTensor = "options"

    @TensorActor
    static func trainOnLog(_ settings: HierarchicalAgentRecipe, in session: TrainingSession) throws -> TrainedArtefact {
        var settings = settings
        settings.data = settings.data.located
        let ground = try LogTrainingGround(settings, say: session.say)
        if settings.search { settings = try ground.searched(settings, say: session.say) }
        let agent = ground.agent(settings)
        let recipe = try RecipeText.plain(settings, method: name)
        return try session.run(
            Self.self, settings, precision: "f32",
            train: { recorder in try learn(agent, ground, settings, recorder, session) },
            writeFiles: { folder in
                let tensors =
                    agent.namedParameters.map { ($0.name, $0.tensor) } + [
                        (catalogueTensor, ground.catalogue.embeddings),
                        (optionsTensor, ground.nextOptions(agent)),
                    ]
                let names = StoredNames(ground.data.split)
                try RecommenderFiles.write(tensors, names: names, recipe: recipe, to: folder)
            })
    }

    /// The rounds of training with their numbers in the run store.
    @TensorActor
    private static func learn(
        _ agent: HierarchicalAgent, _ ground: LogTrainingGround, _ settings: HierarchicalAgentRecipe,
        _ recorder: RunRecorder?, _ session: TrainingSession
    ) throws -> TrainingProgress {
        let start = ContinuousClock.now
        var progress = TrainingProgress()
        let bar =
            session.showsProgress
            ? ProgressBar(title: name, steps: settings.training.updates, lineSeconds: session.progressLineSeconds) : nil
        defer { bar?.finish() }
        let watched = LogTrainingGround.watched.name
        let best = try ground.train(agent, budget: settings.training) { updates, metrics in
            progress.step = updates
            progress.tokens = updates * settings.training.batchSessions
            try recorder?.record(step: updates, tokens: progress.tokens, metrics)
            bar?.update(step: updates, note: "\(watched) \(((metrics[watched] ?? 0) * 10_000).rounded() / 10_000)")
        }
        progress.evaluation = best.metrics
        session.say("kept: the agent of update \(best.updates) of \(progress.step)")
        progress.seconds = (ContinuousClock.now - start) / .seconds(1)
        return progress
    }

    /// What was liked in the test part among all items, and whether what was shown was liked, beside popularity.
    @TensorActor
    static func evaluateOnLog(
        _ artefact: URL, with settings: HierarchicalAgentRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        try requireSameSplit(artefact, settings) { settings in
            ["source \(settings.data.located.source)"] + settings.data.splitSettings + ["seed \(settings.seed)"]
        }
        let seed = UInt64(settings.seed)
        let data = try settings.data.feedback(seed: seed)
        let (agent, names, _) = try loadFromLog(artefact, settings)
        try requireSame("users", data.log.users, IdentifierMap(names.users), data.name)
        try requireSame("items", data.log.items, IdentifierMap(names.items), data.name)
        let test = LoggedMeasurement(data, part: .test, settings: settings.log, seed: seed)
        guard test.rankedViews > 0 else {
            throw RecommendationDataError.noRows(source: data.name, part: InteractionSplit.Part.test.rawValue)
        }
        if let writeRow = session.writeRow { try test.rows(agent, to: writeRow) }
        let (metrics, ranking) = try test.besidePopularity(agent)
        var intervals: [String: ClosedRange<Double>] = [:]
        for metric in [RankingReport.Metric.hitRate, .discountedGain] {
            let interval = try ConfidenceInterval.mean(ranking.perUser(metric, k: 10).map(Double.init))
            intervals["\(metric.rawValue)@10"] = interval.low...interval.high
        }
        return MethodEvaluation(
            description: "\(test.protocol); AUC over all views of the part", metrics: metrics, count: test.rankedViews,
            intervals: intervals)
    }

    public static func open(_ artefact: URL, recipe: RecipeDocument) throws -> SavedRecommender {
        let settings = try settings(recipe)
        let (agent, names, options) = try loadFromLog(artefact, settings)
        return SavedRecommender(
            method: name,
            recommender: ServedAgent(agent, options: options, sessionLength: settings.log.sessionLength),
            users: IdentifierMap(names.users), items: IdentifierMap(names.items), domains: IdentifierMap(),
            itemCounts: names.itemCounts)
    }

    public static func liked(_ recipe: RecipeDocument) throws -> InteractionLog {
        let settings = try settings(recipe)
        guard !settings.data.source.isEmpty else { throw SavedRecommenderError.servesFeed(kind: name) }
        return try settings.data.feedback(seed: UInt64(settings.seed)).split.log
    }

    private static func loadFromLog(
        _ artefact: URL, _ settings: HierarchicalAgentRecipe
    ) throws -> (agent: HierarchicalAgent, names: StoredNames, options: Tensor) {
        guard !settings.data.source.isEmpty else { throw SavedRecommenderError.servesFeed(kind: name) }
        let names = try RecommenderFiles.readNames(StoredNames.self, from: artefact)
        let path = artefact.appending(path: RecommenderFiles.weights).path
        let stored = try TensorArchive.read(path)
        let width = settings.log.dimensions + FeedCatalogue.countedParts
        func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
            guard let found = stored[name], found.shape == shape else {
                throw RecommendationError.mismatch(
                    reason: "\(path): tensor \(name) has shape \(stored[name].map { "\($0.shape)" } ?? "none"), "
                        + "but the recipe needs \(shape)")
            }
            return found
        }
        let table = try tensor(catalogueTensor, [names.items.count, width])
        let agent = HierarchicalAgent(
            FeedCatalogue(table: table.floats, dimensions: width), configuration: settings.agent, lag: settings.lag,
            imitation: settings.log.imitation, seed: UInt64(settings.seed))
        for parameter in agent.namedParameters {
            parameter.tensor.assign(try tensor(parameter.name, parameter.tensor.shape))
        }
        return (agent, names, try tensor(optionsTensor, [names.users.count + 1, agent.optionWidth]))
    }
}
