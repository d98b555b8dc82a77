import Layers
import Tensors

/// Matrix factorisation over the identifiers of all types: `b_u + b_i + b_type + p_u · q_i`. It shares the users'
/// factors, and knows no attributes.
final class FactorScorer: PairScorer {
    private let userFactors: Embedding
    private let itemFactors: Embedding
    private let userBias: Embedding
    private let itemBias: Embedding
    private var typeBias: Tensor  // [types, 1]
    private let firstItems: [Int]

    init(_ data: HeterogeneousData, dimensions: Int, seed: UInt64) {
        let source = RandomSource(seed: seed)
        func table(_ count: Int, _ width: Int, _ deviation: Double) -> Embedding {
            Embedding(count: count, dimensions: width, standardDeviation: deviation, from: source)
        }
        userFactors = table(data.userCount, dimensions, 0.1)
        itemFactors = table(data.itemCount, dimensions, 0.1)
        userBias = table(data.userCount, 1, 0)
        itemBias = table(data.itemCount, 1, 0)
        typeBias = .zeros([data.types.count, 1])
        firstItems = data.firstItems
    }

    func logits(_ batch: PairBatch) -> Tensor {
        let users = batch.userIndices
        let first = Int64(firstItems[batch.type])
        let items = Tensor(batch.items.map { Int64($0) + first })
        let bias = userBias(users) + itemBias(items) + typeBias.select(batch.type, along: 0)
        return (userFactors(users) * itemFactors(items)).sum(along: 1) + bias.squeezed(axis: 1)
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        userFactors.visitParameters(path / "userFactors", visit)
        itemFactors.visitParameters(path / "itemFactors", visit)
        userBias.visitParameters(path / "userBias", visit)
        itemBias.visitParameters(path / "itemBias", visit)
        visit(path / "typeBias", &typeBias)
    }
}

/// The homogeneous baseline: DeepFM on what all types have in common (user, item, type).
final class SharedFieldScorer: PairScorer {
    private let model: DeepFM
    private let firstItems: [Int]

    init(_ data: HeterogeneousData, dimensions: Int, seed: UInt64) {
        firstItems = data.firstItems
        // Index 0 of a field stands for unknown.
        let schema = FeatureSchema(categories: [
            .init("user", count: data.userCount + 1), .init("item", count: data.itemCount + 1),
            .init("type", count: data.types.count + 1),
        ])
        var configuration = DeepFM.Configuration()
        configuration.dimensions = dimensions
        configuration.widths = [64, 32]
        model = DeepFM(schema, configuration, from: RandomSource(seed: seed))
    }

    func logits(_ batch: PairBatch) -> Tensor {
        let type = Int32(batch.type)
        let rows = zip(batch.users, batch.items).flatMap { [$0 + 1, $1 + Int32(firstItems[batch.type]) + 1, type + 1] }
        let batch = FeatureBatch(
            categories: Tensor(rows, shape: [batch.count, 3]).cast(to: .int64),
            labels: Tensor(batch.labels, shape: [batch.count, 1]), knownLabels: batch.count)
        return model.logits(batch).squeezed(axis: 1)
    }

    var randomSources: [(name: String, source: RandomSource)] { model.randomSources }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) { model.visitParameters(path, visit) }
}

/// In the manner of CCCFNet (Lian et al. 2017): users have one representation, each type has an item tower of its own over
/// attributes and interactions; tanh. Nothing ties the towers to each other but the users.
final class ContentBoostedScorer: PairScorer {
    private let maps: [UnifiedRepresentation.TypeMap]
    private let itemTowers: [ScoringTower]
    private let userTower: ScoringTower
    private let userFactors: Embedding
    private let interactions: InteractionEmbeddings

    init(_ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, seed: UInt64) {
        let source = RandomSource(seed: seed)
        let width = configuration.unifiedDimensions
        maps = data.types.map { .init($0, configuration, from: source) }
        userFactors = Embedding(
            count: data.userCount, dimensions: width, standardDeviation: configuration.interactionDeviation,
            from: source)
        itemTowers = maps.map { _ in
            ScoringTower(2 * width, hidden: [width], output: width, activation: .tanh, from: source)
        }
        userTower = ScoringTower(2 * width, hidden: [width], output: width, activation: .tanh, from: source)
        interactions = InteractionEmbeddings(data, configuration, from: source)
    }

