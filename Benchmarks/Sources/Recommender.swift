import Corpora
import Foundation
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
        let optimizer = options.optimizer(for: model)
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

/// Full ranking of 100,000 items for 50,000 users by a new SASRec: seconds, and the peak memory of the whole process.
func recommenderScale() throws {
    let (users, items, length) = (50_000, 100_000, 12)
    let log = try InteractionLog(
        users: IdentifierMap(count: users), items: IdentifierMap(count: items),
        userIndices: (0..<(users * length)).map { Int32($0 / length) },
        itemIndices: (0..<(users * length)).map { Int32(($0 / length * 7919 + $0 % length * 104_729) % items) })
    let model = SelfAttentiveSequence(.recBole, itemCount: items, from: RandomSource(seed: 7))
    let measurement = RankingMeasurement(.leaveOneOut(log), part: .test)
    let clock = try seconds { _ = try measurement.metrics(model) }
    report(["seconds": [clock], "users": users, "items": items, "peakBytes": peakBytes()])
}

/// Choosing 10 of 1,000 named candidates for one user with a history, as `recommend --user --history` does with a model
/// that is open, after warm-up: the median seconds of a request for each kind of model.
///
/// - Parameter only: names of methods; all where there are none.
func recommenderLatency(requests: Int, only names: [String]) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(
        path: "latency-\(ProcessInfo.processInfo.processIdentifier)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let log = folder.appending(path: "log.csv")
    var text = "user_id,item_id,timestamp,click,kind\n"
    for user in 0..<200 {
        for step in 0..<30 {
            let item = (user * 7919 + step * 104_729) % 1_200
            text += "u\(user),i\(item),\(step),\((item + user) % 3 == 0 ? 1 : 0),k\(item % 20)\n"
        }
    }
    try Data(text.utf8).write(to: log)
    var medians: [String: Double] = [:]
    for method in RecommendationMethods.all where names.isEmpty || names.contains(method.name) {
        let source = method is any FeatureMethod.Type ? "data.interactions.source" : "data.source"
        var document = try RecipeDocument(yaml: "method: \(method.name)", source: "benchmark")
        var settings = ["\(source)=\(log.path)"]
        if !(method is any CountedMethod.Type) { settings += ["fitting.epochs=1", "fitting.rowsPerBatch=2048"] }
        for setting in settings { try document.set(setting) }
        let recipe = document
        var session = TrainingSession(output: folder.appending(path: method.name))
        session.showsProgress = false
        let quiet = session
        medians[method.name] = try await TensorActor.run {
            let saved = try SavedRecommender.open(try method.train(recipe: recipe, in: quiet).folder)
            let candidates = Array(saved.items.tokens.prefix(1_000))
            let history = Array(saved.items.tokens.suffix(20))
            func request() throws {
                _ = try saved.recommend(user: "u3", history: history, count: 10, candidates: candidates)
            }
            for _ in 0..<20 { try request() }
            return try (0..<requests).map { _ in try seconds(request) }.sorted()[requests / 2]
        }
    }
    report(["medianSeconds": medians, "seconds": Array(medians.values), "peakBytes": peakBytes()])
}
