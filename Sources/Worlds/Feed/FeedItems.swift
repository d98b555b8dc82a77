import Evaluation
import Foundation

/// Sixteen numbers: an item or an intent.
public typealias FeedVector = SIMD16<Float>

extension SIMD16<Float> {
    @inline(__always)
    package func dot(_ other: Self) -> Float { (self * other).sum() }

    package var normalized: Self {
        let norm = (self * self).sum().squareRoot()
        return norm > 0 ? self / norm : self
    }

    static func normal(_ generator: inout SeededGenerator) -> Self {
        var vector = Self()
        for axis in 0..<16 { vector[axis] = Float(generator.normal()) }
        return vector
    }
}

/// The catalogue: what a recommender may see, and behind `truth` what it may not.
public struct FeedItems: Sendable {
    /// Hidden from learners; for the world's own dynamics, oracles and scoring.
    public struct Truth: Sendable {
        public var vectors: [FeedVector] = []
        public var quality: [Float] = []
        public var clickbait: [Float] = []
    }

    /// Item vectors with noise.
    public private(set) var vectors: [FeedVector] = []
    public private(set) var topics: [Int32] = []
    public private(set) var ageInDays: [Float] = []
    /// Views and clicks of the past, under random exposure.
    public fileprivate(set) var pastViews: [Int32] = []
    public fileprivate(set) var pastClicks: [Int32] = []
    public private(set) var truth = Truth()
    package let topicCentres: [FeedVector]

    public var count: Int { topics.count }

    /// Mean quality of the topics as in RecSim's interest evolution: 70 % between -3 and 0, 30 % between 0 and 3.
    static func topicQualities(count: Int) -> [Float] {
        let low = Int((0.7 * Double(count)).rounded())
        func line(_ from: Float, _ to: Float, _ n: Int) -> [Float] {
            n == 1 ? [from] : (0..<n).map { from + (to - from) * Float($0) / Float(n - 1) }
        }
        return line(-3, 0, low) + line(0, 3, count - low)
    }

    init(_ configuration: FeedConfiguration, seed: UInt64) {
        let base = SeededGenerator(seed: seed).split("feed items")
        var shared = base.split("topics")
        topicCentres = (0..<configuration.topicCount).map { _ in FeedVector.normal(&shared).normalized }
        let means = Self.topicQualities(count: configuration.topicCount)
        let correlation = configuration.clickbaitCorrelation
        for item in 0..<configuration.itemCount {
            var generator = base.split(UInt64(item))
            let topic = item % configuration.topicCount
            let spread = configuration.itemSpread * FeedVector.normal(&generator)
            let vector = (topicCentres[topic] + spread).normalized
            let quality = means[topic] + configuration.qualityNoise * Float(generator.normal())
            let bait =
                -correlation * quality / 3 + (1 - correlation * correlation).squareRoot() * Float(generator.normal())
            truth.vectors.append(vector)
            truth.quality.append(quality)
            truth.clickbait.append(bait)
            vectors.append(vector + configuration.observationNoise * FeedVector.normal(&generator))
            topics.append(Int32(topic))
            ageInDays.append(Float(generator.exponential(mean: 20)))
        }
    }

    /// Past counts come from the population's mean click probability on first sight, under random exposure.
    mutating func addPastCounts(_ configuration: FeedConfiguration, tastes: ArraySlice<FeedVector>, seed: UInt64) {
        let base = SeededGenerator(seed: seed).split("past counts")
        for item in 0..<count {
            var generator = base.split(UInt64(item))
            let views = Int(20 * exp(generator.normal()))
            let bait = configuration.clickBase + configuration.clickBait * truth.clickbait[item]
            let sum = tastes.reduce(Float(0)) {
                $0 + logistic(bait + configuration.clickMatch * $1.dot(truth.vectors[item]))
            }
            pastViews.append(Int32(views))
            pastClicks.append(
                Int32(generator.binomial(trials: views, probability: Double(sum) / Double(tastes.count))))
        }
    }
}