    func logits(_ batch: PairBatch) -> Tensor {
        let met = interactions(batch)
        let user = userTower(.concatenated([met.users, userFactors(batch.userIndices)], along: 1))
        let map = maps[batch.type]
        let content = map.map(map.raw(batch.itemIndices))
        let item = itemTowers[batch.type](.concatenated([met.items, content], along: 1))
        return (user * item).sum(along: 1)
    }

    var randomSources: [(name: String, source: RandomSource)] { [("interactions", interactions.source)] }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        for (index, map) in maps.enumerated() { map.visitParameters(path / "types" / index, visit) }
        for (index, tower) in itemTowers.enumerated() { tower.visitParameters(path / "itemTowers" / index, visit) }
        userTower.visitParameters(path / "userTower", visit)
        interactions.visitParameters(path / "interactions", visit)
        userFactors.visitParameters(path / "userFactors", visit)
    }
}

/// In the manner of DDTCDR (Li & Tuzhilin 2020): a rating network RS_p for each type; a user's latent vector of one type
/// reaches the networks of the others through orthogonal bridges:
/// `y_p = (1 - α) RS_p(u_p, i) + α mean_{q≠p} RS_q(X_pq u_p, i)`, with `|X Xᵀ - 1|²` kept small.
final class DualTransferScorer: PairScorer {
    /// The share of the other types' networks (the paper's α).
    private let transfer = 0.03
    /// Weight of the bridges' orthogonality (the released comparison's).
    private let orthogonality = 1e-6
    private let maps: [UnifiedRepresentation.TypeMap]
    private let networks: [ScoringTower]
    private let userTowers: [ScoringTower]
    private let itemTowers: [ScoringTower]
    /// X_pq at `p * types + q`, each `[width, width]`.
    private var bridges: [Tensor]
    private let interactions: InteractionEmbeddings

    init(_ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, seed: UInt64) {
        let source = RandomSource(seed: seed)
        let width = configuration.unifiedDimensions
        maps = data.types.map { .init($0, configuration, from: source) }
        userTowers = maps.map { _ in ScoringTower(width, hidden: [width], output: width, from: source) }
        itemTowers = maps.map { _ in ScoringTower(2 * width, hidden: [width], output: width, from: source) }
        networks = maps.map { _ in ScoringTower(3 * width, hidden: [64, 32], output: 1, from: source) }
        bridges = maps.flatMap { _ in data.types.map { _ in Tensor.identity(width) } }
        interactions = InteractionEmbeddings(data, configuration, from: source)
    }

    func logits(_ batch: PairBatch) -> Tensor {
        let type = batch.type
        let met = interactions(batch)
        let user = userTowers[type](met.users)
        let content = maps[type].map(maps[type].raw(batch.itemIndices))
        let item = itemTowers[type](.concatenated([met.items, content], along: 1))
        let own = rating(type, user, item)
        let others = maps.indices.filter { $0 != type }.map {
            rating($0, user.matmul(bridges[type * maps.count + $0]), item)
        }
        guard !others.isEmpty else { return own }
        return (1 - transfer) * own + transfer * Tensor.stacked(others).mean(along: 0)
    }

    /// The products help a small network to find inner products.
    private func rating(_ type: Int, _ user: Tensor, _ item: Tensor) -> Tensor {
        networks[type](.concatenated([user, item, user * item], along: 1)).squeezed(axis: 1)
    }

    func penalty() -> Tensor? {
        let width = bridges[0].size(0)
        let differences = bridges.map { ($0.matmul($0.transposed()) - Tensor.identity(width)).squared().sum() }
        return orthogonality * Tensor.stacked(differences).sum()
    }

    var randomSources: [(name: String, source: RandomSource)] { [("interactions", interactions.source)] }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        for index in maps.indices {
            maps[index].visitParameters(path / "types" / index, visit)
            userTowers[index].visitParameters(path / "userTowers" / index, visit)
            itemTowers[index].visitParameters(path / "itemTowers" / index, visit)
            networks[index].visitParameters(path / "networks" / index, visit)
        }
        interactions.visitParameters(path / "interactions", visit)
        for index in bridges.indices { visit(path / "bridges" / index, &bridges[index]) }
    }
}
