public import Tensors

/// Keys and values of the tokens that a decoder has seen, per layer `[batch, keyValueHeads, capacity, headDimensions]`
/// in f32. Rows may have different lengths. LibTorch passes and the one-token kernels share this memory.
///
/// Each layer counts its own tokens: after an early exit the upper layers are behind, and the residual stream of the
/// tokens that they have not seen waits here for ``TransformerDecoder/resume(_:through:_:)``.
public final class KeyValueCache {
    public private(set) var keys: [Tensor]
    public private(set) var values: [Tensor]
    /// Tokens seen, per layer and row.
    private var layerLengths: [[Int]]
    /// What the first layers have put out for tokens that the others have not seen, at the places of the tokens:
    /// `[rows, capacity, dimensions]`. Nil before the first early exit.
    private var waiting: Tensor?
    /// The length at the first prefill, per row: dynamic rotary scaling stays as it was then. 0 for a row
    /// without tokens; nil before the first.
    public private(set) var prefilledLengths: [Int]?
    public private(set) var capacity: Int
    private let shape: (layers: Int, heads: Int, dimensions: Int)

    /// - Parameters:
    ///   - rows: texts held side by side.
    ///   - capacity: tokens there is room for at first; room doubles when needed.
    public init(_ configuration: DecoderConfiguration, rows: Int = 1, capacity: Int = 256) {
        shape = (configuration.layers, configuration.keyValueHeads, configuration.headDimensions)
        self.capacity = max(capacity, 1)
        layerLengths = Array(repeating: Array(repeating: 0, count: rows), count: shape.layers)
        let size = [rows, shape.heads, self.capacity, shape.dimensions]
        // Zeros, because a masked key must still be a number.
        keys = (0..<shape.layers).map { _ in .zeros(size) }
        values = (0..<shape.layers).map { _ in .zeros(size) }
    }

    private init(copying other: KeyValueCache, rows: Int) {
        shape = other.shape
        capacity = other.capacity
        precondition(rows == other.lengths.count || other.lengths.count == 1, "only one row can become many")
        func copy(_ tensor: Tensor) -> Tensor {
            rows == tensor.size(0)
                ? tensor.copy() : tensor.tiled([rows] + Array(repeating: 1, count: tensor.rank - 1))
        }
        keys = other.keys.map(copy)
        values = other.values.map(copy)
        func spread(_ lengths: [Int]) -> [Int] {
            rows == lengths.count ? lengths : Array(repeating: lengths[0], count: rows)
        }
        layerLengths = other.layerLengths.map(spread)
        waiting = other.waiting.map(copy)
        prefilledLengths = other.prefilledLengths.map(spread)
    }

    /// Tokens seen by the first layer, per row: by all layers, unless some wait to be resumed.
    public var lengths: [Int] { layerLengths[0] }
    public var rows: Int { layerLengths[0].count }
    /// The longest row.
    public var length: Int { lengths.max() ?? 0 }

    /// A cache with the same contents in memory of its own; one row can become several (a shared prefix).
    public func fork(rows: Int? = nil) -> KeyValueCache { KeyValueCache(copying: self, rows: rows ?? self.rows) }

    /// How many layers have seen every token: below the depth after an early exit.
    public var completeLayers: Int { layerLengths.prefix { $0 == layerLengths[0] }.count }

    /// Tokens that a run of layers has seen, per row.
    /// - Precondition: all of them have seen the same tokens.
    package func lengths(of layers: Range<Int>) -> [Int] {
        let lengths = layerLengths[layers.lowerBound]
        precondition(
            layers.allSatisfy { layerLengths[$0] == lengths },
            "layers \(layers) have not seen the same tokens; resume from layer \(completeLayers) first")
        return lengths
    }

    /// Forgets what came after the first `length` tokens of every row.
    public func rollBack(to length: Int) { rollBack(to: Array(repeating: length, count: rows)) }

    /// Forgets what came after the first tokens of each row.
    /// - Parameter counts: one for each row.
    public func rollBack(to counts: [Int]) {
        precondition(counts.count == rows, "\(counts.count) lengths for \(rows) rows")
        layerLengths = layerLengths.map { zip($0, counts).map { min($0, $1) } }
        prefilledLengths = length == 0 ? nil : prefilledLengths.map { zip($0, lengths).map { $1 == 0 ? 0 : $0 } }
    }

    /// Makes room for `count` more tokens in every row.
    public func reserve(_ count: Int) {
        let needed = length + count
        guard needed > capacity else { return }
        let grown = max(needed, 2 * capacity)
        func grow(_ tensor: Tensor, along axis: Int) -> Tensor {
            var size = tensor.shape
            size[axis] = grown
            let fresh = Tensor.zeros(size, dtype: tensor.dtype)
            fresh.slice(0..<capacity, along: axis).assign(tensor)
            return fresh
        }
        keys = keys.map { grow($0, along: 2) }
        values = values.map { grow($0, along: 2) }
        waiting = waiting.map { grow($0, along: 1) }
        capacity = grown
    }

    /// Keeps the residual stream of new tokens for the layers that have not run.
    /// - Parameters:
    ///   - hidden: `[rows, time, dimensions]`.
    ///   - starts: the place of the first token, per row.
    func keepWaiting(_ hidden: Tensor, at starts: [Int]) {
        let hidden = hidden.detached()
        let kept = waiting ?? .zeros([rows, capacity, hidden.size(2)], dtype: hidden.dtype)
        for (row, start) in starts.enumerated() {
            kept.select(row, along: 0).slice(start..<start + hidden.size(1), along: 0)
                .assign(hidden.select(row, along: 0))
        }
        waiting = kept
    }

    /// The lowest layers that are behind, all of them by the same tokens, and the residual stream of these tokens, padded
    /// on the right.
    /// - Returns: the layers, `[rows, time, dimensions]` and the count of each row; nil where no token waits.
    func takeWaiting() -> (layers: Range<Int>, hidden: Tensor, counts: [Int])? {
        let first = completeLayers
        guard first < shape.layers else { return nil }
        let starts = layerLengths[first]
        let end = first + layerLengths[first...].prefix { $0 == starts }.count
        let counts = zip(lengths, starts).map { $0 - $1 }
        let time = counts.max() ?? 0
        reserve(time)
        guard let waiting else { return nil }
        let rows = starts.enumerated().map { row, start in
            waiting.select(row, along: 0).slice(start..<start + time, along: 0)
        }
        return (first..<end, .stacked(rows), counts)
    }

    /// Writes the keys and values of new tokens behind each row's own; lengths move with ``advance(by:layers:)`` only.
    /// - Parameters:
    ///   - newKeys: `[rows, keyValueHeads, time, headDimensions]`.
    func write(keys newKeys: Tensor, values newValues: Tensor, layer: Int) {
        let time = newKeys.size(2)
        let lengths = layerLengths[layer]
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

    /// Counts tokens as seen, per row, after the layers have written theirs.
    /// - Parameter layers: nil for all.
    package func advance(by counts: [Int], layers: Range<Int>? = nil) {
        precondition(counts.count == rows, "\(counts.count) counts for \(rows) rows")
        for layer in layers ?? 0..<shape.layers {
            layerLengths[layer] = zip(layerLengths[layer], counts).map { $0 + $1 }
        }
        prefilledLengths = prefilledLengths.map { zip($0, lengths).map { $0 == 0 ? $1 : $0 } } ?? lengths
    }
}
