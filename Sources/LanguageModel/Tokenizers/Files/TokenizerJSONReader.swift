import Foundation

/// Reads `tokenizer.json`: BPE models with the pipelines of the families this library runs.
struct TokenizerJSONReader {
    let file: String
    private var added: [AddedToken] = []
    private var normalizer = TextNormalizer()
    private var splitter: PieceSplitter?
    private var isByteLevel = false
    private var stripsLeadingSpace = false
    private var postProcessor: OrderedJSON = .null
    private var unit: BytePairModel.Unit { isByteLevel ? .bytes : .characters }

    init(file: String) { self.file = file }

    mutating func read(_ data: Data) throws -> Tokenizer.Parts {
        try data.withUnsafeBytes { raw in
            var scanner = JSONScanner(raw.bindMemory(to: UInt8.self), file: file)
            return try read(&scanner)
        }
    }

    private mutating func read(_ scanner: inout JSONScanner) throws -> Tokenizer.Parts {
        var normalizerField = OrderedJSON.null
        var preTokenizer = OrderedJSON.null
        var decoder = OrderedJSON.null
        var addedField = OrderedJSON.null
        var post = OrderedJSON.null
        var model: Int?
        try scanner.object { scanner, name in
            switch name.text {
            case "normalizer": normalizerField = try OrderedJSON(&scanner)
            case "pre_tokenizer": preTokenizer = try OrderedJSON(&scanner)
            case "decoder": decoder = try OrderedJSON(&scanner)
            case "added_tokens": addedField = try OrderedJSON(&scanner)
            case "post_processor": post = try OrderedJSON(&scanner)
            case "model":
                _ = scanner.peek()
                model = scanner.position
                try scanner.skip()
            default: try scanner.skip()
            }
        }
        try scanner.finish()
        guard let model else { throw TokenizerError.missingField(file: file, field: "model") }
        postProcessor = post
        try readNormalizer(normalizerField)
        try readPreTokenizer(preTokenizer)
        try readDecoder(decoder)
        try readAdded(addedField)
        scanner.seek(to: model)
        var parts = try readModel(&scanner)
        parts.added = added
        parts.normalizer = normalizer
        parts.splitter = splitter
        parts.stripsLeadingSpace = stripsLeadingSpace
        try readPostProcessor(&parts)
        return parts
    }

    private func unsupported(_ field: String, _ found: String?, allowed: String) -> TokenizerError {
        .unsupported(file: file, field: field, found: found ?? "absent", allowed: allowed)
    }

    // MARK: The pipeline

    private mutating func readNormalizer(_ value: OrderedJSON) throws {
        if value == .null { return }
        switch value["type"]?.string {
        case "Sequence": for step in value["normalizers"]?.array ?? [] { try readNormalizer(step) }
        case "NFC": normalizer.composes = true
        case "Replace" where value["pattern"]?["String"]?.string == " " && value["content"]?.string == "▁":
            normalizer.marksSpaces = true
        case "Prepend" where value["prepend"]?.string == "▁": normalizer.spacePrefix = .everywhere
        case let other:
            throw unsupported(
                "normalizer", other,
                allowed: "null, NFC, Replace of \" \" by \"▁\", Prepend of \"▁\", and sequences of them")
        }
    }

    private mutating func readPreTokenizer(_ value: OrderedJSON) throws {
        if value == .null { return }
        switch value["type"]?.string {
        case "Sequence": for step in value["pretokenizers"]?.array ?? [] { try readPreTokenizer(step) }
        case "ByteLevel":
            isByteLevel = true
            if value["add_prefix_space"]?.bool ?? true {
                guard splitter == nil else {
                    throw unsupported("pre_tokenizer ByteLevel add_prefix_space", "true", allowed: "false after a step")
                }
                normalizer.spacePrefix = .everywhere
                normalizer.prefixesSpacedText = false
            }
            if value["use_regex"]?.bool ?? true, splitter == nil || splitter == Self.numbersOnly {
                splitter = splitter == nil ? .gpt2 : .smolLM
            }
        case "Digits":
            guard value["individual_digits"]?.bool == true, splitter == nil else {
                throw unsupported(
                    "pre_tokenizer Digits", value.spacedText, allowed: "individual_digits before ByteLevel")
            }
            splitter = Self.numbersOnly
        case "Split":
            if let pattern = value["pattern"]?["Regex"]?.string {
                let isPlain = value["behavior"]?.string == "Isolated" && value["invert"]?.bool != true
                let isInverted = value["behavior"]?.string == "Removed" && value["invert"]?.bool == true
                guard let known = PieceSplitter.patterns[pattern], isPlain || isInverted, splitter == nil else {
                    throw unsupported(
                        "pre_tokenizer pattern", pattern, allowed: "the patterns of GPT-2, Qwen, Qwen3.5 and Llama-3")
                }
                splitter = known
            } else if value["pattern"]?["String"]?.string == " ", normalizer.marksSpaces {
                // No space is left to split at once they are all marked.
            } else {
                throw unsupported("pre_tokenizer Split", value.spacedText, allowed: "a known pattern")
            }
        case "Metaspace":
            guard value["split"]?.bool == false, value["replacement"]?.string == "▁" else {
                throw unsupported("pre_tokenizer Metaspace", value.spacedText, allowed: "replacement ▁ without split")
            }
            normalizer.marksSpaces = true
            normalizer.prefixesSpacedText = false
            switch value["prepend_scheme"]?.string ?? "always" {
            case "never": normalizer.spacePrefix = .never
            case "first": normalizer.spacePrefix = .atStart
            default: normalizer.spacePrefix = .everywhere
            }
        case let other:
            throw unsupported("pre_tokenizer", other, allowed: "ByteLevel, Split, Digits, Metaspace, Sequence, null")
        }
    }

