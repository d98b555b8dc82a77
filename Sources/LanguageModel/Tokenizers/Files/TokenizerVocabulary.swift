/// A tokenizer as GGUF files carry it, under the keys `tokenizer.ggml.*`.
public struct TokenizerVocabulary: Sendable {
    /// `tokenizer.ggml.model`: `gpt2` (byte-level BPE) or `llama` (SentencePiece with scores).
    public var model: String
    /// `tokenizer.ggml.pre`: which pattern cuts text into pieces.
    public var pre: String?
    public var tokens: [String]
    public var scores: [Float]?
    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    public var tokenTypes: [Int]?
    /// Pairs of tokens, separated by one space, in the order in which they merge.
    public var merges: [String]?
    public var beginningOfSequence: Int?
    public var endOfSequence: Int?
    /// `tokenizer.ggml.eot_token_id`: the token that ends a turn, where it is not the end of sequence.
    public var endOfTurn: Int?
    public var unknown: Int?
    public var padding: Int?
    public var addsBeginningOfSequence: Bool?
    public var addsEndOfSequence: Bool?
    public var addsSpacePrefix: Bool?
    /// `tokenizer.chat_template`.
    public var chatTemplate: String?

    public init(
        model: String, pre: String? = nil, tokens: [String], scores: [Float]? = nil, tokenTypes: [Int]? = nil,
        merges: [String]? = nil, beginningOfSequence: Int? = nil, endOfSequence: Int? = nil, endOfTurn: Int? = nil,
        unknown: Int? = nil, padding: Int? = nil, addsBeginningOfSequence: Bool? = nil, addsEndOfSequence: Bool? = nil,
        addsSpacePrefix: Bool? = nil, chatTemplate: String? = nil
    ) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
        self.scores = scores
        self.tokenTypes = tokenTypes
        self.merges = merges
        self.beginningOfSequence = beginningOfSequence
        self.endOfSequence = endOfSequence
        self.endOfTurn = endOfTurn
        self.unknown = unknown
        self.padding = padding
        self.addsBeginningOfSequence = addsBeginningOfSequence
        self.addsEndOfSequence = addsEndOfSequence
        self.addsSpacePrefix = addsSpacePrefix
        self.chatTemplate = chatTemplate
    }
}

/// Turns the vocabulary inside a GGUF file into a tokenizer.
enum VocabularyReader {
    private enum Kind { static let unknown = 2, control = 3, userDefined = 4, byte = 6 }

    static func read(_ vocabulary: TokenizerVocabulary, file: String) throws -> Tokenizer.Parts {
        let count = vocabulary.tokens.count
        if count == 0 { throw TokenizerError.missingField(file: file, field: "tokenizer.ggml.tokens") }
        func check(_ field: String, _ found: Int?) throws {
            guard let found, found != count else { return }
            throw TokenizerError.lengthMismatch(file: file, field: field, found: found, expected: count)
        }
        try check("tokenizer.ggml.token_type", vocabulary.tokenTypes?.count)
        var parts: Tokenizer.Parts
        switch vocabulary.model {
        case "gpt2": parts = try byteLevel(vocabulary, file)
        case "llama":
            try check("tokenizer.ggml.scores", vocabulary.scores?.count)
            parts = try scored(vocabulary, file)
        default:
            throw TokenizerError.unsupported(
                file: file, field: "tokenizer.ggml.model", found: vocabulary.model, allowed: "gpt2, llama")
        }
        func known(_ field: String, _ id: Int?) throws -> TokenID? {
            guard let id else { return nil }
            guard parts.tokens.contains(id) else {
                throw TokenizerError.identifierOutOfRange(file: file, token: field, found: id, allowed: count)
            }
            return TokenID(id)
        }
        parts.beginning = try known("tokenizer.ggml.bos_token_id", vocabulary.beginningOfSequence)
        parts.end = try known("tokenizer.ggml.eos_token_id", vocabulary.endOfSequence)
        parts.unknown = try known("tokenizer.ggml.unknown_token_id", vocabulary.unknown)
        parts.padding = try known("tokenizer.ggml.padding_token_id", vocabulary.padding)
        let turn = try known("tokenizer.ggml.eot_token_id", vocabulary.endOfTurn)
        parts.addsBeginning =
            vocabulary.addsBeginningOfSequence ?? (vocabulary.model == "llama" || vocabulary.pre == "llama-bpe")
        parts.addsEnd = vocabulary.addsEndOfSequence ?? false
        parts.chatTemplate = vocabulary.chatTemplate
        parts.stops = EndTokens.all(parts.added, [parts.end, turn])
        return parts
    }

