import Tensors

extension GGUFFile {
    /// The tokenizer inside the file, as its metadata gives it; nil for a file without one.
    ///
    /// - Throws: `WeightFileError` for fields of the wrong type, lists of different lengths, and ids beyond the
    ///   vocabulary.
    public func tokenizerVocabulary() throws -> TokenizerVocabulary? {
        let fields = TokenizerFields(file: self)
        guard let model = try fields.string("model") else { return nil }
        guard let tokens = metadata[fields.key("tokens")]?.array?.strings, !tokens.isEmpty else {
            throw fields.malformed("tokens", allowed: "a list of strings")
        }
        var vocabulary = TokenizerVocabulary(model: model, tokens: tokens)
        vocabulary.pre = try fields.string("pre")
        vocabulary.scores = try fields.list("scores", count: tokens.count, of: "numbers") { $0.numbers }
        vocabulary.tokenTypes = try fields.list("token_type", count: tokens.count, of: "integers") { $0.integers }
        vocabulary.merges = try fields.list("merges", count: nil, of: "strings") { $0.strings }
        vocabulary.beginningOfSequence = try fields.id("bos_token_id", vocabulary: tokens.count)
        vocabulary.endOfSequence = try fields.id("eos_token_id", vocabulary: tokens.count)
        vocabulary.endOfTurn = try fields.id("eot_token_id", vocabulary: tokens.count)
        vocabulary.unknown = try fields.id("unknown_token_id", vocabulary: tokens.count)
        vocabulary.padding = try fields.id("padding_token_id", vocabulary: tokens.count)
        vocabulary.addsBeginningOfSequence = try fields.bool("add_bos_token")
        vocabulary.addsEndOfSequence = try fields.bool("add_eos_token")
        vocabulary.addsSpacePrefix = try fields.bool("add_space_prefix")
        vocabulary.chatTemplate = metadata["tokenizer.chat_template"]?.string
        return vocabulary
    }
}

/// Typed access to the keys `tokenizer.ggml.*`.
private struct TokenizerFields {
    let file: GGUFFile

    func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }

    func malformed(_ name: String, allowed: String) -> WeightFileError {
        .malformed(
            file: file.path, field: key(name), found: file.metadata[key(name)]?.summary ?? "absent", allowed: allowed)
    }

    func string(_ name: String) throws -> String? {
        guard let value = file.metadata[key(name)] else { return nil }
        guard let text = value.string else { throw malformed(name, allowed: "a string") }
        return text
    }

    func bool(_ name: String) throws -> Bool? {
        guard let value = file.metadata[key(name)] else { return nil }
        guard let flag = value.bool else { throw malformed(name, allowed: "true or false") }
        return flag
    }

    func id(_ name: String, vocabulary: Int) throws -> Int? {
        guard let value = file.metadata[key(name)] else { return nil }
        // Some converters write the largest number of the type for "none".
        if value == .uint32(.max) || value.integer == -1 { return nil }
        guard let id = value.integer, (0..<vocabulary).contains(id) else {
            throw malformed(name, allowed: "an id below \(vocabulary)")
        }
        return id
    }

    func list<Element>(
        _ name: String, count: Int?, of kind: String, _ convert: (GGUFArray) -> [Element]?
    ) throws -> [Element]? {
        guard let value = file.metadata[key(name)] else { return nil }
        guard let elements = value.array.flatMap(convert), count == nil || elements.count == count else {
            throw malformed(name, allowed: "a list of \(count.map { "\($0) " } ?? "")\(kind)")
        }
        return elements
    }
}