    /// Stands for "Digits" until the step after it is known.
    private static let numbersOnly: PieceSplitter = {
        var splitter = PieceSplitter.smolLM
        splitter.contractions = .none
        return splitter
    }()

    private mutating func readDecoder(_ value: OrderedJSON) throws {
        switch value["type"]?.string {
        case "Sequence": for step in value["decoders"]?.array ?? [] { try readDecoder(step) }
        case "ByteLevel": isByteLevel = true
        case "Strip": stripsLeadingSpace = value["content"]?.string == " " && value["start"]?.integer == 1
        case "Metaspace": stripsLeadingSpace = normalizer.spacePrefix != .never
        default: break
        }
        if splitter == Self.numbersOnly {
            throw unsupported("pre_tokenizer Digits", "alone", allowed: "Digits followed by ByteLevel")
        }
    }

    private mutating func readAdded(_ value: OrderedJSON) throws {
        for (index, entry) in (value.array ?? []).enumerated() {
            guard let id = entry["id"]?.integer, let content = entry["content"]?.string, !content.isEmpty else {
                throw TokenizerError.missingField(file: file, field: "added_tokens[\(index)] id or content")
            }
            guard id >= 0, id < Int(TokenID.max) else {
                throw TokenizerError.identifierOutOfRange(
                    file: file, token: content, found: id, allowed: Int(TokenID.max))
            }
            added.append(
                AddedToken(
                    id: TokenID(id), content: content, isControl: entry["special"]?.bool ?? false,
                    stripsLeft: entry["lstrip"]?.bool ?? false, stripsRight: entry["rstrip"]?.bool ?? false,
                    isSingleWord: entry["single_word"]?.bool ?? false))
        }
    }

    /// Only which tokens a template puts before and after a single text matters here.
    private func readPostProcessor(_ parts: inout Tokenizer.Parts) throws {
        let steps = postProcessor["processors"]?.array ?? [postProcessor]
        for step in steps where step["type"]?.string == "TemplateProcessing" {
            var beforeText = true
            for item in step["single"]?.array ?? [] {
                if item["Sequence"] != nil { beforeText = false }
                guard let name = item["SpecialToken"]?["id"]?.string else { continue }
                guard let token = added.first(where: { $0.content == name }) else {
                    throw TokenizerError.unknownSpecialToken(file: file, field: "post_processor", token: name)
                }
                if beforeText {
                    parts.beginning = token.id
                    parts.addsBeginning = true
                } else {
                    parts.end = token.id
                    parts.addsEnd = true
                }
            }
        }
    }

    // MARK: The model

    private mutating func readModel(_ scanner: inout JSONScanner) throws -> Tokenizer.Parts {
        var fields: [String: OrderedJSON] = [:]
        var vocabulary: Int?
        var merges: Int?
        try scanner.object { scanner, name in
            _ = scanner.peek()
            if name == "vocab" {
                vocabulary = scanner.position
                try scanner.skip()
            } else if name == "merges" {
                merges = scanner.position
                try scanner.skip()
            } else {
                fields[name.text] = try OrderedJSON(&scanner)
            }
        }
        if let type = fields["type"]?.string, type != "BPE" {
            throw unsupported("model.type", type, allowed: "BPE")
        }
        guard let vocabulary else { throw TokenizerError.missingField(file: file, field: "model.vocab") }
        guard let merges else { throw TokenizerError.missingField(file: file, field: "model.merges") }
        for field in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let text = fields[field]?.string, !text.isEmpty {
                throw unsupported("model.\(field)", text, allowed: "null or empty")
            }
        }
        scanner.seek(to: vocabulary)
        var byteValues: [TokenID: UInt8] = [:]
        let table = try readVocabulary(&scanner, &byteValues)
        scanner.seek(to: merges)
        let mergeTable = try readMerges(&scanner, table)

