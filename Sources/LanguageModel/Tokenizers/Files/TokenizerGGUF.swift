extension Tokenizer {
    /// The tokenizer inside a GGUF file.
    /// - Throws: `TokenizerError`, also where the file has none; `WeightFileError` for metadata of the wrong type.
    public static func load(gguf file: GGUFFile) throws -> Tokenizer {
        guard let vocabulary = try file.tokenizerVocabulary() else {
            throw TokenizerError.missingField(file: file.path, field: "tokenizer.ggml.model")
        }
        return try Tokenizer(vocabulary: vocabulary, file: file.path)
    }
}
