import Evaluation
import Experiments
import Layers
import Training

/// The small search that every model of a comparison gets: the same number of configurations, the same budget each,
/// chosen by the same validation metric.
public enum TuningSearch {
    /// Fewer would not be a tuned baseline.
    public static let minimumTrials = 8

    /// One configuration and what it reached.
    public struct Trial<Configuration: Sendable>: Sendable {
        public let configuration: Configuration
        /// The watched metric on validation data; nil where training diverged.
        public let value: Double?
    }

    /// All trials in order.
    public struct Result<Configuration: Sendable>: Sendable {
        public let trials: [Trial<Configuration>]
        /// The place of the best.
        public let best: Int

        public var configuration: Configuration { trials[best].configuration }
        public var value: Double? { trials[best].value }
    }

    /// Fits every configuration and takes the best; the first of equals.
    ///
    /// - Parameter fit: trains with the configuration and returns the watched metric on validation data, nil where
    ///   training diverged.
    /// - Precondition: at least ``minimumTrials`` configurations.
    /// - Throws: ``RecommendationError/mismatch(reason:)`` where every trial diverged, and what `fit` throws.
    public static func run<Configuration: Sendable>(
        _ configurations: [Configuration], watching watched: WatchedMetric,
        fit: (Configuration) throws -> Double?
    ) throws -> Result<Configuration> {
        precondition(
            configurations.count >= minimumTrials,
            "a search of \(configurations.count) configurations; at least \(minimumTrials)")
        let trials = try configurations.map { Trial(configuration: $0, value: try fit($0)) }
        var best: (place: Int, cost: Double)?
        for (place, trial) in trials.enumerated() {
            guard let value = trial.value, value.isFinite else { continue }
            let cost = watched.cost(value)
            if cost < best?.cost ?? .infinity { best = (place, cost) }
        }
        guard let best else { throw RecommendationError.mismatch(reason: "training diverged in every trial") }
        return Result(trials: trials, best: best.place)
    }
}

/// A step size and a decay: what the search of a comparison varies for every model alike.
public struct FittingChoice: Sendable, Hashable, Codable, CustomStringConvertible {
    /// A setting that one model alone has.
    public struct Own: Sendable, Hashable, Codable {
        public var name: String
        public var value: Double
    }

    public var learningRate: Double
    public var weightDecay: Double
    /// What a model's search varies in place of the decay, if anything.
    public var own: Own?

    public init(learningRate: Double, weightDecay: Double, own: Own? = nil) {
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.own = own
    }

    public var description: String {
        "rate \(learningRate), decay \(weightDecay)" + (own.map { ", \($0.name) \($0.value)" } ?? "")
    }

    /// Every rate with every decay.
    public static func grid(rates: [Double], decays: [Double]) -> [FittingChoice] {
        rates.flatMap { rate in decays.map { FittingChoice(learningRate: rate, weightDecay: $0) } }
    }

    /// Every rate with every value of a setting of the model's own.
    public static func grid(rates: [Double], decay: Double, own name: String, _ values: [Double]) -> [FittingChoice] {
        rates.flatMap { rate in
            values.map {
                FittingChoice(learningRate: rate, weightDecay: decay, own: Own(name: name, value: $0))
            }
        }
    }
}

extension FittingOptions {
    /// Eight configurations around these: four learning rates by two weight decays.
    public var searchSpace: [FittingOptions] {
        FittingChoice.grid(rates: [0.3, 1, 3, 10].map { learningRate * $0 }, decays: [0, 1e-2]).map { choice in
            var options = self
            options.learningRate = choice.learningRate
            options.weightDecay = choice.weightDecay
            return options
        }
    }
}

extension FittingOptions {
    /// The setting of a recipe that asks for ``searched(watching:source:measure:say:model:)``.
    static let searchField = RecipeField(
        "search", "First tries eight pairs of rate and decay, each for a third of the epochs, and trains with the best."
    )

    /// What a search chooses, as a checkpoint keeps it.
    var choice: [String: Double] { ["learningRate": learningRate, "weightDecay": weightDecay] }

    var choiceText: String { "rate \(learningRate), decay \(weightDecay)" }

    /// - Returns: nil where something is missing.
    func with(choice: [String: Double]) -> FittingOptions? {
        guard let rate = choice["learningRate"], let decay = choice["weightDecay"] else { return nil }
        var options = self
        options.learningRate = rate
        options.weightDecay = decay
        return options
    }

    /// These options with the rate and the decay that did best on validation data: the small search that makes models
    /// comparable, each with its own best setting after the same number of trials.
    ///
    /// - Parameters:
    ///   - source: batches for each trial, from their beginning.
    ///   - model: a new model for each trial.
    /// - Throws: what training throws; a trial that diverges is one without result.
    func searched<Model: TrainableModel, Source: PassSource>(
        watching watched: WatchedMetric, source: () throws -> Source,
        measure: @escaping (Model) throws -> [String: Double], say: (String) -> Void, model: () throws -> Model
    ) throws -> FittingOptions where Source.Batch == Model.Batch {
        var trial = self
        trial.epochs = (epochs + 2) / 3
        let result = try TuningSearch.run(trial.searchSpace, watching: watched) { options in
            let batches = try source()
            do {
                return try Fitting.run(
                    try model(), on: batches, batchesPerPass: batches.batchesPerPass, options: options,
                    watching: watched, measure: measure
                ).watched
            } catch TrainingError.diverged(_, _, _) { return nil }
        }
        var best = self
        best.learningRate = result.configuration.learningRate
        best.weightDecay = result.configuration.weightDecay
        say(
            "search: \(best.choiceText) of \(result.trials.count) trials, "
                + "\(watched.name) \(Numbers.short(result.value ?? .nan))")
        return best
    }
}
