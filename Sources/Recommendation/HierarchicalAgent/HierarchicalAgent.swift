import Evaluation
import Layers
import Reinforcement
import Tensors

/// Two levels with two clocks (mccHRL): the upper one sees past sessions, late, and hands a preference down at the
/// start of a session; the lower one sees the session view by view and picks items.
///
/// Both are trained by the deterministic policy gradient with two critics. With o the upper state, g the option, h the
/// lower state, w the proto-item and e_a the item shown (spec 05 §1.4):
///
/// ```
/// g_s = μ_H(o_s)                       y_s = R_s + γ_H^gap (1 - churned) min_j Q'_H,j(o', μ'_H(o'))
/// w_k = μ_L(h_k, g_s)                  y_k = r_k + γ_L (1 - last view)  min_j Q'_L,j(h', e_a'),  a' = argmax w'_k · e
/// a_k = argmax over unshown items of w_k · e_i
/// ```
package final class HierarchicalAgent: FeedAgent {
    package let name = "hierarchical-agent"
    package let catalogue: FeedCatalogue
    package let lag: Int
    /// Off: the lower level is as late as the upper one, an ablation.
    package let seesSession: Bool
    package let configuration: HierarchicalAgentConfiguration
    /// λ of ``imitationLoss(_:batch:)`` and of the pull of options to what was shown; 0 for feeds that can be tried out.
    package let imitation: Double
    package let upper: TargetNetwork<UpperNetwork>
    package let lower: TargetNetwork<LowerNetwork>
    private let warmOptimizer: NetworkOptimizer
    private let upperCriticOptimizer: NetworkOptimizer
    private let upperActorOptimizer: NetworkOptimizer
    private let lowerCriticOptimizer: NetworkOptimizer
    private let lowerActorOptimizer: NetworkOptimizer
    /// What later sessions are worth at the end of one.
    package let discounting: SessionDiscounting
    private var updates = 0

    /// - Parameters:
    ///   - lag: ℓ, the upper level sees sessions at least so many before the current one; 0 and 1 are the same for it.
    ///   - seesSession: whether the lower level sees the views of the current session.
    ///   - imitation: how much both levels are drawn to a log, where nothing can be tried out: proto-items to what was
    ///     clicked, options to what was shown.
    package init(
        _ catalogue: FeedCatalogue, configuration: HierarchicalAgentConfiguration = HierarchicalAgentConfiguration(),
        lag: Int = 1, seesSession: Bool = true, imitation: Double = 0, seed: UInt64
    ) {
        self.catalogue = catalogue
        self.configuration = configuration
        self.lag = lag
        self.seesSession = seesSession
        self.imitation = imitation
        discounting = SessionDiscounting(
            sessions: configuration.sessionsAhead, daily: configuration.dailyDiscount,
            returnReward: configuration.returnReward)
        let source = RandomSource(seed: seed)
        let upper = UpperNetwork(catalogue, configuration: configuration, from: source)
        let lower = LowerNetwork(catalogue, configuration: configuration, from: source)
        upper.train()
        lower.train()
        self.upper = TargetNetwork(upper)
        self.lower = TargetNetwork(lower)
        warmOptimizer = NetworkOptimizer(Self.named(upper, lower), rate: configuration.warmUpRate)
        upperCriticOptimizer = NetworkOptimizer(
            upper.parameters.filter { !ItemHeads.isPolicy($0.name) }, rate: configuration.upperCriticRate)
        upperActorOptimizer = NetworkOptimizer(
            upper.parameters.filter { ItemHeads.isPolicy($0.name) }, rate: configuration.upperActorRate)
        lowerCriticOptimizer = NetworkOptimizer(
            lower.parameters.filter { !ItemHeads.isPolicy($0.name) }, rate: configuration.lowerCriticRate)
        lowerActorOptimizer = NetworkOptimizer(
            lower.parameters.filter { ItemHeads.isPolicy($0.name) }, rate: configuration.lowerActorRate)
    }

    package var optionWidth: Int { catalogue.dimensions }
    package var sessionWidth: Int { optionWidth + LowerNetwork.contextWidth }
    package var stateWidth: Int { configuration.hidden }
    /// All parameters of both levels.
    package var namedParameters: [NamedParameter] { Self.named(upper.online, lower.online) }

    private static func named(_ upper: UpperNetwork, _ lower: LowerNetwork) -> [NamedParameter] {
        [("upper.", upper.parameters), ("lower.", lower.parameters)].flatMap { prefix, parameters in
            parameters.map { NamedParameter(name: prefix + $0.name, tensor: $0.tensor) }
        }
    }

    package var parameterCount: Int { upper.online.parameterCount + lower.online.parameterCount }

    // MARK: - Serving

    package func begin(history: Tensor, context: Tensor, noise: Double, random: RandomSource) -> Tensor {
        var option = option(upper.online, history: history, context: context)
        if noise > 0, configuration.option == .learned {
            let deviation = noise * catalogue.meanNorm / Double(optionWidth).squareRoot()
            option = upper.online.scaled(
                option + .normal(option.shape, standardDeviation: deviation, from: random))
        }
        return .concatenated([option, LowerNetwork.context(context)], along: 1)
    }

    /// The option of a session; a constant where the upper level is switched off.
    func option(_ network: UpperNetwork, history: Tensor, context: Tensor) -> Tensor {
        guard configuration.option == .learned else { return .zeros([history.size(0), optionWidth]) }
        return network.option(network.state(history, context))
    }

    package func advance(_ state: Tensor, items: Tensor, clicks: Tensor, slots: Tensor) -> Tensor {
        seesSession ? lower.online.memory.step(state, items: items, clicks: clicks) : state * 0.0
    }

    package func scores(
        state: Tensor, session: Tensor, slots: Tensor, shown: [[Int32]], noise: Double, random: RandomSource
    ) -> Tensor {
        let heads = lower.online.heads
        let hidden = heads.state(.concatenated([state, session, slots], along: 1))
        var proto = heads.proto(
            hidden, option: session.slice(0..<optionWidth, along: 1), freedom: configuration.lowerFreedom)
        if noise > 0 {
            let deviation = noise * catalogue.meanNorm / Double(optionWidth).squareRoot()
            proto = proto + .normal(proto.shape, standardDeviation: deviation, from: random)
        }
        return proto.matmul(catalogue.columns)
    }

    // MARK: - Learning

    /// Pointwise click prediction through both levels: the option becomes a representation of what the user likes.
    package func warmUp(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        let batch = replay.sample(sessions, lag: lag, discounting: discounting, using: &generator)
        let items = catalogue.embeddings.rows(batch.items)
        let option = option(upper.online, history: batch.history, context: batch.context)
        let (state, _) = states(batch, option: option, network: lower.online)
        let heads = lower.online.heads
        let proto = heads.proto(state, option: batch.perView(option), freedom: configuration.lowerFreedom)
        var loss =
            heads.warmLogit(proto, items: items).binaryCrossEntropy(batch.clicks)
            + heads.clickLoss(state, items: items, batch: batch)
        if imitation > 0 {
            loss = loss + (imitationLoss(proto, batch: batch) + Self.pull(option, to: batch.playedOptions)) * imitation
        }
        try warmOptimizer.descend(loss, progress: progress)
        upper.follow(rate: 1)
        lower.follow(rate: 1)
    }

    package func learn(
        _ replay: FeedReplay, sessions: Int, using generator: inout SeededGenerator, progress: Double
    ) throws {
        let batch = replay.sample(sessions, lag: lag, discounting: discounting, using: &generator)
        updates += 1
        try learnLower(batch, progress)
        if configuration.option == .learned, updates % configuration.lowerUpdatesPerUpper == 0 {
            try learnUpper(batch, progress)
        }
    }

    private func learnLower(_ batch: FeedSessionBatch, _ progress: Double) throws {
        let items = catalogue.embeddings.rows(batch.items)
        let targets = lowerTargets(batch)
        let heads = lower.online.heads
        let (state, _) = states(batch, option: batch.options, network: lower.online)
        var loss = heads.criticLoss(state, items: items, targets: targets, batch: batch)
        // The level's state is shared: without this the critic would take it away from what imitation needs.
        if imitation > 0 { loss = loss + imitated(state, batch) }
        try lowerCriticOptimizer.descend(loss, progress: progress)
        if updates % configuration.actorDelay == 0 {
            let seen = state.detached()
            let proto = heads.proto(seen, option: batch.perView(batch.options), freedom: configuration.lowerFreedom)
            var loss = heads.actorLoss(seen, proto: proto, items: items, anchor: configuration.lowerAnchor)
            if imitation > 0 { loss = loss + imitated(seen, batch) }
            try lowerActorOptimizer.descend(loss, progress: progress)
        }
        lower.follow(rate: configuration.followRate)
    }

    /// What the warm-up learned proto-items by, with the options that were handed down.
    private func imitated(_ state: Tensor, _ batch: FeedSessionBatch) -> Tensor {
        let heads = lower.online.heads
        let proto = heads.proto(state, option: batch.perView(batch.options), freedom: configuration.lowerFreedom)
        let clicks = heads.warmLogit(proto, items: catalogue.embeddings.rows(batch.items))
        return (clicks.binaryCrossEntropy(batch.clicks) + imitationLoss(proto, batch: batch)) * imitation
    }

    private func learnUpper(_ batch: FeedSessionBatch, _ progress: Double) throws {
        let targets = upperTargets(batch)
        let network = upper.online
        let state = network.state(batch.history, batch.context)
        let options = batch.playedOptions
        let errors = (0..<2).map { TemporalDifference.squaredError(network.value($0, state, options), targets) }
        var loss = errors[0] + errors[1]
        if imitation > 0 { loss = loss + Self.pull(network.option(state), to: options) * imitation }
        try upperCriticOptimizer.descend(loss, progress: progress)
        if progress >= configuration.frozenShare {
            let seen = state.detached()
            let option = network.option(seen)
            let value = network.value(0, seen, option)
            let gain = value.mean() / (value.detached().absolute().mean().item + 1e-3)
            let pull = Self.pull(option, to: options)
            try upperActorOptimizer.descend(
                pull * (configuration.upperAnchor + imitation) - gain, progress: progress)
        }
        upper.follow(rate: configuration.followRate)
    }

    private static func pull(_ options: Tensor, to played: Tensor) -> Tensor {
        (options - played).squared().sum(along: 1).mean()
    }

    /// `R_s + γ_H^gap (1 - churned) (β + min_j Q'_j(o', μ'(o')))`, in units of ``UpperNetwork/rewardUnit`` clicks; where
    /// more sessions are read, theirs come before the value: `[batch]`.
    package func upperTargets(_ batch: FeedSessionBatch) -> Tensor {
        withoutGradients {
            let next = upper.target.state(batch.nextHistory, batch.nextContext)
            let option = upper.target.option(next)
            let value = TemporalDifference.clippedTwinValue(
                upper.target.value(0, next, option), upper.target.value(1, next, option))
            return (batch.sessionClicks + batch.laterReward) / UpperNetwork.rewardUnit + batch.laterWeight * value
        }
    }

    /// `r_k + γ_L min_j Q'_j(h', e_a')`, and `r_k` alone at the last view of a session: `[views]`.
    package func lowerTargets(_ batch: FeedSessionBatch) -> Tensor {
        withoutGradients {
            let heads = lower.target.heads
            let (_, after) = states(batch, option: batch.options, network: lower.target)
            let proto = heads.proto(after, option: batch.perView(batch.options), freedom: configuration.lowerFreedom)
            let chosen = proto.matmul(catalogue.columns).indexOfMaximum(along: -1)
            let value = heads.lowerValue(after, items: catalogue.embeddings.rows(chosen))
            return batch.targets(
                following: value * (1.0 - batch.isLast) * configuration.lowerDiscount,
                discount: configuration.lowerDiscount, trace: configuration.trace)
        }
    }

    /// Lower states before and after each view, `[views, hidden]` both.
    func states(
        _ batch: FeedSessionBatch, option: Tensor, network: LowerNetwork
    ) -> (before: Tensor, after: Tensor) {
        let session = batch.perView(.concatenated([option, LowerNetwork.context(batch.context)], along: 1))
        let blank = Tensor.zeros([batch.items.count, configuration.hidden])
        let memory = seesSession ? network.memory.states(batch) : (before: blank, after: blank)
        return (
            network.heads.state(.concatenated([memory.before, session, batch.slots], along: 1)),
            network.heads.state(.concatenated([memory.after, session, batch.nextSlots], along: 1))
        )
    }
}
