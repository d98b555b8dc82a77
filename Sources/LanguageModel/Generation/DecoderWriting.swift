import Layers
import Tensors

/// Tokens that a decoder wrote.
public struct WrittenTokens: Sendable, Hashable {
    /// Without the token that ended them.
    public var tokens: [TokenID]
    /// The stop token that ended them; nil where something else did.
    public var end: TokenID?
    /// ``FinishReason/stop``, ``FinishReason/length`` or ``FinishReason/constraint``.
    public var finishReason: FinishReason

    package init(tokens: [TokenID], end: TokenID?, finishReason: FinishReason) {
        self.tokens = tokens
        self.end = end
        self.finishReason = finishReason
    }
}

extension TransformerDecoder {
    /// Continues texts side by side by LibTorch passes, so that all hooks of a pass are in force: gates, early exits, maps.
    /// Without hooks ``LocalModel`` writes the same, faster.
    ///
    /// Row `i` draws with the seed of the options plus `i`. Texts to stop at are not looked for.
    /// - Parameters:
    ///   - prompts: one for each row; with a cache in `pass`, what comes after the text that it holds.
    ///   - stopTokens: each of these ends a text.
    ///   - vocabulary: tokens at and above this are never chosen; nil for the model's vocabulary.
    ///   - head: a head that writes in the final head's place; only the layers below it run. The cache of `pass` can be
    ///     resumed afterwards (``resume(_:through:_:)``).
    /// - Returns: one text for each prompt. The cache of `pass` then holds prompts and texts but each text's last token,
    ///   which nothing has read (``WrittenTokens/end`` where there is one); a text that ended for want of an allowed token
    ///   it holds whole.
    /// - Throws: ``GenerationError``, ``GenerationOptionsError``.
    public func write(
        after prompts: [[TokenID]], options: GenerationOptions, stopTokens: Set<TokenID> = [], vocabulary: Int? = nil,
        head: LanguageHead? = nil, _ pass: DecoderPass = DecoderPass()
    ) throws -> [WrittenTokens] {
        try options.validate()
        let size = configuration.vocabularySize
        for prompt in prompts { try check(prompt) }
        guard !prompts.isEmpty else { return [] }
        var pass = pass
        pass.cache = pass.cache ?? KeyValueCache(configuration, rows: prompts.count)
        if let head {
            precondition(head.layer > 0, "a head that writes needs a layer below it")
            pass.layers = 0..<head.layer
            pass.skipsFinalNorm = true
        }
        try check(pass)
        let width = head.map { $0.output.outputDimensions } ?? size
        var samplers = prompts.enumerated().map { row, prompt in
            var own = options
            own.seed = options.seed.map { $0 &+ UInt64(row) }
            return Sampler(own, vocabulary: min(vocabulary ?? size, width), context: prompt)
        }
        var written = prompts.map { _ in WrittenTokens(tokens: [], end: nil, finishReason: .length) }
        var isActive = prompts.map { _ in true }
        var next = prompts
        while true {
            let logits = withoutGradients { lastLogits(next, pass, head) }
            for row in prompts.indices where isActive[row] {
                guard let token = samplers[row].next(logits[row * width..<(row + 1) * width]) else {
                    written[row].finishReason = .constraint
                    isActive[row] = false
                    continue
                }
                if stopTokens.contains(token) {
                    written[row].end = token
                    written[row].finishReason = .stop
                    isActive[row] = false
                } else {
                    written[row].tokens.append(token)
                    isActive[row] = written[row].tokens.count < options.maximumTokens
                }
            }
            guard isActive.contains(true) else { return written }
            next = prompts.indices.map { isActive[$0] ? [written[$0].tokens.last!] : [] }
        }
    }

    /// Reads tokens, rows of different length (also none) side by side.
    /// - Returns: the logits after the last token of each row, `[rows × vocabulary]`; without meaning for a row of none.
    private func lastLogits(_ rows: [[TokenID]], _ pass: DecoderPass, _ head: LanguageHead?) -> [Float] {
        let time = rows.map(\.count).max() ?? 0
        let ids = rows.flatMap { $0.map(Int64.init) + [Int64](repeating: 0, count: time - $0.count) }
        var pass = pass
        pass.rowLengths = rows.map(\.count)
        let hidden = hiddenStates(Tensor(ids, shape: [rows.count, time]), pass)
        let places = Tensor(rows.enumerated().map { Int64($0 * time + max($1.count - 1, 0)) })
        let last = hidden.reshaped(-1, hidden.size(-1)).selected(places, along: 0)
        return (head.map { $0(last) } ?? logits(last)).floats
    }
}
