import Layers
import Tensors

/// Encodes what a session has shown so far: a gated recurrent unit over the exposed items, each with its click.
///
/// The input is `[start, v_1, …, v_T]` with `v_t = x_t + y_t c`; the state after place t − 1 has seen the views before slot t
/// and is the context of slot t. The view of slot t itself never reaches it. (A causal transformer of one block predicted
/// both clicks and browsing worse on logs of this size: what tires a user fades from view to view, as the state does.)
final class SessionEncoder: Layer {
    private var start: Tensor  // [dimensions]
    private var click: Tensor  // [dimensions]
    private let unit: GRU

    init(dimensions: Int, from source: RandomSource) {
        func vector() -> Tensor { .normal([dimensions], standardDeviation: 0.1, from: source) }
        start = vector()
        click = vector()
        unit = GRU(inputDimensions: dimensions, hiddenDimensions: dimensions, from: source)
    }

    /// - Parameters:
    ///   - items: vectors of the exposed items, `[sessions, slots, dimensions]`; there may be no slot.
    ///   - clicks: 0 or 1, or the expected click, `[sessions, slots]`.
    /// - Returns: contexts of the slots 1 … T + 1, `[sessions, slots + 1, dimensions]`.
    func callAsFunction(items: Tensor, clicks: Tensor) -> Tensor {
        let (sessions, dimensions) = (items.size(0), items.size(2))
        let first = start.reshaped(1, 1, dimensions).broadcast(to: [sessions, 1, dimensions])
        let views = items + clicks.expanded(axis: -1) * click
        return unit(Tensor.concatenated([first, views], along: 1)).outputs
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "start", &start)
        visit(path / "click", &click)
        unit.visitParameters(path / "unit", visit)
    }
}
