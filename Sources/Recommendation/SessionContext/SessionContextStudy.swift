import Evaluation
public import Experiments
import Foundation
import Training

/// Do lists that know how browsing goes on get more views and clicks than lists ranked by clicks, and does the context of
/// the session help to predict both (INSCAFER, CIKM 2022)?
public struct SessionContextStudy: Study {
    public let id = "session-context"
    public let paper = "Intra-session Context-aware Feed Recommendation in Live Systems"
    public let summary =
        "Clicks and browsing are predicted from the items of the session so far; lists that maximise expected views and "
        + "clicks are compared with lists ranked by clicks in a simulated feed."
    public let world = World.synthetic
    public let claims = SessionContextStudy.allClaims

    private let configuration: SessionContextConfiguration
    private let recipe: SessionTrainingRecipe

    public init(
        configuration: SessionContextConfiguration = SessionContextConfiguration(),
        recipe: SessionTrainingRecipe = SessionTrainingRecipe()
    ) {
        self.configuration = configuration
        self.recipe = recipe
    }

    public func budget(_ scale: Scale) -> Budget {
        let own = SessionContextScale(scale)
        // Four models, the same four with constant browsing, two without memory; the search, once for all seeds, comes on
        // top.
        return Budget(seeds: own.seeds, steps: 10 * own.steps)
    }

    public func run(_ context: StudyContext) async throws -> StudyResult {
        try await TensorActor.run { try await measure(context) }
    }

    @TensorActor
    private func measure(_ context: StudyContext) async throws -> StudyResult {
        let scale = SessionContextScale(context.scale)
        let first = context.seeds.first ?? 0
        let search = try experiment(.full, scale, seed: StudySearch.seed).search(
            SessionContextExperiment.Model.allCases, note: { context.note($0, seed: first) },
            isInterrupted: { (try? context.checkInterruption()) == nil })
        let measured = try await context.measure { seed in
            var values = SeedValues()
            if !context.isAblated { try measureFull(scale, search, seed: seed, context, &values) }
            try measureConstantBrowsing(scale, search, seed: seed, context, &values)
            try measureMemoryless(scale, search, seed: seed, context, &values)
            return values
        }
        return try context.result(
            measured, protocol: protocolFields(scale),
            tables: [Self.listTable(measured), Self.predictionTable(measured), search.table])
    }

    private func experiment(_ world: SessionWorld, _ scale: SessionContextScale, seed: Int) throws
        -> SessionContextExperiment
    {
        try SessionContextExperiment(world, scale: scale, configuration: configuration, recipe: recipe, seed: seed)
    }

    private func measureFull(
        _ scale: SessionContextScale, _ search: StudySearch, seed: Int, _ context: StudyContext,
        _ values: inout SeedValues
    ) throws {
        let experiment = try experiment(.full, scale, seed: seed)
        let starts = experiment.starts.map(\.request)
        let stops = { (try? context.checkInterruption()) == nil }
        for kind in [SessionContextExperiment.Model.clicks, .debiasedClicks] {
            let name = kind.rawValue
            context.note("training \(name)", seed: seed)
            let model = try experiment.trained(kind, search, isInterrupted: stops)
            try experiment.measurePrediction(model, name, into: &values)
            experiment.measureLists(
                SessionScorer(model, requests: starts), .clicks, name, into: &values)
        }
        let weight = SessionContextExperiment.viewWeight
        let value = SessionContextExperiment.Rule.expectedValue(beamWidth: scale.beamWidth, viewWeight: weight)
        for kind in [SessionContextExperiment.Model.jointWithoutContext, .sessionContext] {
            let name = kind.rawValue
            context.note("training \(name)", seed: seed)
            let model = try experiment.trained(kind, search, isInterrupted: stops)
            try experiment.measurePrediction(model, name, into: &values)
            let scorer = SessionScorer(model, requests: starts)
            experiment.measureLists(scorer, value, name, predicts: true, into: &values)
            guard kind == .sessionContext else { continue }
            context.note("lists of \(name)", seed: seed)
            experiment.measureLists(scorer, .clicks, Variant.contextClicks, into: &values)
            experiment.measureLists(
                scorer, .expectedValue(beamWidth: 1, viewWeight: weight), Variant.greedy, predicts: true, into: &values)
            for other in [0.0, 1.0] {
                experiment.measureLists(
                    scorer, .expectedValue(beamWidth: scale.beamWidth, viewWeight: other),
                    "\(Variant.method), view weight \(Int(other))", into: &values)
            }
        }
        Self.addGains(of: Variant.method, over: Variant.clicks, &values)
        context.note("bounds", seed: seed)
        experiment.measureRandomLists(Variant.random, into: &values)
        let truth = TrueScorer(world: experiment.world, starts: experiment.starts)
        experiment.measureLists(truth, .clicks, Variant.trueClicks, into: &values)
        experiment.measureLists(
            truth, .expectedValue(beamWidth: 1, viewWeight: weight), Variant.trueValue, into: &values)
        try experiment.measureTruePrediction(Variant.trueClicks, into: &values)
    }

