import Layers
public import Tensors

/// Where the first values of a new token's rows, in embedding and head, come from.
public enum InitialRow: Sendable, Hashable {
    /// The mean of the rows of all tokens before the new ones.
    case mean
    /// The mean of some tokens' rows; of a single one, its copy.
    case meanOf([TokenID])
}

/// Why a vocabulary cannot grow as asked.
public enum VocabularyGrowthError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The new tokens would leave a gap behind the model's rows, or there is none before them.
    case firstToken(TokenID, vocabulary: Int)
    /// A row is to come from tokens that are not among those before the new ones, or from none.
    case unknownSource([TokenID], allowed: Int)

    public var description: String {
        switch self {
        case .firstToken(let token, let vocabulary):
            "New tokens are to begin at \(token); allowed: 1 to \(vocabulary), the model's vocabulary."
        case .unknownSource(let tokens, let allowed):
            "A new token's row is to come from the tokens \(tokens); allowed: some of 0 to \(allowed - 1)."
        }
    }
}

extension TransformerDecoder {
    /// Gives new tokens rows in the embedding, and in the head where it is not tied. Rows behind the tokenizer's tokens
    /// that the model has as padding are taken first. The logits of other tokens stay as they are.
    ///
    /// Parameters are replaced, so an optimiser is made afterwards.
    /// - Parameters:
    ///   - rows: one for each new token.
    ///   - first: the id of the first one: the tokenizer's size before it got them
    ///     (``Tokenizer/adding(controlTokens:)``).
    ///   - noise: the standard deviation of what is added to the new rows, which lets equal ones part.
    /// - Throws: ``VocabularyGrowthError``; the decoder is then as before.
    public func addTokens(
        _ rows: [InitialRow], at first: TokenID, noise: Double = 0, from source: RandomSource
    ) throws {
        let vocabulary = configuration.vocabularySize
        guard first > 0, first <= vocabulary else {
            throw VocabularyGrowthError.firstToken(first, vocabulary: vocabulary)
        }
        for case .meanOf(let tokens) in rows
        where tokens.isEmpty || !tokens.allSatisfy({ (0..<first).contains($0) }) {
            throw VocabularyGrowthError.unknownSource(tokens, allowed: Int(first))
        }
        guard !rows.isEmpty else { return }
        let end = max(vocabulary, Int(first) + rows.count)
        func grown(_ table: Tensor) -> Tensor {
            let isTrained = table.requiresGradient
            return withoutGradients {
                let known = table.detached().slice(0..<Int(first), along: 0)
                let fresh = rows.map { row in
                    switch row {
                    case .mean: known.mean(along: 0)
                    case .meanOf(let tokens): known.selected(Tensor(tokens.map(Int64.init)), along: 0).mean(along: 0)
                    }
                }
                var new = Tensor.stacked(fresh)
                if noise > 0 { new = new + .normal(new.shape, standardDeviation: noise, from: source) }
                let padding = table.detached().slice(min(Int(first) + rows.count, vocabulary)..<vocabulary, along: 0)
                return Tensor.concatenated([known, new, padding])
            }.requiringGradient(isTrained)
        }
        embedding.weight = grown(embedding.weight)
        if let head {
            head.weight = grown(head.weight)
            // An adapter changes nothing for new tokens until it trains.
            if let adapter = head.adapter { adapter.up = padded(adapter.up, to: end) }
        }
        resize(vocabulary: end)
    }

    private func padded(_ tensor: Tensor, to rows: Int) -> Tensor {
        withoutGradients { tensor.detached().padded(along: 0, after: rows - tensor.size(0)).copy() }
            .requiringGradient(tensor.requiresGradient)
    }
}
