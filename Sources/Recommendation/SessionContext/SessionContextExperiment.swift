import Evaluation
import Experiments
import Tensors
import Training
import Worlds

/// What one seed of the study works with, by scale.
package struct SessionContextScale: Sendable {
    let seeds: Int
    let items: Int
    var trainingUsers: Int
    let heldOutUsers: Int
    let testUsers: Int
    /// Sessions that lists are built for.
    let requests: Int
    let listLength: Int
    let beamWidth: Int
    /// Click histories drawn to score a list.
    let draws: Int
    /// Optimiser steps of each model, and of a trial of the search.
    var steps: Int
    let trialSteps: Int

    package init(_ scale: Scale) {
        switch scale {
        case .smoke:
            (seeds, items, trainingUsers, heldOutUsers, testUsers) = (2, 60, 40, 10, 20)
            (requests, listLength, beamWidth, draws, steps, trialSteps) = (16, 6, 2, 4, 20, 4)
        case .quick:
            (seeds, items, trainingUsers, heldOutUsers, testUsers) = (5, 300, 2_000, 150, 400)
            (requests, listLength, beamWidth, draws, steps, trialSteps) = (150, 20, 5, 32, 1_200, 600)
        case .full:
            (seeds, items, trainingUsers, heldOutUsers, testUsers) = (10, 300, 20_000, 500, 2_000)
            (requests, listLength, beamWidth, draws, steps, trialSteps) = (500, 20, 10, 64, 15_000, 7_500)
        }
    }

    var userCount: Int { trainingUsers + heldOutUsers + testUsers }
}

/// The three worlds of the study.
package enum SessionWorld: String, CaseIterable {
    /// Click-bait costs satisfaction, satisfaction keeps users (β1 = 3), repetition tires (a3 = 1).
    case full
    /// Browsing depends on nothing that is shown (β1 = β2 = β3 = 0).
    case constantBrowsing
    /// Nothing shown before matters: no repetition and no satisfaction (a3 = β3 = β1 = 0), and no match with the hidden
    /// intent either (a1 = β2 = 0), of which the clicks so far would tell. Clicks follow from the item, browsing from the
    /// slot alone.
    case memoryless

    package func configuration(_ scale: SessionContextScale) -> FeedConfiguration {
        var configuration = FeedConfiguration.longTerm
        // Stronger than in the world's own preset, so that a session has something to plan: the best lists by expected
        // value then have a third more views than the best lists by clicks.
        configuration.browseSatisfaction = 3
        configuration.clickRepetition = 1
        configuration.itemCount = scale.items
        configuration.userCount = scale.userCount
        switch self {
        case .full: break
        case .constantBrowsing:
            configuration.browseSatisfaction = 0
            configuration.browseMatch = 0
            configuration.browseRepetition = 0
        case .memoryless:
            configuration.clickRepetition = 0
            configuration.browseRepetition = 0
            configuration.browseSatisfaction = 0
            configuration.clickMatch = 0
            configuration.browseMatch = 0
        }
        return configuration
    }
}

/// One world with its logs and the sessions that lists are built for.
struct SessionContextExperiment {
    let scale: SessionContextScale
    let world: FeedWorld
    let catalogue: SessionCatalogue
    let training: SessionLog
    let debiasedTraining: SessionLog
    let heldOut: SessionLog
    let test: SessionLog
    let tested: FeedLog
    let starts: [SessionStart]
    private let seed: UInt64
    let base: SessionContextConfiguration
    let recipe: SessionTrainingRecipe

    /// The share of views drawn at random; the others look like what the user clicked last.
    static let exploration = 0.3
    static let viewWeight = 0.2

    init(
        _ kind: SessionWorld, scale: SessionContextScale, configuration: SessionContextConfiguration,
        recipe: SessionTrainingRecipe, seed: Int, change: (inout FeedConfiguration) -> Void = { _ in }
    ) throws {
        self.scale = scale
        self.seed = UInt64(seed)
        base = configuration
        self.recipe = recipe
        var worldConfiguration = kind.configuration(scale)
        change(&worldConfiguration)
        let world = try FeedWorld(worldConfiguration, seed: UInt64(seed) + 500)
        self.world = world
        catalogue = SessionCatalogue(feed: world.items)
        let policy = SimilarFeedPolicy(world: world)
        func log(_ users: Range<Int>) throws -> FeedLog {
            try FeedLog(
                world: world, users: users, base: policy, exploration: Self.exploration, luckSeed: UInt64(seed) + 1)
        }
        let logged = try log(0..<scale.trainingUsers)
        training = SessionLog(logged, users: world.users)
        debiasedTraining = SessionLog(logged, users: world.users, debiasing: .inversePropensity(cap: 10))
        let others = scale.trainingUsers + scale.heldOutUsers
        heldOut = SessionLog(try log(scale.trainingUsers..<others), users: world.users)
        tested = try log(others..<scale.userCount)
        test = SessionLog(tested, users: world.users)
        starts = try SessionStart.sampled(
            world: world, users: others..<scale.userCount,
            served: MixedFeedPolicy(base: policy, exploration: Self.exploration, seed: UInt64(seed) + 1),
            sessions: 2..<8, luckSeed: UInt64(seed) + 1, most: scale.requests)
    }

    /// The models that are trained.
    enum Model: String, CaseIterable {
        case clicks = "click-ranking"
        case debiasedClicks = "debiased-click-ranking"
        case jointWithoutContext = "joint-without-context"
        case sessionContext = "session-context"
    }

    /// What the search tries for every model.
    static let choices = FittingChoice.grid(rates: [2.5e-3, 5e-3, 1e-2, 2e-2], decays: [0.1, 0.5])

