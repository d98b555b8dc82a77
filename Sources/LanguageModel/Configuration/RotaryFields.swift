import Tensors

/// The rotary base and scaling of one kind of layer, from any of the spellings in use: `rope_parameters` (flat, or nested
/// by kind of layer) of transformers 5, or `rope_theta`, `rope_local_base_freq` and `rope_scaling` before it.
struct RotaryFields {
    let base: Double
    let scaling: RotaryScaling

    /// - Parameter kind: `full_attention` or `sliding_attention` where a family has both, else nil.
    init(
        _ fields: ConfigurationFields, kind: String? = nil, defaultBase: Double, maximumPositions: Int
    ) throws {
        let isWindowed = kind == "sliding_attention"
        if let parameters = try fields.object("rope_parameters") {
            let own = try kind.flatMap { try parameters.object($0) } ?? parameters
            base = try own.number("rope_theta") ?? defaultBase
            scaling = try Self.scaling(own, maximumPositions: maximumPositions)
        } else {
            base = try fields.number(isWindowed ? "rope_local_base_freq" : "rope_theta") ?? defaultBase
            scaling =
                try isWindowed
                ? .none
                : fields.object("rope_scaling").map { try Self.scaling($0, maximumPositions: maximumPositions) }
                    ?? .none
        }
        if isWindowed, scaling != .none {
            throw fields.malformed(
                "rope_parameters.sliding_attention.rope_type", found: "a scaled one", allowed: "default")
        }
    }

    private static func scaling(_ fields: ConfigurationFields, maximumPositions: Int) throws -> RotaryScaling {
        func factor() throws -> Double {
            guard let factor = try fields.number("factor") else {
                throw fields.malformed("factor", found: "absent", allowed: "a positive number")
            }
            return factor
        }
        let type = try fields.string("rope_type", "type") ?? "default"
        let original =
            try fields.integer(
                "original_max_position_embeddings", in: 1...ConfigurationFields.maximumPositions) ?? maximumPositions
        switch type {
        case "default": return .none
        case "linear": return .linear(factor: try factor())
        case "dynamic": return .dynamic(factor: try factor(), maximumPositions: maximumPositions)
        case "llama3":
            return .llama3(
                factor: try factor(), lowFrequencyFactor: try fields.number("low_freq_factor") ?? 1,
                highFrequencyFactor: try fields.number("high_freq_factor") ?? 4, originalMaximumPositions: original)
        case "yarn":
            let factor = try fields.number("factor") ?? Double(maximumPositions) / Double(original)
            return .yarn(
                factor: factor, originalMaximumPositions: original,
                betaFast: try fields.number("beta_fast") ?? 32, betaSlow: try fields.number("beta_slow") ?? 1,
                attentionFactor: try fields.number("attention_factor") ?? Self.attentionFactor(fields, factor: factor),
                roundsBounds: try fields.bool("truncate") ?? true)
        default:
            throw fields.malformed(
                "rope_type", found: "\"\(type)\"", allowed: "one of default, linear, dynamic, llama3, yarn")
        }
    }

    /// `mscale` and `mscale_all_dim` weigh YaRN's factor as a quotient of two.
    private static func attentionFactor(_ fields: ConfigurationFields, factor: Double) throws -> Double {
        let plain = RotaryScaling.yarnAttentionFactor(factor)
        guard let upper = try fields.number("mscale", positive: false), upper != 0,
            let lower = try fields.number("mscale_all_dim", positive: false), lower != 0
        else { return plain }
        return (1 + upper * (plain - 1)) / (1 + lower * (plain - 1))
    }
}
