import Layers
import Tensors

/// Encodes what a session has shown so far: a causal transformer over the exposed items, each with its click.
///
/// The input is `[start, v_1, …, v_T]` with `v_t = x_t + y_t c + p_t`; the output at place t − 1 has seen the views before
/// slot t and is the context of slot t. The view of slot t itself never reaches it.
final class SessionEncoder: Layer {
    private var start: Tensor  // [dimensions]
    private var click: Tensor  // [dimensions]
    private var positions: Tensor  // [maximumSlots + 1, dimensions]
    private let blocks: [Block]
    private let norm: LayerNorm

    init(dimensions: Int, blocks: Int, heads: Int, maximumSlots: Int, from source: RandomSource) {
        func vectors(_ shape: [Int]) -> Tensor { .normal(shape, standardDeviation: 0.1, from: source) }
        start = vectors([dimensions])
        click = vectors([dimensions])
        positions = vectors([maximumSlots + 1, dimensions])
        self.blocks = (0..<blocks).map { _ in Block(dimensions: dimensions, heads: heads, from: source) }
        norm = LayerNorm(dimensions: dimensions)
    }

    /// - Parameters:
    ///   - items: vectors of the exposed items, `[sessions, slots, dimensions]`; there may be no slot.
    ///   - clicks: 0 or 1, or the expected click, `[sessions, slots]`.
    /// - Returns: contexts of the slots 1 … T + 1, `[sessions, slots + 1, dimensions]`.
    func callAsFunction(items: Tensor, clicks: Tensor) -> Tensor {
        let (sessions, slots, dimensions) = (items.size(0), items.size(1), items.size(2))
        let first = start.reshaped(1, 1, dimensions).broadcast(to: [sessions, 1, dimensions])
        let views = items + clicks.expanded(axis: -1) * click
        var x = Tensor.concatenated([first, views], along: 1) + positions.slice(0..<(slots + 1), along: 0)
        for block in blocks { x = block(x) }
        return norm(x)
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "start", &start)
        visit(path / "click", &click)
        visit(path / "positions", &positions)
        for (place, block) in blocks.enumerated() { block.visitParameters(path / "blocks" / place, visit) }
        norm.visitParameters(path / "norm", visit)
    }

    /// Attention and a feed-forward part, each on a normalised input and added to it.
    private final class Block: Layer {
        let heads: Int
        let attentionNorm: LayerNorm
        let projection: Linear  // queries, keys, values
        let output: Linear
        let feedForwardNorm: LayerNorm
        let up: Linear
        let down: Linear

        init(dimensions: Int, heads: Int, from source: RandomSource) {
            self.heads = heads
            attentionNorm = LayerNorm(dimensions: dimensions)
            projection = .glorot(dimensions, 3 * dimensions, from: source)
            output = .glorot(dimensions, dimensions, from: source)
            feedForwardNorm = LayerNorm(dimensions: dimensions)
            up = .glorot(dimensions, 2 * dimensions, from: source)
            down = .glorot(2 * dimensions, dimensions, from: source)
        }

        /// - Parameter x: `[sessions, places, dimensions]`.
        func callAsFunction(_ x: Tensor) -> Tensor {
            let (sessions, places, dimensions) = (x.size(0), x.size(1), x.size(2))
            let parts = projection(attentionNorm(x)).chunks(3, along: -1).map {
                $0.reshaped(sessions, places, heads, dimensions / heads).transposed(1, 2)
            }
            let mixed = parts[0].attention(keys: parts[1], values: parts[2], causal: true)
            let attended = x + output(mixed.transposed(1, 2).reshaped(sessions, places, dimensions))
            return attended + down(up(feedForwardNorm(attended)).gelu())
        }

        func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
            attentionNorm.visitParameters(path / "attentionNorm", visit)
            projection.visitParameters(path / "projection", visit)
            output.visitParameters(path / "output", visit)
            feedForwardNorm.visitParameters(path / "feedForwardNorm", visit)
            up.visitParameters(path / "up", visit)
            down.visitParameters(path / "down", visit)
        }
    }
}
