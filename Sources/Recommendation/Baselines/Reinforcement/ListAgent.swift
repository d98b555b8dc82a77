import Evaluation
import Foundation
import Layers
import Reinforcement
import Tensors

/// A list at a time from the last positives (LIRD, Zhao et al. 2018; sizes of spec 05 §1.2, §1.5): a GRU over the last
/// 12 clicked items leads to 4 weight vectors, each shows the unshown item that it scores highest.
///
/// Trained by the deterministic policy gradient on whole lists, reward `Σ_k Γ^k r_k`. A list ends early where the user
/// leaves; the next session begins a new one.
package final class ListAgent: FeedAgent {
    package struct Settings: Sendable, Equatable {
        package var hidden = 32
        package var criticHidden = [64, 32]
        package var warmRate = 2e-3
        package var criticRate = 5e-4
        package var actorRate = 3e-4
        package var followRate = 0.03
        /// From list to list; published 0.99 for every step of the earlier code.
        package var discount = 0.9
        package var dailyDiscount = 0.97
        /// Γ, within a list.
        package var positionDiscount: Float = 0.9

        package init() {}
    }

    /// N and K of the published configuration.
    package static let historyLength = 12
    package static let listLength = 4

    package let name = "list-agent"
    package let catalogue: FeedCatalogue
    package let optionWidth = 0
    package let lag = 0
    private let settings: Settings
    private let policy: TargetNetwork<ListPolicy>
    private let critic: TargetNetwork<ListCritic>
    private let warmOptimizer: NetworkOptimizer
    private let actorOptimizer: NetworkOptimizer
    private let criticOptimizer: NetworkOptimizer

    package init(_ catalogue: FeedCatalogue, settings: Settings = Settings(), seed: UInt64) {
        self.catalogue = catalogue
        self.settings = settings
        let source = RandomSource(seed: seed)
        let policy = ListPolicy(
            dimensions: catalogue.dimensions, norm: catalogue.meanNorm, listLength: Self.listLength,
            hidden: settings.hidden, from: source)
        let critic = ListCritic(
            dimensions: catalogue.dimensions, listLength: Self.listLength, hidden: settings.hidden,
            headHidden: settings.criticHidden, from: source)
        policy.train()
        critic.train()
        self.policy = TargetNetwork(policy)
        self.critic = TargetNetwork(critic)
        warmOptimizer = NetworkOptimizer(policy.parameters, rate: settings.warmRate)
        actorOptimizer = NetworkOptimizer(
            policy.parameters.filter { $0.name != "temperature" }, rate: settings.actorRate)
        criticOptimizer = NetworkOptimizer(critic.parameters, rate: settings.criticRate)
    }

    package let sessionWidth = 1
    package let carriesState = true
    /// The window of clicked items (numbers, -1 for none) as it is, and as it was when the list began.
    package var stateWidth: Int { 2 * Self.historyLength }

    package func begin(history: Tensor, context: Tensor, noise: Double, random: RandomSource) -> Tensor {
        .zeros([history.size(0), 1])
    }

    /// Items are stored one higher, so that a state of 0 is an empty window.
    package func advance(_ state: Tensor, items: Tensor, clicks: Tensor, slots: Tensor) -> Tensor {
        let length = Self.historyLength
        let window = state.slice(0..<length, along: 1)
        let shifted = Tensor.concatenated(
            [window.slice(1..<length, along: 1), (items.cast(to: .float32) + 1.0).expanded(axis: 1)], along: 1)
        let clicked = clicks.isGreater(than: 0.5).expanded(axis: 1)
        let now = shifted.chosen(where: clicked, otherwise: window)
        let begins = (slots * 20.0 - 1.0).rounded().remainder(dividingBy: Self.listLength).isEqual(to: 0)
        let start = now.chosen(where: begins, otherwise: state.slice(length..<(2 * length), along: 1))
        return .concatenated([now, start], along: 1)
    }

    package func scores(
        state: Tensor, session: Tensor, slots: Tensor, shown: [[Int32]], noise: Double, random: RandomSource
    ) -> Tensor {
        let length = Self.historyLength
        let window = state.slice(length..<(2 * length), along: 1)
        var weights = policy.online(embedded(window.cast(to: .int64)))
        if noise > 0 {
            let deviation = noise * catalogue.meanNorm / Double(catalogue.dimensions).squareRoot()
            weights = weights + .normal(weights.shape, standardDeviation: deviation, from: random)
        }
        let places = (slots * 20.0 - 1.0).rounded().remainder(dividingBy: Self.listLength).cast(to: .int64)
        let chosen = weights.gather(
            places.expanded(axis: 2).broadcast(to: [weights.size(0), 1, catalogue.dimensions]), along: 1)
        return chosen.squeezed(axis: 1).matmul(catalogue.columns)
    }

    package func warmUp(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        let batch = ListBatch(replay, rows: replay.rows(sessions, using: &generator), settings: settings)
        let weights = policy.online(embedded(batch.windows))
        let logits = policy.online.warmLogit(weights, items: embedded(batch.lists))
        let losses = logits.binaryCrossEntropy(batch.clicks, reduction: .none) * batch.served
        try warmOptimizer.descend(losses.sum() / batch.served.sum().clamped(from: 1), progress: progress)
        policy.follow(rate: 1)
    }

    package func learn(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        let batch = ListBatch(replay, rows: replay.rows(sessions, using: &generator), settings: settings)
        let windows = embedded(batch.windows)
        let targets = withoutGradients {
            let next = embedded(batch.nextWindows)
            return batch.rewards + batch.discounts * critic.target(next, policy.target(next))
        }
        let values = critic.online(windows, embedded(batch.lists))
        try criticOptimizer.descend(TemporalDifference.squaredError(values, targets), progress: progress)
        // The actor climbs: its loss is minus the value of its own list.
        try actorOptimizer.descend(-critic.online(windows, policy.online(windows)).mean(), progress: progress)
        policy.follow(rate: settings.followRate)
        critic.follow(rate: settings.followRate)
    }

    /// Vectors of items stored one higher; 0 is nothing.
    private func embedded(_ items: Tensor) -> Tensor {
        let table = Tensor.concatenated([.zeros([1, catalogue.dimensions]), catalogue.embeddings])
        return table.rows(items)
    }
}

