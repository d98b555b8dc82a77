import Evaluation
import Worlds

/// A session that is about to begin in the simulated feed: what a recommender may know, and the hidden state that scores
/// its list.
package struct SessionStart {
    package let request: SessionRequest
    package let intent: FeedVector
    package let satisfaction: Float
    package let user: Int

    /// Sessions `sessions` of some users who have been served by a policy until then.
    package static func sampled(
        world: FeedWorld, users: Range<Int>, served policy: some FeedPolicy, sessions: Range<Int>, luckSeed: UInt64,
        most: Int
    ) throws -> [SessionStart] {
        var policy = policy
        var batch = try FeedBatch(world: world, users: users, luckSeed: luckSeed)
        var outcomes: [FeedOutcome] = []
        var choices: [Int32] = []
        var starts: [SessionStart] = []
        while !batch.isFinished, starts.count < most {
            for lane in batch.activeLanes.map(Int.init)
            where batch.slots[lane] == 1 && sessions.contains(Int(batch.sessions[lane])) && starts.count < most {
                let truth = FeedTruth(batch: batch, lane: lane)
                let history = batch.histories[lane]
                let clicked = zip(history.items, history.clicks).compactMap { $1 ? $0 : nil }
                starts.append(
                    SessionStart(
                        request: SessionRequest(profile: world.users.demographics[truth.user], history: clicked),
                        intent: truth.intent, satisfaction: truth.satisfaction, user: truth.user))
            }
            choices = [Int32](repeating: 0, count: batch.activeLanes.count)
            policy.choose(for: batch, into: &choices)
            try batch.step(choices, outcomes: &outcomes)
        }
        return starts
    }
}

/// Scores lists by the world's true probabilities, never by a learner's own.
package struct SessionTruth {
    let world: FeedWorld
    /// Click histories drawn for each list; browsing is summed exactly.
    let draws: Int
    let luckSeed: UInt64

    package init(world: FeedWorld, draws: Int, luckSeed: UInt64) {
        self.world = world
        self.draws = draws
        self.luckSeed = luckSeed
    }

    /// The expected views and clicks of a list, `E[Σ_t S_t]` and `E[Σ_t S_t c_t]` over click histories; the end of the list
    /// ends the session. Two lists of one request meet the same luck.
    package func expected(list: [Int32], start: SessionStart, request: Int) -> (views: Double, clicks: Double) {
        var views = 0.0
        var clicks = 0.0
        for draw in 0..<draws {
            var generator = SeededGenerator(seed: luckSeed, UInt64(request), UInt64(draw))
            var reach = 1.0
            var state = State(world: world, satisfaction: start.satisfaction)
            for (place, item) in list.enumerated() {
                let item = Int(item)
                let repetition = state.repetition(item)
                let click = world.clickProbability(item: item, intent: start.intent, repetition: repetition)
                let clicked = Float(generator.uniform()) < click
                views += reach
                clicks += reach * Double(click)
                state.show(
                    item, satisfaction: world.satisfaction(after: state.satisfaction, item: item, clicked: clicked))
                reach *= Double(
                    world.browseProbability(
                        satisfaction: state.satisfaction,
                        match: start.intent.dot(world.items.truth.vectors[item]), repetition: repetition,
                        slot: place + 1))
            }
        }
        return (views / Double(draws), clicks / Double(draws))
    }

    /// What a session remembers.
    fileprivate struct State {
        let world: FeedWorld
        var satisfaction: Float
        private var repetitions: [Float]

        init(world: FeedWorld, satisfaction: Float) {
            self.world = world
            self.satisfaction = satisfaction
            repetitions = [Float](repeating: 0, count: world.configuration.topicCount)
        }

        func repetition(_ item: Int) -> Float { repetitions[Int(world.items.topics[item])] }

        mutating func show(_ item: Int, satisfaction: Float) {
            self.satisfaction = satisfaction
            repetitions[Int(world.items.topics[item])] += 1
            for topic in repetitions.indices { repetitions[topic] *= world.configuration.repetitionDecay }
        }
    }
}

/// The true model as a scorer, with the expected satisfaction in place of the realised one: the bound that methods are
/// compared with, and no learner.
package struct TrueScorer: ListScorer {
    let world: FeedWorld
    let starts: [SessionStart]

    package init(world: FeedWorld, starts: [SessionStart]) {
        self.world = world
        self.starts = starts
    }

    package var itemCount: Int { world.items.count }

    package func score(_ prefixes: [ListPrefix]) -> (clicks: [Float], browses: [Float]) {
        var clicks: [Float] = []
        var browses: [Float] = []
        for prefix in prefixes {
            let start = starts[prefix.request]
            var state = SessionTruth.State(world: world, satisfaction: start.satisfaction)
            func after(_ item: Int, click: Float) -> Float {
                let liked = world.satisfaction(after: state.satisfaction, item: item, clicked: true)
                let passed = world.satisfaction(after: state.satisfaction, item: item, clicked: false)
                return click * liked + (1 - click) * passed
            }
            for (item, click) in zip(prefix.items, prefix.clicks) {
                state.show(Int(item), satisfaction: after(Int(item), click: click))
            }
            for item in 0..<itemCount {
                let repetition = state.repetition(item)
                let click = world.clickProbability(item: item, intent: start.intent, repetition: repetition)
                clicks.append(click)
                browses.append(
                    world.browseProbability(
                        satisfaction: after(item, click: click),
                        match: start.intent.dot(world.items.truth.vectors[item]), repetition: repetition,
                        slot: prefix.items.count + 1))
            }
        }
        return (clicks, browses)
    }
}

/// Shows items that look like those the user clicked last, from the best past click rates where nothing was clicked yet: a
/// plain content-based recommender to log with. No item comes twice in a session.
package struct SimilarFeedPolicy: FeedPolicy {
    package let name = "similar to the last clicks"
    private let lastClicks: Int
    private let popularity: [Float]

    package init(world: FeedWorld, lastClicks: Int = 1) {
        self.lastClicks = lastClicks
        let items = world.items
        popularity = (0..<items.count).map {
            (Float(items.pastClicks[$0]) + 2) / (Float(items.pastViews[$0]) + 20)
        }
    }

    package mutating func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let items = batch.world.items
        for (index, lane) in batch.activeLanes.map(Int.init).enumerated() {
            let history = batch.histories[lane]
            let shown = Set(history.items[history.events(ofSession: Int(batch.sessions[lane]))]).union(
                batch.page(of: lane))
            var profile = FeedVector.zero
            var found = 0
            for event in stride(from: history.count - 1, through: 0, by: -1) where history.clicks[event] {
                profile += items.vectors[Int(history.items[event])]
                found += 1
                if found == lastClicks { break }
            }
            profile = profile.normalized
            var best: Int32 = 0
            var bestScore = -Float.infinity
            for item in 0..<items.count where !shown.contains(Int32(item)) {
                let score = profile.dot(items.vectors[item]) + popularity[item]
                if score > bestScore {
                    bestScore = score
                    best = Int32(item)
                }
            }
            choices[index] = best
        }
    }
}
