/// One sentence of a paper that numbers can support or contradict.
///
/// A claim is fixed before anything is measured: its identifier, its metric, which way is better, by how much the
/// method has to win, against which baseline, and a control that must *not* win. ``ClaimResult`` holds what was
/// measured.
public struct Claim: Sendable, Equatable {
    /// Which way of the metric is better.
    public enum Direction: String, Sendable, Codable {
        case higher
        case lower
    }

    /// Stays the same for ever; scripts refer to it. Lower-case words with hyphens.
    public let id: String
    /// The claim as a sentence.
    public let statement: String
    /// The name of the measured quantity, as in ``SeedValues``.
    public let metric: String
    public let direction: Direction
    /// The interval of the effect must lie above this, in units of the metric. Not negative.
    public let margin: Double
    /// The variant that the paper proposes.
    public let method: String
    /// The variant it is compared with, tuned with the same budget.
    public let baseline: String
    public let control: Control
    /// Fewer seeds than this can only say ``Verdict/notShown``: 5, and 10 for reinforcement learning.
    public let minimumSeeds: Int

    /// - Precondition: `margin` is a number that is not negative, and `minimumSeeds` at least 5.
    public init(
        id: String, statement: String, metric: String, direction: Direction, margin: Double = 0, method: String,
        baseline: String, control: Control, minimumSeeds: Int = Claim.supervisedSeeds
    ) {
        precondition(margin >= 0, "claim \(id): the margin is \(margin), not a number from 0 up")
        precondition(minimumSeeds >= Self.supervisedSeeds, "claim \(id): \(minimumSeeds) seeds are too few")
        self.id = id
        self.statement = statement
        self.metric = metric
        self.direction = direction
        self.margin = margin
        self.method = method
        self.baseline = baseline
        self.control = control
        self.minimumSeeds = minimumSeeds
    }

    /// The fewest seeds for a verdict on anything but reinforcement learning.
    public static let supervisedSeeds = 5
    /// The fewest seeds for a verdict on reinforcement learning, whose runs vary more.
    public static let reinforcementSeeds = 10

    /// Differences of paired values, signed so that positive favours the method.
    func differences(method: [Double], baseline: [Double]) -> [Double] {
        switch direction {
        case .higher: zip(method, baseline).map { $0 - $1 }
        case .lower: zip(method, baseline).map { $1 - $0 }
        }
    }
}

extension Claim {
    /// A variant in which the claimed cause is absent, so that the claim must not hold for it.
    public struct Control: Sendable, Equatable {
        public enum Kind: String, Sendable, Codable {
            /// The method without the part that the paper credits.
            case ablated
            /// The method with its condition, labels or pairing shuffled.
            case shuffled
            /// A world or comparison in which there is nothing to find. It counts only where it could have found the
            /// claimed effect: see ``ClaimResult/Control/minimumDetectableEffect``.
            case null
        }

        /// The name of the measured variant.
        public let name: String
        public let kind: Kind
        /// What the control is compared with; the claim's baseline where nothing is said.
        public let baseline: String?
        /// The metric the control is measured on; the claim's where nothing is said.
        public let metric: String?

        public init(_ name: String, kind: Kind, baseline: String? = nil, metric: String? = nil) {
            self.name = name
            self.kind = kind
            self.baseline = baseline
            self.metric = metric
        }
    }
}