/// Windows `[batch, window, item]` to weight vectors `[batch, list, item]` of the length of an item.
package final class ListPolicy: Network {
    private let memory: GRU
    private let head: MultilayerPerceptron
    private var temperature: Tensor
    private let dimensions: Int
    private let norm: Double
    private let listLength: Int

    package init(dimensions: Int, norm: Double, listLength: Int, hidden: Int, from source: RandomSource) {
        self.dimensions = dimensions
        self.norm = norm
        self.listLength = listLength
        memory = GRU(inputDimensions: dimensions, hiddenDimensions: hidden, from: source)
        head = MultilayerPerceptron([hidden, listLength * dimensions], outputScale: 0.3, from: source)
        temperature = Tensor([Float(1), -2])
    }

    private init(copying other: ListPolicy) {
        dimensions = other.dimensions
        norm = other.norm
        listLength = other.listLength
        memory = other.memory.copy()
        head = other.head.copy()
        temperature = other.temperature.detached().copy()
    }

    package func copy() -> ListPolicy { ListPolicy(copying: self) }

    package func callAsFunction(_ windows: Tensor) -> Tensor {
        let weights = head(memory(windows).state).reshaped(windows.size(0), listLength, dimensions)
        return weights / (weights.norm(along: 2, keepingAxes: true) + 1e-6) * norm
    }

    package func warmLogit(_ weights: Tensor, items: Tensor) -> Tensor {
        (weights * items).sum(along: 2) * temperature.select(0, along: 0) + temperature.select(1, along: 0)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        memory.visitParameters(path / "memory", visit)
        head.visitParameters(path / "head", visit)
        visit(path / "temperature", &temperature)
    }
}

