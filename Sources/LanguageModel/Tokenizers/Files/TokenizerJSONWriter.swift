import Foundation

extension Tokenizer {
    /// Writes `tokenizer.json` and `tokenizer_config.json`, from which transformers and this library make the same
    /// tokenizer, wherever this one came from.
    /// - Parameter directory: must exist.
    /// - Throws: `TokenizerError.unsupported` for vocabularies with scores (SentencePiece inside a GGUF file), which the
    ///   format's BPE cannot hold; file errors. Each file appears whole or not at all.
    public func writeTokenizerJSON(to directory: URL) throws {
        guard case .bytePair(let model) = parts.model else {
            throw TokenizerError.unsupported(
                file: "tokenizer.json", field: "model", found: "a vocabulary with scores", allowed: "byte-pair merges")
        }
        let configuration = Data(configurationJSON.spacedText.utf8)
        try tokenizerJSON(model).write(to: directory.appending(path: "tokenizer.json"), options: .atomic)
        try configuration.write(to: directory.appending(path: "tokenizer_config.json"), options: .atomic)
    }

    // MARK: tokenizer.json

    private func tokenizerJSON(_ model: BytePairModel) -> Data {
        let pipeline: [(String, OrderedJSON)] = [
            ("version", "1.0"), ("truncation", .null), ("padding", .null),
            ("added_tokens", .array(parts.added.sorted { $0.id < $1.id }.map(addedTokenJSON))),
            ("normalizer", normalizerJSON(model)), ("pre_tokenizer", preTokenizerJSON(model)),
            ("post_processor", postProcessorJSON), ("decoder", decoderJSON(model)),
        ]
        var text = Data()
        text.reserveCapacity(parts.tokens.count * 48)
        text.append(contentsOf: "{".utf8)
        for (name, value) in pipeline {
            text.append(contentsOf: "\(OrderedJSON.quoted(name)): \(value.spacedText),\n".utf8)
        }
        let unknown: OrderedJSON = model.unknown >= 0 ? .string(parts.tokens.text(of: Int(model.unknown))) : .null
        let fields: OrderedJSON = [
            "type": "BPE", "dropout": .null, "unk_token": unknown, "continuing_subword_prefix": .null,
            "end_of_word_suffix": .null, "fuse_unk": .bool(model.fusesUnknown),
            "byte_fallback": .bool(model.unit == .characters && !parts.byteValues.isEmpty),
            "ignore_merges": .bool(model.looksUpWholePieces),
        ]
        text.append(contentsOf: "\"model\": \(fields.spacedText.dropLast()), \"vocab\": {".utf8)
        var separator = "\n"
        for id in 0..<parts.tokens.count {
            guard let spelling = spelling(of: TokenID(id)) else { continue }
            text.append(contentsOf: "\(separator)\(OrderedJSON.quoted(spelling)): \(id)".utf8)
            separator = ",\n"
        }
        text.append(contentsOf: "},\n\"merges\": [".utf8)
        separator = "\n"
        for (left, right) in model.merges.ordered {
            let pair = OrderedJSON.array([left, right].map { .string(spelling(of: $0) ?? "") })
            text.append(contentsOf: "\(separator)\(pair.spacedText)".utf8)
            separator = ",\n"
        }
        text.append(contentsOf: "]}}\n".utf8)
        return text
    }

    private func addedTokenJSON(_ token: AddedToken) -> OrderedJSON {
        [
            "id": .number(String(token.id)), "content": .string(token.content),
            "single_word": .bool(token.isSingleWord), "lstrip": .bool(token.stripsLeft),
            "rstrip": .bool(token.stripsRight), "normalized": false, "special": .bool(token.isControl),
        ]
    }

    /// Metaspace, which puts a space in front of text that has none, once or everywhere.
    private var usesMetaspace: Bool {
        parts.normalizer.marksSpaces && parts.normalizer.spacePrefix != .never && !parts.normalizer.prefixesSpacedText
    }

