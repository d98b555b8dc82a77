public import Tensors

/// Actions that must stay within bounds.
public enum BoundedActions {
    /// The critic's slope with its size turned down towards the bound it points to (inverting gradients, Hausknecht & Stone
    /// 2016, eq. 11): times `(bound - a) / (2 bound)` where it points up, `(a + bound) / (2 bound)` where it points down.
    ///
    /// Behind a tanh, a young critic drives actions to a bound, where the slope of the tanh is 0 and keeps them. Here an
    /// action beyond a bound is driven back and one at the bound is free to leave it.
    ///
    /// - Parameters:
    ///   - slope: ∂Q/∂a.
    ///   - actions: of the same shape; they may lie outside of the bounds.
    public static func inverted(slope: Tensor, actions: Tensor, bound: Double = 1) -> Tensor {
        withoutGradients {
            let up = (actions * -1.0 + bound) / (2 * bound)
            let down = (actions + bound) / (2 * bound)
            return slope * up.chosen(where: slope.isGreater(than: 0), otherwise: down)
        }
    }
}
