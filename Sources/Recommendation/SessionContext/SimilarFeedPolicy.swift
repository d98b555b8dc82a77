import Worlds

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
            let shown = Set(history.items[history.events(ofSession: Int(batch.sessions[lane]))])
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
