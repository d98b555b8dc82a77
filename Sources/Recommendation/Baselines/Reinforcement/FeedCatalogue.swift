import Tensors
public import Worlds

/// The items of a feed world as vectors, from what a learner may see: noisy content, topic, past click rate.
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
        itemCount = items.count
        dimensions = 16 + topics + 1
        let rates = Self.smoothedRates(items)
        let mean = rates.reduce(0, +) / Float(rates.count)
        let spread = (rates.reduce(Float(0)) { $0 + ($1 - mean) * ($1 - mean) } / Float(rates.count)).squareRoot()
        var table: [Float] = []
        table.reserveCapacity(itemCount * dimensions)
        for item in 0..<items.count {
            for axis in 0..<16 { table.append(Scale.content * items.vectors[item][axis]) }
            for topic in 0..<topics { table.append(Int(items.topics[item]) == topic ? Scale.topic : 0) }
            table.append(spread > 0 ? Scale.popularity * (rates[item] - mean) / spread : 0)
        }
        self.table = table
        embeddings = Tensor(table, shape: [itemCount, dimensions])
        columns = embeddings.transposed(0, 1).contiguous()
        meanNorm = embeddings.norm(along: 1).mean().item
    }

    private static func smoothedRates(_ items: FeedItems) -> [Float] {
        let views = items.pastViews.reduce(0) { $0 + Int($1) }
        let mean = views > 0 ? Float(items.pastClicks.reduce(0) { $0 + Int($1) }) / Float(views) : 0
        return zip(items.pastClicks, items.pastViews).map {
            (Float($0) + Scale.prior * mean) / (Float($1) + Scale.prior)
        }
    }

    /// The numbers of one item.
    package func row(_ item: Int) -> ArraySlice<Float> { table[(item * dimensions)..<((item + 1) * dimensions)] }
}
