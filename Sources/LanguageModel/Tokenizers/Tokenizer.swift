import Foundation
import Synchronization

/// The index of a token in a model's vocabulary.
public typealias TokenID = Int32

/// Text to token ids and back, as a published model was trained with.
///
/// Byte-level BPE (Qwen, Llama-3, SmolLM2) and SentencePiece-style BPE (Gemma, Llama-2) from `tokenizer.json`, from
/// tiktoken rank files, or from the vocabulary inside a GGUF file. Encoding is safe to call from many tasks at once.
public final class Tokenizer: Sendable {
    enum Model: Sendable {
        case bytePair(BytePairModel)
        case scored(ScoredModel)
    }

    /// Everything a reader gathers about a tokenizer.
    struct Parts: Sendable {
        var model: Model
        var tokens: TokenTable
        var added: [AddedToken] = []
        var normalizer = TextNormalizer()
        /// nil: the text between added tokens is one piece.
        var splitter: PieceSplitter?
        /// One space at the start of decoded text was put there by encoding.
        var stripsLeadingSpace = false
        /// Raw bytes of `<0xNN>` tokens.
        var byteValues: [TokenID: UInt8] = [:]
        var beginning: TokenID?
        var end: TokenID?
        var padding: TokenID?
        var unknown: TokenID?
        var addsBeginning = false
        var addsEnd = false
        var stops: Set<TokenID> = []
        var chatTemplate: String?
    }

    let parts: Parts
    private let allAdded: AddedTokenMatcher
    private let textAdded: AddedTokenMatcher
    private let addedByContent: [String: AddedToken]
    private let controls: Set<TokenID>
    /// Handed to one encoding at a time; an encoding that finds it taken makes its own.
    private let spareCache = Mutex<PieceCache?>(nil)

    init(_ parts: Parts) {
        self.parts = parts
        allAdded = AddedTokenMatcher(parts.added)
        textAdded = AddedTokenMatcher(parts.added.filter { !$0.isControl })
        addedByContent = Dictionary(parts.added.map { ($0.content, $0) }) { first, _ in first }
        controls = Set(parts.added.filter(\.isControl).map(\.id))
    }

    // MARK: What the tokenizer knows

    /// One more than the highest token id. A model's embedding may have more rows (padding), never fewer.
    public var vocabularySize: Int { parts.tokens.count }

    /// Control tokens by their text.
    public var controlTokens: [String: TokenID] {
        addedByContent.filter { $0.value.isControl }.mapValues(\.id)
    }

    /// The token put in front of raw text, where the family has one.
    public var beginningOfSequence: TokenID? { parts.beginning }
    /// The token that ends a text or an answer, as the tokenizer's files say.
    public var endOfSequence: TokenID? { parts.end }
    public var padding: TokenID? { parts.padding }
    public var unknown: TokenID? { parts.unknown }
    /// Whether raw text starts with `beginningOfSequence`.
    public var addsBeginningOfSequence: Bool { parts.addsBeginning && parts.beginning != nil }
    /// Whether the tokenizer's files put `endOfSequence` after a text; `encodePrompt` never does.
    public var addsEndOfSequence: Bool { parts.addsEnd && parts.end != nil }
    /// Tokens at which generation ends: the generation configuration's, else the tokenizer's end tokens.
    public var stopTokens: Set<TokenID> { parts.stops }
    /// The Jinja text of the chat template in the tokenizer's files, where there is one.
    public var chatTemplateSource: String? { parts.chatTemplate }

    /// Whether a token steers the model rather than standing for text.
    public func isControl(_ id: TokenID) -> Bool { controls.contains(id) }

    /// The id of a token by its text: an added token's content, a byte-level token in raw or printable spelling (`Ġthe`),
    /// or a SentencePiece token (`▁the`).
    public func id(of token: String) -> TokenID? {
        if let added = addedByContent[token] { return added.id }
        var found = parts.tokens.find(Array(token.utf8))
        if found < 0, isByteLevel {
            var bytes: [UInt8] = []
            if ByteAlphabet.appendBytes(of: Array(token.utf8), to: &bytes) { found = parts.tokens.find(bytes) }
        }
        return found >= 0 ? found : nil
    }

    /// The spelling of a token in its vocabulary; nil for an id that no token has.
    public func spelling(of id: TokenID) -> String? {
        guard parts.tokens.contains(Int(id)) else { return nil }
        let bytes = parts.tokens.bytes(of: Int(id))
        let isAdded = addedByContent[String(decoding: bytes, as: UTF8.self)]?.id == id
        return isByteLevel && !isAdded ? ByteAlphabet.text(bytes) : String(decoding: bytes, as: UTF8.self)
    }

    var isByteLevel: Bool {
        if case .bytePair(let model) = parts.model { return model.unit == .bytes }
        return false
    }

    // MARK: Encoding

