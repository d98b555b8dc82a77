import Evaluation
import Layers
import Reinforcement
import Tensors

/// An agent of one level: past sessions and the views of the current one lead straight to an item.
///
/// It has the encoders and heads of the two-level agent and sees the same. What it is trained for is the algorithm:
/// clicks (a myopic ranker), TD3 or DDPG with proto-items, or Q-learning over the catalogue, which is SlateQ with slates
/// of one item: the outcomes of a view are a click and none. Of the items next to a proto-item the critic may choose
/// (Wolpertinger, Dulac-Arnold et al. 2015).
package final class FlatAgent: FeedAgent {
    /// What the agent is trained for, and by what it ranks.
    package enum Algorithm: String, Sendable, CaseIterable {
        /// The click head: pointwise click prediction, greedy.
        case clickRanking = "click-ranking"
        /// Proto-items by the deterministic policy gradient with two critics.
        case policyGradient = "policy-gradient"
        /// The catalogue scored by the critic (double Q-learning).
        case qLearning = "q-learning"
    }

    package struct Settings: Sendable, Equatable {
        package var hidden = 32
        package var headHidden = 64
        package var warmRate = 2e-3
        package var criticRate = 2e-3
        package var actorRate = 3e-3
        package var followRate = 0.03
        /// From view to view.
        package var discount = 0.97
        /// For every day between two sessions.
        package var dailyDiscount = 0.97
        /// λ of traced returns within a session; 0 is the one-step target.
        package var trace = 0.0
        /// Session ends that returns are read across before a value stands for the rest.
        package var sessionsAhead = 1
        /// λ of the pull towards executed items.
        package var anchor = 0.0
        /// Updates of the critics for one of the actor.
        package var actorDelay = 2
        /// Unshown items nearest to the proto-item `w`, those of highest `w · e`, of which the first critic chooses; 1: the
        /// nearest is shown.
        package var neighbours = 1

        package init() {}

        /// With what the search of the study `hierarchical-agent` found best for an algorithm.
        package init(for algorithm: Algorithm) {
            switch algorithm {
            case .clickRanking: (criticRate, hidden) = (5e-4, 64)
            case .policyGradient: actorRate = 1e-3
            case .qLearning: break
            }
        }
    }

    package let name: String
    package let catalogue: FeedCatalogue
    package let optionWidth = 0
    package let lag: Int
    /// Off: no view of the current session is seen, as where all features are stale.
    package let seesSession: Bool
    package let algorithm: Algorithm
    private let settings: Settings
    private let network: TargetNetwork<FlatNetwork>
    private let warmOptimizer: NetworkOptimizer
    private let criticOptimizer: NetworkOptimizer
    private let actorOptimizer: NetworkOptimizer
    /// What later sessions are worth at the end of one.
    package let discounting: SessionDiscounting
    private var updates = 0

    /// - Parameters:
    ///   - settings: nil for those that suit the algorithm.
    ///   - lag: sessions that all of the agent's features are late; 0 sees everything up to the last view.
    package init(
        _ algorithm: Algorithm, catalogue: FeedCatalogue, settings chosen: Settings? = nil, lag: Int = 0, seed: UInt64
    ) {
        let settings = chosen ?? Settings(for: algorithm)
        name = algorithm.rawValue
        self.algorithm = algorithm
        self.catalogue = catalogue
        self.settings = settings
        self.lag = lag
        seesSession = lag == 0
        discounting = SessionDiscounting(
            sessions: settings.sessionsAhead, view: settings.discount, daily: settings.dailyDiscount)
        let online = FlatNetwork(catalogue, settings: settings, from: RandomSource(seed: seed))
        online.train()
        network = TargetNetwork(online)
        warmOptimizer = NetworkOptimizer(online.parameters, rate: settings.warmRate)
        criticOptimizer = NetworkOptimizer(
            online.parameters.filter { !ItemHeads.isPolicy($0.name) }, rate: settings.criticRate)
        actorOptimizer = NetworkOptimizer(
            online.parameters.filter { ItemHeads.isPolicy($0.name) }, rate: settings.actorRate)
    }

    package var sessionWidth: Int { settings.hidden + FeedSession.contextWidth }
    package var stateWidth: Int { settings.hidden }
    package var parameterCount: Int { network.online.parameterCount }
    /// What it serves with.
    package var online: FlatNetwork { network.online }

    package func begin(history: Tensor, context: Tensor, noise: Double, random: RandomSource) -> Tensor {
        network.online.session(history, context)
    }

    package func advance(_ state: Tensor, items: Tensor, clicks: Tensor, slots: Tensor) -> Tensor {
        seesSession ? network.online.memory.step(state, items: items, clicks: clicks) : state * 0.0
    }

    package func scores(
        state: Tensor, session: Tensor, slots: Tensor, shown: [[Int32]], noise: Double, random: RandomSource
    ) -> Tensor {
        let heads = network.online.heads
        let hidden = heads.state(.concatenated([state, session, slots], along: 1))
        var slope: Tensor
        switch algorithm {
        case .qLearning: return heads.values(0, hidden, columns: catalogue.columns)
        case .clickRanking: slope = heads.clickLogit(hidden).slope
        case .policyGradient: slope = heads.proto(hidden)
        }
        if noise > 0 {
            let length = slope.norm(along: 1, keepingAxes: true) * (noise / Double(catalogue.dimensions).squareRoot())
            slope = slope + length * .normal(slope.shape, from: random)
        }
        return ranked(slope.matmul(catalogue.columns), hidden, shown: shown, heads: heads)
    }

    /// Nearness `w · e` `[rows, items]` for states `[rows, hidden]`, the nearest that are not shown in the order of the first
    /// critic.
    private func ranked(_ nearness: Tensor, _ state: Tensor, shown: [[Int32]] = [], heads: ItemHeads) -> Tensor {
        guard algorithm == .policyGradient, settings.neighbours > 1 else { return nearness }
        let closed =
            shown.isEmpty
            ? nil : FeedbackBatch.places(of: shown, among: Array(0..<Int32(catalogue.itemCount)))
        return Wolpertinger.scores(nearness, count: settings.neighbours, without: closed) {
            heads.values(0, state, columns: catalogue.columns).gather($0, along: 1)
        }
    }

    package func warmUp(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        let batch = replay.sample(sessions, lag: lag, discounting: discounting, using: &generator)
        if algorithm == .qLearning {
            // Off-policy as it is, it may learn its values from the log.
            try learnValues(batch, progress)
            return network.follow(rate: settings.followRate)
        }
        let items = catalogue.embeddings.rows(batch.items)
        let (state, _) = states(batch, network: network.online)
        let heads = network.online.heads
        let warm = heads.warmLogit(heads.proto(state), items: items)
        try warmOptimizer.descend(
            warm.binaryCrossEntropy(batch.clicks) + heads.clickLoss(state, items: items, batch: batch),
            progress: progress)
        network.follow(rate: 1)
    }

    package func learn(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        let batch = replay.sample(sessions, lag: lag, discounting: discounting, using: &generator)
        updates += 1
        let items = catalogue.embeddings.rows(batch.items)
        if algorithm == .clickRanking {
            let (state, _) = states(batch, network: network.online)
            return try criticOptimizer.descend(
                network.online.heads.clickLoss(state, items: items, batch: batch), progress: progress)
        }
        let state = try learnValues(batch, progress)
        if algorithm == .policyGradient, updates % settings.actorDelay == 0 {
            let heads = network.online.heads
            let seen = state.detached()
            try actorOptimizer.descend(
                heads.actorLoss(seen, proto: heads.proto(seen), items: items, anchor: settings.anchor),
                progress: progress)
        }
        network.follow(rate: settings.followRate)
    }

    /// One step of both critics; returns the states before the views.
    @discardableResult
    private func learnValues(_ batch: FeedSessionBatch, _ progress: Double) throws -> Tensor {
        let items = catalogue.embeddings.rows(batch.items)
        let targets = targets(batch)
        let (state, _) = states(batch, network: network.online)
        try criticOptimizer.descend(
            network.online.heads.criticLoss(state, items: items, targets: targets, batch: batch), progress: progress)
        return state
    }

    /// `y = r + γ V'(next view)` within a session; `r + γ_day^gap V'(first view of the next session)` at its end, and
    /// `r` alone where the user never came back. Where more sessions are read, their clicks come before the value.
    package func targets(_ batch: FeedSessionBatch) -> Tensor {
        withoutGradients {
            let (_, after) = states(batch, network: network.target)
            let first = firstState(batch, network: network.target)
            // Only Q-learning asks the online network what it would choose.
            let isDouble = algorithm == .qLearning
            let within = bestValue(after, online: isDouble ? states(batch, network: network.online).after : after)
            let beyond = bestValue(first, online: isDouble ? firstState(batch, network: network.online) : first)
            let across = batch.perView(batch.laterReward + beyond * batch.laterWeight)
            return batch.targets(
                following: within * (1.0 - batch.isLast) * settings.discount + across * batch.isLast,
                discount: settings.discount, trace: settings.trace)
        }
    }

    /// The value of states `[rows, hidden]` under what the agent would show there, were all items open. As in serving the
    /// first critic chooses among neighbours; the smaller of both says what the choice is worth.
    private func bestValue(_ state: Tensor, online: Tensor) -> Tensor {
        let scores =
            algorithm == .qLearning
            ? network.online.heads.values(0, online, columns: catalogue.columns)
            : ranked(
                network.target.heads.proto(state).matmul(catalogue.columns), state, heads: network.target.heads)
        let chosen = scores.indexOfMaximum(along: -1)
        return network.target.heads.lowerValue(state, items: catalogue.embeddings.rows(chosen))
    }

    /// States before and after each view, `[views, hidden]` both.
    private func states(_ batch: FeedSessionBatch, network: FlatNetwork) -> (before: Tensor, after: Tensor) {
        let session = batch.perView(network.session(batch.history, batch.context))
        let memory =
            seesSession
            ? network.memory.states(batch) : (before: blank(batch.items.count), after: blank(batch.items.count))
        return (
            network.heads.state(.concatenated([memory.before, session, batch.slots], along: 1)),
            network.heads.state(.concatenated([memory.after, session, batch.nextSlots], along: 1))
        )
    }

    private func blank(_ rows: Int) -> Tensor { .zeros([rows, settings.hidden]) }

    /// The state at the first view of the next session: `[batch, hidden]`.
    private func firstState(_ batch: FeedSessionBatch, network: FlatNetwork) -> Tensor {
        let session = network.session(batch.nextHistory, batch.nextContext)
        return network.heads.state(
            .concatenated([blank(batch.count), session, .full([batch.count, 1], 1.0 / 20)], along: 1))
    }
}

