/// Constants of the region world: many small areas, few hidden groups of areas with their own taste.
public struct RegionConfiguration: Sendable, Hashable {
    public var gridWidth = 20
    public var gridHeight = 10
    /// Hidden groups; 1 is the null control.
    public var groupCount = 6
    public var itemsPerCell = 8
    /// Cell traffic is in proportion to `rank^-exponent`.
    public var trafficExponent = 1.2
    public var userFeatures = 4
    public var itemFeatures = 6
    public var timeBins = 4
    /// Scale of the shared coefficients, of the group's own, of time by group, and of the cell's base rate.
    public var sharedScale: Float = 0.4
    public var groupScale: Float = 0.8
    public var timeScale: Float = 0.4
    public var cellScale: Float = 0.4
    public var base: Float = -1.8
    /// Share of logged requests served by a uniform draw; the others show the best item by the shared coefficients.
    public var exploration = 0.3

    public init() {}

    /// One group: grouping can gain nothing.
    public static var null: RegionConfiguration {
        var configuration = RegionConfiguration()
        configuration.groupCount = 1
        return configuration
    }

    public var cellCount: Int { gridWidth * gridHeight }
    /// User features, item features, their match, the distance.
    public var featureCount: Int { userFeatures + itemFeatures + 2 }

    /// - Throws: `WorldError.invalid` naming the first value outside its range.
    public func validate() throws {
        func check(_ holds: Bool, _ field: String, _ found: some CustomStringConvertible, _ allowed: String) throws {
            if !holds { throw WorldError.invalid(world: "region", field: field, found: "\(found)", allowed: allowed) }
        }
        try check((1...1_000).contains(gridWidth), "gridWidth", gridWidth, "1 to 1000")
        try check((1...1_000).contains(gridHeight), "gridHeight", gridHeight, "1 to 1000")
        try check(
            (1...cellCount).contains(groupCount), "groupCount", groupCount, "1 to the number of cells (\(cellCount))")
        try check(itemsPerCell >= 1, "itemsPerCell", itemsPerCell, "1 or more")
        try check(userFeatures >= 1, "userFeatures", userFeatures, "1 or more")
        try check(itemFeatures >= userFeatures, "itemFeatures", itemFeatures, "at least userFeatures (\(userFeatures))")
        try check(timeBins >= 1, "timeBins", timeBins, "1 or more")
        try check(exploration > 0 && exploration <= 1, "exploration", exploration, "above 0, at most 1")
    }
}
