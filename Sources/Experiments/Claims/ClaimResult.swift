import Evaluation

/// A claim with the values that were measured for it, one pair for each seed, and the verdict they give.
public struct ClaimResult: Sendable, Equatable {
    public let claim: Claim
    /// Whether the world is a simulator of ours or public data.
    public let world: World
    /// The metric of each variant, in the order of the seeds.
    public let values: Values
    /// The mean paired difference with its Student's t interval (95 %); positive favours the method.
    public let effect: ConfidenceInterval
    public let control: Control
    public let verdict: Verdict

    /// Paired values: position i of both lists comes from seed i.
    public struct Values: Sendable, Equatable, Codable {
        public let method: [Double]
        public let baseline: [Double]

        public init(method: [Double], baseline: [Double]) {
            self.method = method
            self.baseline = baseline
        }
    }

    /// What the control showed.
    public struct Control: Sendable, Equatable {
        public let name: String
        public let effect: ConfidenceInterval
        /// The smallest effect that the control's seeds would have found with a power of 80 %.
        public let minimumDetectableEffect: Double
        /// The control behaved as it must: with enough seeds, the claim does not hold for it, and a null control could
        /// have found an effect as large as the method's.
        public let passed: Bool
    }

    /// Whose values stand in the method's place, and whether they can carry a verdict.
    public enum Role: Sendable {
        /// The method's own.
        case method
        /// The control's (`--ablate`): the verdict ignores the control, which it is, so that it can fail by saying
        /// `holds`.
        case ablated
        /// The method's, at a scale that only shows that everything runs: the verdict is `not shown`.
        case plumbing
    }

    /// Computes effect, interval, control and verdict.
    ///
    /// - Parameters:
    ///   - claim: what is claimed, with its margin and direction.
    ///   - world: where it was measured.
    ///   - values: of the method and its baseline; in the role ``Role/ablated`` those of the control.
    ///   - controlValues: of the control and what it is compared with.
    ///   - role: what stood in the method's place.
    /// - Throws: `EvaluationError` for lists of different lengths or empty lists.
    public init(claim: Claim, world: World, values: Values, controlValues: Values, role: Role = .method) throws {
        self.claim = claim
        self.world = world
        self.values = values
        effect = try claim.interval(values)
        control = try Control(claim: claim, values: controlValues, claimedEffect: effect.estimate)
        verdict =
            switch role {
            case .plumbing: .notShown
            case .method, .ablated:
                Verdict(
                    effect: effect, margin: claim.margin, minimumSeeds: claim.minimumSeeds,
                    controlPassed: role == .ablated || control.passed)
            }
    }
}

extension ClaimResult.Control {
    init(claim: Claim, values: ClaimResult.Values, claimedEffect: Double) throws {
        name = claim.control.name
        effect = try claim.interval(values)
        minimumDetectableEffect = PairedTest.minimumDetectableEffect(
            differences: claim.differences(method: values.method, baseline: values.baseline))
        let showsNothing = effect.count >= claim.minimumSeeds && effect.low <= claim.margin
        let couldHaveShown = claim.control.kind != .null || minimumDetectableEffect < abs(claimedEffect)
        passed = showsNothing && couldHaveShown
    }
}

extension Claim {
    func interval(_ values: ClaimResult.Values) throws -> ConfidenceInterval {
        switch direction {
        case .higher: try .pairedDifference(values.method, values.baseline)
        case .lower: try .pairedDifference(values.baseline, values.method)
        }
    }
}

/// Where the measured data come from.
public enum World: String, Sendable, Codable {
    /// A simulator or text of ours.
    case synthetic
    /// A public data set.
    case `public`
}
