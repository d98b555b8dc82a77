import Evaluation

/// The population: observable coarse demographics, and behind `truth` tastes and loyalty.
public struct FeedUsers: Sendable {
    /// Hidden from learners.
    public struct Truth: Sendable {
        /// Static taste, a unit vector.
        public var tastes: [FeedVector] = []
        /// Personal shift of the return probability.
        public var returnBias: [Float] = []
    }

    /// One of `demographicCount` coarse groups: a noisy view of the strongest topic, shared by many tastes.
    public private(set) var demographics: [Int32] = []
    public let demographicCount = 5
    public private(set) var truth = Truth()

    public var count: Int { demographics.count }

    init(_ configuration: FeedConfiguration, topicCentres: [FeedVector], seed: UInt64) {
        let base = SeededGenerator(seed: seed).split("feed users")
        for user in 0..<configuration.userCount {
            var generator = base.split(UInt64(user))
            let mixture = generator.dirichlet(
                concentration: configuration.tasteConcentration, count: configuration.topicCount)
            var taste = FeedVector()
            for (weight, centre) in zip(mixture, topicCentres) { taste += Float(weight) * centre }
            truth.tastes.append(taste.normalized)
            truth.returnBias.append(configuration.returnBiasDeviation * Float(generator.normal()))
            let strongest = mixture.indices.max { mixture[$0] < mixture[$1] }!
            let group =
                generator.bernoulli(0.7) ? strongest % demographicCount : generator.integer(below: demographicCount)
            demographics.append(Int32(group))
        }
    }
}