    /// The null control of the lists.
    private func measureConstantBrowsing(
        _ scale: SessionContextScale, _ search: StudySearch, seed: Int, _ context: StudyContext,
        _ values: inout SeedValues
    ) throws {
        let experiment = try experiment(.constantBrowsing, scale, seed: seed)
        let starts = experiment.starts.map(\.request)
        let stops = { (try? context.checkInterruption()) == nil }
        context.note("null world: training \(Variant.clicks)", seed: seed)
        let clicks = try experiment.trained(.clicks, search, isInterrupted: stops)
        experiment.measureLists(
            SessionScorer(clicks, requests: starts), .clicks, Variant.nullClicks, into: &values)
        context.note("null world: training \(Variant.debiased)", seed: seed)
        let debiased = try experiment.trained(.debiasedClicks, search, isInterrupted: stops)
        experiment.measureLists(
            SessionScorer(debiased, requests: starts), .clicks, Variant.nullDebiased, into: &values)
        let value = SessionContextExperiment.Rule.expectedValue(
            beamWidth: scale.beamWidth, viewWeight: SessionContextExperiment.viewWeight)
        context.note("null world: training \(Variant.joint)", seed: seed)
        let joint = try experiment.trained(.jointWithoutContext, search, isInterrupted: stops)
        experiment.measureLists(SessionScorer(joint, requests: starts), value, Variant.nullJoint, into: &values)
        context.note("null world: training \(Variant.method)", seed: seed)
        let model = try experiment.trained(.sessionContext, search, isInterrupted: stops)
        let scorer = SessionScorer(model, requests: starts)
        experiment.measureLists(scorer, value, Variant.null, into: &values)
        experiment.measureLists(scorer, .clicks, Variant.nullContextClicks, into: &values)
        Self.addGains(of: Variant.null, over: Variant.nullClicks, &values)
    }

    /// The null control of the predictions.
    private func measureMemoryless(
        _ scale: SessionContextScale, _ search: StudySearch, seed: Int, _ context: StudyContext,
        _ values: inout SeedValues
    ) throws {
        let experiment = try experiment(.memoryless, scale, seed: seed)
        let stops = { (try? context.checkInterruption()) == nil }
        for (kind, name) in [
            (SessionContextExperiment.Model.jointWithoutContext, Variant.memorylessJoint),
            (.sessionContext, Variant.memoryless),
        ] {
            context.note("memoryless world: training \(name)", seed: seed)
            let model = try experiment.trained(kind, search, isInterrupted: stops)
            try experiment.measurePrediction(model, name, into: &values)
        }
        try experiment.measureTruePrediction(Variant.memorylessTruth, into: &values)
    }

    /// The relative gains of views and of clicks as variants of their own, so that they can be compared.
    private static func addGains(of method: String, over baseline: String, _ values: inout SeedValues) {
        for metric in ["views", "clicks"] {
            guard let own = values[method, metric], let other = values[baseline, metric], own > 0, other > 0 else {
                continue
            }
            values["\(metric) of \(method)", "log-gain"] = log(own / other)
        }
    }

    private func protocolFields(_ scale: SessionContextScale) -> [String: JSONValue] {
        [
            "data": .text(
                "feed world, \(scale.items) items, click-bait correlation 0.8, weight of satisfaction in browsing 3, of "
                    + "repetition in clicks 1; logs of items like the last click, 30 % of the views drawn at random"),
            "split": .text(
                "by user: \(scale.trainingUsers) training, \(scale.heldOutUsers) held out (best pass), "
                    + "\(scale.testUsers) test"),
            "lists": .text(
                "\(scale.requests) sessions of test users, \(scale.listLength) of \(scale.items) items; view weight "
                    + "\(SessionContextExperiment.viewWeight), beams of \(scale.beamWidth) where not greedy"),
            "scoring": .text(
                "the world's own probabilities, browsing summed, \(scale.draws) click histories a list"),
            "calibration": .text("15 bins of equal width, against the world's own probabilities of the logged views"),
            "stepsPerModel": .integer(scale.steps),
            "search": .text(
                "each model: \(SessionContextExperiment.choices.count) trials of \(scale.trialSteps) steps on logs of another "
                    + "seed, by its own held-out loss; the null worlds go by it too"),
        ]
    }
}

extension SessionContextStudy {
    enum Variant {
        static let method = SessionContextExperiment.Model.sessionContext.rawValue
        static let greedy = "session-context, greedy"
        static let clicks = SessionContextExperiment.Model.clicks.rawValue
        static let debiased = SessionContextExperiment.Model.debiasedClicks.rawValue
        static let joint = SessionContextExperiment.Model.jointWithoutContext.rawValue
        static let contextClicks = "click-ranking-with-context"
        static let random = "random"
        static let trueClicks = "true clicks"
        static let trueValue = "true expected value"
        static let null = "null-session-context"
        static let nullClicks = "null-click-ranking"
        static let nullDebiased = "null-debiased-click-ranking"
        static let nullJoint = "null-joint-without-context"
        static let nullContextClicks = "null-click-ranking-with-context"
        static let memoryless = "memoryless-session-context"
        static let memorylessJoint = "memoryless-joint-without-context"
        static let memorylessTruth = "memoryless-true probabilities"
    }

