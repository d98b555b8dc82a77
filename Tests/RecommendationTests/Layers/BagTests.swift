import Foundation
import Layers
import Recommendation
import Tensors
import Testing

@Suite("Bags of values")
struct BagTests {
    private let schema = FeatureSchema(
        categories: [.init("item", count: 3)], bags: [.init("tags", count: 4), .init("moods", count: 3)])

    private func rows(_ bags: [[[Int32]]]) throws -> FeatureRows {
        var rows = FeatureRows(schema: schema)
        for lists in bags { try rows.append(categories: [1], bags: lists) }
        return rows
    }

    @Test("A bag is the mean of its values' vectors, a repeated value counts twice, and no values are 0")
    func mean() throws {
        let embeddings = FieldEmbeddings(schema, dimensions: 2, from: RandomSource(seed: 1))
        embeddings.table.assign(.zeros([3, 2]))
        // Tags at 0 ..< 4, moods at 4 ..< 7; the first of each is no value.
        let table: [Float] = [9, 9, 1, 10, 2, 20, 4, 40, 9, 9, 8, 80, 16, 160]
        embeddings.bagTable?.assign(Tensor(table, shape: [7, 2]))
        let rows = try rows([[[1, 3], [2]], [[], []], [[2, 2, 1], [1, 2]]])
        let expected: [Float] = [
            0, 0, 2.5, 25, 16, 160,
            0, 0, 0, 0, 0, 0,
            0, 0, 5.0 / 3, 50.0 / 3, 12, 120,
        ]
        let found = embeddings(rows.all)
        #expect(found.shape == [3, 3, 2])
        #expect(found.isClose(to: Tensor(expected, shape: [3, 3, 2]), absoluteTolerance: 1e-5))
        // The rows of a batch are those asked for.
        #expect(
            embeddings.pooledBag(0, of: rows.batch([2, 0])).isClose(
                to: Tensor([5.0 / 3, 50.0 / 3, 2.5, 25] as [Float], shape: [2, 2]), absoluteTolerance: 1e-5))
    }

    @Test("One list for all rows is looked up once")
    func shared() throws {
        let embeddings = FieldEmbeddings(schema, dimensions: 2, from: RandomSource(seed: 1))
        var batch = try rows([[[1], [1]], [[1], [2]]]).all
        let apart = embeddings(batch)
        batch.bags[0] = FeatureBatch.Bag([2, 1], ranges: [1..<2])
        #expect(batch.bags[0].values.integers == [1] && batch.bags[0].starts.integers == [0])
        #expect(embeddings(batch).isClose(to: apart, absoluteTolerance: 0))
    }

    @Test("The linear part adds the weights of all values")
    func linear() throws {
        let model = try LogisticRegression(schema, from: RandomSource(seed: 1))
        model.fields.weights.table.assign(Tensor([0, 100, 0] as [Float], shape: [3, 1]))
        model.fields.weights.bagTable?.assign(Tensor([9, 1, 2, 4, 9, 8, 16] as [Float], shape: [7, 1]))
        model.fields.bias.assign(Tensor([0.5] as [Float]))
        let found = model.logits(try rows([[[1, 3], [2]], [[], []], [[2, 2], []]]).all).floats
        #expect(found == [121.5, 100.5, 104.5])
    }

    @Test("A value's gradient is its share of the mean; what stands in no list has none")
    func gradients() throws {
        let embeddings = FieldEmbeddings(schema, dimensions: 1, from: RandomSource(seed: 1))
        embeddings.train()
        let table = try #require(embeddings.bagTable)
        try embeddings(try rows([[[1, 3], [2]], [[], []], [[2, 2, 1], []]]).all).sum().backward()
        let found = try #require(table.gradient)
        let expected: [Float] = [0, 0.5 + 1.0 / 3, 2.0 / 3, 0.5, 0, 0, 1]
        #expect(found.isClose(to: Tensor(expected, shape: [7, 1]), absoluteTolerance: 1e-6))
    }

    @Test("A batch without any value trains")
    func nothing() throws {
        let embeddings = FieldEmbeddings(schema, dimensions: 3, from: RandomSource(seed: 1))
        embeddings.train()
        let table = try #require(embeddings.bagTable)
        let rows = try rows([[[], []], [[], []]])
        try embeddings(rows.all).sum().backward()
        #expect(try #require(table.gradient).isClose(to: .zeros([7, 3]), absoluteTolerance: 0))
        #expect(embeddings.pooledBag(1, of: rows.all).isClose(to: .zeros([2, 3]), absoluteTolerance: 0))
    }

    @Test("Rows whose bags do not fit the schema are refused by name")
    func refuses() {
        var rows = FeatureRows(schema: schema)
        for stranger in [0, 4, -1] as [Int32] {
            #expect(throws: RecommendationError.categoryOutOfRange(field: "tags", found: stranger, count: 4)) {
                try rows.append(categories: [1], bags: [[1, stranger], []])
            }
        }
        #expect(throws: RecommendationError.fieldCount(what: "bags", found: 1, expected: 2)) {
            try rows.append(categories: [1], bags: [[1]])
        }
        #expect(rows.count == 0 && rows.sequenceValues.isEmpty)
    }

    @Test("Attention is for histories only; a bag is one field of the tower")
    func interest() throws {
        let schema = FeatureSchema(
            categories: [.init("item", count: 3)], sequences: [.init("history", of: "item", length: 2)],
            bags: [.init("tags", count: 4)])
        let model = try DeepInterestNetwork(schema, from: RandomSource(seed: 1))
        #expect(model.attentions.count == 1)
        #expect(model.tower.layers[0].inputDimensions == 3 * model.configuration.dimensions)
        #expect(throws: RecommendationError.self) {
            try DeepInterestNetwork(self.schema, from: RandomSource(seed: 1))
        }
    }

    @Test("A schema keeps its bags in a file; one from before there were bags has none")
    func files() throws {
        let stored = try JSONEncoder().encode(schema)
        #expect(try JSONDecoder().decode(FeatureSchema.self, from: stored) == schema)
        let old = Data(
            #"{"categories": [{"name": "item", "count": 3}], "numbers": [], "sequences": [], "tasks": ["label"], "domainCount": 1}"#
                .utf8)
        #expect(
            try JSONDecoder().decode(FeatureSchema.self, from: old)
                == FeatureSchema(categories: [.init("item", count: 3)]))
    }
}
