public import Corpora
public import Evaluation
public import LanguageModel
import Tensors

/// What a model of support conversations is measured by, over held-out conversations.
public struct SupportScore: Sendable {
    /// Of the supporters' words, the strategies in brackets before them left out; one entry per conversation.
    public var words = PerplexityTally()
    /// Predicted against annotated strategies of each conversation, over its supporter turns that have one.
    public var strategies: [ConfusionMatrix] = []

    public init() {}

    public var conversations: Int { strategies.count }

    /// Supporter turns with a strategy.
    public var turns: Int { strategies.reduce(0) { $0 + $1.total } }

    /// All conversations counted together.
    public var confusion: ConfusionMatrix { Self.sum(strategies) }

    /// Share of turns whose strategy the decoder finds likeliest. Conversations are resampled, since the turns of one are
    /// not independent.
    /// - Throws: `EvaluationError.empty` where there are no conversations.
    public func accuracy() throws -> ConfidenceInterval { try interval(\.accuracy) }

    /// Unweighted mean of the strategies' F1, with an interval over resampled conversations.
    /// - Throws: `EvaluationError.empty` where there are no conversations.
    public func macroF1() throws -> ConfidenceInterval { try interval(\.macroF1) }

    private func interval(_ statistic: (ConfusionMatrix) -> Double) throws -> ConfidenceInterval {
        try Bootstrap().interval(count: strategies.count) { drawn in
            statistic(Self.sum(drawn.lazy.map { strategies[$0] }))
        }
    }

    private static func sum(_ matrices: some Sequence<ConfusionMatrix>) -> ConfusionMatrix {
        matrices.reduce(into: ConfusionMatrix(classCount: SupportStrategy.allCases.count)) { $0.add($1) }
    }
}

/// Scores decoders on support conversations: the perplexity of the supporter's words, and the strategy that the decoder
/// finds likeliest at each supporter turn.
///
/// One pass serves both. The eight strategies of every turn stand behind the conversation as branches of a tree: a
/// branch sees the conversation up to its turn, and its own tokens. A strategy's score is the log-probability of its
/// whole text in brackets.
public struct SupportEvaluation {
    /// Conversations are cut after this many tokens.
    public var maximumTokens = 3_072
    private let tokenizer: Tokenizer
    private let options: [[TokenID]]

    public init(tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        options = SupportStrategy.allCases.map { tokenizer.encode(SupportDialogueFormat.prefix($0)) }
    }

    /// Adds the scores of one conversation.
    /// - Throws: `ChatError` where the tokenizer lacks a control token of the format.
    public func add(_ conversation: SupportConversation, by decoder: TransformerDecoder, to score: inout SupportScore)
        throws
    {
        let tree = try Tree(conversation, tokenizer: tokenizer, options: options, maximumTokens: maximumTokens)
        guard !tree.words.isEmpty else { return }
        let logarithms = withoutGradients { () -> [Float] in
            var pass = DecoderPass()
            pass.positions = Tensor(tree.positions, shape: [1, tree.tokens.count])
            pass.mask = tree.mask
            let tokens = Tensor(tree.tokens.map(Int.init), shape: [1, tree.tokens.count])
            let hidden = decoder.hiddenStates(tokens, pass).select(0, along: 0)
            return decoder.logProbabilities(
                hidden: hidden.selected(Tensor(tree.queries.map(\.place)), along: 0),
                labels: Tensor(tree.queries.map { Int($0.token) }))
        }
        let loss = tree.words.reduce(0.0) { $0 - Double(logarithms[$1]) }
        score.words.add(loss: loss, tokens: tree.words.count)
        var strategies = ConfusionMatrix(classCount: options.count)
        for turn in tree.turns {
            let totals = turn.options.map { $0.reduce(Float(0)) { $0 + logarithms[$1] } }
            strategies.add(predicted: totals.indices.max { totals[$0] < totals[$1] } ?? 0, gold: turn.gold)
        }
        score.strategies.append(strategies)
    }

