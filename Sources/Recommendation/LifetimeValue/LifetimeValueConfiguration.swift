/// Settings of lifetime-value learning. The paper's body was not readable: what has a source says so, the rest is our
/// reconstruction.
public struct LifetimeValueConfiguration: Sendable, Equatable, Codable {
    /// What a day of an item is worth.
    public enum Reward: String, Sendable, Codable, CaseIterable {
        /// `min(limit, IPV / (PV_rec + floor)) / unit`: the return on recommended impressions, as the paper describes its
        /// reward. It grows without bound as these go to 0, hence the floor. Clicks are those of all channels, so it also
        /// pays for showing those items less that others show anyway.
        case ratio
        /// `((IPV + c floor) / (PV_rec + PV_other + floor)) / unit`: the return on an impression of any channel, c being the
        /// market's click rate of the day.
        case sharedRatio
        /// `(IPV - c PV_rec) / unit`: clicks less what the impressions would have earned elsewhere, c being the market's
        /// click rate of the day. The few items with most impressions rule it.
        case difference
    }

    public var reward = Reward.ratio
    /// A ratio that makes a reward of 1.
    public var ratioUnit = 0.1
    /// Impressions added to the denominator of a ratio.
    public var ratioFloor = 40.0
    /// The largest return on recommended impressions that counts.
    public var ratioLimit = 1.0
    /// Clicks that make a reward of 1 in a difference.
    public var differenceUnit = 100.0
    /// Of a day.
    public var discount = 0.9

    /// Width of the memories and of the layer behind them.
    public var hiddenDimensions = 32
    /// Off: networks without memory, the paper's ablation.
    public var isRecurrent = true

    /// Days at most that are replayed of an item; 30 is its whole life.
    public var windowDays = 30
    /// Where a window begins after the launch, its first days fill the memory and are not learned from.
    public var burnInDays = 2
    /// Items in one update.
    public var episodesPerBatch = 64
    public var updatesPerMarket = 100
    /// Markets lived through while learning, the first of them logged without the actor.
    public var markets = 5
    public var actorLearningRate = 3e-4
    public var criticLearningRate = 3e-3
    /// τ of both target networks.
    public var followRate = 0.05
    /// Standard deviation of the noise on actions while exploring; actions lie in -1 ... 1.
    public var explorationDeviation = 0.3
    /// Weight of the actor's score while exploring: enough for it to matter.
    public var explorationWeight = 0.5

    /// The largest weight of the actor's score in the ranking. The live test allowed 0 to 0.2.
    public var maximumWeight = 0.2

    public init() {}
}
