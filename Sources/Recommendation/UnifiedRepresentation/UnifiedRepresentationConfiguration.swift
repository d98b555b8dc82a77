/// Sizes, weights and training of the unified representation. The defaults are the released code's unless a comment says
/// otherwise.
public struct UnifiedRepresentationConfiguration: Sendable, Equatable, Codable {
    /// How wide the Gaussian kernel of the alignment is.
    public enum Bandwidth: String, Sendable, Codable, CaseIterable {
        /// `exp(-|x - x'|² / 2)`, as released. Once the topology term has stretched the space, it sees nothing: all
        /// kernel values between different items are 0.
        case unit
        /// `exp(-|x - x'|² / 2 s²)` with `s²` half the mean squared distance of the sample, without gradient (ours).
        case adaptive
    }

    /// Numbers of a categorical value and of an item's identifier.
    public var tokenDimensions = 32
    /// Hidden width of the map of each type.
    public var mapDimensions = 256
    /// Width of the unified space, of the interaction embeddings and of the towers.
    public var unifiedDimensions = 64
    /// Spread of the initial interaction embeddings W_I and W_U. (Maps and towers start from Glorot's distribution; at the
    /// released 0.01 the signal is gone after five layers.)
    public var interactionDeviation = 0.01
    /// Spread of the initial token embeddings. The released code forgets to register these tables, so that they stay
    /// what they were drawn as; here they train from there.
    public var tokenDeviation = 1.0

    /// Weight of the alignment. Released: 5e8 times a sum of 128 kernel values a pair of types, which cancels the
    /// `1/n²` of its data set; here the variance itself is weighted, which 0.01, 0.1 or 1 suit.
    public var alignmentWeight = 0.1
    public var bandwidth = Bandwidth.unit
    /// Weight of the topology, whose unit is the root mean square difference of two Gram matrices. Released:
    /// `1e-3 · |G_r - G_x| / (4 d²)`, which for d = 1024 rows is 2.4e-7 of this unit: nothing.
    public var topologyWeight = 0.1
    /// Items of each type that both terms look at in one step. They are drawn from the catalogue, not from the batch,
    /// where popular items would be too many. Released: 128 pairs for the alignment, the batch for the topology.
    public var sampledItems = 128

    public var inputs = InteractionInputs.train
    /// The share of interactions dropped from the inputs while training (ours). Masking the scored pair alone gives the
    /// answer away by what is missing.
    public var interactionDropout = 0.5
    public var learningRate = 1e-3
    /// Decoupled (AdamW), so that it shrinks weights by `rate · decay` a step. The released code adds it to the gradient
    /// (Adam), where the same number weighs far more.
    public var weightDecay = 0.01
    public var batchSize = 1024
    public var epochs = 100
    /// Epochs without a better area under the curve before training ends. Released: 5 evaluations, one every other epoch.
    public var patience = 10

    public init() {}

    /// A network that trains in seconds, for studies.
    package static var small: UnifiedRepresentationConfiguration {
        var configuration = UnifiedRepresentationConfiguration()
        configuration.tokenDimensions = 8
        configuration.mapDimensions = 64
        configuration.unifiedDimensions = 32
        configuration.interactionDeviation = 0.1
        configuration.tokenDeviation = 0.3
        configuration.bandwidth = .adaptive
        configuration.learningRate = 3e-3
        configuration.batchSize = 256
        configuration.epochs = 4
        configuration.patience = 3
        configuration.sampledItems = 64
        return configuration
    }
}