/// Both encoders and the heads of a flat agent.
package final class FlatNetwork: Network {
    package let history: GRU
    package let memory: FeedMemory
    package let heads: ItemHeads

    package init(_ catalogue: FeedCatalogue, settings: FlatAgent.Settings, from source: RandomSource) {
        history = GRU(
            inputDimensions: FeedSession.summaryWidth(catalogue, optionWidth: 0), hiddenDimensions: settings.hidden,
            from: source)
        memory = FeedMemory(catalogue, hidden: settings.hidden, from: source)
        heads = ItemHeads(
            inputs: 2 * settings.hidden + FeedSession.contextWidth + 1, hidden: settings.headHidden,
            dimensions: catalogue.dimensions, norm: catalogue.meanNorm, from: source)
    }

    private init(history: GRU, memory: FeedMemory, heads: ItemHeads) {
        self.history = history
        self.memory = memory
        self.heads = heads
    }

    package func copy() -> FlatNetwork {
        FlatNetwork(history: history.copy(), memory: memory.copy(), heads: heads.copy())
    }

    /// What stays the same within a session: `[batch, hidden + context]`.
    package func session(_ history: Tensor, _ context: Tensor) -> Tensor {
        .concatenated([self.history(history).state, context], along: 1)
    }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        history.visitParameters(path / "history", visit)
        memory.visitParameters(path / "memory", visit)
        heads.visitParameters(path / "heads", visit)
    }
}
