import Corpora
import Evaluation

/// One simulated conversation with its hidden course.
public struct SupportEpisode: Sendable {
    public let conversation: SupportConversation
    /// The hidden state before each turn of the supporter.
    public let states: [SupportState]
    /// The strategy of each turn of the supporter.
    public let strategies: [SupportStrategy]
    public let rewards: [Double]
    /// True where the seeker's line before a turn was drawn from another state than the true one.
    public let misleading: [Bool]
}

/// Plays a supporter's policy in a ``SupportWorld`` and writes the conversation in words.
///
/// A seeker's line tells of distress, understanding and rapport by the group of sentences it is taken from; a share of the
/// lines is misleading, drawn from a random state. The supporter's strategy follows from the hidden state, so it can be
/// predicted from the text better than from its place in the conversation.
public struct SupportRenderer: Sendable {
    public let world: SupportWorld
    public let policy: SupportPolicy
    /// Share of the seeker's lines that tell of a random state.
    public let misleadingShare: Double

    /// - Parameter policy: who supports; the noisy expert of the world unless given.
    public init(world: SupportWorld = SupportWorld(), policy: SupportPolicy? = nil, misleadingShare: Double = 0.15) {
        self.world = world
        self.policy = policy ?? world.noisyExpert
        self.misleadingShare = misleadingShare
    }

    /// Conversations to learn strategies from by reading: they begin in any state with distress, so that the place in the
    /// conversation tells little, and the supporter goes by the textbook (85 %), by greed (10 %) or at random (5 %).
    public static let reading: SupportRenderer = {
        let world = SupportWorld(startStates: SupportState.allCases.filter { $0.distress > 0 })
        let policy = SupportPolicy.mixture([
            (0.85, .textbook(horizon: world.horizon)), (0.1, world.greedyPolicy),
            (0.05, .random(horizon: world.horizon)),
        ])
        return SupportRenderer(world: world, policy: policy)
    }()

    /// The conversation of a generator's stream.
    public func episode(_ stream: SeededGenerator) -> SupportEpisode {
        var scene = Scene(stream.split("scene"))
        var start = stream.split("start")
        var state = world.start(using: &start)
        var messages: [SupportTurn] = []
        var states: [SupportState] = []
        var strategies: [SupportStrategy] = []
        var rewards: [Double] = []
        var misleading: [Bool] = []
        for turn in 0..<world.horizon {
            var chance = stream.split("turn").split(UInt64(turn))
            let misleads = chance.bernoulli(misleadingShare)
            let told = misleads ? chance.element(of: SupportState.allCases) : state
            messages.append(SupportTurn(speaker: .seeker, text: scene.seekerLine(told, isFirst: turn == 0)))
            let strategy = policy.strategy(state, turn: turn, using: &chance)
            messages.append(
                SupportTurn(speaker: .supporter, strategy: strategy, text: scene.supporterLine(strategy, state)))
            let outcome = world.step(state, strategy, using: &chance)
            states.append(state)
            strategies.append(strategy)
            rewards.append(outcome.reward)
            misleading.append(misleads)
            state = outcome.state
            if outcome.ends { break }
        }
        messages.append(SupportTurn(speaker: .seeker, text: scene.closing()))
        let conversation = SupportConversation(
            situation: scene.situation, problem: scene.problem.name, emotion: scene.emotion.name, messages: messages)
        return SupportEpisode(
            conversation: conversation, states: states, strategies: strategies, rewards: rewards, misleading: misleading
        )
    }

    /// Episodes number `0 ..< count` of a named part. Parts with different names or seeds share no random numbers.
    public func episodes(_ part: String, count: Int, seed: UInt64 = 0) -> [SupportEpisode] {
        let stream = SeededGenerator(seed: seed).split(part)
        return (0..<count).map { episode(stream.split(UInt64($0))) }
    }

    /// Train, validation and test conversations from disjoint streams.
    public func corpus(train: Int = 900, validation: Int = 100, test: Int = 200, seed: UInt64 = 0) -> SupportCorpus {
        SupportCorpus(
            train: episodes("train", count: train, seed: seed).map(\.conversation),
            validation: episodes("validation", count: validation, seed: seed).map(\.conversation),
            test: episodes("test", count: test, seed: seed).map(\.conversation),
            origin: "built-in support simulator (synthetic)")
    }
}

/// The people and the words of one conversation.
private struct Scene {
    let problem: SupportPhrases.Problem
    let emotion: SupportPhrases.Emotion
    let situation: String
    private var generator: SeededGenerator

    init(_ stream: SeededGenerator) {
        generator = stream
        problem = generator.element(of: SupportPhrases.problems)
        emotion = generator.element(of: SupportPhrases.emotions)
        let template = generator.element(of: problem.situations)
        situation = template.expanded(using: &generator)
    }

    private mutating func feeling() -> String { generator.element(of: emotion.adjectives) }

    private mutating func line(_ templates: [PhraseTemplate], _ values: [String: String] = [:]) -> String {
        let template = generator.element(of: templates)
        return template.expanded(values, using: &generator)
    }

    mutating func seekerLine(_ state: SupportState, isFirst: Bool) -> String {
        var sentences: [String] = []
        if isFirst { sentences.append(line(SupportPhrases.openings)) }
        sentences.append(line(SupportPhrases.distress[state.distress], ["feeling": feeling()]))
        sentences.append(line(problem.details[state.understanding]))
        // Not every line shows how much the seeker trusts.
        if generator.bernoulli(0.75) { sentences.append(line(SupportPhrases.rapport[state.rapport])) }
        return sentences.joined(separator: " ")
    }

    mutating func supporterLine(_ strategy: SupportStrategy, _ state: SupportState) -> String {
        let detail = line(problem.details[state.understanding])
        let fact = line(problem.facts)
        return line(
            SupportPhrases.supporter(strategy),
            [
                "topic": problem.topic, "feeling": feeling(), "detail": detail, "advice": line(problem.advice),
                "factClause": fact, "fact": fact.prefix(1).uppercased() + fact.dropFirst() + ".",
            ])
    }

    mutating func closing() -> String { line(SupportPhrases.closings) }
}
