import Evaluation
import Tensors
import Worlds

/// Lets an agent serve users of a feed and hands back what they did.
///
/// The rollout is synchronous and runs on the thread of the agent's tensors; nothing leaves it.
package final class FeedDriver: FeedPolicy, @unchecked Sendable {
    package let name: String
    private let agent: any FeedAgent
    private let exploration: FeedExploration
    private let random: RandomSource
    private var generator: SeededGenerator
    private var recorder: FeedRecorder
    /// What each lane has seen since its state was last moved on: one view slot by slot, up to a page of them otherwise.
    private var fresh: [[SeenView]]
    /// States of the users who are still there, one row each.
    private var states: Tensor
    private var stateLanes: [Int]
    private var sessions: [Float]

    private init(_ agent: any FeedAgent, lanes: [Int32], exploration: FeedExploration, generator: SeededGenerator) {
        name = agent.name
        self.agent = agent
        self.exploration = exploration
        var own = generator.split("noise")
        random = RandomSource(seed: own.next())
        self.generator = generator.split("exploration")
        recorder = FeedRecorder(agent.catalogue, optionWidth: agent.optionWidth, demographics: lanes)
        fresh = [[SeenView]](repeating: [], count: lanes.count)
        states = .zeros([lanes.count, agent.stateWidth])
        stateLanes = Array(lanes.indices)
        sessions = [Float](repeating: 0, count: lanes.count * agent.sessionWidth)
    }

    /// Serves users until each has churned or reached the horizon.
    /// - Returns: the world's report and each user's sessions.
    package static func run(
        _ agent: any FeedAgent, in rollout: FeedRollout, exploration: FeedExploration = .none,
        generator: SeededGenerator, observe: @escaping (FeedBatch, [FeedOutcome]) throws -> Void = { _, _ in }
    ) throws -> (report: FeedReport, runs: [[FeedSession]]) {
        let demographics = rollout.users.map { rollout.world.users.demographics[$0] }
        let driver = FeedDriver(agent, lanes: demographics, exploration: exploration, generator: generator)
        let report = try withoutGradients {
            try rollout.run(driver) { batch, outcomes in
                for outcome in outcomes { driver.see(outcome) }
                try observe(batch, outcomes)
            }
        }
        return (report, driver.recorder.runs)
    }

    package func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let lanes = batch.activeLanes.map(Int.init)
        keepStates(of: lanes)
        beginSessions(lanes.filter { batch.slots[$0] == 1 })
        let isPageBegun = !(lanes.first.map { batch.page(of: $0).isEmpty } ?? true)
        if !isPageBegun { advance(lanes, batch) }
        let slots = Tensor(lanes.map { Float(batch.slots[$0]) / 20 }, shape: [lanes.count, 1])
        let width = agent.sessionWidth
        let shown = lanes.map { recorder.session($0).items + batch.page(of: $0) }
        let scores = agent.scores(
            state: states,
            session: Tensor(
                lanes.flatMap { sessions[($0 * width)..<(($0 + 1) * width)] }, shape: [lanes.count, width]),
            slots: slots, shown: shown, noise: exploration.action, random: random
        ).contiguous()
        let items = agent.catalogue.itemCount
        scores.withUnsafeBytes { bytes in
            let values = bytes.assumingMemoryBound(to: Float.self)
            for (row, shown) in shown.enumerated() {
                if exploration.random > 0, generator.uniform() < exploration.random {
                    choices[row] = Self.unshown(items, shown, &generator)
                } else {
                    choices[row] = Self.best(values[(row * items)..<((row + 1) * items)], without: shown)
                }
            }
        }
    }

    /// Drops the rows of users who are gone.
    private func keepStates(of lanes: [Int]) {
        guard lanes.count != stateLanes.count else { return }
        var row = 0
        let rows = lanes.map { lane -> Int in
            while stateLanes[row] != lane { row += 1 }
            return row
        }
        states = states.selected(Tensor(rows), along: 0)
        stateLanes = lanes
    }

    /// Lanes whose session begins get their option.
    private func beginSessions(_ lanes: [Int]) {
        guard !lanes.isEmpty else { return }
        let (history, context) = recorder.starts(lanes, lag: agent.lag)
        let width = agent.sessionWidth
        var values = agent.begin(history: history, context: context, noise: exploration.option, random: random).floats
        for (row, lane) in lanes.enumerated() {
            if agent.optionWidth > 0, exploration.freeOption > 0, generator.uniform() < exploration.freeOption {
                values.replaceSubrange(
                    (row * width)..<(row * width + agent.optionWidth), with: freeOption())
            }
            for column in 0..<width { sessions[lane * width + column] = values[row * width + column] }
            if agent.optionWidth > 0 {
                recorder.setOption(values[(row * width)..<(row * width + agent.optionWidth)], lane: lane)
            }
        }
    }

    /// The direction of an item drawn uniformly, with the length of options.
    private func freeOption() -> [Float] {
        let catalogue = agent.catalogue
        let item = catalogue.row(generator.integer(below: catalogue.itemCount))
        let length = item.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
        return item.map { $0 / length * Float(catalogue.meanNorm) }
    }

    /// A view that a state takes in.
    private struct SeenView {
        var item = 0
        var click: Float = 0
        /// Of the view after it, from 1.
        var nextSlot: Int16 = 1
        /// 0 where a session begins with nothing.
        var keep: Float = 1
    }

    private func see(_ outcome: FeedOutcome) {
        recorder.observe(outcome)
        fresh[Int(outcome.lane)].append(
            SeenView(
                item: Int(outcome.item), click: outcome.clicked ? 1 : 0,
                nextSlot: outcome.endsSession ? 1 : outcome.slot + 1))
    }

    /// Every lane takes in what it has seen; where a session begins, the state starts from 0 unless the agent carries it.
    private func advance(_ lanes: [Int], _ batch: FeedBatch) {
        let seen = lanes.map { lane -> [SeenView] in
            defer { fresh[lane] = [] }
            if batch.slots[lane] == 1, !agent.carriesState { return [SeenView(keep: 0)] }
            return fresh[lane].isEmpty ? [SeenView()] : fresh[lane]
        }
        for place in 0..<(seen.map(\.count).max() ?? 0) {
            let views = seen.map { place < $0.count ? $0[place] : nil }
            func column(_ value: (SeenView) -> Float) -> Tensor {
                Tensor(views.map { $0.map(value) ?? 0 }, shape: [views.count, 1])
            }
            let next = agent.advance(
                states, items: Tensor(views.map { $0?.item ?? 0 }), clicks: column(\.click).reshaped(views.count),
                slots: column { Float($0.nextSlot) / 20 })
            let moved = next * column(\.keep)
            // Lanes that saw less wait.
            states =
                views.contains { $0 == nil }
                ? moved + states * Tensor(views.map { $0 == nil ? 1 : 0 } as [Float], shape: [views.count, 1]) : moved
        }
    }

    private static func best(_ scores: Slice<UnsafeBufferPointer<Float>>, without shown: [Int32]) -> Int32 {
        var best = 0
        var highest = -Float.infinity
        for (item, score) in scores.enumerated() where score > highest && !shown.contains(Int32(item)) {
            (best, highest) = (item, score)
        }
        return Int32(best)
    }

    private static func unshown(_ count: Int, _ shown: [Int32], _ generator: inout SeededGenerator) -> Int32 {
        var item = Int32(generator.integer(below: count))
        while shown.contains(item), shown.count < count { item = Int32(generator.integer(below: count)) }
        return item
    }
}

/// How an agent departs from its best guess while it gathers experience. All noise has mean 0.
package struct FeedExploration: Sendable {
    /// Share of views with a uniform item.
    package var random = 0.0
    /// Standard deviation of noise on proto-items, relative to their length.
    package var action = 0.0
    /// The same on options.
    package var option = 0.0
    /// Share of sessions that are played with the direction of a uniform item as their option: what a whole session of
    /// something else leads to is seen only if whole sessions depart from the best guess.
    package var freeOption = 0.0

    package static let none = FeedExploration()
    /// Of rankers by scores.
    package static let ranking = FeedExploration(random: 0.1)
    /// Of proto-items.
    package static let flat = FeedExploration(random: 0.1, action: 0.2)
    package static let twoLevel = FeedExploration(random: 0.1, action: 0.2, option: 0.3, freeOption: 0.3)
}
