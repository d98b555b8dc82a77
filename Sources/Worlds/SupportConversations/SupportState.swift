/// What is hidden in a seeker: how bad it is, how well the supporter understands it, and how much the seeker trusts.
public struct SupportState: Sendable, Hashable, CaseIterable {
    /// 0 (calm) to 4.
    public var distress: Int
    /// 0 (the problem is not told yet) to 3.
    public var understanding: Int
    /// 0 (guarded) to 2.
    public var rapport: Int

    public static let distressLevels = 5
    public static let understandingLevels = 4
    public static let rapportLevels = 3

    public init(distress: Int, understanding: Int, rapport: Int) {
        precondition(
            (0..<Self.distressLevels).contains(distress) && (0..<Self.understandingLevels).contains(understanding)
                && (0..<Self.rapportLevels).contains(rapport), "a support state outside its ranges")
        self.distress = distress
        self.understanding = understanding
        self.rapport = rapport
    }

    /// All 60 states, by ``index``.
    public static let allCases: [SupportState] = (0..<distressLevels).flatMap { distress in
        (0..<understandingLevels).flatMap { understanding in
            (0..<rapportLevels).map { SupportState(distress: distress, understanding: understanding, rapport: $0) }
        }
    }

    /// Position in ``allCases``.
    public var index: Int { (distress * Self.understandingLevels + understanding) * Self.rapportLevels + rapport }

    func adding(distress: Int = 0, understanding: Int = 0, rapport: Int = 0) -> SupportState {
        SupportState(
            distress: min(max(self.distress + distress, 0), Self.distressLevels - 1),
            understanding: min(max(self.understanding + understanding, 0), Self.understandingLevels - 1),
            rapport: min(max(self.rapport + rapport, 0), Self.rapportLevels - 1))
    }
}