    private static let allClaims: [Claim] = [
        list(
            "session-context-views", "Lists built by expected value get more views a session than a ranking by clicks.",
            "views", over: Variant.clicks, control: Variant.nullClicks),
        list(
            "session-context-clicks", "They get more clicks a session than a ranking by clicks.", "clicks",
            over: Variant.clicks, control: Variant.nullContextClicks),
        list(
            "session-context-views-over-debiased",
            "They get more views than a click ranking corrected for the exposure bias of the log.", "views",
            over: Variant.debiased, control: Variant.nullDebiased),
        list(
            "session-context-clicks-over-debiased",
            "They get more clicks than a click ranking corrected for the exposure bias of the log.", "clicks",
            over: Variant.debiased, control: Variant.nullDebiased),
        list(
            "session-context-views-over-joint",
            "They get more views than expected-value lists that ignore the context.",
            "views", over: Variant.joint, control: Variant.nullJoint),
        list(
            "session-context-clicks-over-joint",
            "They get more clicks than expected-value lists that ignore the context.", "clicks", over: Variant.joint,
            control: Variant.nullJoint),
        Claim(
            id: "session-context-views-gain-more",
            statement: "Over a ranking by clicks, views grow by a larger share than clicks.", metric: "log-gain",
            direction: .higher, method: "views of \(Variant.method)", baseline: "clicks of \(Variant.method)",
            control: Claim.Control("views of \(Variant.null)", kind: .null, baseline: "clicks of \(Variant.null)")),
        prediction(
            "session-context-click-auc", "The context of the session improves the prediction of clicks.",
            "click-auc", .higher),
        prediction(
            "session-context-browse-auc", "The context of the session improves the prediction of browsing.",
            "browse-auc", .higher),
        prediction("session-context-click-ece", "The context improves the calibration of clicks.", "click-ece", .lower),
        prediction(
            "session-context-browse-ece", "The context improves the calibration of browsing.", "browse-ece", .lower),
    ]

    private static func list(
        _ id: String, _ statement: String, _ metric: String, over baseline: String, control: String
    ) -> Claim {
        Claim(
            id: id, statement: statement, metric: metric, direction: .higher, method: Variant.method,
            baseline: baseline,
            control: Claim.Control(Variant.null, kind: .null, baseline: control))
    }

    private static func prediction(
        _ id: String, _ statement: String, _ metric: String, _ direction: Claim.Direction
    ) -> Claim {
        Claim(
            id: id, statement: statement, metric: metric, direction: direction, method: Variant.method,
            baseline: Variant.joint,
            control: Claim.Control(Variant.memoryless, kind: .null, baseline: Variant.memorylessJoint))
    }

    private static func listTable(_ measured: [SeedValues]) -> Table {
        var table = Table(
            "Views and clicks of a session",
            columns: ["lists", "views", "clicks", "predicted views", "predicted clicks"],
            note: "By the world's probabilities; predicted: the model's own expectation of the lists it built.")
        let rows = [
            Variant.random, Variant.clicks, Variant.debiased, Variant.contextClicks, Variant.joint, Variant.method,
            Variant.greedy, "\(Variant.method), view weight 0", "\(Variant.method), view weight 1", Variant.trueClicks,
            Variant.trueValue, Variant.nullClicks, Variant.nullDebiased, Variant.nullJoint, Variant.nullContextClicks,
            Variant.null,
        ]
        for name in rows {
            table.append(
                [.text(name)]
                    + ["views", "clicks", "predicted-views", "predicted-clicks"].map { cell(measured, name, $0) })
        }
        return table
    }

    private static func predictionTable(_ measured: [SeedValues]) -> Table {
        let metrics = ["auc", "ece", "ece-outcomes", "ratio", "log-loss"].flatMap { ["click-\($0)", "browse-\($0)"] }
        var table = Table(
            "Prediction on the log of test users", columns: ["model"] + metrics,
            note:
                "The models that rank by clicks have an untrained browse head; true clicks: the world's own probabilities. "
                + "Calibration errors and ratios (mean prediction over mean truth) are against the true probabilities; "
                + "ece-outcomes: against what happened."
        )
        let rows = [
            Variant.clicks, Variant.debiased, Variant.joint, Variant.method, Variant.trueClicks,
            Variant.memorylessJoint,
            Variant.memoryless, Variant.memorylessTruth,
        ]
        for name in rows { table.append([.text(name)] + metrics.map { cell(measured, name, $0) }) }
        return table
    }

    private static func cell(_ measured: [SeedValues], _ variant: String, _ metric: String) -> Table.Cell {
        let values = measured.compactMap { $0[variant, metric] }
        return values.isEmpty ? .empty : .number(Summary(values).mean)
    }
}