    private func normalizerJSON(_ model: BytePairModel) -> OrderedJSON {
        var steps: [OrderedJSON] = []
        if parts.normalizer.composes { steps.append(["type": "NFC"]) }
        if parts.normalizer.marksSpaces, !usesMetaspace {
            if parts.normalizer.spacePrefix != .never { steps.append(["type": "Prepend", "prepend": "▁"]) }
            steps.append(["type": "Replace", "pattern": ["String": " "], "content": "▁"])
        }
        return steps.count > 1 ? ["type": "Sequence", "normalizers": .array(steps)] : steps.first ?? .null
    }

    private func preTokenizerJSON(_ model: BytePairModel) -> OrderedJSON {
        if usesMetaspace {
            let scheme: OrderedJSON = parts.normalizer.spacePrefix == .atStart ? "first" : "always"
            return ["type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false]
        }
        guard model.unit == .bytes else { return .null }
        let prefixed = OrderedJSON.bool(parts.normalizer.spacePrefix != .never)
        let bytes: OrderedJSON = [
            "type": "ByteLevel", "add_prefix_space": prefixed, "trim_offsets": true,
            "use_regex": .bool(parts.splitter == .gpt2 || parts.splitter == .smolLM),
        ]
        switch parts.splitter {
        case nil, .gpt2: return bytes
        case .smolLM?:
            return [
                "type": "Sequence", "pretokenizers": [["type": "Digits", "individual_digits": true], bytes],
            ]
        case let splitter?:
            let split: OrderedJSON = [
                "type": "Split", "pattern": ["Regex": .string(splitter.pattern)], "behavior": "Isolated",
                "invert": false,
            ]
            return ["type": "Sequence", "pretokenizers": [split, bytes]]
        }
    }

    private var postProcessorJSON: OrderedJSON {
        guard addsBeginningOfSequence, let beginning = parts.beginning else { return .null }
        let name = OrderedJSON.string(parts.tokens.text(of: Int(beginning)))
        let special: OrderedJSON = ["SpecialToken": ["id": name, "type_id": 0]]
        func sequence(_ id: String, _ type: Int) -> OrderedJSON {
            ["Sequence": ["id": .string(id), "type_id": .number(String(type))]]
        }
        let token: OrderedJSON = ["id": name, "ids": [.number(String(beginning))], "tokens": [name]]
        return [
            "type": "TemplateProcessing", "single": [special, sequence("A", 0)],
            "pair": [special, sequence("A", 0), sequence("B", 1)],
            "special_tokens": .object([.init(parts.tokens.text(of: Int(beginning)), token)]),
        ]
    }

    private func decoderJSON(_ model: BytePairModel) -> OrderedJSON {
        if model.unit == .bytes {
            return ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true]
        }
        var steps: [OrderedJSON] = [["type": "Replace", "pattern": ["String": "▁"], "content": " "]]
        steps += [["type": "ByteFallback"], ["type": "Fuse"]]
        if parts.stripsLeadingSpace { steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0]) }
        return ["type": "Sequence", "decoders": .array(steps)]
    }

    // MARK: tokenizer_config.json

    private var configurationJSON: OrderedJSON {
        var members: [OrderedJSON.Member] = []
        let decoder = parts.added.sorted { $0.id < $1.id }.map { token in
            OrderedJSON.Member(
                String(token.id), .object((addedTokenJSON(token).members ?? []).filter { $0.name != "id" }))
        }
        members.append(.init("added_tokens_decoder", .object(decoder)))
        for (name, id) in [
            ("bos_token", parts.beginning), ("eos_token", parts.end), ("pad_token", parts.padding),
            ("unk_token", parts.unknown),
        ] {
            members.append(.init(name, id.map { .string(parts.tokens.text(of: Int($0))) } ?? .null))
        }
        members.append(.init("add_bos_token", .bool(addsBeginningOfSequence)))
        members.append(.init("clean_up_tokenization_spaces", false))
        if let template = parts.chatTemplate { members.append(.init("chat_template", .string(template))) }
        members.append(.init("tokenizer_class", "PreTrainedTokenizerFast"))
        return .object(members)
    }
}
