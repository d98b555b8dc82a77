/// The hidden state of one lane and what it implies: for scoring and for bounds, not for learners.
public struct FeedTruth: Sendable {
    public let world: FeedWorld
    public let user: Int
    public let intent: FeedVector
    public let satisfaction: Float
    /// The slot of the next item, from 1.
    public let slot: Int
    private let repetitions: ArraySlice<Float>

    public init(batch: FeedBatch, lane: Int) {
        world = batch.world
        user = Int(batch.users[lane])
        intent = batch.intents[lane]
        satisfaction = batch.satisfactions[lane]
        slot = Int(batch.slots[lane])
        let topics = batch.world.configuration.topicCount
        repetitions = batch.repetitions[(lane * topics)..<((lane + 1) * topics)]
    }

    /// A fresh session with the given intent.
    public init(world: FeedWorld, user: Int, intent: FeedVector, satisfaction: Float = 0) {
        self.world = world
        self.user = user
        self.intent = intent
        self.satisfaction = satisfaction
        slot = 1
        repetitions = [Float](repeating: 0, count: world.configuration.topicCount)[...]
    }

    @inline(__always)
    func repetition(_ item: Int) -> Float {
        repetitions[repetitions.startIndex + Int(world.items.topics[item])]
    }

    @inline(__always)
    func clickLogit(item: Int, ignoringRepetition: Bool = false) -> Float {
        world.clickLogit(
            item: item, match: intent.dot(world.items.truth.vectors[item]),
            repetition: ignoringRepetition ? 0 : repetition(item))
    }

    public func clickProbability(item: Int) -> Float { logistic(clickLogit(item: item)) }

    /// Click probability, browse probability (the mean over the click) and expected satisfaction after showing the item.
    @inline(__always)
    public func lookAhead(item: Int) -> (click: Float, browse: Float, satisfaction: Float) {
        let match = intent.dot(world.items.truth.vectors[item])
        let penalty = repetition(item)
        let click = logistic(world.clickLogit(item: item, match: match, repetition: penalty))
        let liked = world.satisfaction(after: satisfaction, item: item, clicked: true)
        let passed = world.satisfaction(after: satisfaction, item: item, clicked: false)
        let browse =
            click * world.browseProbability(satisfaction: liked, match: match, repetition: penalty, slot: slot)
            + (1 - click) * world.browseProbability(satisfaction: passed, match: match, repetition: penalty, slot: slot)
        return (click, browse, click * liked + (1 - click) * passed)
    }

    /// Exact expectations of showing `list` from here on, by enumeration over click histories: work `2^list.count` while
    /// browsing depends on satisfaction, linear otherwise. The list's end ends the session.
    public func expected(list: [Int]) -> (views: Double, clicks: Double) {
        precondition(
            list.count <= 20 || world.configuration.browseSatisfaction == 0,
            "enumeration over \(list.count) clicks is too long")
        return expected(list[...], satisfaction, slot, Array(repetitions))
    }

    private func expected(
        _ list: ArraySlice<Int>, _ satisfaction: Float, _ slot: Int, _ repetitions: [Float]
    ) -> (views: Double, clicks: Double) {
        guard let item = list.first else { return (0, 0) }
        let match = intent.dot(world.items.truth.vectors[item])
        let topic = Int(world.items.topics[item])
        let penalty = repetitions[topic]
        let click = Double(logistic(world.clickLogit(item: item, match: match, repetition: penalty)))
        var next = repetitions
        next[topic] += 1
        for index in next.indices { next[index] *= world.configuration.repetitionDecay }
        var views = 1.0
        var clicks = click
        let depends = world.configuration.browseSatisfaction != 0
        for clicked in depends ? [true, false] : [true] {
            let share = depends ? (clicked ? click : 1 - click) : 1
            let later = world.satisfaction(after: satisfaction, item: item, clicked: clicked)
            let browse = Double(
                world.browseProbability(satisfaction: later, match: match, repetition: penalty, slot: slot))
            let rest = expected(list.dropFirst(), later, slot + 1, next)
            views += share * browse * rest.views
            clicks += share * browse * rest.clicks
        }
        return (views, clicks)
    }
}
