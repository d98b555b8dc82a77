public import Tensors

/// Changes parameters by their gradients. The state it keeps between steps can be saved and restored, so that a resumed
/// run takes the same steps as an uninterrupted one.
public protocol Optimizer: AnyObject {
    var groups: [ParameterGroup] { get }

    /// One step along the gradients of all parameters; parameters without a gradient stay as they are.
    /// - Parameter gradientScale: multiplies the gradients, as ``GradientScaling/clipping(_:scale:maximumNorm:)`` wants it.
    ///   Whether they are changed in their own memory is left open: clear them afterwards.
    func step(learningRate: Double, gradientScale: Double)

    /// What the optimiser keeps beside the parameters, named `PARAMETER.PART`. The tensors are the optimiser's own.
    var state: [NamedParameter] { get }
}

extension Optimizer {
    public var parameters: [NamedParameter] { groups.flatMap(\.parameters) }

    /// One step along the gradients as they are.
    public func step(learningRate: Double) { step(learningRate: learningRate, gradientScale: 1) }

    /// Drops the gradients of all parameters.
    public func clearGradients() {
        for parameter in parameters { parameter.tensor.gradient = nil }
    }

    /// Takes over a saved state.
    /// - Throws: ``OptimizerStateError`` where it belongs to another optimiser or other parameters.
    public func restore(_ saved: [String: Tensor]) throws(OptimizerStateError) {
        let own = state
        let names = Set(own.map(\.name))
        if let stranger = saved.keys.sorted().first(where: { !names.contains($0) }) { throw .unexpected(stranger) }
        for part in own {
            guard let values = saved[part.name] else { throw .missing(part.name) }
            guard values.shape == part.tensor.shape else {
                throw .shape(part.name, found: values.shape, expected: part.tensor.shape)
            }
        }
        for part in own { if let values = saved[part.name] { part.tensor.assign(values) } }
    }
}

/// A saved state that does not fit an optimiser.
public enum OptimizerStateError: Error, Equatable, CustomStringConvertible {
    case missing(String)
    case unexpected(String)
    case shape(String, found: [Int], expected: [Int])

    public var description: String {
        switch self {
        case .missing(let name): "optimiser state: \(name) is missing; it was saved for other parameters"
        case .unexpected(let name): "optimiser state: \(name) has no place here; it was saved for other parameters"
        case .shape(let name, let found, let expected):
            "optimiser state: \(name) has shape \(found), but the parameter needs \(expected)"
        }
    }
}

/// Parameters that share their settings.
public struct ParameterGroup {
    public var parameters: [NamedParameter]
    /// The share of a parameter that a step with learning rate 1 would take away.
    public var weightDecay: Double
    /// Multiplies the learning rate.
    public var learningRateScale: Double

    public init(_ parameters: [NamedParameter], weightDecay: Double = 0, learningRateScale: Double = 1) {
        self.parameters = parameters
        self.weightDecay = weightDecay
        self.learningRateScale = learningRateScale
    }

    /// The usual two groups: matrices decay, vectors (biases, norms) and single numbers do not.
    public static func standard(_ parameters: [NamedParameter], weightDecay: Double) -> [ParameterGroup] {
        [
            ParameterGroup(parameters.filter { $0.tensor.rank >= 2 }, weightDecay: weightDecay),
            ParameterGroup(parameters.filter { $0.tensor.rank < 2 }, weightDecay: 0),
        ].filter { !$0.parameters.isEmpty }
    }
}

/// Scaling of gradients before a step.
public enum GradientScaling {
    /// What to multiply all gradients with: `scale`, and as much more as keeps their common Euclidean norm at most
    /// `maximumNorm` (Pascanu et al. 2013).
    ///
    /// The norm is read once; nothing else waits for the device.
    /// - Parameter maximumNorm: of the scaled gradients; nil leaves them as long as they are.
    /// - Returns: the norm after `scale` and before clipping, and the factor: 1 where the norm is not finite.
    public static func clipping(
        _ parameters: [NamedParameter], scale: Double = 1, maximumNorm: Double? = nil
    ) -> (norm: Double, factor: Double) {
        let norm = Tensor.globalNorm(parameters.compactMap(\.tensor.gradient)) * scale
        guard norm.isFinite else { return (norm, 1) }
        // The small addend is the usual guard against a norm of 0.
        return (norm, scale * (maximumNorm.map { min(1, $0 / (norm + 1e-6)) } ?? 1))
    }

    /// Multiplies all gradients by the factor of ``clipping(_:scale:maximumNorm:)``, in their own memory.
    /// - Returns: the norm after `scale` and before clipping. If it is not finite, the gradients are left alone.
    @discardableResult
    public static func scaleAndClip(
        _ parameters: [NamedParameter], scale: Double = 1, maximumNorm: Double? = nil
    ) -> Double {
        let (norm, factor) = clipping(parameters, scale: scale, maximumNorm: maximumNorm)
        let gradients = parameters.compactMap(\.tensor.gradient)
        if factor != 1, !gradients.isEmpty { Tensor.scale(gradients, by: factor) }
        return norm
    }
}
