public import Tensors

/// Keys and values of the tokens that a decoder has seen, per layer `[batch, keyValueHeads, capacity, headDimensions]`
/// in f32. Rows may have different lengths. LibTorch passes and the one-token kernels share this memory.
public final class KeyValueCache {
    public private(set) var keys: [Tensor]
    public private(set) var values: [Tensor]
    /// Tokens seen, per row.
    public private(set) var lengths: [Int]
    /// The length at the first prefill, per row: dynamic rotary scaling stays as it was then. Nil before it.
    public private(set) var prefilledLengths: [Int]?
    public private(set) var capacity: Int
    private let maximumCapacity: Int
    private let shape: (layers: Int, heads: Int, dimensions: Int)

    /// - Parameters:
    ///   - rows: texts held side by side.
    ///   - capacity: tokens there is room for at first; room doubles when needed.
    public init(_ configuration: DecoderConfiguration, rows: Int = 1, capacity: Int = 256) {
        shape = (configuration.layers, configuration.keyValueHeads, configuration.headDimensions)
        self.capacity = max(capacity, 1)
        maximumCapacity = .max
        lengths = Array(repeating: 0, count: rows)
        let size = [rows, shape.heads, self.capacity, shape.dimensions]
        // Zeros, because a masked key must still be a number.
        keys = (0..<shape.layers).map { _ in .zeros(size) }
        values = (0..<shape.layers).map { _ in .zeros(size) }
    }

    private init(copying other: KeyValueCache, rows: Int) {
        shape = other.shape
        maximumCapacity = other.maximumCapacity
        capacity = other.capacity
        precondition(rows == other.lengths.count || other.lengths.count == 1, "only one row can become many")
        func copy(_ tensor: Tensor) -> Tensor {
            rows == tensor.size(0) ? tensor.copy() : tensor.tiled([rows, 1, 1, 1])
        }
        keys = other.keys.map(copy)
        values = other.values.map(copy)
        func spread(_ lengths: [Int]) -> [Int] {
            rows == lengths.count ? lengths : Array(repeating: lengths[0], count: rows)
        }
        lengths = spread(other.lengths)
        prefilledLengths = other.prefilledLengths.map(spread)
    }

    public var rows: Int { lengths.count }
    /// The longest row.
    public var length: Int { lengths.max() ?? 0 }

    /// A cache with the same contents in memory of its own; one row can become several (a shared prefix).
    public func fork(rows: Int? = nil) -> KeyValueCache { KeyValueCache(copying: self, rows: rows ?? self.rows) }

    /// Forgets what came after the first `length` tokens of every row.
    public func rollBack(to length: Int) {
        lengths = lengths.map { min($0, length) }
        if length == 0 { prefilledLengths = nil }
    }

    /// Makes room for `count` more tokens in every row.
    public func reserve(_ count: Int) {
        let needed = length + count
        guard needed > capacity else { return }
        let grown = max(needed, 2 * capacity)
        func grow(_ tensor: Tensor) -> Tensor {
            let fresh = Tensor.zeros([rows, shape.heads, grown, shape.dimensions])
            fresh.slice(0..<capacity, along: 2).assign(tensor)
            return fresh
        }
        keys = keys.map(grow)
        values = values.map(grow)
        capacity = grown
    }

    /// Writes the keys and values of new tokens behind each row's own; lengths move with ``advance(by:)`` only.
    /// - Parameters:
    ///   - newKeys: `[rows, keyValueHeads, time, headDimensions]`.
    func write(keys newKeys: Tensor, values newValues: Tensor, layer: Int) {
        let time = newKeys.size(2)
        if let first = lengths.first, lengths.allSatisfy({ $0 == first }) {
            keys[layer].slice(first..<first + time, along: 2).assign(newKeys)
            values[layer].slice(first..<first + time, along: 2).assign(newValues)
            return
        }
        for (row, start) in lengths.enumerated() {
            keys[layer].select(row, along: 0).slice(start..<start + time, along: 1)
                .assign(newKeys.select(row, along: 0))
            values[layer].select(row, along: 0).slice(start..<start + time, along: 1)
                .assign(newValues.select(row, along: 0))
        }
    }

    /// Counts tokens as seen, per row, after all layers have written theirs.
    package func advance(by counts: [Int]) {
        precondition(counts.count == rows, "\(counts.count) counts for \(rows) rows")
        lengths = zip(lengths, counts).map { $0 + $1 }
        if prefilledLengths == nil { prefilledLengths = lengths }
    }
}
