import Foundation
import Tensors

/// Token ids with a meaning for generation, as a model's files state them.
public struct SpecialTokens: Hashable, Sendable {
    /// Put before a text by models that want it.
    public var beginning: Int?
    /// Each of these ends a generation.
    public var ends: [Int]
    public var padding: Int?

    public init(beginning: Int? = nil, ends: [Int] = [], padding: Int? = nil) {
        self.beginning = beginning
        self.ends = ends
        self.padding = padding
    }

    /// Reads `generation_config.json`, which decides where it is present, and `config.json` in `folder`.
    ///
    /// - Throws: `WeightFileError` for fields of the wrong type.
    public init(folder: String) throws {
        self.init()
        for name in ["generation_config.json", "config.json"] {
            let path = "\(folder)/\(name)"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            let fields = try ConfigurationFields(file: path)
            let ids = 0...ConfigurationFields.maximumSize
            beginning = try beginning ?? fields.integer("bos_token_id", in: ids)
            padding = try padding ?? fields.integer("pad_token_id", in: ids)
            if ends.isEmpty { ends = try fields.integers("eos_token_id") ?? [] }
        }
    }
}