    private static func added(_ vocabulary: TokenizerVocabulary) -> [AddedToken] {
        guard let kinds = vocabulary.tokenTypes else { return [] }
        return kinds.indices.compactMap { id in
            let content = vocabulary.tokens[id]
            guard kinds[id] == Kind.control || kinds[id] == Kind.userDefined, !content.isEmpty else { return nil }
            return AddedToken(id: TokenID(id), content: content, isControl: kinds[id] == Kind.control)
        }
    }

    private static func byteLevel(_ vocabulary: TokenizerVocabulary, _ file: String) throws -> Tokenizer.Parts {
        let splitter: PieceSplitter
        var composes = false
        switch vocabulary.pre {
        case "smollm", "starcoder", "refact", "command-r": splitter = .smolLM
        case "gpt-2", "gpt2", "phi-2", "olmo", "jais", "mpt": splitter = .gpt2
        case "qwen2", "deepseek-r1-qwen", "megrez", "stablelm2":
            splitter = .qwen
            composes = true
        case "qwen35":
            splitter = .qwen35
            composes = true
        case "llama-bpe", "llama3", "llama-v3", "dbrx", "smaug-bpe": splitter = .llama3
        default:
            throw TokenizerError.unsupported(
                file: file, field: "tokenizer.ggml.pre", found: vocabulary.pre ?? "absent",
                allowed: "smollm, gpt-2, qwen2, qwen35, llama-bpe")
        }
        guard let merges = vocabulary.merges else {
            throw TokenizerError.missingField(file: file, field: "tokenizer.ggml.merges")
        }
        let added = added(vocabulary)
        let isAdded = Set(added.map { Int($0.id) })
        var builder = TokenTable.Builder()
        for (id, token) in vocabulary.tokens.enumerated() {
            let start = builder.bytes.count
            let utf8 = Array(token.utf8)
            let isOrdinary = !isAdded.contains(id) && ByteAlphabet.appendBytes(of: utf8, to: &builder.bytes)
            if !isOrdinary { builder.bytes += utf8 }
            builder.close(id: id, start: start, isOrdinary: isOrdinary)
        }
        let table = try TokenTable(builder, file: file, allowingDuplicates: true)
        var reader = MergeReader(capacity: merges.count, tokens: table, unit: .bytes, file: file)
        for (rank, merge) in merges.enumerated() {
            let utf8 = Array(merge.utf8)
            guard let space = utf8.dropFirst().firstIndex(of: 0x20) else {
                throw TokenizerError.unknownTokenInMerge(file: file, merge: rank, token: merge)
            }
            try reader.add(utf8[..<space], utf8[(space + 1)...])
        }
        let looksUpWholePieces = splitter == .llama3
        let model = BytePairModel(
            unit: .bytes, tokens: table, merges: reader.merges, byteTokens: singleBytes(table), unknown: -1,
            fusesUnknown: false, looksUpWholePieces: looksUpWholePieces)
        var parts = Tokenizer.Parts(model: .bytePair(model), tokens: table, added: added)
        parts.splitter = splitter
        parts.normalizer.composes = composes
        if vocabulary.addsSpacePrefix == true { parts.normalizer.spacePrefix = .everywhere }
        return parts
    }

