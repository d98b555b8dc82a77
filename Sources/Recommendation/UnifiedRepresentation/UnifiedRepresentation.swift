public import Layers
public import Tensors
import Training

/// Deep unified representation of heterogeneous items (DURation, WWW 2022; equations from the released code).
///
/// Each type p has a map M_p from its own attributes into one space; the towers behind are shared:
///
/// ```
/// r  = [token embeddings ; numbers]                    raw features, of another width for each type
/// x  = M_p(r)                                          unified representation
/// v  = itemTower([W_I a_i ; x]),  u = userTower(W_U a_u)
/// ŷ  = σ(u · v)
/// ```
///
/// `a_i` and `a_u` are interaction multi-hots. Beside the classification loss, the alignment pulls the distributions of x
/// of all types together, and the topology keeps the pairwise geometry of each type's raw features
/// (``UnifiedRepresentationObjective``).
///
/// What differs from the released code, and why: ``InteractionInputs`` come from liked training pairs without the scored
/// one (there: all splits, any label); the token embeddings are parameters (there: constants); the last layers of the
/// towers are linear (there: rectified, so that no score falls below 0.5); the terms are normalised and symmetric.
public final class UnifiedRepresentation: PairScorer {
    /// The type-specific part: embeddings of its tokens and its map.
    final class TypeMap: Layer {
        /// The tokens of all fields and the identifiers of the items, one field behind the other.
        let tokens: Embedding
        let map: Tower
        /// Rows of the table for each item: `[items, fields + 1]`, int64.
        let tokenIndices: Tensor
        /// `[items, numbers]`.
        let numbers: Tensor

        init(_ items: TypedItems, _ configuration: UnifiedRepresentationConfiguration, from source: RandomSource) {
            let fields = items.vocabularySizes.count
            var firsts = [0]
            for size in items.vocabularySizes { firsts.append(firsts[firsts.count - 1] + size) }
            tokens = Embedding(
                count: firsts[fields] + items.count, dimensions: configuration.tokenDimensions,
                standardDeviation: configuration.tokenDeviation, from: source)
            map = Tower(
                inputDimensions: (fields + 1) * configuration.tokenDimensions + items.numberCount,
                widths: [configuration.mapDimensions, configuration.unifiedDimensions], from: source)
            var indices: [Int64] = []
            for item in 0..<items.count {
                for field in 0..<fields {
                    indices.append(Int64(firsts[field]) + Int64(items.fields[item * fields + field]))
                }
                indices.append(Int64(firsts[fields] + item))
            }
            tokenIndices = Tensor(indices, shape: [items.count, fields + 1])
            numbers = Tensor(items.numbers, shape: [items.count, items.numberCount])
        }

        /// Raw features of items `[n]`: `[n, width]`.
        func raw(_ items: Tensor) -> Tensor {
            let embedded = tokens(tokenIndices.selected(items, along: 0)).flattened(from: 1)
            return numbers.size(1) == 0
                ? embedded : Tensor.concatenated([embedded, numbers.selected(items, along: 0)], along: 1)
        }

        func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
            tokens.visitParameters(path / "tokens", visit)
            map.visitParameters(path / "map", visit)
        }
    }

    public let configuration: UnifiedRepresentationConfiguration
    let maps: [TypeMap]
    let interactions: InteractionEmbeddings
    let userTower: ScoringTower
    let itemTower: ScoringTower
    private let samples: RandomSource
    /// Which rows the two terms pair up; shuffled in controls.
    let shaping: Shaping

    /// What the two shaping terms see. All but `true` are controls.
    enum Shaping: Sendable {
        case `true`
        /// The items of the alignment are dealt to the types at random, so that there is nothing to align.
        case shuffledTypes
        /// The topology's raw features belong to other items.
        case shuffledTopology
    }

    /// - Parameters:
    ///   - data: its training pairs fill the interaction inputs.
    ///   - seed: of initial weights and of the items that the shaping terms draw.
    public convenience init(
        _ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, seed: UInt64
    ) {
        self.init(data, configuration, seed: seed, shaping: .true)
    }

    init(
        _ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, seed: UInt64,
        shaping: Shaping
    ) {
        self.configuration = configuration
        self.shaping = shaping
        let source = RandomSource(seed: seed)
        let width = configuration.unifiedDimensions
        maps = data.types.map { TypeMap($0, configuration, from: source) }
        interactions = InteractionEmbeddings(data, configuration, from: source)
        userTower = ScoringTower(width, hidden: [width], output: width, from: source)
        itemTower = ScoringTower(2 * width, hidden: [width], output: width, from: source)
        samples = RandomSource(seed: seed &+ 0x5A3B)
    }

    /// Unified representations of items `[n]` of a type: `[n, unified]`.
    package func unified(type: Int, items: Tensor) -> Tensor { maps[type].map(maps[type].raw(items)) }

    public func logits(_ batch: PairBatch) -> Tensor {
        let met = interactions(batch)
        let unified = unified(type: batch.type, items: batch.itemIndices)
        let item = itemTower(Tensor.concatenated([met.items, unified], along: 1))
        return (userTower(met.users) * item).sum(along: 1)
    }

    /// `λ_a V + λ_t Σ_p L_topo,p` over items drawn from each type's catalogue.
    public func penalty() -> Tensor? {
        guard configuration.alignmentWeight > 0 || configuration.topologyWeight > 0 else { return nil }
        let drawn = maps.map { map in
            let items = map.tokenIndices.size(0)
            return Tensor.integers([min(items, configuration.sampledItems)], in: 0..<items, from: samples)
        }
        let raw = zip(maps, drawn).map { $0.raw($1) }
        let unified = zip(maps, raw).map { $0.map($1) }
        var total = Tensor.zeros([])
        if configuration.alignmentWeight > 0 {
            let groups = shaping == .shuffledTypes ? dealt(unified) : unified
            let variance = UnifiedRepresentationObjective.distributionalVariance(
                groups, bandwidth: configuration.bandwidth)
            total = total + configuration.alignmentWeight * variance
        }
        if configuration.topologyWeight > 0 {
            for (raw, unified) in zip(raw, unified) {
                let target =
                    shaping == .shuffledTopology
                    ? raw.selected(Tensor.permutation(raw.size(0), from: samples), along: 0) : raw
                total =
                    total + configuration.topologyWeight
                    * UnifiedRepresentationObjective.topologyLoss(raw: target, unified: unified)
            }
        }
        return total
    }

    /// The same rows in groups of the same sizes, whatever their type.
    private func dealt(_ groups: [Tensor]) -> [Tensor] {
        let all = Tensor.concatenated(groups)
        let order = Tensor.permutation(all.size(0), from: samples)
        return all.selected(order, along: 0).split(sizes: groups.map { $0.size(0) }, along: 0)
    }

    public var randomSources: [(name: String, source: RandomSource)] {
        [("samples", samples), ("interactions", interactions.source)]
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        for (index, map) in maps.enumerated() { map.visitParameters(path / "types" / index, visit) }
        interactions.visitParameters(path / "interactions", visit)
        userTower.visitParameters(path / "userTower", visit)
        itemTower.visitParameters(path / "itemTower", visit)
    }
}
