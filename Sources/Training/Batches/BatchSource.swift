/// Gives a learner its batches, and can be put back to where it stood.
public protocol BatchSource<Batch>: AnyObject {
    associatedtype Batch
    /// All that decides which batches are still to come.
    associatedtype Position: Codable & Sendable

    /// The next batch, or nil when there are no more.
    func next() throws -> Batch?

    var position: Position { get }

    /// Goes on from `position`.
    /// - Throws: ``BatchSourceError/position(reason:)`` where it does not belong to these data.
    func restore(_ position: Position) throws
}

/// What is wrong with the data of a run.
public enum BatchSourceError: Error, Equatable, CustomStringConvertible {
    case empty(what: String)
    case position(reason: String)

    public var description: String {
        switch self {
        case .empty(let what): "\(what): nothing to train on"
        case .position(let reason): "the data are not those of the checkpoint: \(reason)"
        }
    }
}

/// Rows of tokens from one or more sets of documents, mixed by ratio, each set in random order, pass after pass.
public final class TokenRowSource: BatchSource {
    /// One set of documents with its share of the rows.
    public struct Part: Sendable {
        /// The documents of each row.
        public let rows: [[TokenSequence]]
        public let ratio: Double

        public init(rows: [[TokenSequence]], ratio: Double = 1) {
            self.rows = rows
            self.ratio = ratio
        }
    }

    public struct Position: Codable, Sendable, Equatable {
        public let drawn: [Int]
        public let orders: [ShuffledOrder.Position]
        /// The number of rows of each part, to notice other data.
        public let sizes: [Int]

        package init(drawn: [Int], orders: [ShuffledOrder.Position], sizes: [Int]) {
            self.drawn = drawn
            self.orders = orders
            self.sizes = sizes
        }
    }

    public let rowsPerBatch: Int
    /// Of a row; nil pads every batch to its longest row.
    public let length: Int?
    /// Ends with this many passes over the first part; nil goes on for ever.
    public let passes: Int?
    private let parts: [Part]
    private let padding: Int32
    private static let mostDraws = 1 << 48
    private var mixture: Mixture
    private var orders: [ShuffledOrder]

    /// - Throws: ``BatchSourceError/empty(what:)`` where a part has no rows.
    public init(
        _ parts: [Part], rowsPerBatch: Int, length: Int?, padding: Int32 = 0, seed: UInt64, passes: Int? = nil,
        isShuffled: Bool = true
    ) throws {
        precondition(rowsPerBatch > 0 && !parts.isEmpty, "\(rowsPerBatch) rows a batch of \(parts.count) parts")
        if let empty = parts.firstIndex(where: \.rows.isEmpty) {
            throw BatchSourceError.empty(what: "part \(empty + 1) of the data")
        }
        self.parts = parts
        self.rowsPerBatch = rowsPerBatch
        self.length = length
        self.padding = padding
        self.passes = passes
        mixture = Mixture(ratios: parts.map(\.ratio))
        orders = parts.enumerated().map {
            ShuffledOrder(count: $1.rows.count, seed: seed &+ UInt64($0), isShuffled: isShuffled)
        }
    }

    /// Rows drawn from all parts, in their shares, while the first part that is drawn from is read once.
    private var rowsPerPass: Int {
        guard let first = mixture.shares.firstIndex(where: { $0 > 0 }) else { return 0 }
        return Int((Double(parts[first].rows.count) / mixture.shares[first]).rounded())
    }
    /// Tokens of one pass over the first part, with those of the other parts that are drawn meanwhile.
    public var tokensPerPass: Int {
        let means = zip(parts, mixture.shares).map { part, share in
            let tokens = part.rows.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count } }
            return share * Double(tokens) / Double(part.rows.count)
        }
        return Int((means.reduce(0, +) * Double(rowsPerPass)).rounded())
    }
    /// Batches of such a pass, the last of which may reach into the next.
    public var batchesPerPass: Int { (rowsPerPass + rowsPerBatch - 1) / rowsPerBatch }

    public func next() -> TokenRows? {
        if let passes, orders[0].position.pass >= passes { return nil }
        var chosen: [[TokenSequence]] = []
        while chosen.count < rowsPerBatch {
            if let passes, orders[0].position.pass >= passes { break }
            let part = mixture.next()
            chosen.append(parts[part].rows[orders[part].next()])
        }
        return TokenRows(chosen, length: length, padding: padding)
    }

    public var position: Position {
        Position(drawn: mixture.drawn, orders: orders.map(\.position), sizes: parts.map(\.rows.count))
    }

    public func restore(_ position: Position) throws {
        let sizes = parts.map(\.rows.count)
        guard position.sizes == sizes, position.orders.count == parts.count, position.drawn.count == parts.count else {
            throw BatchSourceError.position(reason: "parts of \(sizes) rows, but saved with \(position.sizes)")
        }
        for (part, place) in zip(parts, position.orders)
        where place.pass < 0 || !part.rows.indices.contains(place.offset) {
            throw BatchSourceError.position(reason: "row \(place.offset) of \(part.rows.count)")
        }
        guard position.drawn.allSatisfy({ (0...Self.mostDraws).contains($0) }) else {
            throw BatchSourceError.position(reason: "\(position.drawn) rows drawn")
        }
        mixture.drawn = position.drawn
        for (index, place) in position.orders.enumerated() { orders[index].position = place }
    }
}
