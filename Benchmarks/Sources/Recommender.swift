import Corpora
import Layers
import Recommendation
import Tensors
import Training

/// The data of the recommender rows, by a formula that `Peers/recommender.py` has too.
enum RecommenderData {
    static let users = 2000
    static let items = 5000
    static let length = 40

    static func item(user: Int, step: Int) -> Int { (user * 7919 + step * 104_729 + (step * step) % 97) % items }

    static func split() throws -> InteractionSplit {
        let pairs = (0..<users).flatMap { user in (0..<length).map { (user, item(user: user, step: $0)) } }
        let log = try InteractionLog(
            users: IdentifierMap(count: users), items: IdentifierMap(count: items),
            userIndices: pairs.map { Int32($0.0) }, itemIndices: pairs.map { Int32($0.1) })
        return .leaveOneOut(log)
    }

    /// User, item and five fields of 20 values; the label follows no rule.
    static func rows() throws -> FeatureRows {
        let fields = (0..<5).map { FeatureSchema.Category("field\($0)", count: 21) }
        let schema = FeatureSchema(
            categories: [.init("user", count: users + 1), .init("item", count: items + 1)] + fields)
        var rows = FeatureRows(schema: schema)
        for user in 0..<users {
            for step in 0..<length {
                let item = item(user: user, step: step)
                let values = (0..<5).map { Int32(1 + (item * (3 + $0) + user) % 20) }
                try rows.append(
                    categories: [Int32(user + 1), Int32(item + 1)] + values,
                    labels: [(item * 31 + user) % 3 == 0 ? 1 : 0])
            }
        }
        return rows
    }
}

/// Steps of training with batches of 2,048 rows, batch assembly included; seconds a step.
func recommenderTraining(_ kind: String, steps: Int) throws {
    func train<Model: TrainableModel, Source: BatchSource>(_ model: Model, _ source: Source) throws
    where Source.Batch == Model.Batch {
        model.train()
        let options = FittingOptions()
        let optimizer = options.optimizer(for: model.trainableParameters)
        var clock: [Double] = []
        var losses: [Double] = []
        for _ in 0..<steps {
            clock.append(
                try seconds {
                    guard let batch = try source.next() else { return }
                    let loss = try model.loss(batch)
                    let mean = loss.sum / loss.weight
                    try mean.backward()
                    optimizer.step(learningRate: options.learningRate)
                    optimizer.clearGradients()
                    losses.append(mean.item)
                })
        }
        report([
            "seconds": clock, "losses": losses, "rows": 2048, "peakBytes": peakBytes(), "threads": Runtime.threadCount,
        ])
    }
    let generator = RandomSource(seed: 7)
    if kind == "sasrec" {
        let configuration = SelfAttentiveSequence.Configuration.recBole
        let split = try RecommenderData.split()
        try train(
            SelfAttentiveSequence(configuration, itemCount: RecommenderData.items, from: generator),
            try InteractionSource(split, layout: configuration.layout, rowsPerBatch: 2048, seed: 7))
    } else {
        let rows = try RecommenderData.rows()
        try train(
            DeepFM(rows.schema, from: generator), try FeatureRowSource(rows, rowsPerBatch: 2048, seed: 7))
    }
}

/// Full ranking of the test items of all users by a new SASRec; seconds a pass.
func recommenderRanking(passes: Int) throws {
    let split = try RecommenderData.split()
    let model = SelfAttentiveSequence(.recBole, itemCount: RecommenderData.items, from: RandomSource(seed: 7))
    let measurement = RankingMeasurement(split, part: .test, excludesHistory: false)
    var clock: [Double] = []
    for _ in 0..<passes { clock.append(try seconds { _ = try measurement(model) }) }
    report(["seconds": clock, "users": RecommenderData.users, "peakBytes": peakBytes()])
}

/// Scoring 1,000 candidates for one user after warm-up; seconds a request, for SASRec, BPR and DeepFM.
func recommenderLatency(requests: Int) throws {
    let split = try RecommenderData.split()
    let source = RandomSource(seed: 7)
    let candidates = Array(Int32(0)..<1000)
    let user = UserContext(user: 3, history: Array(split.log.items(split.history(before: .test, user: 3))))
    let models: [(String, any Recommender)] = [
        ("sasrec", SelfAttentiveSequence(.recBole, itemCount: RecommenderData.items, from: source)),
        ("gru4rec", RecurrentSequence(itemCount: RecommenderData.items, from: source)),
        (
            "bpr",
            MatrixFactorization(userCount: RecommenderData.users, itemCount: RecommenderData.items, from: source)
        ),
    ]
    var fields: [String: [Double]] = [:]
    for (name, model) in models {
        for _ in 0..<20 { _ = try model.score([user], candidates: candidates) }
        fields[name] = try (0..<requests).map { _ in
            try seconds { _ = try model.score([user], candidates: candidates).contiguous() }
        }.sorted()
    }
    report([
        "medianSeconds": fields.mapValues { $0[$0.count / 2] }, "seconds": fields.values.map { $0[$0.count / 2] },
    ])
}
