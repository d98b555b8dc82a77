import Evaluation
import Experiments
import Recommendation
import Testing
import Worlds

@Suite("Null worlds: even who knows everything gains nothing from what a study credits")
struct NullWorldTests {
    /// What the true probabilities rank better inside cells than the best weights that are the same for all cells.
    private func worthOfGroups(_ configuration: RegionConfiguration) throws -> Double {
        let world = try RegionWorld(configuration, seed: 3)
        let log = RegionLog(world: world, requests: 0..<20_000, stream: 1)
        let width = log.featureCount
        let bins = configuration.timeBins
        var weights = [Double](repeating: 0, count: width)
        var times = [Double](repeating: 0, count: bins)
        for cell in log.cells {
            let group = Int(world.truth.groups[Int(cell)])
            let share = 1 / Double(log.rowCount)
            for place in 0..<width {
                weights[place] +=
                    share * Double(world.truth.shared[place] + world.truth.groupWeights[group * width + place])
            }
            for bin in 0..<bins { times[bin] += share * Double(world.truth.timeWeights[group * bins + bin]) }
        }
        let common = (0..<log.rowCount).map { row in
            (0..<width).reduce(times[Int(log.timeBins[row])]) {
                $0 + weights[$1] * Double(log.features[row * width + $1])
            }
        }
        func area(_ scores: [Double]) throws -> Double {
            let found = try GroupedDiscrimination(
                scores: scores, positive: log.clicks, groups: log.cells, weight: .impressions)
            return try #require(found).value
        }
        return try area(log.clickProbabilities.map(Double.init)) - area(common)
    }

    @Test("geographic-groups: with one group the same weights rank every cell as the truth does")
    func oneGroup() throws {
        #expect(abs(try worthOfGroups(.null)) < 1e-4)
        #expect(try worthOfGroups(RegionConfiguration()) > 0.03)
    }

    /// How far the true probabilities of one item's click and of one slot's browsing lie apart, at most.
    private func spread(_ kind: SessionWorld) throws -> (clicks: Float, browses: Float) {
        let world = try FeedWorld(kind.configuration(SessionContextScale(.smoke)), seed: 3)
        let log = try FeedLog(
            world: world, users: 0..<40, base: SimilarFeedPolicy(world: world), exploration: 0.3, luckSeed: 1)
        func widest(_ values: [Float], by keys: [Int]) -> Float {
            Dictionary(grouping: values.indices, by: { keys[$0] }).values.reduce(0) { widest, rows in
                let own = rows.map { values[$0] }
                return max(widest, (own.max() ?? 0) - (own.min() ?? 0))
            }
        }
        return (
            widest(log.clickProbabilities, by: log.items.map(Int.init)),
            widest(log.browseProbabilities, by: log.slots.map(Int.init))
        )
    }

    @Test("session-context: without memory an item's clicks and a slot's browsing are the same in every session")
    func memoryless() throws {
        let null = try spread(.memoryless)
        #expect(null.clicks < 1e-6 && null.browses < 1e-6)
        let full = try spread(.full)
        #expect(full.clicks > 0.2 && full.browses > 0.2)
        // Where browsing is constant, lists cannot change it, though clicks still depend on the session.
        let constant = try spread(.constantBrowsing)
        #expect(constant.browses < 1e-6 && constant.clicks > 0.2)
    }

    /// What a user's taste for the rich type tells of the sparse type's items, as an area under the curve, and how far the
    /// sparse type's items differ in how many users like them.
    private func carriedOver(_ configuration: ItemTypeConfiguration) throws -> (area: Double, popularity: Double) {
        let world = try ItemTypeWorld(configuration, seed: 3)
        let width = configuration.hiddenDimensions
        var scores: [Double] = []
        var labels: [Bool] = []
        for index in 0..<240_000 {
            let found = world.interaction(index, stream: 1)
            guard found.type == 2 else { continue }
            scores.append(
                (0..<width).reduce(0.0) {
                    $0
                        + Double(
                            world.tastes[0][Int(found.user) * width + $1]
                                * world.hidden[2][Int(found.item) * width + $1])
                })
            labels.append(found.liked)
        }
        let shares = (0..<world.types[2].count).map { item in
            (0..<configuration.userCount).reduce(0.0) {
                $0 + Double(world.likeProbability(user: $1, type: 2, item: item)) / Double(configuration.userCount)
            }
        }
        let area = try #require(try Discrimination.areaUnderCurve(scores: scores, positive: labels))
        return (area, Summary(shares).standardDeviation)
    }

    @Test("unified-representation: with independent types neither tastes nor popularity carry over")
    func independentTypes() throws {
        let null = try carriedOver(.null)
        #expect(abs(null.area - 0.5) < 0.02)
        // What is left is the chance of 2,000 users: a deviation of about 0.3 over the root of their number.
        #expect(null.popularity < 0.01)
        let shared = try carriedOver(ItemTypeConfiguration())
        #expect(shared.area > 0.8)
        #expect(shared.popularity > 0.015)
    }
}