    /// The scores of many conversations.
    /// - Parameter measured: hears after each how many are done.
    /// - Throws: as ``add(_:by:to:)``, and what `measured` throws.
    public func score(
        _ conversations: some Collection<SupportConversation>, by decoder: TransformerDecoder,
        measured: (Int) throws -> Void = { _ in }
    ) throws -> SupportScore {
        var score = SupportScore()
        for (index, conversation) in conversations.enumerated() {
            try add(conversation, by: decoder, to: &score)
            try measured(index + 1)
        }
        return score
    }

    /// A conversation and the branches of its turns as one row of tokens.
    private struct Tree {
        var tokens: [TokenID] = []
        var positions: [Int] = []
        /// Per branch: where it begins, its length, and the last token of the conversation that it sees.
        var branches: [(start: Int, count: Int, root: Int)] = []
        /// What is to be predicted, and from which token's hidden state.
        var queries: [(place: Int, token: TokenID)] = []
        /// Queries of the supporter's words.
        var words: [Int] = []
        /// Per supporter turn: the annotated strategy, and the queries of each option.
        var turns: [(gold: Int, options: [[Int]])] = []
        private let trunk: Int

        init(
            _ conversation: SupportConversation, tokenizer: Tokenizer, options: [[TokenID]], maximumTokens: Int
        ) throws {
            let template = SupportDialogueFormat.template
            // The tokens that open a supporter's turn: what asking for an answer adds to a conversation.
            let opening = [Message(.user, "…")]
            let asked = try template.prompt(opening, with: tokenizer).count
            let header =
                try asked
                - template.encode(template.render(opening, addGenerationPrompt: false), with: tokenizer)
                .tokens.count
            let endOfTurn = tokenizer.id(of: template.endOfTurn)
            let messages = SupportDialogueFormat.messages(conversation, counting: .words)
            var roots: [(place: Int, gold: Int)] = []
            for (turn, message) in zip(conversation.turns, messages) {
                // Turns of plain ChatML render one by one as they do together.
                let pieces = try template.render([message], addGenerationPrompt: false)
                let encoded = try template.encode(pieces, with: tokenizer)
                guard tokens.count + encoded.tokens.count <= maximumTokens else { break }
                let start = tokens.count
                tokens += encoded.tokens
                if let strategy = turn.strategy { roots.append((start + header - 1, strategy.rawValue)) }
                for (index, isCounted) in encoded.lossMask.enumerated() where isCounted {
                    guard encoded.tokens[index] != endOfTurn else { continue }
                    words.append(queries.count)
                    queries.append((start + index - 1, encoded.tokens[index]))
                }
            }
            trunk = tokens.count
            positions = Array(0..<trunk)
            for root in roots {
                var found: [[Int]] = []
                for option in options {
                    let start = tokens.count
                    var own: [Int] = []
                    for (index, token) in option.enumerated() {
                        own.append(queries.count)
                        queries.append((index == 0 ? root.place : start + index - 1, token))
                    }
                    // The last token predicts nothing.
                    tokens += option.dropLast()
                    positions += (0..<option.count - 1).map { root.place + 1 + $0 }
                    branches.append((start, option.count - 1, root.place))
                    found.append(own)
                }
                turns.append((root.gold, found))
            }
        }

        /// `[1, 1, tokens, tokens]`, true = visible.
        var mask: Tensor {
            let count = tokens.count
            var visible = [Bool](repeating: false, count: count * count)
            for query in 0..<trunk { for key in 0...query { visible[query * count + key] = true } }
            for branch in branches {
                for query in branch.start..<branch.start + branch.count {
                    for key in 0...branch.root { visible[query * count + key] = true }
                    for key in branch.start...query { visible[query * count + key] = true }
                }
            }
            return Tensor(visible, shape: [1, 1, count, count])
        }
    }
}

extension TextBlindFloors {
    /// Floors of support strategies, fitted on the true strategies of the training conversations.
    /// - Throws: `EvaluationError` where no training turn has a strategy.
    public init(_ corpus: SupportCorpus) throws {
        try self.init(
            train: corpus.train.map { $0.strategies.map(\.rawValue) }, classCount: SupportStrategy.allCases.count)
    }
}
