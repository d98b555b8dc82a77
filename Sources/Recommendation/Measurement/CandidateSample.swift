import Corpora
import Evaluation

/// The items that a user's targets are ranked among where not the whole catalogue is.
struct CandidateSample {
    private let sampler: NegativeSampler
    /// Of each user.
    private let counts: [Int]
    private let generator: SeededGenerator
    /// What is no candidate, as the protocol says it.
    let excluded: String

    /// - Parameter targets: of each user; so many times the items of one are drawn.
    /// - Returns: nil for the whole catalogue.
    init?(_ candidates: RankingCandidates, of split: InteractionSplit, for targets: ItemSets, seed: UInt64) {
        let each: Int
        let drawing: NegativeSampler
        switch candidates {
        case .full: return nil
        case .uniform(let count):
            each = count
            drawing = NegativeSampler(split)
        case .popularity(let count):
            each = count
            drawing = NegativeSampler(split, weighting: .popularity(exponent: 1))
        }
        let wanted = (0..<targets.count).map { each * targets[$0].count }
        let found = wanted.indices.map { min(wanted[$0], drawing.negativeCount(user: $0)) }
        let short = zip(found, wanted).count { $0 < $1 }
        sampler = drawing
        counts = found
        excluded = "items met" + (short == 0 ? "" : " (for \(short) users all items not met, which are fewer)")
        generator = SeededGenerator(seed: seed).split("candidates")
    }

    /// Different items that the user does not meet, ascending; the same whenever they are asked for.
    /// - Throws: `InteractionError`.
    func items(ofUser user: Int) throws -> [Int32] {
        var generator = generator.split(UInt64(user))
        return try sampler.sampleDistinct(user: user, count: counts[user], using: &generator)
    }
}
