public import Training

/// Batches of feature rows, pass after pass in random order.
public final class FeatureRowSource: BatchSource {
    public struct Position: Codable, Sendable, Equatable {
        var order: BatchOrder.Position
    }

    public let rows: FeatureRows
    private var order: BatchOrder

    /// - Parameter separatesDomains: whether each batch holds rows of one domain, as normalisation by domain needs.
    /// - Throws: `BatchSourceError.empty` where there are no rows, ``RecommendationError/notLabelled(rows:)`` where
    ///   nothing can be learnt from them.
    public init(_ rows: FeatureRows, rowsPerBatch: Int, separatesDomains: Bool = false, seed: UInt64) throws {
        guard rows.count > 0 else { throw BatchSourceError.empty(what: "the feature rows") }
        guard rows.labels.contains(where: { !$0.isNaN }) else {
            throw RecommendationError.notLabelled(rows: rows.count)
        }
        self.rows = rows
        order = BatchOrder(
            count: rows.count, size: rowsPerBatch, groups: separatesDomains ? rows.domains : [], seed: seed)
    }

    public var batchesPerPass: Int { order.batchesPerPass }

    public func next() -> FeatureBatch? { rows.batch(order.next()) }

    public var position: Position { Position(order: order.position) }

    public func restore(_ position: Position) throws {
        guard order.restore(position.order) else {
            throw BatchSourceError.position(reason: "\(rows.count) rows, saved with \(position.order.count)")
        }
    }
}
