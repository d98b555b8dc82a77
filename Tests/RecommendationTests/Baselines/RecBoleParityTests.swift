import Corpora
import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

/// RecBole's weights in our models (Scripts/fixtures/recommenders.py).
@Suite("RecBole parity")
struct RecBoleParityTests {
    struct Stored: Decodable {
        let shape: [Int]
        let values: [Float]
    }
    struct Sequences: Decodable {
        let weights: [String: Stored]
        let histories: [[Int]]
        let lengths: [Int]
        let targets: [Int]
        let scores: [Float]
        let loss: Double
        let positionGradient: [Float]
    }
    struct Pairs: Decodable {
        let weights: [String: Stored]
        let users: [Int]
        let positives: [Int]
        let negatives: [Int]
        let scores: [Float]
        let loss: Double
    }
    struct Fields: Decodable {
        let weights: [String: Stored]
        let fields: [String]
        let counts: [Int]
        let inputs: [String: [Int32]]
        let labels: [Float]
        let logits: [Float]
        let loss: Double
    }
    struct ListFields: Decodable {
        let weights: [String: Stored]
        let fields: [String]
        let counts: [Int]
        let inputs: [String: [Int32]]
        let lists: [String]
        let listCounts: [Int]
        let listInputs: [String: [[Int32]]]
        let labels: [Float]
        let logits: [Float]
        let loss: Double
    }
    struct Metrics: Decodable {
        let scores: [Float]
        let items: Int
        let positives: [[Int32]]
        let excluded: [[Int32]]
        let values: [String: Double]
    }
    struct Cases: Decodable {
        let sasrec: Sequences
        let bpr: Pairs
        let deepfm: Fields
        let deepfmLists: ListFields
        let metrics: Metrics
    }

    let cases: Cases

    init() throws {
        let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        let file = folder.appending(path: "recommenders.json")
        let manifest = try String(contentsOf: folder.appending(path: "MANIFEST.sha256"), encoding: .utf8)
        try #require(manifest == "\(try SHA256.hexadecimal(ofFile: file))  recommenders.json\n")
        cases = try JSONDecoder().decode(Cases.self, from: Data(contentsOf: file))
    }

    private func tensors(_ stored: [String: Stored]) -> [String: Tensor] {
        stored.mapValues { Tensor($0.values, shape: $0.shape) }
    }

    @Test("SASRec: scores, loss and the gradient of the position table")
    func selfAttention() throws {
        let found = cases.sasrec
        var configuration = SelfAttentiveSequence.Configuration.recBole
        configuration.dimensions = 8
        configuration.innerDimensions = 16
        configuration.length = 5
        configuration.dropout = 0
        let model = SelfAttentiveSequence(configuration, itemCount: 11, from: RandomSource(seed: 1))
        try RecBoleWeights.load(tensors(found.weights), into: model)
        let users = zip(found.histories, found.lengths).map { history, length in
            UserContext(history: history.prefix(length).map { Int32($0 - 1) })
        }
        let scores = try model.score(users, candidates: Array(0..<11))
        let expected = Tensor(found.scores, shape: [3, 12]).slice(1..<12, along: 1)
        #expect(scores.isClose(to: expected, absoluteTolerance: 1e-4))
        let few = try model.score(users, candidates: [7, 2])
        #expect(
            few.isClose(
                to: .stacked([expected.select(7, along: 1), expected.select(2, along: 1)], along: 1),
                absoluteTolerance: 1e-4))

