/// Constants of the feed world. The defaults are our own (the source papers' worlds are closed), tuned so that a random
/// policy sees 8-15 % clicks and 6-10 views a session and the myopic oracle stays below 45 % clicks.
public struct FeedConfiguration: Sendable, Hashable {
    // Items.
    public var itemCount = 2_000
    public var topicCount = 20
    /// Correlation of click-bait with (minus) quality; 0, 0.5 and 0.8 are the studied values.
    public var clickbaitCorrelation: Float = 0.5
    /// Spread of an item around its topic, before normalisation.
    public var itemSpread: Float = 0.5
    public var qualityNoise: Float = 0.1
    /// Standard deviation of the noise on observable item vectors.
    public var observationNoise: Float = 0.3

    // Users.
    public var userCount = 10_000
    public var tasteConcentration = 0.3
    public var intentPersistence: Float = 0.9
    public var intentNoise: Float = 0.1
    /// Pull of clicked items on the next session's intent.
    public var clickDrift: Float = 0.05
    /// Share of a session's final satisfaction that the next session starts with (our fill-in).
    public var satisfactionCarry: Float = 0.5
    public var returnBiasDeviation: Float = 0.05

    // One view: click, satisfaction, browse.
    public var clickBase: Float = -2.1
    public var clickMatch: Float = 1.6
    public var clickBait: Float = 0.4
    public var clickRepetition: Float = 0.5
    public var satisfactionDecay: Float = 0.85
    public var satisfactionGain: Float = 0.15
    public var unclickedCost: Float = 0.2
    public var browseBase: Float = 2.6
    public var browseSatisfaction: Float = 1.2
    public var browseMatch: Float = 0.5
    public var browseRepetition: Float = 0.4
    public var browseFatigue: Float = 0.8
    /// Decay of the same-topic penalty from one slot to the next.
    public var repetitionDecay: Float = 0.7
    public var maximumSlots = 50
    public var minutesPerView: Float = 0.5

    // Across sessions.
    public var returnBase: Float = 0.35
    public var returnSatisfaction: Float = 0.25
    public var returnBounds: ClosedRange<Float> = 0.02...0.95
    public var maximumGapInDays = 10
    public var horizonInDays = 30

    public init() {}

    /// Click-bait costs satisfaction, satisfaction keeps users: planning pays.
    public static var longTerm: FeedConfiguration {
        var configuration = FeedConfiguration()
        configuration.clickbaitCorrelation = 0.8
        return configuration
    }

    /// Neither browsing nor returning nor tastes depend on what is shown: the myopic ranking is the best.
    public static var null: FeedConfiguration {
        var configuration = FeedConfiguration.longTerm
        configuration.browseSatisfaction = 0
        configuration.browseMatch = 0
        configuration.browseRepetition = 0
        configuration.returnSatisfaction = 0
        configuration.clickDrift = 0
        return configuration
    }

    /// Two topics, the tastes of all users alike: clicks on the one that is clicked more drive users away, those on the
    /// other do not. So the best policy is known, and it is far from the myopic one.
    public static var twoTopics: FeedConfiguration {
        var configuration = FeedConfiguration.longTerm
        configuration.topicCount = 2
        configuration.itemCount = 60
        configuration.clickBase = -1
        configuration.clickMatch = 0
        configuration.clickBait = 0.6
        configuration.clickRepetition = 0
        configuration.satisfactionGain = 0.3
        configuration.unclickedCost = 0
        configuration.browseBase = 2
        configuration.browseMatch = 0
        configuration.browseRepetition = 0
        return configuration
    }

    /// The same, where nothing shown has consequences: the topic that is clicked more is the best.
    public static var nullTwoTopics: FeedConfiguration {
        var configuration = FeedConfiguration.twoTopics
        configuration.browseSatisfaction = 0
        configuration.returnSatisfaction = 0
        configuration.clickDrift = 0
        return configuration
    }

    /// The same world with 300 items and 500 users.
    public var fast: FeedConfiguration {
        var configuration = self
        configuration.itemCount = 300
        configuration.userCount = 500
        return configuration
    }

    /// - Throws: `WorldError.invalid` naming the first value outside its range.
    public func validate() throws {
        func check(_ holds: Bool, _ field: String, _ found: some CustomStringConvertible, _ allowed: String) throws {
            if !holds { throw WorldError.invalid(world: "feed", field: field, found: "\(found)", allowed: allowed) }
        }
        for (field, value) in [
            ("itemSpread", itemSpread), ("qualityNoise", qualityNoise), ("observationNoise", observationNoise),
            ("intentNoise", intentNoise), ("clickDrift", clickDrift), ("satisfactionCarry", satisfactionCarry),
            ("returnBiasDeviation", returnBiasDeviation), ("clickBase", clickBase), ("clickMatch", clickMatch),
            ("clickBait", clickBait), ("clickRepetition", clickRepetition), ("satisfactionDecay", satisfactionDecay),
            ("satisfactionGain", satisfactionGain), ("unclickedCost", unclickedCost), ("browseBase", browseBase),
            ("browseSatisfaction", browseSatisfaction), ("browseMatch", browseMatch),
            ("browseRepetition", browseRepetition), ("browseFatigue", browseFatigue), ("returnBase", returnBase),
            ("returnSatisfaction", returnSatisfaction),
        ] {
            try check(value.isFinite, field, value, "finite numbers")
        }
        try check(itemCount >= topicCount, "itemCount", itemCount, "at least topicCount (\(topicCount))")
        try check(topicCount >= 2, "topicCount", topicCount, "2 or more")
        try check(userCount >= 1, "userCount", userCount, "1 or more")
        try check(
            (0...1).contains(clickbaitCorrelation), "clickbaitCorrelation", clickbaitCorrelation, "0 to 1")
        try check((0...1).contains(intentPersistence), "intentPersistence", intentPersistence, "0 to 1")
        try check((0..<1).contains(repetitionDecay), "repetitionDecay", repetitionDecay, "at least 0 and below 1")
        try check(tasteConcentration > 0, "tasteConcentration", tasteConcentration, "above 0")
        try check(
            (1...Int(UInt16.max)).contains(maximumSlots), "maximumSlots", maximumSlots, "1 to \(UInt16.max)")
        try check(
            returnBounds.lowerBound > 0 && returnBounds.upperBound < 1, "returnBounds", returnBounds, "inside (0, 1)")
        try check((1...10_000).contains(horizonInDays), "horizonInDays", horizonInDays, "1 to 10000")
        try check((1...127).contains(maximumGapInDays), "maximumGapInDays", maximumGapInDays, "1 to 127")
    }
}