    /// The tokens of a text.
    /// - Parameter allowingControlTokens: whether the surface forms of control tokens (`<|im_end|>`) become those tokens.
    ///   Off, they stay text, so that what a user types cannot end a turn. Added tokens that are not control tokens are
    ///   found either way.
    public func encode(_ text: String, allowingControlTokens: Bool = false) -> [TokenID] {
        var text = text
        return text.withUTF8 { buffer in
            guard let base = buffer.baseAddress, !buffer.isEmpty else { return [] }
            return encode(base, buffer.count, allowingControlTokens ? allAdded : textAdded)
        }
    }

    /// The tokens of a raw text as a model is to continue it: the beginning-of-sequence token in front, where this
    /// tokenizer adds one, and never twice.
    public func encodePrompt(_ text: String, allowingControlTokens: Bool = false) -> [TokenID] {
        let tokens = encode(text, allowingControlTokens: allowingControlTokens)
        guard addsBeginningOfSequence, let beginning = parts.beginning, tokens.first != beginning else { return tokens }
        return [beginning] + tokens
    }

    private func encode(_ text: UnsafePointer<UInt8>, _ count: Int, _ matcher: AddedTokenMatcher) -> [TokenID] {
        var output: [TokenID] = []
        output.reserveCapacity(count / 3 + 8)
        var workspace = MergeWorkspace()
        let cache = parts.splitter == nil ? nil : takeCache()
        var cursor = 0
        while cursor < count {
            let match = matcher.isEmpty ? nil : matcher.next(text, cursor, count)
            let end = match?.start ?? count
            if end > cursor {
                parts.normalizer.withNormalized(text + cursor, end - cursor, isStart: cursor == 0) { bytes, length in
                    encodeStretch(bytes, length, cache, &workspace, &output)
                }
            }
            guard let match else { break }
            output.append(match.token.id)
            cursor = match.end
        }
        if let cache { spareCache.withLock { $0 = cache } }
        return output
    }

    private func takeCache() -> PieceCache {
        let spare = spareCache.withLock { cache in
            let taken = cache
            cache = nil
            return taken
        }
        return spare ?? PieceCache()
    }

    private func encodeStretch(
        _ text: UnsafePointer<UInt8>, _ length: Int, _ cache: PieceCache?, _ workspace: inout MergeWorkspace,
        _ output: inout [TokenID]
    ) {
        let model: BytePairModel
        switch parts.model {
        case .scored(let scored):
            scored.encode(text, length, &output)
            return
        case .bytePair(let pairs): model = pairs
        }
        guard let splitter = parts.splitter, let cache else {
            model.encode(text, length, &workspace, &output)
            return
        }
        splitter.forEachPiece(text, 0, length) { start, end in
            let piece = text + start
            let size = end - start
            if size > PieceCache.longestPiece {
                model.encode(piece, size, &workspace, &output)
                return
            }
            let hash = byteHash(piece, size)
            if let known = cache.find(piece, size, hash: hash) {
                if known.count == 1 { output.append(known[0]) } else { output.append(contentsOf: known) }
                return
            }
            let before = output.count
            model.encode(piece, size, &workspace, &output)
            output.withUnsafeBufferPointer { tokens in
                guard let base = tokens.baseAddress else { return }
                cache.insert(piece, size, hash: hash, base + before, tokens.count - before)
            }
        }
    }

    // MARK: Decoding

    /// The text of tokens. Bytes that are not UTF-8 become U+FFFD; ids that no token has are passed over.
    public func decode(_ ids: [TokenID], skippingControlTokens: Bool = false) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ids.count * 4)
        for id in ids where !(skippingControlTokens && controls.contains(id)) { appendBytes(of: id, to: &bytes) }
        if parts.stripsLeadingSpace, bytes.first == 0x20 { bytes.removeFirst() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes that a token stands for: for ordinary tokens a part of UTF-8 text, perhaps of a single character.
    public func bytes(of id: TokenID) -> [UInt8] {
        var bytes: [UInt8] = []
        appendBytes(of: id, to: &bytes)
        return bytes
    }

    /// How many bytes the tokens of a text stand for: those of the text after its canonical composition.
    func normalizedLength(_ text: String) -> Int {
        guard parts.normalizer.composes else { return text.utf8.count }
        var text = text
        return text.withUTF8 { buffer in
            guard let base = buffer.baseAddress, TextNormalizer.mayCompose(base, buffer.count) else {
                return buffer.count
            }
            return String(decoding: buffer, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8.count
        }
    }

    func appendBytes(of id: TokenID, to output: inout [UInt8]) {
        if let byte = parts.byteValues[id] {
            output.append(byte)
            return
        }
        let bytes = parts.tokens.bytes(of: Int(id))
        guard parts.normalizer.marksSpaces else {
            output.append(contentsOf: bytes)
            return
        }
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0xE2, index + 2 < bytes.count, bytes[index + 1] == 0x96, bytes[index + 2] == 0x81 {
                output.append(0x20)
                index += 3
            } else {
                output.append(bytes[index])
                index += 1
            }
        }
    }

    /// A decoder for tokens that arrive one by one.
    public func makeStreamDecoder(skippingControlTokens: Bool = false) -> StreamDecoder {
        StreamDecoder(self, skippingControlTokens: skippingControlTokens)
    }
}