        var unknown: TokenID = -1
        if let name = fields["unk_token"]?.string {
            unknown = added.first { $0.content == name }?.id ?? table.find(Array(name.utf8))
            if unknown < 0 {
                throw TokenizerError.unknownSpecialToken(file: file, field: "model.unk_token", token: name)
            }
        }
        var byteTokens = [TokenID](repeating: -1, count: 256)
        if isByteLevel {
            byteTokens = VocabularyReader.singleBytes(table)
        } else if fields["byte_fallback"]?.bool == true {
            for (id, byte) in byteValues { byteTokens[Int(byte)] = id }
        } else {
            byteValues = [:]
        }
        let model = BytePairModel(
            unit: unit, tokens: table, merges: mergeTable, byteTokens: byteTokens, unknown: unknown,
            fusesUnknown: fields["fuse_unk"]?.bool ?? false,
            looksUpWholePieces: fields["ignore_merges"]?.bool ?? false)
        var parts = Tokenizer.Parts(model: .bytePair(model), tokens: table)
        parts.byteValues = byteValues
        parts.unknown = unknown >= 0 ? unknown : nil
        return parts
    }

    private func readVocabulary(_ scanner: inout JSONScanner, _ byteValues: inout [TokenID: UInt8]) throws -> TokenTable
    {
        var builder = TokenTable.Builder()
        var waiting = Dictionary(added.map { ($0.content, Int($0.id)) }) { first, _ in first }
        let addedBytes = Set(added.map { Array($0.content.utf8) })
        var beginsAdded = [Bool](repeating: false, count: 256)
        for bytes in addedBytes { beginsAdded[Int(bytes[0])] = true }
        var unescaped: [UInt8] = []
        var bytesSeen = byteValues
        try scanner.object { scanner, name in
            let id = try scanner.integer()
            var spelled = name.bytes
            if name.hasEscapes {
                unescaped.removeAll(keepingCapacity: true)
                name.append(to: &unescaped)
            }
            try unescaped.withUnsafeBufferPointer { buffer in
                if name.hasEscapes { spelled = buffer }
                if let first = spelled.first, beginsAdded[Int(first)], addedBytes.contains(Array(spelled)) {
                    let text = String(decoding: spelled, as: UTF8.self)
                    if let other = waiting[text], other != id {
                        throw TokenizerError.duplicateToken(file: file, token: text, first: id, second: other)
                    }
                    waiting[text] = nil
                    // Merges may still build an added token from text when the file lists it in the vocabulary.
                    builder.add(id: id, spelled, isOrdinary: isByteLevel == false)
                    return
                }
                let start = builder.bytes.count
                if isByteLevel {
                    let isSpelled = ByteAlphabet.appendBytes(of: spelled, to: &builder.bytes)
                    if !isSpelled { builder.bytes.append(contentsOf: spelled) }
                    builder.close(id: id, start: start, isOrdinary: isSpelled)
                } else {
                    if spelled.count == 6, spelled[0] == 0x3C, spelled[1] == 0x30, let id = TokenID(exactly: id),
                        let byte = VocabularyReader.byteValue(of: String(decoding: spelled, as: UTF8.self))
                    {
                        bytesSeen[id] = byte
                    }
                    builder.add(id: id, spelled, isOrdinary: true)
                }
            }
        }
        byteValues = bytesSeen
        for (content, id) in waiting { builder.add(id: id, content.utf8, isOrdinary: false) }
        return try TokenTable(builder, file: file)
    }

    private func readMerges(_ scanner: inout JSONScanner, _ table: TokenTable) throws -> MergeTable {
        let start = scanner.position
        var count = 0
        try scanner.array {
            count += 1
            try $0.skip()
        }
        scanner.seek(to: start)
        var reader = MergeReader(capacity: count, tokens: table, unit: unit, file: file)
        var text: [UInt8] = []
        try scanner.array { scanner in
            text.removeAll(keepingCapacity: true)
            // Either a pair of strings, or one string with a space between the parts.
            var left = 0
            var right = 0
            if scanner.peek() == 0x5B {
                var parts = 0
                try scanner.array { scanner in
                    try scanner.string().append(to: &text)
                    parts += 1
                    if parts == 1 { left = text.count }
                }
                right = parts == 2 ? left : text.count
            } else {
                try scanner.string().append(to: &text)
                left = text.dropFirst().firstIndex(of: 0x20) ?? 0
                right = left + 1
            }
            guard left > 0, right < text.count else {
                throw scanner.failure("merge \(reader.rank) is not a pair of tokens")
            }
            try reader.add(text[..<left], text[right...])
        }
        return reader.merges
    }
}