    /// Searches for the settings of each model on data of the search's own seed.
    func search(_ models: [Model], note: (String) -> Void, isInterrupted: @escaping () -> Bool) throws
        -> StudySearch
    {
        var search = StudySearch(watching: WatchedMetric("loss", isHigherBetter: false))
        for model in models {
            note("search: \(model.rawValue)")
            try search.run(model.rawValue, Self.choices) {
                try trained(model, $0, steps: scale.trialSteps, isInterrupted: isInterrupted).loss
            }
        }
        return search
    }

    func trained(
        _ kind: Model, _ search: StudySearch, isInterrupted: @escaping () -> Bool
    ) throws -> SessionContextModel {
        try trained(kind, search[kind.rawValue], steps: scale.steps, isInterrupted: isInterrupted).model
    }

    /// A trained model and its loss on held-out sessions.
    private func trained(
        _ kind: Model, _ choice: FittingChoice, steps: Int, isInterrupted: @escaping () -> Bool
    ) throws -> (model: SessionContextModel, loss: Double?) {
        var recipe = recipe
        recipe.learningRate = choice.learningRate
        recipe.weightDecay = choice.weightDecay
        recipe.steps = steps
        let profiles = world.users.demographicCount
        var configuration = base
        if kind != .sessionContext {
            // The same budget of parameters for every model.
            configuration = base.withoutContext {
                SessionContextModel.parameterCount($0, catalogue: catalogue, profileCount: profiles)
            }
        }
        if kind == .clicks || kind == .debiasedClicks {
            configuration.browseWeight = 0
            configuration.usesSlot = false
        }
        let model = SessionContextModel(
            configuration, catalogue: catalogue, profileCount: profiles, from: RandomSource(seed: seed))
        let loss = try model.fit(
            kind == .debiasedClicks ? debiasedTraining : training, heldOut: heldOut, recipe, seed: seed,
            isInterrupted: isInterrupted)
        return (model, loss)
    }

    // MARK: - Measures

    /// Prediction on the test log.
    func measurePrediction(_ model: SessionContextModel, _ name: String, into values: inout SeedValues) throws {
        let found = model.predictions(test)
        try measure("click", found.clicks, found.clickLabels, trueClicks, name, into: &values)
        try measure("browse", found.browses, found.browseLabels, trueBrowses, name, into: &values)
    }

    /// The same of the world's own probabilities.
    func measureTruePrediction(_ name: String, into values: inout SeedValues) throws {
        let known = tested.capped.indices.filter { !tested.capped[$0] }
        try measure("click", trueClicks, tested.clicks, trueClicks, name, into: &values)
        try measure("browse", trueBrowses, known.map { tested.browses[$0] }, trueBrowses, name, into: &values)
    }

    private var trueClicks: [Double] { tested.clickProbabilities.map(Double.init) }
    /// Where the end of a session is known.
    private var trueBrowses: [Double] {
        tested.capped.indices.filter { !tested.capped[$0] }.map { Double(tested.browseProbabilities[$0]) }
    }

    /// Order, calibration and fit of one task's probabilities.
    private func measure(
        _ task: String, _ probabilities: [Double], _ labels: [Bool], _ truth: [Double], _ name: String,
        into values: inout SeedValues
    ) throws {
        values[name, "\(task)-auc"] = try Discrimination.areaUnderCurve(scores: probabilities, positive: labels)
        values[name, "\(task)-ece"] = try Calibration.expectedError(confidences: probabilities, truth: truth)
        values[name, "\(task)-ece-outcomes"] = try Calibration.expectedError(
            confidences: probabilities, correct: labels)
        values[name, "\(task)-log-loss"] = try Likelihood.logLoss(probabilities: probabilities, outcomes: labels)
        values[name, "\(task)-ratio"] = probabilities.reduce(0, +) / truth.reduce(0, +)
    }

    /// How a scorer's probabilities become a list.
    enum Rule {
        case clicks
        case expectedValue(beamWidth: Int, viewWeight: Double)
    }

    /// Lists by the rule, scored by the world.
    func measureLists(
        _ scorer: some ListScorer, _ rule: Rule, _ name: String, predicts: Bool = false, into values: inout SeedValues
    ) {
        let search: ListSearch
        switch rule {
        case .clicks: search = .clicks(length: scale.listLength)
        case .expectedValue(let beamWidth, let viewWeight):
            var fitted = ListSearch.fitted(
                to: scorer, requests: min(64, starts.count), length: scale.listLength, viewWeight: viewWeight)
            fitted.beamWidth = beamWidth
            search = fitted
        }
        measure(search.run(scorer, requests: starts.count), name, predicts: predicts, into: &values)
    }

    func measureRandomLists(_ name: String, into values: inout SeedValues) {
        let lists = starts.indices.map { request in
            var generator = SeededGenerator(seed: seed, 77, UInt64(request))
            var list = ListPrefix(request: request)
            list.items = generator.shuffled(0..<Int32(world.items.count)).prefix(scale.listLength).map { $0 }
            return list
        }
        measure(lists, name, predicts: false, into: &values)
    }

    private func measure(_ lists: [ListPrefix], _ name: String, predicts: Bool, into values: inout SeedValues) {
        let truth = SessionTruth(world: world, draws: scale.draws, luckSeed: seed + 9)
        let found = lists.map { truth.expected(list: $0.items, start: starts[$0.request], request: $0.request) }
        let count = Double(lists.count)
        values[name, "views"] = found.reduce(0) { $0 + $1.views } / count
        values[name, "clicks"] = found.reduce(0) { $0 + $1.clicks } / count
        if predicts {
            values[name, "predicted-views"] = lists.reduce(0) { $0 + $1.expectedViews } / count
            values[name, "predicted-clicks"] = lists.reduce(0) { $0 + $1.expectedClicks } / count
        }
    }
}
