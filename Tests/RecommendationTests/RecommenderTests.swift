import Layers
import Recommendation
import Tensors
import Testing

/// Scores an item by its index, so that the last item is the best.
private final class ByIndex: Recommender {
    let itemCount: Int
    init(_ itemCount: Int) { self.itemCount = itemCount }

    func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        Tensor(users.flatMap { _ in candidates.map(Float.init) }, shape: [users.count, candidates.count])
    }
}

@Suite("Recommender")
struct RecommenderTests {
    @Test("The best candidates come first; seen, excluded and repeated items are left out")
    func recommends() throws {
        let model = ByIndex(6)
        let user = UserContext(user: 0, history: [5, 3, 5])
        #expect(try model.recommend([user], count: 2)[0].map(\.item) == [4, 2])
        #expect(try model.recommend([user], count: 9)[0].map(\.item) == [4, 2, 1, 0])
        #expect(try model.recommend([user], count: 2, excludesHistory: false)[0].map(\.item) == [5, 4])
        let few = try model.recommend([user], count: 3, candidates: [2, 4, 2, 0], excluded: [4])
        #expect(few[0].map(\.item) == [2, 0])
        #expect(try model.recommend([user, UserContext()], count: 1).map { $0[0].item } == [4, 5])
        #expect(try model.recommend([user], count: 1)[0][0].score == 4)
    }

    @Test("Items outside of the catalogue, no candidates and no count are typed errors")
    func refuses() {
        let model = ByIndex(3)
        #expect(throws: RecommendationError.itemOutOfRange(3, count: 3)) {
            try model.recommend([UserContext(history: [3])], count: 1)
        }
        #expect(throws: RecommendationError.itemOutOfRange(-1, count: 3)) {
            try model.recommend([UserContext()], count: 1, candidates: [-1])
        }
        #expect(throws: RecommendationError.noCandidates) {
            try model.recommend([UserContext()], count: 1, candidates: [])
        }
        #expect(throws: RecommendationError.invalidCount(0)) { try model.recommend([UserContext()], count: 0) }
    }
}

@Suite("Feature rows")
struct FeatureRowsTests {
    private let schema = FeatureSchema(
        categories: [.init("user", count: 3), .init("item", count: 5)], numbers: ["age"],
        sequences: [.init("history", of: "item", length: 3)], tasks: ["click", "buy"], domainCount: 2)

    @Test("A batch holds the rows asked for, sequences cut to their newest values and padded on the right")
    func batches() throws {
        var rows = FeatureRows(schema: schema)
        try rows.append(categories: [1, 2], numbers: [0.5], sequences: [[1, 2, 3, 4]], labels: [1, .nan], domain: 1)
        try rows.append(categories: [2, 4], numbers: [-1], sequences: [[3]], labels: [0, 1])
        let batch = rows.batch([1, 0])
        #expect(batch.categories.integers == [2, 4, 1, 2])
        #expect(batch.numbers?.floats == [-1, 0.5])
        #expect(batch.sequences[0].shape == [2, 3])
        #expect(batch.sequences[0].integers == [3, 0, 0, 2, 3, 4])
        #expect(batch.domains?.integers == [0, 1])
        #expect(batch.knownLabels == 3)
        #expect(rows.batch([1]).sequences[0].shape == [1, 1])
    }

    @Test("Rows that do not fit the schema are refused by name")
    func refuses() {
        var rows = FeatureRows(schema: schema)
        #expect(throws: RecommendationError.categoryOutOfRange(field: "item", found: 5, count: 5)) {
            try rows.append(categories: [1, 5], numbers: [0], sequences: [[]])
        }
        #expect(throws: RecommendationError.categoryOutOfRange(field: "history", found: 0, count: 5)) {
            try rows.append(categories: [1, 1], numbers: [0], sequences: [[0]])
        }
        #expect(throws: RecommendationError.numberNotFinite(field: "age", row: 0)) {
            try rows.append(categories: [1, 1], numbers: [.nan], sequences: [[]])
        }
        #expect(throws: RecommendationError.fieldCount(what: "numbers", found: 0, expected: 1)) {
            try rows.append(categories: [1, 1], sequences: [[]])
        }
        #expect(throws: RecommendationError.categoryOutOfRange(field: "domain", found: 2, count: 2)) {
            try rows.append(categories: [1, 1], numbers: [0], sequences: [[]], domain: 2)
        }
        #expect(rows.count == 0)
    }
}
