import Tensors
public import Worlds

/// The items as vectors, from what a learner may see: of a feed world noisy content, topic, past click rate; of a log
/// what was learned from its training rows.
///
/// An agent's action is a vector `w` of the same space (a proto-item); the items' scores are `w · e_i`.
public struct FeedCatalogue {
    /// Weights of the three parts, ours: they put content, topic and popularity on one footing.
    private enum Scale {
        static let content: Float = 0.6
        static let topic: Float = 0.8
        static let popularity: Float = 0.3
        /// Prior views at the mean rate.
        static let prior: Float = 20
    }

    public let itemCount: Int
    /// Numbers of one item.
    public let dimensions: Int
    /// `[items, dimensions]`, row by row.
    package let table: [Float]
    /// `[items, dimensions]`.
    package let embeddings: Tensor
    /// `[dimensions, items]`, in memory of its own.
    package let columns: Tensor
    /// Mean Euclidean length of an item: actions are scaled to it.
    public let meanNorm: Double

    public init(world: FeedWorld) {
        let items = world.items
        let topics = world.configuration.topicCount
        let dimensions = 16 + topics + 1
        let popularity = Self.popularity(
            Self.smoothedRates(clicks: items.pastClicks.map { Float($0) }, views: items.pastViews.map { Float($0) }))
        var table: [Float] = []
        table.reserveCapacity(items.count * dimensions)
        for item in 0..<items.count {
            for axis in 0..<16 { table.append(Scale.content * items.vectors[item][axis]) }
            for topic in 0..<topics { table.append(Int(items.topics[item]) == topic ? Scale.topic : 0) }
            table.append(popularity[item])
        }
        self.init(table: table, dimensions: dimensions)
    }

    /// - Parameter table: `[items, dimensions]`, row by row.
    package init(table: [Float], dimensions: Int) {
        precondition(dimensions > 0 && table.count % dimensions == 0, "rows of \(dimensions) numbers")
        itemCount = table.count / dimensions
        self.dimensions = dimensions
        self.table = table
        embeddings = Tensor(table, shape: [itemCount, dimensions])
        columns = embeddings.transposed(0, 1).contiguous()
        meanNorm = embeddings.norm(along: 1).mean().item
    }

    /// Shares of views with a click, drawn towards that of all items.
    static func smoothedRates(clicks: [Float], views: [Float]) -> [Float] {
        let sum = { (values: [Float]) in Float(values.reduce(0.0) { $0 + Double($1) }) }
        let mean = sum(views) > 0 ? sum(clicks) / sum(views) : 0
        return zip(clicks, views).map { ($0 + Scale.prior * mean) / ($1 + Scale.prior) }
    }

    /// With mean 0 and the spread of ``Scale/popularity``; all 0 where they do not differ.
    static func popularity(_ values: [Float]) -> [Float] {
        let mean = values.reduce(0, +) / Float(values.count)
        let spread = (values.reduce(Float(0)) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)).squareRoot()
        return values.map { spread > 0 ? Scale.popularity * ($0 - mean) / spread : 0 }
    }

    /// The numbers of one item.
    package func row(_ item: Int) -> ArraySlice<Float> { table[(item * dimensions)..<((item + 1) * dimensions)] }
}
