import Evaluation

/// What measured values say about a claim. It is computed, never written by hand.
public enum Verdict: String, Sendable, Codable, CaseIterable {
    /// Enough seeds, the whole interval above the margin, and the control does not show the same.
    case holds
    /// Enough seeds, and the whole interval below 0: the baseline is better.
    case contradicted
    /// Neither.
    case notShown = "not shown"

    /// The rule.
    ///
    /// | verdict | seeds | interval | control |
    /// |---|---|---|---|
    /// | ``holds`` | at least `minimumSeeds` | low > margin | passed |
    /// | ``contradicted`` | at least `minimumSeeds` | high < 0 | any |
    /// | ``notShown`` | otherwise | | |
    public init(effect: ConfidenceInterval, margin: Double, minimumSeeds: Int, controlPassed: Bool) {
        if effect.count < minimumSeeds {
            self = .notShown
        } else if effect.low > margin, controlPassed {
            self = .holds
        } else if effect.high < 0 {
            self = .contradicted
        } else {
            self = .notShown
        }
    }
}
