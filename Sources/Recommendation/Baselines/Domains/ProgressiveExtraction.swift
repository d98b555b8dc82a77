public import Layers
public import Tensors

/// Progressive layered extraction (PLE, Tang et al. 2020): levels of experts, some of one task and some shared; the gate of
/// a task mixes its own and the shared ones, the shared gate mixes all.
public final class ProgressiveExtraction: FeatureModel {
    /// Levels and numbers of experts as in DeepCTR-Torch (which makes as many shared experts as own ones, whatever it is
    /// told); widths and dimensions are ours.
    public struct Configuration: Sendable, Hashable, Codable {
        public var dimensions = 16
        public var levels = 2
        /// Of each task, at each level.
        public var ownExperts = 1
        public var sharedExperts = 1
        public var expertWidths = [128]
        public var gateWidths: [Int] = []
        public var towerWidths = [64]
        public var dropout = 0.0

        public init() {}
    }

    /// One level: what the paper calls customised gate control.
    final class Level: Layer {
        let own: [Experts]
        let shared: Experts
        let gates: [ExpertGate]
        /// Nil at the last level, whose shared output nobody reads.
        let sharedGate: ExpertGate?

        init(_ configuration: Configuration, tasks: Int, inputDimensions: Int, isLast: Bool, from source: RandomSource)
        {
            func experts(_ count: Int) -> Experts {
                Experts(
                    count: count, inputDimensions: inputDimensions, widths: configuration.expertWidths,
                    dropout: configuration.dropout, from: source)
            }
            func gate(_ count: Int) -> ExpertGate {
                ExpertGate(
                    inputDimensions: inputDimensions, widths: configuration.gateWidths, experts: count, from: source)
            }
            own = (0..<tasks).map { _ in experts(configuration.ownExperts) }
            shared = experts(configuration.sharedExperts)
            gates = (0..<tasks).map { _ in gate(configuration.ownExperts + configuration.sharedExperts) }
            sharedGate = isLast ? nil : gate(tasks * configuration.ownExperts + configuration.sharedExperts)
        }

        /// - Parameters:
        ///   - inputs: of each task, rows of `inputDimensions` columns.
        ///   - common: of the shared experts.
        func callAsFunction(_ inputs: [TowerInput], common: TowerInput) -> (own: [Tensor], common: Tensor?) {
            let sharedOutputs = shared(common)
            let ownOutputs = zip(own, inputs).map { $0($1) }
            let mixed = inputs.indices.map { task in
                gates[task](inputs[task], mixing: ownOutputs[task] + sharedOutputs)
            }
            return (mixed, sharedGate?(common, mixing: ownOutputs.flatMap(\.self) + sharedOutputs))
        }

        func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
            for (task, experts) in own.enumerated() { experts.visitParameters(path / "own" / task, visit) }
            shared.visitParameters(path / "shared", visit)
            for (task, gate) in gates.enumerated() { gate.visitParameters(path / "gates" / task, visit) }
            sharedGate?.visitParameters(path / "sharedGate", visit)
        }
    }

    public let schema: FeatureSchema
    public let input: DomainInput
    let levels: [Level]
    public let towers: [Tower]
    public let heads: [Linear]
    public let randomSources: [(name: String, source: RandomSource)]

    public init(_ schema: FeatureSchema, _ configuration: Configuration = .init(), from source: RandomSource) {
        self.schema = schema
        let input = DomainInput(schema, dimensions: configuration.dimensions, from: source)
        self.input = input
        let width = configuration.expertWidths.last ?? input.width
        levels = (0..<configuration.levels).map { level in
            Level(
                configuration, tasks: schema.tasks.count, inputDimensions: level == 0 ? input.width : width,
                isLast: level == configuration.levels - 1, from: source)
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
        var inputs = schema.tasks.map { _ in x }
        var common = x
        for level in levels {
            let outputs = level(inputs, common: common)
            inputs = outputs.own.map { TowerInput($0) }
            if let next = outputs.common { common = TowerInput(next) }
        }
        return .concatenated(schema.tasks.indices.map { towers[$0](inputs[$0], head: heads[$0]) }, along: 1)
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        input.visitParameters(path / "input", visit)
        for (place, level) in levels.enumerated() { level.visitParameters(path / "levels" / place, visit) }
        for task in schema.tasks.indices {
            towers[task].visitParameters(path / "towers" / task, visit)
            heads[task].visitParameters(path / "heads" / task, visit)
        }
    }
}
