import Evaluation
import Foundation

/// Constants of the interest-evolution world (RecSim's slate environment): tastes drift towards what is watched, and
/// good items give back time.
public struct InterestEvolutionConfiguration: Sendable, Hashable {
    public var topicCount = 20
    /// Candidates offered to the ranker at every step, and items it shows.
    public var candidateCount = 10
    public var slateSize = 3
    public var choice = SlateChoice.proportional(floor: -1, noClick: 1)
    public var qualityNoise: Float = 0.1
    public var watchTime: Float = 4
    public var budget: Float = 200
    public var noClickCost: Float = 0.5
    /// Budget given back per unit of watch time and quality; 0 is the null control.
    public var qualityBonus: Float = 0.9 / 3.4
    public var maximumSteps = 1_000

    public init() {}

    /// Numbers of a state: interests, and the time left.
    public var stateCount: Int { topicCount + 1 }

    /// Quality gives nothing back: sessions are equally long whatever is shown.
    public static var null: InterestEvolutionConfiguration {
        var configuration = InterestEvolutionConfiguration()
        configuration.qualityBonus = 0
        return configuration
    }

    /// - Throws: `WorldError.invalid` naming the first value outside its range.
    public func validate() throws {
        func check(_ holds: Bool, _ field: String, _ found: some CustomStringConvertible, _ allowed: String) throws {
            if !holds {
                throw WorldError.invalid(world: "interest evolution", field: field, found: "\(found)", allowed: allowed)
            }
        }
        try check(topicCount >= 2, "topicCount", topicCount, "2 or more")
        try check(candidateCount >= 1, "candidateCount", candidateCount, "1 or more")
        try check((1...candidateCount).contains(slateSize), "slateSize", slateSize, "1 to \(candidateCount)")
        try check(budget > 0, "budget", budget, "above 0")
        try check(noClickCost > 0, "noClickCost", noClickCost, "above 0")
        try check((1...1 << 20).contains(maximumSteps), "maximumSteps", maximumSteps, "1 to \(1 << 20)")
    }
}

/// Many users of the interest-evolution world, one session each, stepped together.
public struct InterestEvolutionBatch: Sendable {
    /// A candidate: its topic is seen, its quality is not.
    public struct Document: Sendable, Equatable {
        public let topic: Int32
        public let hiddenQuality: Float
    }

    public struct Outcome: Sendable, Equatable {
        public let lane: Int32
        /// Position in the slate, nil for no click.
        public let chosen: Int?
        /// Watch time.
        public let reward: Float
        /// The probability of each position and of no click: for scoring.
        public let probabilities: [Float]
        /// The budget is used up: terminal.
        public let ended: Bool
        /// The step limit was reached first: a truncation.
        public let truncated: Bool
    }

    public let configuration: InterestEvolutionConfiguration
    public let seed: UInt64
    public private(set) var activeLanes: [Int32]
    public private(set) var steps: [Int32]
    /// Interests in each topic, -1 to 1, observed: `[lanes, topics]`.
    public private(set) var interests: [Float]
    private var budgets: [Float]
    private let topicQualities: [Float]

    /// - Throws: `WorldError.invalid`.
    public init(_ configuration: InterestEvolutionConfiguration, users: Int, seed: UInt64) throws {
        try configuration.validate()
        self.configuration = configuration
        self.seed = seed
        activeLanes = (0..<Int32(users)).map { $0 }
        steps = [Int32](repeating: 0, count: users)
        budgets = [Float](repeating: configuration.budget, count: users)
        topicQualities = FeedItems.topicQualities(count: configuration.topicCount)
        let base = SeededGenerator(seed: seed).split("interests")
        interests = (0..<users).flatMap { user in
            var generator = base.split(UInt64(user))
            return (0..<configuration.topicCount).map { _ in Float(2 * generator.uniform() - 1) }
        }
    }

    public var isFinished: Bool { activeLanes.isEmpty }

    public func interests(lane: Int) -> ArraySlice<Float> {
        interests[(lane * configuration.topicCount)..<((lane + 1) * configuration.topicCount)]
    }

    /// The share of a lane's time that is left, 1 at first, 0 when it is used up: what makes the state of a session
    /// complete. RecSim keeps it from its learners.
    public func timeLeft(lane: Int) -> Float { max(0, budgets[lane] / configuration.budget) }

    /// Interests and time left, ``InterestEvolutionConfiguration/stateCount`` numbers.
    public func state(lane: Int) -> [Float] { interests(lane: lane) + [timeLeft(lane: lane)] }

