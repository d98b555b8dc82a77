import Evaluation
import Foundation

/// An endless feed: items are met one by one, each view is clicked or not and then browsed past or left; satisfaction
/// moves within a session and decides whether and when the user returns.
///
/// All randomness is a function of (seed, user, session, slot), so two policies meet the same users with the same luck.
public struct FeedWorld: Sendable {
    public let configuration: FeedConfiguration
    public let seed: UInt64
    public let items: FeedItems
    public let users: FeedUsers

    /// The past counts of items come from the first users, at most so many: larger worlds of one seed have the same
    /// items.
    package static let pastCountUsers = 64

    /// - Parameter seed: fixes items and users; the luck of a run has its own seed in `FeedBatch`.
    /// - Throws: `WorldError.invalid`.
    public init(_ configuration: FeedConfiguration = .longTerm, seed: UInt64) throws {
        try configuration.validate()
        self.configuration = configuration
        self.seed = seed
        var items = FeedItems(configuration, seed: seed)
        users = FeedUsers(configuration, topicCentres: items.topicCentres, seed: seed)
        items.addPastCounts(configuration, tastes: users.truth.tastes.prefix(Self.pastCountUsers), seed: seed)
        self.items = items
    }

    // MARK: - The true model

    /// `c = sigmoid(a0 + a1 <z, v> + a2 bait - a3 n)`.
    @inline(__always)
    public func clickProbability(item: Int, intent: FeedVector, repetition: Float) -> Float {
        logistic(clickLogit(item: item, match: intent.dot(items.truth.vectors[item]), repetition: repetition))
    }

    @inline(__always)
    func clickLogit(item: Int, match: Float, repetition: Float) -> Float {
        configuration.clickBase + configuration.clickMatch * match
            + configuration.clickBait * items.truth.clickbait[item] - configuration.clickRepetition * repetition
    }

    /// `m_t = decay m_(t-1) + gain (click q - cost (1 - click))`.
    @inline(__always)
    public func satisfaction(after current: Float, item: Int, clicked: Bool) -> Float {
        configuration.satisfactionDecay * current
            + configuration.satisfactionGain * (clicked ? items.truth.quality[item] : -configuration.unclickedCost)
    }

    /// `b = sigmoid(b0 + b1 m + b2 <z, v> - b3 n - b4 t/20)`; `slot` counts from 1.
    @inline(__always)
    public func browseProbability(satisfaction: Float, match: Float, repetition: Float, slot: Int) -> Float {
        logistic(
            configuration.browseBase + configuration.browseSatisfaction * satisfaction
                + configuration.browseMatch * match - configuration.browseRepetition * repetition
                - configuration.browseFatigue * Float(slot) / 20)
    }

    /// Probability of returning on any one day.
    public func returnProbability(user: Int, satisfaction: Float) -> Float {
        let wanted =
            configuration.returnBase + configuration.returnSatisfaction * satisfaction + users.truth.returnBias[user]
        return min(max(wanted, configuration.returnBounds.lowerBound), configuration.returnBounds.upperBound)
    }

    /// Days until the next session: geometric with the return probability; `nil` (churn) above the longest gap.
    public func returnGap(probability: Float, luck: Float) -> Int? {
        let days = 1 + logf(luck) / log1pf(-probability)
        return days < Float(configuration.maximumGapInDays) + 1 ? Int(days) : nil
    }

    /// The intent of the next session: `z' = rho z + (1 - rho) p + sigma e + eta mean(v clicked)`.
    public func nextIntent(
        user: Int, session: Int, intent: FeedVector, meanClicked: FeedVector, luckSeed: UInt64
    ) -> FeedVector {
        let rho = configuration.intentPersistence
        let kept = rho * intent + (1 - rho) * users.truth.tastes[user]
        return kept + configuration.clickDrift * meanClicked
            + configuration.intentNoise * sessionNoise(user: user, session: session, luckSeed: luckSeed)
    }

    /// Standard normal noise of a session, four counter blocks.
    func sessionNoise(user: Int, session: Int, luckSeed: UInt64) -> FeedVector {
        var noise = FeedVector()
        for block in 0..<4 {
            let words = Philox.block(
                counter: SIMD4(UInt32(block), UInt32(session), UInt32(user), Stream.intent.rawValue), key: luckSeed)
            for pair in 0..<2 {
                let radius = (-2 * logf(unitInterval(words[2 * pair]))).squareRoot()
                let angle = 2 * Float.pi * unitInterval(words[2 * pair + 1])
                noise[4 * block + 2 * pair] = radius * cosf(angle)
                noise[4 * block + 2 * pair + 1] = radius * sinf(angle)
            }
        }
        return noise
    }

    /// Names of the independent streams in the counter's last word.
    enum Stream: UInt32 {
        case view = 1
        case intent = 2
        case gap = 3
    }
}
