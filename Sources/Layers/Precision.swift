public import Tensors

/// The type in which matrix products and activations are computed. Parameters stay in f32.
public enum Precision: String, Sendable, CaseIterable, Codable {
    /// bf16 where the processor multiplies it in hardware, else f32.
    case auto
    case f32
    case bf16

    /// The precision that `auto` stands for here.
    public var resolved: Precision { self == .auto ? (Runtime.hasFastBFloat16 ? .bf16 : .f32) : self }

    public var computeType: DType { resolved == .bf16 ? .bfloat16 : .float32 }
}
