extension Tokenizer {
    /// This tokenizer with new control tokens behind its vocabulary, in order: the first gets the id ``vocabularySize``.
    ///
    /// Text never becomes one of them unless control tokens are allowed (``encode(_:allowingControlTokens:)``). A decoder
    /// gets rows for them by ``TransformerDecoder/addTokens(_:at:noise:from:)``.
    /// - Throws: `TokenizerError.duplicateToken` for a token that there is already, `TokenizerError.unsupported` for one
    ///   without characters.
    public func adding(controlTokens: [String]) throws -> Tokenizer {
        let file = "the added tokens"
        var builder = TokenTable.Builder()
        for id in 0..<parts.tokens.count where parts.tokens.contains(id) {
            let bytes = parts.tokens.bytes(of: id)
            builder.add(id: id, bytes, isOrdinary: parts.tokens.find(bytes) == TokenID(id))
        }
        var parts = parts
        for (index, content) in controlTokens.enumerated() {
            if content.isEmpty {
                throw TokenizerError.unsupported(
                    file: file, field: "token \(index)", found: "an empty text", allowed: "at least one character")
            }
            let new = vocabularySize + index
            let known = id(of: content) ?? parts.added.first { $0.content == content }?.id
            if let known {
                throw TokenizerError.duplicateToken(file: file, token: content, first: Int(known), second: new)
            }
            builder.add(id: new, content.utf8, isOrdinary: false)
            parts.added.append(AddedToken(id: TokenID(new), content: content, isControl: true))
        }
        parts.tokens = try TokenTable(builder, file: file, allowingDuplicates: true)
        return Tokenizer(parts)
    }
}
