import Evaluation
public import Tensors

/// A model of rows as a recommender: it scores the rows of a user with each candidate, by the first task.
public final class FeatureRecommender<Model: FeatureModel>: Recommender {
    public let model: Model
    public let encoder: FeatureEncoder
    private let schema: FeatureSchema
    /// Rows of every item with nobody: `[items, categories]` and `[items, numbers]`.
    private let itemCategories: Tensor
    private let itemNumbers: Tensor?
    /// The fields of items.
    private let varying: VaryingFields?

    /// - Precondition: the model was made for the encoder's schema.
    public init(_ model: Model, encoder: FeatureEncoder) {
        let schema = encoder.schema
        precondition(model.schema == schema, "the model was made for other features")
        self.model = model
        self.encoder = encoder
        self.schema = schema
        let stranger = encoder.row(user: nil, item: nil)
        var categories: [Int] = []
        var numbers: [Float] = []
        for item in 0..<Int32(encoder.items.count) {
            let row = encoder.row(user: nil, item: item)
            // What a stranger has anyway is added with the user.
            categories += zip(row.categories, stranger.categories).map { Int($0 - $1) }
            numbers += zip(row.numbers, stranger.numbers).map { $0 - $1 }
        }
        let item = encoder.itemFields
        varying = VaryingFields(categories: item.categories, numbers: item.numbers, bags: item.bags, of: schema)
        itemCategories = Tensor(categories, shape: [encoder.items.count, schema.categories.count])
        itemNumbers = numbers.isEmpty ? nil : Tensor(numbers, shape: [encoder.items.count, schema.numbers.count])
    }

    public var itemCount: Int { encoder.items.count }

    /// Logits: they order items as probabilities do, and do not round to 1.
    public func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        try check(users, candidates: candidates)
        if let stranger = users.compactMap(\.user).first(where: { $0 < 0 || Int($0) >= encoder.users.count }) {
            throw RecommendationError.userOutOfRange(stranger, count: encoder.users.count)
        }
        let domains = 0..<Int32(encoder.domains.count)
        if let stranger = users.compactMap(\.domain).first(where: { !domains.contains($0) }) {
            throw RecommendationError.categoryOutOfRange(field: "domain", found: stranger, count: domains.count)
        }
        return withoutGradients {
            let part = ItemSelection(candidates, of: itemCount)
            let (categories, numbers) = (part(itemCategories), itemNumbers.map { part($0) })
            let bags = encoder.bags(items: candidates)
            return .stacked(users.map { score($0, categories, numbers, bags).select(0, along: 1) })
        }
    }

    private func score(
        _ user: UserContext, _ categories: Tensor, _ numbers: Tensor?, _ bags: [FeatureBatch.Bag]
    ) -> Tensor {
        let own = encoder.row(user: user.user, item: nil)
        let rows = categories.size(0)
        var batch = FeatureBatch(
            categories: categories + Tensor(own.categories.map(Int.init), shape: [1, own.categories.count]),
            bags: encoder.bags(user: user.user) + bags, labels: .full([rows, schema.tasks.count], .nan),
            knownLabels: 0)
        if let numbers { batch.numbers = numbers + Tensor(own.numbers, shape: [1, own.numbers.count]) }
        if let field = schema.sequences.first {
            let (history, _) = PaddedHistories.tensors([user.history[...]], length: field.length)
            batch.sequences = [history]
        }
        batch.varying = varying
        // Index 0 is a domain that the training did not meet.
        if schema.domainCount > 1 {
            batch.domains = .zeros([rows], dtype: .int64).shifted(by: Int(user.domain ?? -1) + 1)
        }
        return model.logits(batch)
    }
}
