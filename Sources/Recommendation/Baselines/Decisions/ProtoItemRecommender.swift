import Layers
import Reinforcement
public import Tensors
public import Training

/// The deterministic policy gradient over item vectors from logged feedback: DDPG (Lillicrap et al. 2016) with one critic,
/// TD3 (Fujimoto et al. 2018) with two, smoothed target actions and a late actor.
///
/// The actor's answer to a window is a proto-item `w`. What is carried out, in targets too, is the best by the critic of the
/// `neighbours` items nearest to it (Wolpertinger, Dulac-Arnold et al. 2015); behind these, items are ranked by distance. A log cannot be explored: where `anchor` is above 0, the actor
/// is also pulled to the items that were liked, as Fujimoto & Gu (2021) pull it to the actions of the log; at 0 it climbs the
/// critic alone.
public final class ProtoItemRecommender: WindowRecommender {
    /// Sizes are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 32
        /// Units of the GRUs and of hidden layers.
        public var hidden = 64
        /// Liked items that are read.
        public var length = 12
        /// γ, from row to row.
        public var discount = 0.9
        /// τ of target networks, every step of the actor.
        public var followRate = 0.01
        /// The actor's learning rate for one of the critic's.
        public var actorRateShare = 0.1
        /// Critics: 1 (DDPG) or 2 (TD3).
        public var critics = 1
        /// Critic steps for one of the actor.
        public var actorDelay = 1
        /// Noise on the target policy's action and its bound, in units of a coordinate.
        public var smoothing = 0.0
        public var smoothingBound = 0.5
        /// Nearest items that the critic ranks; 0: by distance alone.
        public var neighbours = 10
        /// λ of the pull to liked items.
        public var anchor = 1.0
        /// Passes over the liked rows that item vectors are learned in, at most.
        public var vectorEpochs = 60

        public init() {}

        /// TD3's.
        public static var twinDelayed: Configuration {
            var configuration = Configuration()
            configuration.actorRateShare = 1
            configuration.critics = 2
            configuration.actorDelay = 2
            configuration.smoothing = 0.2
            return configuration
        }
    }

    public let configuration: Configuration
    private let vectors: ItemVectors
    private let learning: DeterministicPolicyGradient<WindowPolicy, WindowCritic>
    private let noise: RandomSource
    /// Steps so far, `[1]`: a resumed run goes on with the actor's turn.
    private let steps = Tensor([Int64(0)])

    public init(_ configuration: Configuration = Configuration(), vectors: ItemVectors, from source: RandomSource) {
        self.configuration = configuration
        self.vectors = vectors
        var settings = DeterministicPolicyGradient<WindowPolicy, WindowCritic>.Configuration()
        settings.discount = configuration.discount
        settings.followRate = configuration.followRate
        settings.smoothingDeviation = configuration.smoothing
        settings.smoothingBound = configuration.smoothingBound
        settings.actionBound = nil
        noise = source
        learning = DeterministicPolicyGradient(
            policy: WindowPolicy(vectors, hidden: configuration.hidden, from: source),
            critics: (0..<configuration.critics).map { _ in
                WindowCritic(vectors, hidden: configuration.hidden, from: source)
            }, settings, random: source)
        let (critic, count) = (learning.critics[0].target, max(1, configuration.neighbours))
        learning.carriesOut = { windows, answers in
            let scores = Wolpertinger.scores(Self.nearness(vectors.items, answers, of: vectors), count: count) {
                critic.values(windows, actions: vectors.items.rows($0))
            }
            return vectors.items.rows(scores.indexOfMaximum(along: 1))
        }
    }

    public var itemCount: Int { vectors.itemCount }
    public var length: Int { configuration.length }

    /// - Throws: ``RecommendationError/mismatch(reason:)`` for lists of several items, `TensorError`.
    public func loss(_ batch: FeedbackBatch) throws -> BatchLoss {
        guard batch.items.size(1) == 1 else {
            throw RecommendationError.mismatch(reason: "proto-items are learned from one item at a time")
        }
        let shown = vectors.table.rows(batch.items.squeezed(axis: 1))
        let liked = batch.liked.squeezed(axis: 1)
        let transitions = Transitions(
            states: batch.windows, actions: shown, rewards: liked, nextStates: batch.nextWindows,
            notTerminal: .full([batch.count], 1))
        var loss = learning.criticLoss(transitions)
        if isActorsTurn {
            loss = loss + (try learning.actorLoss(batch.windows))
            if configuration.anchor > 0 {
                let distance = (learning.policy.online(batch.windows) - shown).squared().mean(along: 1)
                loss = loss + (distance * liked).sum() / liked.sum().clamped(from: 1) * configuration.anchor
            }
        }
        return BatchLoss(sum: loss * Double(batch.count), weight: Double(batch.count), tokens: batch.count)
    }

    private var isActorsTurn: Bool { (steps.integers[0] + 1) % configuration.actorDelay == 0 }

    public func didStep() {
        let followsNow = isActorsTurn
        steps.assign(Tensor([Int64(steps.integers[0] + 1)]))
        if followsNow { learning.follow() }
    }

    public func learningRateScale(of parameter: String) -> Double {
        parameter.contains("policy") ? configuration.actorRateShare : 1
    }

    public var buffers: [NamedParameter] { [NamedParameter(name: "vectors", tensor: vectors.table)] }
    public var randomSources: [(name: String, source: RandomSource)] { [("smoothing", noise)] }

    public var trainingState: [NamedParameter] {
        let critics = learning.critics.enumerated().flatMap { place, critic in
            critic.target.parameters.map {
                NamedParameter(name: "target.critics.\(place).\($0.name)", tensor: $0.tensor)
            }
        }
        return learning.policy.target.parameters.map {
            NamedParameter(name: "target.policy.\($0.name)", tensor: $0.tensor)
        } + critics + [NamedParameter(name: "steps", tensor: steps)]
    }

    /// Minus the mean squared distance of a coordinate to the proto-item; the nearest that the user has not met stand above
    /// all others, in the critic's order.
    public func score(windows: Tensor, candidates: [Int32], histories: [[Int32]]) -> Tensor {
        let items = ItemSelection(candidates, of: itemCount)(vectors.items)
        let nearness = Self.nearness(items, proto(windows), of: vectors)
        guard configuration.neighbours > 0 else { return nearness }
        return Wolpertinger.scores(
            nearness, count: configuration.neighbours,
            without: FeedbackBatch.places(of: histories, among: candidates)
        ) { values(windows, actions: items.rows($0)) }
    }

    /// Minus the mean squared distance of a coordinate: items `[items, dimensions]`, answers `[rows, dimensions]` to
    /// `[rows, items]`.
    private static func nearness(_ items: Tensor, _ answers: Tensor, of vectors: ItemVectors) -> Tensor {
        let squares =
            items.squared().sum(along: 1).expanded(axis: 0) + answers.squared().sum(along: 1, keepingAxes: true)
        return (answers.linear(items) * 2.0 - squares).clamped(to: 0) / Double(vectors.dimensions)
    }

    /// `[users, dimensions]`.
    package func proto(_ windows: Tensor) -> Tensor { learning.policy.online(windows) }

    /// Of several actions for each window, by the first critic: `[users, actions, dimensions]` to `[users, actions]`.
    package func values(_ windows: Tensor, actions: Tensor) -> Tensor {
        learning.critics[0].online.values(windows, actions: actions)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        learning.policy.online.visitParameters(path / "policy", visit)
        for (place, critic) in learning.critics.enumerated() {
            critic.online.visitParameters(path / "critics" / place, visit)
        }
    }
}