        model.train()
        let batch = InteractionBatch(
            users: .zeros([3], dtype: .int64), histories: Tensor(found.histories.flatMap(\.self), shape: [3, 5]),
            lengths: Tensor(found.lengths), targets: Tensor(found.targets), targetCount: 3)
        let loss = try model.loss(batch)
        #expect(abs(loss.sum.item / loss.weight - found.loss) < 1e-5)
        try (loss.sum / loss.weight).backward()
        let gradient = try #require(model.places.gradient)
        #expect(gradient.isClose(to: Tensor(found.positionGradient, shape: [5, 8]), absoluteTolerance: 1e-5))
    }

    @Test("BPR: scores and loss")
    func pairwiseRanking() throws {
        let found = cases.bpr
        var configuration = MatrixFactorization.Configuration()
        configuration.dimensions = 8
        configuration.hasBiases = false
        let model = MatrixFactorization(configuration, userCount: 6, itemCount: 11, from: RandomSource(seed: 1))
        try RecBoleWeights.load(tensors(found.weights), into: model)
        let scores = try model.score(found.users.map { UserContext(user: Int32($0 - 1)) }, candidates: Array(0..<11))
        let expected = Tensor(found.scores, shape: [3, 12]).slice(1..<12, along: 1)
        #expect(scores.isClose(to: expected, absoluteTolerance: 1e-4))
        let batch = InteractionBatch(
            users: Tensor(found.users.map { $0 - 1 }), targets: Tensor(found.positives),
            negatives: Tensor(found.negatives), targetCount: 3)
        let loss = try model.loss(batch)
        #expect(abs(loss.sum.item / loss.weight - found.loss) < 1e-5)
    }

    @Test("DeepFM: logits and loss")
    func factorizationMachine() throws {
        let found = cases.deepfm
        let schema = FeatureSchema(categories: zip(found.fields, found.counts).map { .init($0, count: $1) })
        var configuration = DeepFM.Configuration()
        configuration.dimensions = 4
        configuration.widths = [8, 6]
        configuration.dropout = 0
        let model = DeepFM(schema, configuration, from: RandomSource(seed: 1))
        try RecBoleWeights.load(tensors(found.weights), into: model)
        var rows = FeatureRows(schema: schema)
        for row in found.labels.indices {
            try rows.append(
                categories: found.fields.map { try #require(found.inputs[$0])[row] }, labels: [found.labels[row]])
        }
        #expect(model.logits(rows.all).isClose(to: Tensor(found.logits, shape: [4, 1]), absoluteTolerance: 1e-4))
        let loss = try model.loss(rows.all)
        #expect(abs(loss.sum.item / loss.weight - found.loss) < 1e-5)
    }

    @Test("DeepFM with token_seq fields: the mean of their vectors, the sum of their weights, and empty lists")
    func lists() throws {
        let found = cases.deepfmLists
        func schema(numbers: [String] = []) -> FeatureSchema {
            FeatureSchema(
                categories: zip(found.fields, found.counts).map { .init($0, count: $1) }, numbers: numbers,
                bags: zip(found.lists, found.listCounts).map { .init($0, count: $1) })
        }
        var configuration = DeepFM.Configuration()
        configuration.dimensions = 4
        configuration.widths = [8, 6]
        configuration.dropout = 0
        let model = DeepFM(schema(), configuration, from: RandomSource(seed: 1))
        try RecBoleWeights.load(tensors(found.weights), into: model)
        var rows = FeatureRows(schema: model.schema)
        for row in found.labels.indices {
            try rows.append(
                categories: found.fields.map { try #require(found.inputs[$0])[row] },
                bags: found.lists.map { try #require(found.listInputs[$0])[row] }, labels: [found.labels[row]])
        }
        #expect(model.logits(rows.all).isClose(to: Tensor(found.logits, shape: [4, 1]), absoluteTolerance: 1e-4))
        let loss = try model.loss(rows.all)
        #expect(abs(loss.sum.item / loss.weight - found.loss) < 1e-5)

        let other = DeepFM(schema(numbers: ["age"]), configuration, from: RandomSource(seed: 1))
        #expect(throws: RecommendationError.self) { try RecBoleWeights.load(tensors(found.weights), into: other) }
        var fewer = found.weights
        fewer["token_seq_embedding_table.1.weight"] = nil
        #expect(
            throws: RecommendationError.mismatch(
                reason: "RecBole weights: token_seq_embedding_table.1.weight is missing")
        ) { try RecBoleWeights.load(tensors(fewer), into: model) }
    }

    @Test("The same scores give the same hit rate, nDCG, recall and reciprocal rank")
    func metrics() throws {
        let found = cases.metrics
        let ranking = try FullRanking(
            itemCount: found.items,
            protocol: RankingProtocol(data: "fixture", split: "none", cutoffs: [1, 3, 5], seeds: []))
        let report = try ranking.evaluate(relevant: ItemSets(found.positives), excluded: ItemSets(found.excluded)) {
            users, buffer in
            let values = found.scores[(users.lowerBound * found.items)..<(users.upperBound * found.items)]
            _ = buffer.update(fromContentsOf: values)
        }
        let names: [(RankingReport.Metric, String)] = [
            (.hitRate, "hit"), (.discountedGain, "ndcg"), (.recall, "recall"), (.reciprocalRank, "mrr"),
        ]
        for (metric, name) in names {
            for k in [1, 3, 5] {
                let expected = try #require(found.values["\(name)@\(k)"])
                let own = try #require(report.value(metric, k: k)).value
                #expect(abs(own - expected) < 1e-6, "\(name)@\(k)")
            }
        }
    }

    @Test("Weights of another shape and missing ones are refused by name")
    func refuses() {
        let model = MatrixFactorization(userCount: 6, itemCount: 11, from: RandomSource(seed: 1))
        #expect(throws: RecommendationError.self) { try RecBoleWeights.load([:], into: model) }
        #expect(throws: RecommendationError.self) { try RecBoleWeights.load(tensors(cases.bpr.weights), into: model) }
    }
}