    /// The candidates of a lane's current step: a function of (seed, user, step).
    public func candidates(lane: Int) -> [Document] {
        var generator = SeededGenerator(seed: seed, 0xD0C5, UInt64(lane), UInt64(steps[lane]))
        return (0..<configuration.candidateCount).map { _ in
            let topic = generator.integer(below: configuration.topicCount)
            return Document(
                topic: Int32(topic),
                hiddenQuality: topicQualities[topic] + configuration.qualityNoise * Float(generator.normal()))
        }
    }

    /// Shows each active user a slate of different candidates, by their positions in `candidates(lane:)`.
    /// - Throws: `WorldError.actionCount`, `.unknownAction`, `.invalid` for repeated items; nothing has changed then.
    public mutating func step(_ slates: [[Int]]) throws -> [Outcome] {
        guard slates.count == activeLanes.count else {
            throw WorldError.actionCount(
                world: "interest evolution", found: slates.count, expected: activeLanes.count)
        }
        for slate in slates {
            guard slate.count == configuration.slateSize, Set(slate).count == slate.count else {
                throw WorldError.invalid(
                    world: "interest evolution", field: "slate", found: "\(slate)",
                    allowed: "\(configuration.slateSize) different candidates")
            }
            for item in slate where item < 0 || item >= configuration.candidateCount {
                throw WorldError.unknownAction(
                    world: "interest evolution", found: item, count: configuration.candidateCount)
            }
        }
        let outcomes = zip(activeLanes, slates).map { show(lane: Int($0), slate: $1) }
        activeLanes = zip(activeLanes, outcomes).compactMap { $1.ended || $1.truncated ? nil : $0 }
        return outcomes
    }

    private mutating func show(lane: Int, slate: [Int]) -> Outcome {
        let documents = candidates(lane: lane)
        let start = lane * configuration.topicCount
        let scores = slate.map { interests[start + Int(documents[$0].topic)] }
        let luck = Philox.block(counter: SIMD4(UInt32(steps[lane]), UInt32(lane), 0, 0xC11C), key: seed)
        let chosen = configuration.choice.choose(scores, luck: unitInterval(luck.x))
        if let chosen {
            let document = documents[slate[chosen]]
            budgets[lane] -= configuration.watchTime
            budgets[lane] += configuration.qualityBonus * configuration.watchTime * document.hiddenQuality
            let place = start + Int(document.topic)
            let interest = interests[place]
            // Towards the item with probability (I + 1)/2, else away from it; strong interests move less.
            let size = (-0.3 * abs(interest) + 0.3) * (1 - interest)
            let towards = unitInterval(luck.y) < (interest + 1) / 2
            interests[place] = min(1, max(-1, interest + (towards ? size : -size)))
        } else {
            budgets[lane] -= configuration.noClickCost
        }
        steps[lane] += 1
        let ended = budgets[lane] <= 0
        return Outcome(
            lane: Int32(lane), chosen: chosen, reward: chosen == nil ? 0 : configuration.watchTime,
            probabilities: configuration.choice.probabilities(scores), ended: ended,
            truncated: !ended && Int(steps[lane]) >= configuration.maximumSteps)
    }
}

/// Fixed rankers of the interest-evolution world: the floor, the myopic best, and one that knows the hidden quality.
public enum InterestEvolutionRanker: Sendable {
    case random(seed: UInt64)
    /// The candidates of highest interest: the most clicks now.
    case greedy
    /// Interest weighted by how much of the watch time the item gives back.
    case qualityOracle

    public func slate(_ batch: InterestEvolutionBatch, lane: Int) -> [Int] {
        let documents = batch.candidates(lane: lane)
        let interests = batch.interests(lane: lane)
        let configuration = batch.configuration
        if case .random(let seed) = self {
            var generator = SeededGenerator(seed: seed, UInt64(lane), UInt64(batch.steps[lane]))
            return Array(generator.shuffled(documents.indices).prefix(configuration.slateSize))
        }
        let values = documents.map { document -> Float in
            let attraction = interests[interests.startIndex + Int(document.topic)] + 1
            guard case .qualityOracle = self else { return attraction }
            let cost = 1 - configuration.qualityBonus * document.hiddenQuality
            return attraction / max(0.05, cost)
        }
        let order = documents.indices.sorted { values[$0] != values[$1] ? values[$0] > values[$1] : $0 < $1 }
        return Array(order.prefix(configuration.slateSize))
    }

    /// Mean watch time of a session.
    /// - Throws: `WorldError`.
    public func watchTime(_ configuration: InterestEvolutionConfiguration, users: Int, seed: UInt64) throws -> Double {
        var batch = try InterestEvolutionBatch(configuration, users: users, seed: seed)
        var total = 0.0
        while !batch.isFinished {
            let slates = batch.activeLanes.map { slate(batch, lane: Int($0)) }
            for outcome in try batch.step(slates) { total += Double(outcome.reward) }
        }
        return total / Double(users)
    }
}
