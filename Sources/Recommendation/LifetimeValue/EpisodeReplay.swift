import Evaluation
import Tensors

/// The logged life of one item.
package struct ItemEpisode: Sendable, Codable {
    /// `[days + 1]` inputs each: the last is what was seen after the last day.
    package var observations: [[Float]] = []
    /// What the ranking used on each day.
    package var actions: [Float] = []
    package var rewards: [Float] = []
    /// Of each day: what supervised models predict.
    package var clicks: [Float] = []
    /// Whether the item was delisted after its last day. The end of the log is no end of the item: its value goes on.
    package var isTerminal = false

    package init() {}

    package var days: Int { actions.count }
}

/// Whole item episodes, from which batches aligned by age are drawn.
package struct EpisodeReplay: Sendable {
    package private(set) var episodes: [ItemEpisode] = []
    package let staticCount: Int

    package init(staticCount: Int) { self.staticCount = staticCount }

    /// Episodes without a day are left out.
    package mutating func append(_ new: [ItemEpisode]) { episodes += new.filter { $0.days > 0 } }

    /// Items drawn uniformly, all days of each up to `windowDays`; of a longer life, a window.
    package func sample(
        _ count: Int, windowDays: Int, burnInDays: Int, using generator: inout SeededGenerator
    ) -> EpisodeBatch {
        EpisodeBatch(
            (0..<count).map { _ in
                let episode = episodes[generator.integer(below: episodes.count)]
                let start = episode.days > windowDays ? generator.integer(below: episode.days - windowDays + 1) : 0
                return EpisodeBatch.Part(
                    episode: episode, days: start..<min(episode.days, start + windowDays),
                    burnIn: start > 0 ? burnInDays : 0)
            }, staticCount: staticCount)
    }
}

/// Windows of item episodes as tensors, padded at their ends.
package struct EpisodeBatch {
    package struct Part {
        package let episode: ItemEpisode
        package let days: Range<Int>
        /// Leading days that only fill the memory.
        package let burnIn: Int

        package init(episode: ItemEpisode, days: Range<Int>, burnIn: Int) {
            self.episode = episode
            self.days = days
            self.burnIn = burnIn
        }
    }

    /// `[items, days + 1]`: the observation after each day is the next one.
    package let days: ItemDays
    package let actions: Tensor  // [items, days]
    package let rewards: Tensor  // [items, days]
    package let notTerminal: Tensor  // [items, days]; 0 where the item was delisted
    package let mask: Tensor  // [items, days]; 0 for padding and burn-in

    /// - Precondition: at least one part, each with a day.
    package init(_ parts: [Part], staticCount: Int) {
        let longest = parts.map(\.days.count).max() ?? 1
        let width = parts[0].episode.observations[0].count
        var observations: [Float] = []
        var previous: [Float] = []
        var actions: [Float] = []
        var rewards: [Float] = []
        var notTerminal: [Float] = []
        var mask: [Float] = []
        for part in parts {
            let episode = part.episode
            for place in 0...longest {
                let day = part.days.lowerBound + place
                let isKnown = place <= part.days.count
                observations += isKnown ? episode.observations[day] : [Float](repeating: 0, count: width)
                previous.append(isKnown && day > 0 ? episode.actions[day - 1] : 0)
                guard place < longest else { continue }
                let isReal = place < part.days.count
                actions.append(isReal ? episode.actions[day] : 0)
                rewards.append(isReal ? episode.rewards[day] : 0)
                notTerminal.append(isReal && day == episode.days - 1 && episode.isTerminal ? 0 : 1)
                mask.append(isReal && place >= part.burnIn ? 1 : 0)
            }
        }
        let count = parts.count
        days = ItemDays(
            observations: Tensor(observations, shape: [count, longest + 1, width]),
            previousActions: Tensor(previous, shape: [count, longest + 1]), staticCount: staticCount)
        self.actions = Tensor(actions, shape: [count, longest])
        self.rewards = Tensor(rewards, shape: [count, longest])
        self.notTerminal = Tensor(notTerminal, shape: [count, longest])
        self.mask = Tensor(mask, shape: [count, longest])
    }
}
