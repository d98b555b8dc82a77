/// Why a session or a user's whole run stopped.
public enum FeedEnding: UInt8, Sendable {
    /// The session goes on.
    case none
    /// The user left the session and will return: terminal for the session.
    case left
    /// The session reached the slot limit: a truncation, not the user's decision.
    case capped
    /// The user left and did not return within the longest gap: terminal for the user.
    case churned
    /// The next session would lie beyond the horizon: a truncation of the user's run.
    case horizon
}

/// What one view brought. The probabilities are the world's own: score with them, never learn from them.
public struct FeedOutcome: Sendable, Equatable {
    public let lane: Int32
    public let user: Int32
    public let item: Int32
    public let day: Int16
    public let session: Int16
    /// Counts from 1.
    public let slot: Int16
    public let clicked: Bool
    public let browsed: Bool
    public let ending: FeedEnding
    /// Whether the session ended here by the slot limit, whatever came after it.
    public let capped: Bool
    /// Days until the next session; 0 while the session goes on or when there is none.
    public let gapInDays: Int8
    public let clickProbability: Float
    /// Browse probability given the realised click.
    public let browseProbability: Float

    /// Whether the session ended with this view.
    public var endsSession: Bool { ending != .none }
    /// Whether the user's run ended with this view.
    public var endsUser: Bool { ending == .churned || ending == .horizon }
}
