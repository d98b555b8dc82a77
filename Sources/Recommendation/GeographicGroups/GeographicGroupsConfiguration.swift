public import Training

/// The shape of a group network and how its groups are found. The paper's own values are not public; the defaults are the
/// reconstruction's, narrowed to small logs.
public struct GeographicGroupsConfiguration: Sendable, Codable, Equatable {
    /// How cells are dealt to groups.
    public enum Grouping: String, Sendable, Codable, CaseIterable {
        /// Expectation maximisation on held-out rows.
        case expectationMaximization
        /// A policy on the statistics of a cell, trained by REINFORCE.
        case policyGradient
        /// The groups that are given, for ever.
        case fixed
    }

    /// K.
    public var groups = 8
    /// The width of the vectors of fields.
    public var dimensions = 8
    public var commonWidths = [64, 32]
    public var groupWidths = [32, 16]
    public var grouping = Grouping.expectationMaximization
    /// E0: passes with the first groups.
    public var warmUpEpochs = 2
    /// R: how often groups are dealt anew.
    public var rounds = 6
    /// Passes between two rounds.
    public var epochsPerRound = 1
    /// Passes over all rows with the final groups.
    public var finalEpochs = 6
    /// T_1, in nats of a cell's log-likelihood; it falls by the same factor from round to round.
    public var firstTemperature = 8.0
    /// Below it a cell belongs to its best group alone.
    public var hardTemperature = 0.5
    /// m: a cell of so many held-out rows counts as much as its region. Where groups are not contiguous a large one gives
    /// small cells the group of their region's busiest cell.
    public var shrinkage = 2.0
    /// Rows at which the statistics of a cell, which make the first groups, are halved.
    public var statisticsShrinkage = 20.0
    /// A group with a smaller share of the rows is seeded anew.
    public var smallestShare = 0.01
    /// Grouping ends when a smaller share of the rows changes its group.
    public var changeShare = 0.01
    /// The weight of the common head's own loss: it must stand alone for cells without a group.
    public var commonWeight = 0.1
    /// Of the policy: the share of cells that explore, its step size, and its updates in a round.
    public var exploration = 0.1
    public var policyRate = 0.5
    public var policyUpdates = 200

    public init() {}

    public static let fields = [
        RecipeField("groups", "The number of groups.", range: .between(1, 64), source: "the reconstruction: 4 to 16"),
        RecipeField("dimensions", "Of the vector of each field.", range: .between(1, 256)),
        RecipeField("commonWidths", "Layers of the common tower."),
        RecipeField("groupWidths", "Two layers of each group's tower."),
        RecipeField("grouping", "expectationMaximization; policyGradient; fixed keeps the first groups."),
        RecipeField("warmUpEpochs", "Passes with the first groups.", range: .between(1, 1_000_000)),
        RecipeField("rounds", "How often groups are dealt anew.", range: .between(0, 1_000_000)),
        RecipeField("epochsPerRound", "Passes between two rounds.", range: .between(1, 1_000_000)),
        RecipeField("finalEpochs", "Passes over all rows with the final groups.", range: .between(1, 1_000_000)),
        RecipeField("firstTemperature", "How soft the first round is.", unit: "nats", range: .above(0)),
        RecipeField("hardTemperature", "Below it a cell belongs to one group alone.", range: .above(0)),
        RecipeField("shrinkage", "Held-out rows at which a cell counts as much as its region.", range: .atLeast(0)),
        RecipeField("statisticsShrinkage", "Rows at which a cell's statistics are halved.", range: .atLeast(0)),
        RecipeField("smallestShare", "A smaller group is seeded anew.", range: .from(0, below: 1)),
        RecipeField("changeShare", "Grouping ends when a smaller share of rows moves.", range: .from(0, below: 1)),
        RecipeField("commonWeight", "The weight of the common head's own loss.", range: .atLeast(0)),
        RecipeField("exploration", "The share of cells that explore, of policyGradient.", range: .between(0, 1)),
        RecipeField("policyRate", "The step size of the policy.", range: .above(0)),
        RecipeField("policyUpdates", "Updates of the policy in a round.", range: .between(1, 1_000_000)),
    ]

    func problems(at name: String) -> [RecipeProblem] {
        var problems: [RecipeProblem] = []
        if commonWidths.isEmpty || !commonWidths.allSatisfy((1...4_096).contains) {
            problems.append(
                RecipeProblem("\(name).commonWidths", found: "\(commonWidths)", allowed: "widths from 1 to 4096"))
        }
        if groupWidths.count != 2 || !groupWidths.allSatisfy((1...4_096).contains) {
            problems.append(
                RecipeProblem("\(name).groupWidths", found: "\(groupWidths)", allowed: "two widths from 1 to 4096"))
        }
        return problems
    }

    /// Passes over the data in all.
    public var epochs: Int { warmUpEpochs + rounds * epochsPerRound + finalEpochs }
}
