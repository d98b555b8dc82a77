public import Layers

/// A network and its slowly following copy, which the targets of temporal differences are read from.
///
/// The copy is made by `Network.copy()`, so the two share no memory.
public final class TargetNetwork<Net: Network> {
    public let online: Net
    public let target: Net

    public init(_ online: Net) {
        self.online = online
        target = online.copy()
        target.train { _ in false }
    }

    /// `θ' ← θ' + τ (θ - θ')`; 1 makes them equal.
    public func follow(rate: Double) { target.moveParameters(towards: online, weight: rate) }
}
