import Corpora
import Experiments
public import Foundation
import Tensors
public import Training

/// Settings of a method that counts.
public struct CountedRecipe<Model: CountedSettings>: RankedRecipe, Equatable {
    public var data = Model.data
    public var model = Model()
    public var search = false
    public var cutoffs = [10]
    public var sampledCandidates = 0
    public var seed = 0

    public init() {}

    public static var fields: [RecipeField] {
        [
            RecipeField("search", "First tries eight settings and takes the best by nDCG@10 of the validation part."),
            RecipeField("seed", "Of the built-in data and of sampled candidates.", range: .atLeast(0)),
        ] + rankedFields + InteractionDataRecipe.fields.nested(in: "data") + Model.fields.nested(in: "model")
    }
}

/// The settings of a recommender that is made of counts.
public protocol CountedSettings: ModelSettings {
    /// Age at which a row counts half, in the unit of the data's times; 0: all rows count alike.
    var halfLife: Double { get }
    /// Eight of them around these. A half-life needs times: `span` is that of the training rows, nil where there is
    /// none that is a number above 0.
    func searchSpace(span: Double?) -> [Self]
}

/// A recommender of counts as a method.
public protocol CountedMethod: RankedMethod where Settings == CountedRecipe<Configuration> {
    associatedtype Configuration: CountedSettings

    static func recommender(_ configuration: Configuration, _ counts: CountedFeedback) -> any Recommender
}

/// What is kept of counts.
private struct StoredCounts: Codable {
    var names: StoredNames
    var counts: CountedFeedback
}

extension CountedMethod {
    @TensorActor
    public static func train(_ settings: Settings, in session: TrainingSession) throws -> TrainedArtefact {
        var settings = settings
        settings.data = settings.data.located
        let data = try settings.data.feedback(seed: UInt64(settings.seed))
        session.say(
            "data: \(data.name), \(data.log.userCount) users, \(data.log.itemCount) items, \(data.log.rowCount) rows, "
                + "\(data.split.log.rowCount) liked, \(data.split.name)")
        guard settings.model.halfLife == 0 || !data.log.times.isEmpty else {
            throw RecommendationError.mismatch(
                reason:
                    "\(data.name) has no times (data.time), by which model.halfLife = \(settings.model.halfLife) counts "
                    + "older rows less; allowed without times: 0")
        }
        guard data.split.rowCount(.validation) > 0 else {
            throw RecommendationDataError.noRows(
                source: data.name, part: InteractionSplit.Part.validation.rawValue)
        }
        let validation = RankingMeasurement(data.split, part: .validation, data: data.name)
        func measured(_ configuration: Configuration) throws -> [String: Double] {
            func metrics(_ model: some Recommender) throws -> [String: Double] { try validation.metrics(model) }
            return try metrics(recommender(configuration, try counts(configuration, data)))
        }
        if settings.search {
            let times = (0..<data.log.userCount).lazy.flatMap { data.trainRows(ofUser: $0) }.map { data.log.times[$0] }
            let span = data.log.times.isEmpty ? 0 : (times.max() ?? 0) - (times.min() ?? 0)
            let result = try TuningSearch.run(
                settings.model.searchSpace(span: span > 0 && span.isFinite ? span : nil), watching: watched
            ) { try measured($0)[watched.name] }
            settings.model = result.configuration
            session.say(
                "search: \(settings.model) of \(result.trials.count) trials, \(watched.name) "
                    + Numbers.short(result.value ?? .nan))
        }
        let recipe = try RecipeText.plain(settings, method: Self.name)
        let stored = StoredCounts(names: StoredNames(data.split), counts: try counts(settings.model, data))
        return try session.run(
            Self.self, settings, precision: "f32",
            train: { recorder in
                var progress = TrainingProgress()
                progress.step = 1
                progress.tokens = Int(stored.counts.shown.reduce(0, +))
                progress.evaluation = try measured(settings.model)
                try recorder?.record(step: 1, tokens: progress.tokens, progress.evaluation)
                return progress
            },
            writeFiles: { try RecommenderFiles.write(names: stored, recipe: recipe, to: $0) })
    }

    private static func counts(_ configuration: Configuration, _ data: FeedbackData) throws -> CountedFeedback {
        try CountedFeedback(data, halfLife: configuration.halfLife > 0 ? configuration.halfLife : nil)
    }

