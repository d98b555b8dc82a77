import Evaluation

/// Logged requests of the region world, one shown item each, column by column.
public struct RegionLog: Sendable {
    public let featureCount: Int
    public private(set) var features: [Float] = []  // [rows, featureCount]
    public private(set) var cells: [Int32] = []
    public private(set) var timeBins: [Int32] = []
    public private(set) var items: [Int32] = []
    public private(set) var clicks: [Bool] = []
    /// Probability with which the logging policy showed the item.
    public private(set) var propensities: [Double] = []
    /// True click probabilities: for scoring and for the oracle's row.
    public private(set) var clickProbabilities: [Float] = []

    public var rowCount: Int { items.count }

    /// Serves requests with the mixture of a uniform draw and the greedy choice by the shared coefficients.
    ///
    /// - Parameter stream: names an independent stream of requests; use another one for test data.
    public init(world: RegionWorld, requests: Range<Int>, stream: UInt64) {
        featureCount = world.configuration.featureCount
        let exploration = world.configuration.exploration
        for index in requests {
            let request = world.request(index, stream: stream)
            var luck = SeededGenerator(seed: world.seed, 0x10C5, stream, UInt64(index))
            let candidates = request.candidates
            let scores = candidates.map { world.sharedScore(request, item: Int($0)) }
            let greedy = candidates[scores.indices.max { scores[$0] < scores[$1] }!]
            let item = luck.bernoulli(exploration) ? luck.element(of: candidates) : greedy
            let uniform = exploration / Double(candidates.count)
            let probability = world.clickProbability(request, item: Int(item))
            world.appendFeatures(request, item: Int(item), to: &features)
            cells.append(request.cell)
            timeBins.append(request.timeBin)
            items.append(item)
            clicks.append(luck.bernoulli(Double(probability)))
            propensities.append(item == greedy ? 1 - exploration + uniform : uniform)
            clickProbabilities.append(probability)
        }
    }
}
