import Foundation
import LanguageModel
import PostTraining

/// What a model's files say about text, without reading its weights.
struct ModelVocabulary {
    let path: URL
    let tokenizer: Tokenizer
    let template: ChatTemplate?

    /// - Parameter path: a folder with `tokenizer.json` or a tiktoken file, a folder with a GGUF file, or one of their
    ///   weight files.
    ///   An adapter has the tokenizer of its base model.
    init(path: URL) throws {
        self.path = path
        guard !AdapterFile.isPresent(in: path) else {
            let base = try AdapterFile(folder: path).basePath
            guard !AdapterFile.isPresent(in: URL(fileURLWithPath: base)) else {
                throw Failure("\(path.path): its base \(base) is an adapter, not a model")
            }
            let vocabulary = try ModelVocabulary(path: URL(fileURLWithPath: base))
            tokenizer = vocabulary.tokenizer
            template = try BaseModel.ownTemplate(of: path) ?? vocabulary.template
            return
        }
        let folder = path.hasDirectoryPath || Self.isFolder(path) ? path : path.deletingLastPathComponent()
        if let file = try Self.ggufFile(path) {
            let gguf = try GGUFFile(path: file.path)
            tokenizer = try Tokenizer.load(gguf: gguf)
            template = ChatTemplate.detect(
                jinja: tokenizer.chatTemplateSource, family: gguf.metadata["general.architecture"]?.string)
        } else {
            tokenizer = try Tokenizer.load(directory: folder)
            template = ChatTemplate.detect(jinja: tokenizer.chatTemplateSource, family: Self.family(folder))
        }
    }

    /// - Throws: `Failure` for a model that nobody taught to talk.
    func requireTemplate() throws -> ChatTemplate {
        guard let template else {
            throw Failure("\(path.path): the model has no chat template that is known (ChatML, Llama 3, Gemma)")
        }
        return template
    }

    private static func isFolder(_ url: URL) -> Bool {
        (try? url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory) ?? false
    }

    /// The GGUF file itself, or the only one in a folder without a tokenizer of its own.
    private static func ggufFile(_ path: URL) throws -> URL? {
        guard isFolder(path) else { return path.pathExtension == "safetensors" ? nil : path }
        let names = try FileManager.default.contentsOfDirectory(atPath: path.path)
        let hasTokenizer = names.contains { $0 == "tokenizer.json" || $0.hasSuffix(".tiktoken") }
        let files = names.filter { $0.hasSuffix(".gguf") }.sorted()
        guard !hasTokenizer, !files.isEmpty else { return nil }
        guard files.count == 1 else {
            throw Failure("\(path.path): several GGUF files; name one of \(files.joined(separator: ", "))")
        }
        return path.appending(path: files[0])
    }

    /// `model_type` of `config.json`, where there is one.
    private static func family(_ folder: URL) -> String? {
        guard let data = try? Data(contentsOf: folder.appending(path: "config.json")) else { return nil }
        return (try? OrderedJSON(parsing: data, file: "config.json"))?["model_type"]?.string
    }
}
