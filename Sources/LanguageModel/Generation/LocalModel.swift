import Foundation
import Layers
import Tensors

/// A language model on this machine that one can talk to.
///
/// Its work runs on a thread of its own. Replies that are asked for at the same time take turns token by token. The last
/// conversation stays in memory, so that its next turn reads only what is new.
public actor LocalModel: ChatModel {
    /// What the model is called: the last part of its path.
    public nonisolated let name: String
    public nonisolated let configuration: DecoderConfiguration
    public nonisolated let tokenizer: Tokenizer
    /// How conversations are written; nil for a model that only continues text.
    public nonisolated let template: ChatTemplate?
    /// Tokens of prompt and reply together.
    public nonisolated let contextLength: Int
    /// The precision in use: `Precision.f32` computes with the exact weights, bf16 with activations of 8 bits where
    /// weights are stored in blocks of 4 or 8.
    public nonisolated let precision: Precision
    /// Tokens at which a reply ends.
    public nonisolated let stopTokens: Set<TokenID>
    /// Bytes of weights that each new token reads.
    public nonisolated let weightBytes: Int

    private let machinery: Machinery
    private let executor = TensorExecutor(name: "language model")
    /// The last text that was read, for the next one that begins like it.
    private var kept: (tokens: [TokenID], cache: KeyValueCache)?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Opens a stored model: a folder in Hugging Face's layout, a safetensors file in one, or a GGUF file.
    /// - Parameters:
    ///   - contextLength: nil takes what the model was trained for.
    ///   - template: nil takes the one that the model's files name.
    /// - Throws: `WeightFileError`, `TokenizerError`, ``GenerationError``.
    public init(
        path: String, precision: Precision = .auto, contextLength: Int? = nil, template: ChatTemplate? = nil,
        threads: Int = Runtime.threadCount
    ) throws {
        let source = try WeightSource(path: path)
        let tokenizer: Tokenizer
        if let gguf = source.gguf {
            tokenizer = try Tokenizer.load(gguf: gguf)
        } else {
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            let url = URL(fileURLWithPath: path)
            tokenizer = try Tokenizer.load(directory: isFolder.boolValue ? url : url.deletingLastPathComponent())
        }
        let ends = source.specialTokens.ends.map { TokenID(clamping: $0) }
        let precision = precision.resolved
        try self.init(
            name: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent,
            configuration: source.configuration, tokenizer: tokenizer, template: template, stopTokens: Set(ends),
            contextLength: contextLength, precision: precision,
            machinery: Machinery(
                engine: StepEngine(source, isExact: precision == .f32, threads: threads),
                reader: PromptReader(source.configuration) { try .load(source, precision: precision) }))
    }

    /// A model from a network in memory, as it is now; its adapters are merged.
    /// - Parameter decoder: belongs to the model from here on.
    /// - Throws: ``GenerationError``.
    public init(
        name: String, decoder: sending TransformerDecoder, tokenizer: Tokenizer, template: ChatTemplate? = nil,
        contextLength: Int? = nil, threads: Int = Runtime.threadCount
    ) throws {
        decoder.mergeAdapters()
        let parameters = Dictionary(uniqueKeysWithValues: decoder.parameters.map { ($0.name, $0.tensor) })
        let precision = decoder.precision.resolved
        let configuration = decoder.configuration
        let engine = try StepEngine(configuration, isExact: precision == .f32, threads: threads) { parameters[$0]! }
        try self.init(
            name: name, configuration: configuration, tokenizer: tokenizer, template: template, stopTokens: [],
            contextLength: contextLength, precision: precision,
            machinery: Machinery(engine: engine, reader: PromptReader(configuration) { decoder }))
    }

    private init(
        name: String, configuration: DecoderConfiguration, tokenizer: Tokenizer, template: ChatTemplate?,
        stopTokens: Set<TokenID>, contextLength: Int?, precision: Precision, machinery: sending Machinery
    ) throws {
        guard tokenizer.vocabularySize <= configuration.vocabularySize else {
            throw GenerationError.vocabularyMismatch(
                tokenizer: tokenizer.vocabularySize, model: configuration.vocabularySize)
        }
        let template =
            template ?? ChatTemplate.detect(jinja: tokenizer.chatTemplateSource, family: configuration.family.rawValue)
        self.name = name
        self.configuration = configuration
        self.tokenizer = tokenizer
        self.template = template
        self.contextLength = contextLength ?? configuration.maximumPositions
        self.precision = precision
        self.stopTokens = stopTokens.union(template?.stopTokens(in: tokenizer) ?? tokenizer.stopTokens)
        weightBytes = machinery.engine.weightBytes
        self.machinery = machinery
    }

    // MARK: Reading

    /// What computes; it never leaves the actor.
    private struct Machinery {
        let engine: StepEngine
        let reader: PromptReader
    }

    var engine: StepEngine { machinery.engine }
    var reader: PromptReader { machinery.reader }

    /// Takes the kept cache where `tokens` begin like it, rolled back to what they share; else a new one.
    ///
    /// At least the last token is left to be read, because its logits are wanted.
    func takeCache(for tokens: [TokenID]) -> KeyValueCache {
        defer { kept = nil }
        // Frequencies chosen for another length would not be those of this text.
        if let kept, !configuration.rotaryDependsOnLength {
            let shared = zip(kept.tokens, tokens.dropLast()).prefix { $0 == $1 }.count
            if shared > 0 {
                kept.cache.rollBack(to: shared)
                return kept.cache
            }
        }
        return KeyValueCache(configuration, capacity: min(max(tokens.count + 64, 256), contextLength))
    }

    /// Keeps a cache and the text that it holds for the next call.
    func keep(_ cache: KeyValueCache, of tokens: [TokenID]) {
        kept = (Array(tokens.prefix(cache.length)), cache)
    }

    /// Forgets the last conversation and frees its memory.
    public func reset() { kept = nil }

    /// Reads what a cache does not hold yet of a text.
    /// - Returns: the logits after its last token, `[vocabularySize]`.
    func read(_ text: [TokenID], into cache: KeyValueCache) throws -> [Float] {
        let new = Array(text.dropFirst(cache.length))
        guard reader.isWorthwhile(new.count) else {
            return try engine.read(new, into: cache, while: { !Task.isCancelled })
        }
        return try reader.read(new, into: cache, while: { !Task.isCancelled })
    }

    /// - Throws: ``GenerationError`` for a text that is empty, too long, or holds what is no token.
    nonisolated func check(_ prompt: [TokenID]) throws {
        guard !prompt.isEmpty else { throw GenerationError.emptyPrompt }
        guard prompt.count < contextLength else {
            throw GenerationError.contextFull(tokens: prompt.count, contextLength: contextLength)
        }
        let vocabulary = configuration.vocabularySize
        if let stranger = prompt.first(where: { $0 < 0 || $0 >= vocabulary }) {
            throw GenerationError.tokenOutOfRange(stranger, vocabulary: vocabulary)
        }
    }

    /// The tokens from which the model writes its next turn.
    /// - Throws: ``GenerationError/noChatTemplate(model:)``, `ChatError`.
    public nonisolated func prompt(_ messages: [Message], tools: [ToolDefinition] = []) throws -> [TokenID] {
        guard let template else { throw GenerationError.noChatTemplate(model: name) }
        return try template.prompt(
            messages, tools: tools, thinking: ChatTemplate.requestedThinking(in: messages) ?? true, with: tokenizer)
    }
}