/// Windows and lists `[batch, list, item]` to values `[batch]`.
package final class ListCritic: Network {
    private let memory: GRU
    private let head: MultilayerPerceptron

    package init(dimensions: Int, listLength: Int, hidden: Int, headHidden: [Int], from source: RandomSource) {
        memory = GRU(inputDimensions: dimensions, hiddenDimensions: hidden, from: source)
        head = MultilayerPerceptron([hidden + listLength * dimensions] + headHidden + [1], from: source)
    }

    private init(memory: GRU, head: MultilayerPerceptron) {
        self.memory = memory
        self.head = head
    }

    package func copy() -> ListCritic { ListCritic(memory: memory.copy(), head: head.copy()) }

    package func callAsFunction(_ windows: Tensor, _ lists: Tensor) -> Tensor {
        let rows = lists.size(0)
        return head(.concatenated([memory(windows).state, lists.reshaped(rows, -1)], along: 1)).squeezed(axis: 1)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        memory.visitParameters(path / "memory", visit)
        head.visitParameters(path / "head", visit)
    }
}

/// Sessions cut into lists. Items are stored one higher; 0 is nothing.
package struct ListBatch {
    /// `[lists, 12]`, `int64`: the last clicked items when the list began, and when the next one did.
    package let windows: Tensor
    package let nextWindows: Tensor
    /// `[lists, 4]`.
    package let lists: Tensor
    package let clicks: Tensor
    package let served: Tensor
    /// `Σ_k Γ^k r_k` `[lists]`.
    package let rewards: Tensor
    /// Of the next list `[lists]`: γ within a session, γ_day^gap beyond, 0 after a churn.
    package let discounts: Tensor

    package init(_ replay: FeedReplay, rows: [Int], settings: ListAgent.Settings) {
        let size = ListAgent.listLength
        let length = ListAgent.historyLength
        var windows: [Int] = []
        var nextWindows: [Int] = []
        var lists: [Int] = []
        var clicks: [Float] = []
        var served: [Float] = []
        var rewards: [Float] = []
        var discounts: [Float] = []
        for row in rows {
            let session = replay.sessions[row]
            var window = replay.clickedBefore(row, count: length).map { $0 + 1 }
            window = [Int](repeating: 0, count: length - window.count) + window
            for start in stride(from: 0, to: min(session.items.count, FeedReplay.sessionLength), by: size) {
                let end = min(start + size, session.items.count)
                windows += window
                var reward: Float = 0
                for place in 0..<size {
                    let view = start + place
                    let isServed = view < end
                    let clicked = isServed && session.clicks[view]
                    lists.append(isServed ? Int(session.items[view]) + 1 : 0)
                    served.append(isServed ? 1 : 0)
                    clicks.append(clicked ? 1 : 0)
                    if clicked {
                        reward += powf(settings.positionDiscount, Float(place))
                        window = Array(window.dropFirst()) + [Int(session.items[view]) + 1]
                    }
                }
                nextWindows += window
                rewards.append(reward)
                let beyond =
                    session.isTerminal ? 0 : Float(pow(settings.dailyDiscount, Double(session.gapAfter)))
                discounts.append(end == session.items.count ? beyond : Float(settings.discount))
            }
        }
        let count = rewards.count
        self.windows = Tensor(windows, shape: [count, length])
        self.nextWindows = Tensor(nextWindows, shape: [count, length])
        self.lists = Tensor(lists, shape: [count, size])
        self.clicks = Tensor(clicks, shape: [count, size])
        self.served = Tensor(served, shape: [count, size])
        self.rewards = Tensor(rewards)
        self.discounts = Tensor(discounts)
    }
}
