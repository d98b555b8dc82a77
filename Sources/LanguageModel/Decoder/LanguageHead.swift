public import Layers
public import Tensors

/// A language head of its own on the residual stream after some layers of a decoder (hierarchical heads, spec 02 §2;
/// thoughts of a middle layer, §3).
///
/// It starts as a copy of the decoder's final head and is tied to nothing: both train apart from then on.
public final class LanguageHead: Network {
    /// How many blocks have run where the head reads: 0 is the embedding, the depth is the last block.
    public let layer: Int
    /// A copy of the final norm; nil where the residual stream is read as it is (as the released heads do, whose loss
    /// therefore starts near that of a uniform guess).
    public let norm: RMSNorm?
    public let output: Linear
    private let softCap: Double?

    /// Copies the final head, and the final norm where it is wanted. Adapters are not copied.
    /// - Parameter layer: from 0 to the depth.
    public init(copying decoder: TransformerDecoder, layer: Int, hasNorm: Bool) {
        precondition(
            (0...decoder.blocks.count).contains(layer), "a head after \(layer) of \(decoder.blocks.count) layers")
        self.layer = layer
        let configuration = decoder.configuration
        norm =
            hasNorm
            ? RMSNorm(
                dimensions: configuration.hiddenDimensions, epsilon: configuration.normEpsilon,
                offset: configuration.normWeightOffset) : nil
        norm?.weight = decoder.finalNorm.weight.detached().copy()
        output = Linear(
            weight: (decoder.head?.weight ?? decoder.embedding.weight).detached().copy(),
            bias: decoder.head?.bias?.detached().copy())
        softCap = configuration.finalLogitSoftCap
    }

    private init(layer: Int, norm: RMSNorm?, output: Linear, softCap: Double?) {
        (self.layer, self.norm, self.output, self.softCap) = (layer, norm, output, softCap)
    }

    /// - Parameter residual: `[..., dimensions]` after ``layer`` blocks, before the final norm.
    /// - Returns: logits `[..., vocabulary]` in f32.
    public func callAsFunction(_ residual: Tensor) -> Tensor {
        let logits = output(norm.map { $0(residual) } ?? residual).cast(to: .float32)
        return softCap.map { (logits / $0).tanh() * $0 } ?? logits
    }

    public func copy() -> LanguageHead {
        let norm = norm.map { own in
            let copy = RMSNorm(dimensions: own.weight.count, epsilon: own.epsilon, offset: own.offset)
            copy.weight = own.weight.detached().copy().requiringGradient(own.weight.requiresGradient)
            return copy
        }
        func copied(_ tensor: Tensor) -> Tensor {
            tensor.detached().copy().requiringGradient(tensor.requiresGradient)
        }
        return LanguageHead(
            layer: layer, norm: norm, output: Linear(weight: copied(output.weight), bias: output.bias.map(copied)),
            softCap: softCap)
    }

    /// Under `heads.<layer>`: `norm.weight` where there is a norm, `lm_head.weight`.
    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        let path = path / "heads" / layer
        norm?.visitParameters(path / "norm", visit)
        output.visitParameters(path / "lm_head", visit)
    }
}

extension TransformerDecoder {
    /// The residual stream after some numbers of layers, and the hidden states at the end, from one pass: several heads
    /// share it, and gradients reach every layer below each.
    /// - Parameters:
    ///   - counts: numbers of blocks that have run, from 0 to the depth.
    ///   - tokens: `[batch, time]`.
    /// - Returns: per count `[batch, time, dimensions]`, before the final norm; and ``hiddenStates(_:_:)``.
    public func residuals(
        after counts: [Int], of tokens: Tensor, _ pass: DecoderPass = DecoderPass()
    ) -> (residuals: [Tensor], hidden: Tensor) {
        var found: [Int: Tensor] = [:]
        var pass = pass
        let observe = pass.observe
        pass.observe = { hidden, layer in
            if counts.contains(layer + 1) { found[layer + 1] = hidden }
            observe?(hidden, layer)
        }
        if counts.contains(0) {
            let embedded = pass.hidden ?? embedded(tokens)
            pass.hidden = embedded
            found[0] = embedded
        }
        let hidden = hiddenStates(tokens, pass)
        return (
            counts.map { count in
                guard let residual = found[count] else { fatalError("no layer \(count) in this pass") }
                return residual
            }, hidden
        )
    }
}