    private static func scored(_ vocabulary: TokenizerVocabulary, _ file: String) throws -> Tokenizer.Parts {
        guard let scores = vocabulary.scores else {
            throw TokenizerError.missingField(file: file, field: "tokenizer.ggml.scores")
        }
        let added = added(vocabulary)
        let isAdded = Set(added.map { Int($0.id) })
        var builder = TokenTable.Builder()
        var byteTokens = [TokenID](repeating: -1, count: 256)
        var byteValues: [TokenID: UInt8] = [:]
        for (id, token) in vocabulary.tokens.enumerated() {
            let kind = vocabulary.tokenTypes?[id] ?? 1
            let byte = byteValue(of: token)
            if let byte, kind == Kind.byte || vocabulary.tokenTypes == nil {
                byteTokens[Int(byte)] = TokenID(id)
                byteValues[TokenID(id)] = byte
            }
            let isOrdinary = !isAdded.contains(id) && byteValues[TokenID(id)] == nil && kind != Kind.unknown
            builder.add(id: id, token.utf8, isOrdinary: isOrdinary)
        }
        let table = try TokenTable(builder, file: file, allowingDuplicates: true)
        let model = ScoredModel(
            tokens: table, scores: scores, byteTokens: byteTokens,
            unknown: vocabulary.unknown.flatMap(TokenID.init(exactly:)) ?? -1)
        var parts = Tokenizer.Parts(model: .scored(model), tokens: table, added: added)
        parts.byteValues = byteValues
        parts.normalizer.marksSpaces = true
        let addsSpace = vocabulary.addsSpacePrefix ?? true
        parts.normalizer.spacePrefix = addsSpace ? .everywhere : .never
        parts.stripsLeadingSpace = addsSpace
        return parts
    }

    /// The byte that a token spelled `<0xNN>` stands for.
    static func byteValue(of token: String) -> UInt8? {
        guard token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
        return UInt8(token.dropFirst(3).dropLast(), radix: 16)
    }

    /// The token of each single byte in a byte-level vocabulary.
    static func singleBytes(_ table: TokenTable) -> [TokenID] { (0..<256).map { table.find([UInt8($0)]) } }
}

/// Gathers the merges of a file whose parts are spelled as tokens are.
struct MergeReader {
    let merges: MergeTable
    private let tokens: TokenTable
    private let unit: BytePairModel.Unit
    private let file: String
    private(set) var rank = 0
    private var joined: [UInt8] = []

    init(capacity: Int, tokens: TokenTable, unit: BytePairModel.Unit, file: String) {
        merges = MergeTable(capacity: capacity)
        self.tokens = tokens
        self.unit = unit
        self.file = file
    }

    /// Adds the next merge, of two tokens in UTF-8 (in the byte alphabet when the unit is bytes).
    /// - Throws: `TokenizerError.unknownTokenInMerge` when a part or the whole is not in the vocabulary.
    mutating func add(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) throws {
        joined.removeAll(keepingCapacity: true)
        append(left)
        let seam = joined.count
        append(right)
        let (first, second, whole) = joined.withUnsafeBufferPointer { bytes -> (TokenID, TokenID, TokenID) in
            guard let base = bytes.baseAddress, seam > 0, seam < bytes.count else { return (-1, -1, -1) }
            return (
                tokens.find(base, seam), tokens.find(base + seam, bytes.count - seam), tokens.find(base, bytes.count)
            )
        }
        guard first >= 0, second >= 0, whole >= 0 else {
            let missing = first < 0 ? left : second < 0 ? right : left + right
            throw TokenizerError.unknownTokenInMerge(
                file: file, merge: rank, token: String(decoding: missing, as: UTF8.self))
        }
        merges.insert(first, second, rank: rank, merged: whole)
        rank += 1
    }

    private mutating func append(_ spelled: ArraySlice<UInt8>) {
        if unit == .characters || !ByteAlphabet.appendBytes(of: spelled, to: &joined) { joined += spelled }
    }
}

/// The control tokens at which published models end an answer, for files that do not list them.
enum EndTokens {
    static let names: Set<String> = [
        "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<end_of_turn>", "<|end|>",
    ]

    static func all(_ added: [AddedToken], _ more: [TokenID?]) -> Set<TokenID> {
        Set(added.filter { $0.isControl && names.contains($0.content) }.map(\.id)).union(more.compactMap { $0 })
    }
}
