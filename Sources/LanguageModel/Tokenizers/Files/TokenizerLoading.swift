import Foundation
import Tensors

extension Tokenizer {
    /// Reads the tokenizer of a model's directory: `tokenizer.json`, else `qwen.tiktoken` or the only `*.tiktoken` file,
    /// with `tokenizer_config.json`, `generation_config.json` and `chat_template.jinja` where they are present.
    /// - Throws: `TokenizerError`.
    public static func load(directory: URL) throws -> Tokenizer {
        func path(_ name: String) -> String { directory.appending(path: name).path }
        func read(_ name: String) throws -> Data {
            let file: MappedFile
            do {
                file = try MappedFile(path: path(name))
            } catch {
                throw TokenizerError.unreadable(file: path(name), reason: error.reason)
            }
            return file.withUnsafeBytes { Data($0) }
        }
        let names = Set((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? [])
        func optional(_ name: String) throws -> Data? { names.contains(name) ? try read(name) : nil }
        let configuration = try optional("tokenizer_config.json")
        let generation = try optional("generation_config.json")
        let template = try optional("chat_template.jinja").map { String(decoding: $0, as: UTF8.self) }
        if names.contains("tokenizer.json") {
            return try Tokenizer(
                tokenizerJSON: read("tokenizer.json"), configuration: configuration, generation: generation,
                chatTemplate: template, file: path("tokenizer.json"))
        }
        let ranks = names.filter { $0.hasSuffix(".tiktoken") }
        guard let file = ranks.contains("qwen.tiktoken") ? "qwen.tiktoken" : ranks.min() else {
            throw TokenizerError.noTokenizer(directory: directory.path)
        }
        return try Tokenizer(
            tiktoken: read(file), file: path(file), configuration: configuration, generation: generation,
            chatTemplate: template)
    }

    /// A tokenizer from the contents of `tokenizer.json` and, where present, of the files beside it.
    /// - Throws: `TokenizerError`.
    public convenience init(
        tokenizerJSON: Data, configuration: Data? = nil, generation: Data? = nil, chatTemplate: String? = nil,
        file: String = "tokenizer.json"
    ) throws {
        var reader = TokenizerJSONReader(file: file)
        var parts = try reader.read(tokenizerJSON)
        try parts.apply(
            configuration: configuration, generation: generation, chatTemplate: chatTemplate, beside: file)
        self.init(parts)
    }

    /// A tokenizer from a tiktoken rank file of the Qwen family, and, where present, the files beside it.
    /// - Parameter controlTokens: the tokens after the last rank, in order. nil: the first Qwen models' 208 when the file
    ///   has their 151,643 ranks, else none.
    /// - Throws: `TokenizerError`.
    public convenience init(
        tiktoken: Data, file: String = "qwen.tiktoken", controlTokens: [String]? = nil, configuration: Data? = nil,
        generation: Data? = nil, chatTemplate: String? = nil
    ) throws {
        // The only published rank files of this family with marks inside words are those of more than 200,000 ranks.
        let isLater = countsMoreLines(tiktoken, than: 200_000)
        var parts = try TiktokenReader.read(
            tiktoken, file: file, splitter: isLater ? .qwen35 : .qwen, controlTokens: controlTokens)
        try parts.apply(
            configuration: configuration, generation: generation, chatTemplate: chatTemplate, beside: file)
        self.init(parts)
    }

    /// The tokenizer inside a GGUF file.
    /// - Parameter file: the name that errors give.
    /// - Throws: `TokenizerError`.
    public convenience init(vocabulary: TokenizerVocabulary, file: String = "GGUF") throws {
        self.init(try VocabularyReader.read(vocabulary, file: file))
    }
}

private func countsMoreLines(_ data: Data, than count: Int) -> Bool {
    // Ranks of six digits are at least nine bytes a line; a short file need not be counted.
    guard data.count > count * 9 else { return false }
    return data.withUnsafeBytes { $0.reduce(0) { $1 == 0x0A ? $0 + 1 : $0 } } > count
}

extension Tokenizer.Parts {
    /// Takes what the files beside a tokenizer say about its special tokens.
    /// - Parameter tokenizer: the tokenizer's file, in whose folder errors place the others.
    mutating func apply(
        configuration: Data?, generation: Data?, chatTemplate template: String?, beside tokenizer: String
    ) throws {
        let folder = tokenizer.lastIndex(of: "/").map { String(tokenizer[...$0]) } ?? ""
        var stops: Set<TokenID> = []
        if let configuration {
            let file = folder + "tokenizer_config.json"
            let fields = try OrderedJSON(parsing: configuration, file: file)
            try apply(addedTokens: fields["added_tokens_decoder"], file: file)
            func special(_ field: String) throws -> TokenID? {
                guard let name = fields[field]?.string ?? fields[field]?["content"]?.string else { return nil }
                let ordinary = tokens.find(Array(name.utf8))
                guard let id = added.first(where: { $0.content == name })?.id ?? (ordinary >= 0 ? ordinary : nil) else {
                    throw TokenizerError.unknownSpecialToken(file: file, field: field, token: name)
                }
                return id
            }
            beginning = try special("bos_token") ?? beginning
            end = try special("eos_token") ?? end
            padding = try special("pad_token") ?? padding
            addsBeginning = fields["add_bos_token"]?.bool ?? addsBeginning
            addsEnd = fields["add_eos_token"]?.bool ?? addsEnd
            let named = fields["chat_template"]?.array?.first { $0["name"]?.string == "default" }
            chatTemplate = fields["chat_template"]?.string ?? named?["template"]?.string
        }
        if let template { chatTemplate = template }
        if let generation {
            let file = folder + "generation_config.json"
            let fields = try OrderedJSON(parsing: generation, file: file)
            let single = [fields["eos_token_id"]?.integer].compactMap { $0 }
            let several = (fields["eos_token_id"]?.array ?? []).compactMap(\.integer)
            let words = (fields["stop_words_ids"]?.array ?? []).compactMap { word -> Int? in
                guard let ids = word.array, ids.count == 1 else { return nil }
                return ids[0].integer
            }
            for id in single + several + words {
                guard tokens.contains(id) else {
                    throw TokenizerError.identifierOutOfRange(
                        file: file, token: "eos_token_id", found: id, allowed: tokens.count)
                }
                stops.insert(TokenID(id))
            }
        }
        self.stops = stops.isEmpty ? EndTokens.all(added, [end]) : stops
    }

    /// `added_tokens_decoder` repeats the added tokens; only whether they are control tokens is taken from it.
    private mutating func apply(addedTokens: OrderedJSON?, file: String) throws {
        for member in addedTokens?.members ?? [] {
            guard let index = added.firstIndex(where: { String($0.id) == member.name }),
                added[index].content == member.value["content"]?.string, let special = member.value["special"]?.bool
            else { continue }
            added[index].isControl = special
        }
    }
}
