extension ChatTemplate {
    /// The tokens and the loss mask of a whole conversation, for training.
    ///
    /// A turn's spans are tokenized together, as the model will write them; a token that reaches over the seam of two
    /// spans belongs to the later one, whose text it begins.
    /// - Throws: `ChatError`; also when no token or every token would count in the loss.
    public func encode(
        _ messages: [Message], tools: [ToolDefinition] = [], thinking: Bool = true, with tokenizer: Tokenizer
    ) throws -> EncodedChat {
        let encoded = try encode(render(messages, tools: tools, thinking: thinking), with: tokenizer)
        try encoded.checkMask()
        return encoded
    }

    /// The tokens from which the model writes its next turn, or goes on with its last one.
    /// - Throws: `ChatError`.
    public func prompt(
        _ messages: [Message], tools: [ToolDefinition] = [], thinking: Bool = true,
        continuingLastMessage: Bool = false, with tokenizer: Tokenizer
    ) throws -> [TokenID] {
        let pieces = try render(
            messages, tools: tools, addGenerationPrompt: !continuingLastMessage, thinking: thinking,
            continuingLastMessage: continuingLastMessage)
        return try encode(pieces, with: tokenizer).tokens
    }

    /// The tokens of rendered pieces with their mask, which may be anything.
    /// - Throws: `ChatError.missingControlToken`.
    public func encode(_ pieces: [PromptPiece], with tokenizer: Tokenizer) throws -> EncodedChat {
        let controls = tokenizer.controlTokens
        if let missing = controlTokens.first(where: { controls[$0] == nil }) {
            throw ChatError.missingControlToken(missing, template: format.rawValue)
        }
        var encoded = EncodedChat(tokens: [], lossMask: [], lossWeights: [], pieces: pieces)
        var start = 0
        while start < pieces.count {
            let kind = pieces[start].kind
            let end = pieces[start...].firstIndex { $0.kind != kind } ?? pieces.count
            encoded.append(pieces[start..<end], with: tokenizer)
            start = end
        }
        return encoded
    }
}

extension EncodedChat {
    /// Refuses a mask under which no token counts, or every one.
    /// - Throws: `ChatError`.
    public func checkMask() throws {
        guard let first = lossMask.first else { throw ChatError.nothingTrained(tokens: 0) }
        if lossMask.allSatisfy({ $0 == first }) {
            throw first
                ? ChatError.everythingTrained(tokens: tokens.count) : ChatError.nothingTrained(tokens: tokens.count)
        }
    }

    /// Appends pieces of one kind, tokenized as one text.
    fileprivate mutating func append(_ run: ArraySlice<PromptPiece>, with tokenizer: Tokenizer) {
        let text = run.map(\.text).joined()
        let added = tokenizer.encode(text, allowingControlTokens: run.first?.kind == .control)
        tokens += added
        // Where each piece ends in the bytes of the tokens, which are those of the normalised text.
        var ends: [Int] = []
        var prefix = ""
        for piece in run {
            prefix += piece.text
            ends.append(run.count == 1 ? Int.max : tokenizer.normalizedLength(prefix))
        }
        var position = 0
        var index = run.startIndex
        for token in added {
            position += tokenizer.bytes(of: token).count
            while index < run.endIndex - 1, position > ends[index - run.startIndex] { index += 1 }
            lossMask.append(run[index].trained)
            lossWeights.append(run[index].trained ? run[index].weight : 0)
        }
    }
}
