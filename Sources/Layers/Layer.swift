public import Tensors

/// The dotted name of a parameter, as weight files spell it: `model.layers.3.mlp.up_proj.weight`.
public struct ParameterPath: Sendable, Hashable, CustomStringConvertible {
    public let name: String

    public init(_ name: String = "") { self.name = name }

    public static func / (path: ParameterPath, part: String) -> ParameterPath {
        ParameterPath(path.name.isEmpty ? part : "\(path.name).\(part)")
    }

    public static func / (path: ParameterPath, index: Int) -> ParameterPath { path / String(index) }

    public var description: String { name }
}

/// Receives each parameter of a layer, and may put another tensor in its place.
public typealias ParameterVisitor = (ParameterPath, inout Tensor) -> Void

/// Something with parameters. Layers list them explicitly; there is no reflection.
public protocol Layer: AnyObject {
    /// Visits the parameters in a fixed order, children under their own part of the path.
    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor)
}

/// A whole network. A second one (target, reference, average) is made by ``copy()`` only: two names for one object
/// would train together.
public protocol Network: Layer {
    /// A network with equal parameters in memory of its own.
    func copy() -> Self
}

/// A parameter and its name.
public struct NamedParameter {
    public let name: String
    public let tensor: Tensor

    public init(name: String, tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }
}

extension Layer {
    /// All parameters in order.
    public var parameters: [NamedParameter] {
        var found: [NamedParameter] = []
        visitParameters(ParameterPath()) { found.append(NamedParameter(name: $0.name, tensor: $1)) }
        return found
    }

    /// The parameters that record gradients.
    public var trainableParameters: [NamedParameter] { parameters.filter(\.tensor.requiresGradient) }

    /// Sets which parameters train, by name.
    public func train(where isTrained: (String) -> Bool = { _ in true }) {
        for parameter in parameters { parameter.tensor.requiringGradient(isTrained(parameter.name)) }
    }

    /// The number of numbers in all parameters.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.tensor.count } }

    /// Copies the values of another layer with the same parameters.
    /// - Precondition: names and shapes agree.
    public func copyParameters(from other: some Layer) {
        let source = Dictionary(uniqueKeysWithValues: other.parameters.map { ($0.name, $0.tensor) })
        for parameter in parameters {
            guard let values = source[parameter.name], values.shape == parameter.tensor.shape else {
                fatalError("parameter \(parameter.name) of shape \(parameter.tensor.shape) is missing in the source")
            }
            parameter.tensor.assign(values)
        }
    }

    /// Moves this network's parameters towards another's: `p += weight * (q - p)` (an exponential average).
    public func moveParameters(towards other: some Layer, weight: Double) {
        for (own, target) in zip(parameters, other.parameters) {
            precondition(own.name == target.name, "\(own.name) is paired with \(target.name)")
            own.tensor.moveTowards(target.tensor, weight: weight)
        }
    }
}