    public static func saved(_ artefact: URL, _ settings: Settings) throws -> SavedRecommender {
        let stored = try RecommenderFiles.readNames(StoredCounts.self, from: artefact)
        guard stored.counts.shown.count == stored.names.items.count,
            stored.counts.liked.count == stored.names.items.count
        else {
            throw SavedRecommenderError.damaged(
                file: artefact.path, reason: "\(stored.counts.shown.count) counts of \(stored.names.items.count) items")
        }
        return SavedRecommender(
            method: name, recommender: recommender(settings.model, stored.counts),
            users: IdentifierMap(stored.names.users), items: IdentifierMap(stored.names.items),
            domains: IdentifierMap(), itemCounts: stored.names.itemCounts)
    }
}

/// `recommend-popularity`: the same list for everyone.
public enum PopularityMethod: CountedMethod {
    public struct Configuration: CountedSettings, CustomStringConvertible {
        /// What an item is ranked by.
        public enum Score: String, Codable, Sendable, CaseIterable {
            /// How often it was liked.
            case counts
            /// The share of views in which it was liked, drawn towards the share of all items.
            case rates
        }

        public var score = Score.counts
        /// κ of rates, in views.
        public var strength = 20.0
        public var halfLife = 0.0

        public init() {}

        public static let fields = [
            RecipeField("score", "counts, or rates: liked views per view (data.rating says which were liked)."),
            RecipeField("strength", "κ: views at the mean rate that every item is given.", range: .above(0)),
            halfLifeField,
        ]

        public func searchSpace(span: Double?) -> [Configuration] {
            func with(_ score: Score, _ strength: Double, _ halfLife: Double) -> Configuration {
                var configuration = self
                (configuration.score, configuration.strength, configuration.halfLife) = (score, strength, halfLife)
                return configuration
            }
            guard let span else {
                return [with(.counts, strength, 0)] + [1, 3, 10, 20, 50, 100, 300].map { with(.rates, $0, 0) }
            }
            return [0, span / 3, span / 10, span / 30].flatMap {
                [with(.counts, strength, $0), with(.rates, strength, $0)]
            }
        }

        public var description: String {
            (score == .counts ? "counts" : "rates, strength \(strength)")
                + (halfLife > 0 ? ", half-life \(Numbers.short(halfLife))" : "")
        }
    }

    public typealias Settings = CountedRecipe<Configuration>

    public static let name = "recommend-popularity"
    public static let summary = "The same list for everyone: by counts or click rates, older ones counting less."

    public static func recommender(_ configuration: Configuration, _ counts: CountedFeedback) -> any Recommender {
        switch configuration.score {
        case .counts: Popularity(scores: counts.liked)
        case .rates: Popularity(clicks: counts.liked, views: counts.shown, strength: configuration.strength)
        }
    }
}

/// `recommend-ucb`: the same list for everyone, with a bonus for what is hardly known.
public enum UpperConfidenceBoundMethod: CountedMethod {
    public struct Configuration: CountedSettings, CustomStringConvertible {
        /// Of the bonus; published 1.
        public var width = 0.1
        /// Views at the mean rate that every item is given; published 0: an item never shown comes first.
        public var strength = 20.0
        public var halfLife = 0.0

        public init() {}

        public static let fields = [
            RecipeField("width", "Of the bonus √(2 ln N / n).", range: .between(0, 1_000_000), source: "published 1"),
            RecipeField(
                "strength", "Views at the mean rate that every item is given; 0: what was never shown comes first.",
                range: .atLeast(0), source: "published 0"),
            halfLifeField,
        ]

        public static var data: InteractionDataRecipe {
            var data = InteractionDataRecipe()
            data.rating = "click"
            return data
        }

        public func searchSpace(span: Double?) -> [Configuration] {
            [0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 4].map { width in
                var configuration = self
                configuration.width = width
                return configuration
            }
        }

        public var description: String { "width \(width)" }
    }

    public typealias Settings = CountedRecipe<Configuration>

    public static let name = "recommend-ucb"
    public static let summary = "Mean success of an item with a bonus for what was seldom shown (UCB1)."

    public static func recommender(_ configuration: Configuration, _ counts: CountedFeedback) -> any Recommender {
        let views = counts.shown.reduce(0, +)
        let rate = views > 0 ? counts.liked.reduce(0, +) / views : 0
        return UpperConfidenceBound(
            shown: counts.shown.map { $0 + configuration.strength },
            rewards: counts.liked.map { $0 + configuration.strength * rate }, width: configuration.width)
    }
}

private let halfLifeField = RecipeField(
    "halfLife", "Age at which a row counts half, in the unit of times; 0: all count alike.", range: .atLeast(0))
