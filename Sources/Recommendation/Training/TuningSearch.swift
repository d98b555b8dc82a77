import Evaluation

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

extension FittingOptions {
    /// Eight configurations around these: four learning rates by two weight decays.
    public var searchSpace: [FittingOptions] {
        [0.3, 1, 3, 10].flatMap { scale in
            [0, 1e-2].map { decay in
                var options = self
                options.learningRate = learningRate * scale
                options.weightDecay = decay
                return options
            }
        }
    }
}
