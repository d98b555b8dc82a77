import Corpora
import Experiments
public import Foundation
public import LanguageModel
import Layers
import Tensors

/// A low-rank adapter saved alone, in the layout that PEFT reads too: `adapter_config.json` and
/// `adapter_model.safetensors`.
public struct AdapterFile {
    public let rank: Int
    public let alpha: Double
    public let dropout: Double
    public let targets: [String]
    public let basePath: String
    public let baseName: String
    private let weights: URL

    static let configurationName = "adapter_config.json"
    static let weightsName = "adapter_model.safetensors"
    private static let prefix = "base_model.model."

    private struct Configuration: Codable {
        var peftType = "LORA"
        var taskType = "CAUSAL_LM"
        var bias = "none"
        var baseModelNameOrPath: String
        var baseModelName: String?
        /// Where the base is on this machine, if the name is one that other programs look up.
        var baseModelPath: String?
        var r: Int
        var loraAlpha: Double
        var loraDropout: Double
        var targetModules: [String]

        enum CodingKeys: String, CodingKey {
            case peftType = "peft_type"
            case taskType = "task_type"
            case bias
            case baseModelNameOrPath = "base_model_name_or_path"
            case baseModelName = "base_model_name"
            case baseModelPath = "base_model_path"
            case r
            case loraAlpha = "lora_alpha"
            case loraDropout = "lora_dropout"
            case targetModules = "target_modules"
        }
    }

    public static func isPresent(in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: configurationName).path)
    }

    /// - Throws: ``AdapterFileError`` where the description is damaged.
    public init(folder: URL) throws {
        let file = folder.appending(path: Self.configurationName)
        let configuration: Configuration
        do {
            configuration = try StableJSON.value(Configuration.self, from: Data(contentsOf: file))
        } catch let error as DecodingError {
            throw AdapterFileError.damaged(file: file.path, reason: "\(error)")
        }
        guard (1...65_536).contains(configuration.r) else {
            throw AdapterFileError.damaged(file: file.path, reason: "r is \(configuration.r); allowed: 1 to 65536")
        }
        guard configuration.loraAlpha.isFinite, (0..<1).contains(configuration.loraDropout) else {
            throw AdapterFileError.damaged(
                file: file.path,
                reason: "lora_alpha is \(configuration.loraAlpha), lora_dropout \(configuration.loraDropout); "
                    + "allowed: a number, and from 0, below 1")
        }
        rank = configuration.r
        alpha = configuration.loraAlpha
        dropout = configuration.loraDropout
        targets = configuration.targetModules
        basePath = configuration.baseModelPath ?? configuration.baseModelNameOrPath
        baseName = configuration.baseModelName ?? configuration.baseModelNameOrPath
        weights = folder.appending(path: Self.weightsName)
    }

    /// Attaches the adapter with its saved values; the model's own weights stay as they are.
    /// - Throws: ``AdapterFileError/mismatch(file:tensor:)`` where the file was made for another model.
    public func attach(to decoder: TransformerDecoder) throws {
        let saved = try TensorArchive.read(weights.path)
        // Nothing is allocated for a rank that the saved tensors do not have.
        for (name, tensor) in saved
        where tensor.rank != 2 || min(tensor.size(0), tensor.size(1)) > rank
            || !tensor.shape.contains(rank)
        {
            throw AdapterFileError.mismatch(file: weights.path, tensor: "\(name) \(tensor.shape) with r = \(rank)")
        }
        decoder.attachAdapters(
            rank: rank, alpha: alpha, dropout: dropout, targets: Set(targets), from: RandomSource(seed: 0))
        let own = decoder.trainableParameters
        guard own.count == saved.count else {
            throw AdapterFileError.mismatch(file: weights.path, tensor: "\(saved.count) tensors for \(own.count)")
        }
        for parameter in own {
            guard let values = saved[Self.prefix + parameter.name], values.shape == parameter.tensor.shape else {
                throw AdapterFileError.mismatch(file: weights.path, tensor: parameter.name)
            }
            parameter.tensor.assign(values)
        }
    }

    /// Writes the adapter of a model whose trainable parameters are the adapter's.
    public static func write(_ settings: AdapterRecipe, of model: BaseModel, to folder: URL) throws {
        let tensors = model.decoder.parameters.filter { $0.name.contains(".lora_") }
        try TensorArchive.write(
            tensors.map { (prefix + $0.name, $0.tensor) }, to: folder.appending(path: weightsName).path)
        // Other programs cannot open every file that we can, but they know published models by name.
        let path = model.path.standardizedFileURL.path
        let published = PublishedModel.at(model.path)?.hubName
        let configuration = Configuration(
            baseModelNameOrPath: published ?? path, baseModelName: model.name,
            baseModelPath: published == nil ? nil : path, r: settings.rank, loraAlpha: settings.alpha,
            loraDropout: settings.dropout, targetModules: settings.targets.sorted())
        try StableJSON.write(configuration, to: folder.appending(path: configurationName))
    }
}

/// What is wrong with a saved adapter.
public enum AdapterFileError: Error, Equatable, CustomStringConvertible {
    case damaged(file: String, reason: String)
    case mismatch(file: String, tensor: String)

    public var description: String {
        switch self {
        case .damaged(let file, let reason): "\(file): damaged: \(reason)"
        case .mismatch(let file, let tensor): "\(file): does not fit the model: \(tensor)"
        }
    }
}
