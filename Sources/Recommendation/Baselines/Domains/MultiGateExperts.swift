public import Layers
public import Tensors

/// Multi-gate mixture of experts (MMoE, Ma et al. 2018): shared experts, one softmax gate and one tower for each task.
public final class MultiGateExperts: FeatureModel {
    /// Experts, gates and towers as in DeepCTR-Torch; the dimensions are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 16
        public var experts = 3
        public var expertWidths = [256, 128]
        public var gateWidths = [64]
        public var towerWidths = [64]
        public var dropout = 0.0

        public init() {}
    }

    public let schema: FeatureSchema
    public let input: DomainInput
    public let experts: Experts
    public let gates: [ExpertGate]
    public let towers: [Tower]
    public let heads: [Linear]
    public let randomSources: [(name: String, source: RandomSource)]

    public init(_ schema: FeatureSchema, _ configuration: Configuration = .init(), from source: RandomSource) {
        self.schema = schema
        let input = DomainInput(schema, dimensions: configuration.dimensions, from: source)
        self.input = input
        experts = Experts(
            count: configuration.experts, inputDimensions: input.width, widths: configuration.expertWidths,
            dropout: configuration.dropout, from: source)
        let width = configuration.expertWidths.last ?? input.width
        gates = schema.tasks.map { _ in
            ExpertGate(
                inputDimensions: input.width, widths: configuration.gateWidths, experts: configuration.experts,
                from: source)
        }
        towers = schema.tasks.map { _ in
            Tower(
                inputDimensions: width, widths: configuration.towerWidths, dropout: configuration.dropout, from: source)
        }
        heads = schema.tasks.map { _ in .glorot(configuration.towerWidths.last ?? width, 1, from: source) }
        randomSources = [("dropout", source)]
    }

    public func logits(_ batch: FeatureBatch) -> Tensor {
        let x = input(batch)
        let mixed = experts(x)
        return .concatenated(
            schema.tasks.indices.map { towers[$0](TowerInput(gates[$0](x, mixing: mixed)), head: heads[$0]) }, along: 1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        input.visitParameters(path / "input", visit)
        experts.visitParameters(path / "experts", visit)
        for task in schema.tasks.indices {
            gates[task].visitParameters(path / "gates" / task, visit)
            towers[task].visitParameters(path / "towers" / task, visit)
            heads[task].visitParameters(path / "heads" / task, visit)
        }
    }
}
