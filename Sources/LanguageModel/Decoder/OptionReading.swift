public import Tensors

/// What of a candidate continuation counts as its score.
public enum OptionReading: String, Sendable, CaseIterable, Codable {
    /// The mean of the logits of the option's tokens (straQ*, spec 04 §1.4: the default there).
    case meanLogit
    /// The sum of the log-probabilities of its tokens.
    case logProbability
    /// The same per token.
    case meanLogProbability
    /// The probability of the whole option.
    case probability
}

/// A text and what may follow it.
public struct OptionQuestion: Sendable, Hashable {
    /// What all options share; with a cache, what comes after the cached text.
    public var prefix: [TokenID]
    /// The candidate continuations, each of at least one token.
    public var options: [[TokenID]]

    public init(prefix: [TokenID], options: [[TokenID]]) {
        self.prefix = prefix
        self.options = options
    }
}

extension TransformerDecoder {
    /// Scores candidate continuations, with gradients: each prefix is read once, and its options side by side behind it,
    /// where none sees another (tree attention). A score is what the text of prefix and option alone would give.
    ///
    /// A prefix shared by many questions may be read into a cache of one row per question first; gradients do not reach what
    /// is cached, and the cache is left as it was. Rotary frequencies that depend on the length take that of the longest
    /// option.
    /// - Parameters:
    ///   - pass: its positions, mask and row lengths are set here.
    /// - Returns: `[options of all questions]` in f32, in order.
    /// - Throws: ``GenerationError`` for an empty prefix or option, for tokens outside of the vocabulary, and for a cache
    ///   with layers left out.
    public func scores(
        of questions: [OptionQuestion], as reading: OptionReading, _ pass: DecoderPass = DecoderPass()
    ) throws -> Tensor {
        for tokens in questions.flatMap({ [$0.prefix] + $0.options }) { try check(tokens) }
        try check(pass)
        guard questions.contains(where: { !$0.options.isEmpty }) else { return .zeros([0]) }
        let start = pass.cache?.length ?? 0
        precondition(
            pass.cache?.lengths.allSatisfy { $0 == start } ?? true, "options after cached rows of different length")
        let tree = OptionTree(questions, start: start)
        var pass = pass
        pass.positions = tree.positions
        pass.mask = tree.mask
        pass.rowLengths = tree.rowLengths
        defer { pass.cache?.rollBack(to: start) }
        let hidden = hiddenStates(tree.tokens, pass)
        let logits = logits(hidden.reshaped(-1, hidden.size(-1)).selected(Tensor(tree.sources), along: 0))
        let chosen = logits.gather(Tensor(tree.targets).expanded(axis: -1), along: 1).squeezed(axis: -1)
        let values = reading == .meanLogit ? chosen : chosen - logits.logSumExp(along: -1)
        let sums = Tensor.zeros([tree.sizes.count]).indexAdded(values, at: Tensor(tree.owners), along: 0)
        switch reading {
        case .meanLogit, .meanLogProbability: return sums / Tensor(tree.sizes.map(Float.init))
        case .logProbability: return sums
        case .probability: return sums.exponential()
        }
    }

    /// - Throws: ``GenerationError`` for a text that cannot be read.
    func check(_ tokens: [TokenID]) throws {
        guard !tokens.isEmpty else { throw GenerationError.emptyPrompt }
        let vocabulary = configuration.vocabularySize
        if let stranger = tokens.first(where: { $0 < 0 || $0 >= vocabulary }) {
            throw GenerationError.tokenOutOfRange(stranger, vocabulary: vocabulary)
        }
    }

    /// - Throws: ``GenerationError/unfinishedCache(layers:depth:)`` where layers that are to run have not all seen the
    ///   cached text.
    func check(_ pass: DecoderPass) throws {
        guard let cache = pass.cache, cache.completeLayers < pass.layers?.upperBound ?? blocks.count else { return }
        throw GenerationError.unfinishedCache(layers: cache.completeLayers, depth: blocks.count)
    }
}

/// Questions laid out as rows: prefix, then the options one after another, padded on the right.
private struct OptionTree {
    /// `[questions, time]`.
    let tokens: Tensor
    let positions: Tensor
    /// `[questions, 1, time, start + time]`.
    let mask: Tensor
    /// The length of the longest text of each row.
    let rowLengths: [Int]
    /// Per predicted token: the row of the flattened hidden states that predicts it, its id, and its option.
    private(set) var sources: [Int64] = []
    private(set) var targets: [Int64] = []
    private(set) var owners: [Int64] = []
    /// Tokens of each option.
    private(set) var sizes: [Int] = []

    /// - Parameter start: tokens in front of every row.
    init(_ questions: [OptionQuestion], start: Int) {
        // The last token of an option predicts nothing, so it is not read.
        let time = questions.map { $0.prefix.count + $0.options.reduce(0) { $0 + $1.count - 1 } }.max() ?? 0
        var (ids, places, branches): ([Int64], [Int64], [Int64]) = ([], [], [])
        var lengths: [Int] = []
        for (row, question) in questions.enumerated() {
            let prefix = question.prefix.count
            var rowIDs = question.prefix.map(Int64.init)
            var rowPlaces = (0..<prefix).map { Int64(start + $0) }
            var rowBranches = [Int64](repeating: 0, count: prefix)
            for (index, option) in question.options.enumerated() {
                let first = rowIDs.count
                for (place, token) in option.enumerated() {
                    sources.append(Int64(row * time + (place == 0 ? prefix - 1 : first + place - 1)))
                    targets.append(Int64(token))
                    owners.append(Int64(sizes.count))
                }
                rowIDs += option.dropLast().map(Int64.init)
                rowPlaces += (0..<option.count - 1).map { Int64(start + prefix + $0) }
                rowBranches += [Int64](repeating: Int64(index + 1), count: option.count - 1)
                sizes.append(option.count)
            }
            lengths.append(prefix + (question.options.map(\.count).max() ?? 1) - 1)
            let padding = time - rowIDs.count
            ids += rowIDs + [Int64](repeating: 0, count: padding)
            places += rowPlaces + [Int64](repeating: 0, count: padding)
            branches += rowBranches + [Int64](repeating: -1, count: padding)
        }
        let shape = [questions.count, time]
        tokens = Tensor(ids, shape: shape)
        positions = Tensor(places, shape: shape)
        rowLengths = lengths
        // A token sees the prefix and what stands before it on its own branch.
        let branch = Tensor(branches, shape: shape)
        let (queries, keys) = (branch.expanded(axis: -1), branch.expanded(axis: 1))
        let order = Tensor.range(0..<time)
        let isEarlier = order.isLessOrEqual(to: order.expanded(axis: -1))
        let tree = (keys.isEqual(to: 0) | keys.isEqual(to: queries)) & isEarlier
        let cached = Tensor.ones([questions.count, time, start], dtype: .bool)
        mask = (start > 0 ? .concatenated([cached, tree], along: 2) : tree).expanded(axis: 1)
    }
}
