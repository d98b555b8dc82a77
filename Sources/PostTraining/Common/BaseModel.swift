import Corpora
public import Foundation
public import LanguageModel
public import Layers
import Tensors
public import Training

/// A model to train on or to measure: the decoder with its tokenizer, its chat template and where it came from.
///
/// A path may name a folder in Hugging Face's layout, a GGUF file, or an artefact of ours; an artefact with an adapter
/// opens its base model and attaches the adapter.
public final class BaseModel {
    /// As the user named it.
    public let name: String
    public let path: URL
    public let decoder: TransformerDecoder
    public let tokenizer: Tokenizer
    /// Nil for a model that nobody taught to talk. An artefact's own template goes before its base model's.
    public private(set) var template: ChatTemplate?
    public let specialTokens: SpecialTokens
    public let fingerprint: String

    /// The template of a folder, where transformers looks for it too.
    static let templateName = "chat_template.jinja"

    package init(
        name: String, path: URL, decoder: TransformerDecoder, tokenizer: Tokenizer, template: ChatTemplate?,
        specialTokens: SpecialTokens, fingerprint: String
    ) {
        self.name = name
        self.path = path
        self.decoder = decoder
        self.tokenizer = tokenizer
        self.template = template
        self.specialTokens = specialTokens
        self.fingerprint = fingerprint
    }

    public var base: ArtefactManifest.Base { .init(name: name, fingerprint: fingerprint) }

    /// - Parameter name: what manifests call it; the path unless given.
    /// - Throws: `WeightFileError`, `TokenizerError`, ``AdapterFileError``, `ArtefactError`, and
    ///   `GenerationError.vocabularyMismatch` for a tokenizer with more tokens than the model has embeddings.
    public static func load(_ path: URL, name: String? = nil, precision: Precision = .auto) throws -> BaseModel {
        if AdapterFile.isPresent(in: path) {
            let adapter = try AdapterFile(folder: path)
            let manifest = try ArtefactManifest.read(from: path)
            try manifest.verify(in: path)
            let basePath = URL(fileURLWithPath: adapter.basePath)
            guard !AdapterFile.isPresent(in: basePath) else {
                throw AdapterFileError.damaged(
                    file: path.path, reason: "its base \(adapter.basePath) is an adapter, not a model")
            }
            let base = try load(basePath, name: adapter.baseName, precision: precision)
            try manifest.requireBase(fingerprint: base.fingerprint, artefact: path)
            try adapter.attach(to: base.decoder)
            base.template = try ownTemplate(of: path) ?? base.template
            return base
        }
        try ArtefactManifest.verifyOpening(path)
        let source = try WeightSource(path: path.path)
        let tokenizer: Tokenizer
        var family = source.configuration.family.rawValue
        if let gguf = source.gguf {
            tokenizer = try Tokenizer.load(gguf: gguf)
            family = gguf.metadata["general.architecture"]?.string ?? family
        } else {
            tokenizer = try Tokenizer.load(directory: folder(of: path))
        }
        guard tokenizer.vocabularySize <= source.configuration.vocabularySize else {
            throw GenerationError.vocabularyMismatch(
                tokenizer: tokenizer.vocabularySize, model: source.configuration.vocabularySize)
        }
        let template = ChatTemplate.detect(
            jinja: tokenizer.chatTemplateSource, family: tokenizer.chatTemplateSource == nil ? family : nil)
        return BaseModel(
            name: name ?? path.path, path: path,
            decoder: try TransformerDecoder.load(source, precision: precision), tokenizer: tokenizer,
            template: template, specialTokens: source.specialTokens, fingerprint: try fingerprint(path))
    }

    /// The template that an artefact was trained with, where that is not its base model's.
    public static func ownTemplate(of artefact: URL) throws -> ChatTemplate? {
        let file = artefact.appending(path: templateName)
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        return ChatTemplate.detect(jinja: try String(contentsOf: file, encoding: .utf8))
    }

    /// - Throws: ``TrainingDataError/noTemplate(model:)``.
    public func requireTemplate() throws -> ChatTemplate {
        guard let template else { throw TrainingDataError.noTemplate(model: name) }
        return template
    }

    /// Writes the whole model so that it can be opened again: weights, configuration, tokenizer.
    /// - Precondition: no adapter is attached.
    public func write(to folder: URL, dtype: DType = .float32) throws {
        try decoder.save(to: folder.path, dtype: dtype, tokens: specialTokens)
        try tokenizer.writeTokenizerJSON(to: folder)
    }

    private static func isFolder(_ url: URL) -> Bool {
        (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) ?? false
    }

    private static func folder(of path: URL) -> URL { isFolder(path) ? path : path.deletingLastPathComponent() }

    private static func fingerprint(_ path: URL) throws -> String {
        guard isFolder(path) else {
            let configuration = folder(of: path).appending(path: "config.json")
            let isGGUF = path.pathExtension != "safetensors"
            return try BaseFingerprint.of(
                configuration: isGGUF ? Data() : Data(contentsOf: configuration), weightFiles: [path])
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: path.path)
        let weights = names.filter { $0.hasSuffix(".safetensors") || $0.hasSuffix(".gguf") }
        let configuration = (try? Data(contentsOf: path.appending(path: "config.json"))) ?? Data()
        return try BaseFingerprint.of(
            configuration: configuration, weightFiles: weights.map { path.appending(path: $0) })
    }
}

/// What is wrong with the data or the model of a training.
public enum TrainingDataError: Error, Equatable, CustomStringConvertible {
    case noTemplate(model: String)
    case badExample(source: String, number: Int, reason: String)
    case nothingFits(source: String, length: Int)
    case unknownSource(String, reason: String)
    case otherAdapter(found: String)

    public var description: String {
        switch self {
        case .noTemplate(let model): "\(model): the model has no chat template that is known (ChatML, Llama 3, Gemma)"
        case .badExample(let source, let number, let reason): "\(source): conversation \(number): \(reason)"
        case .nothingFits(let source, let length):
            "\(source): no conversation has a trained token among its first \(length) tokens; a larger length may help"
        case .unknownSource(let source, let reason): "\(source): \(reason)"
        case .otherAdapter(let found):
            "the model has an adapter already (\(found)); going on needs the same adapter.rank, adapter.alpha and "
                + "adapter.targets, or adapter.rank=0, which trains all weights"
        }
    }
}
