/// Constants of the item-life world: items launch, grow with exposure, age and are delisted.
public struct ItemLifeConfiguration: Sendable, Hashable {
    public var horizonInDays = 60
    /// Mean number of launches a day (Poisson).
    public var launchesPerDay = 10.0
    /// Impressions that the ranker distributes every day.
    public var dailyImpressions = 50_000
    /// Exposure of rank `r` (from 1) is in proportion to `r^-exponent` (our fill-in).
    public var positionExponent = 0.8
    /// Impressions an item gets from other channels on a plain day.
    public var otherViews = 40.0
    /// Whether success elsewhere brings visits: `1 + log(1 + clicks so far) / 5`.
    public var otherViewsGrow = true
    public var potentialMean = -3.2
    public var potentialDeviation = 0.6
    /// Lift of the click rate by accumulated clicks; 0 is the null control.
    public var growth = 1.5
    public var agePenaltyPerDay = 0.03
    /// Weight of the share of the audience that has already seen the item.
    public var saturation = 0.5
    /// Views at which half the audience is saturated (our fill-in).
    public var saturationViews = 20_000.0
    public var purchaseRate = 0.03
    public var purchasePotential = 0.3
    public var lifeInDays = 30
    /// An item without a click for this many days in a row is delisted.
    public var deadDays = 5
    public var featureCount = 8
    /// Correlation of each observable feature with the hidden potential.
    public var featureSignal = 0.3
    public var trendDeviation = 0.15

    public init() {}

    /// Exposure now changes nothing later: neither growth nor other channels nor saturation.
    public static var null: ItemLifeConfiguration {
        var configuration = ItemLifeConfiguration()
        configuration.growth = 0
        configuration.otherViewsGrow = false
        configuration.saturation = 0
        return configuration
    }

    /// - Throws: `WorldError.invalid` naming the first value outside its range.
    public func validate() throws {
        func check(_ holds: Bool, _ field: String, _ found: some CustomStringConvertible, _ allowed: String) throws {
            if !holds {
                throw WorldError.invalid(world: "item life", field: field, found: "\(found)", allowed: allowed)
            }
        }
        for (field, value) in [
            ("positionExponent", positionExponent), ("potentialMean", potentialMean),
            ("potentialDeviation", potentialDeviation), ("growth", growth), ("agePenaltyPerDay", agePenaltyPerDay),
            ("saturation", saturation), ("purchaseRate", purchaseRate), ("purchasePotential", purchasePotential),
            ("trendDeviation", trendDeviation),
        ] {
            try check(value.isFinite, field, value, "finite numbers")
        }
        try check((1...10_000).contains(horizonInDays), "horizonInDays", horizonInDays, "1 to 10000")
        try check(
            launchesPerDay > 0 && launchesPerDay <= 1e4, "launchesPerDay", launchesPerDay, "above 0, at most 10000")
        try check(dailyImpressions >= 0, "dailyImpressions", dailyImpressions, "0 or more")
        try check(otherViews >= 0 && otherViews.isFinite, "otherViews", otherViews, "0 or more")
        try check(saturationViews > 0, "saturationViews", saturationViews, "above 0")
        try check((0...1).contains(featureSignal), "featureSignal", featureSignal, "0 to 1")
        try check(lifeInDays >= 1, "lifeInDays", lifeInDays, "1 or more")
        try check(deadDays >= 1, "deadDays", deadDays, "1 or more")
    }
}
