import Evaluation
import Foundation

/// Services are used near home, in a grid of cells whose hidden groups (by stripe of the map and by income, so not
/// contiguous) weigh the same features differently.
public struct RegionWorld: Sendable {
    /// Hidden from learners.
    public struct Truth: Sendable {
        /// The group of each cell.
        public var groups: [Int32] = []
        public var shared: [Float] = []
        /// `[groups, features]`.
        public var groupWeights: [Float] = []
        /// `[groups, time bins]`.
        public var timeWeights: [Float] = []
        public var cellBases: [Float] = []
    }

    public let configuration: RegionConfiguration
    public let seed: UInt64
    /// Share of the traffic of each cell, summing to 1.
    public let traffic: [Double]
    /// Observable mean income of each cell, noisy.
    public let incomes: [Float]
    /// The cell of each item; cell `z` has the items `z * itemsPerCell ..< (z + 1) * itemsPerCell`.
    public let itemCells: [Int32]
    public let itemFeatures: [Float]  // [items, itemFeatures]
    public let truth: Truth
    private let cumulativeTraffic: [Double]

    public var itemCount: Int { itemCells.count }

    /// - Throws: `WorldError.invalid`.
    public init(_ configuration: RegionConfiguration = RegionConfiguration(), seed: UInt64) throws {
        try configuration.validate()
        self.configuration = configuration
        self.seed = seed
        let base = SeededGenerator(seed: seed).split("regions")
        let cells = configuration.cellCount
        var traffic = base.split("traffic")
        let ranks = traffic.shuffled(1...cells)
        let weights = ranks.map { pow(Double($0), -configuration.trafficExponent) }
        let total = weights.reduce(0, +)
        self.traffic = weights.map { $0 / total }
        var sum = 0.0
        cumulativeTraffic = self.traffic.map {
            sum += $0
            return sum
        }

        // Two or three income classes, three stripes of the map: their pairs, folded to the wanted number of groups.
        var truth = Truth()
        var income = base.split("income")
        var incomes: [Float] = []
        let classes = configuration.groupCount % 3 == 0 ? max(1, configuration.groupCount / 3) : 2
        for cell in 0..<cells {
            let value = income.uniform()
            incomes.append(Float(value + 0.1 * income.normal()))
            let stripe = 3 * (cell % configuration.gridWidth) / configuration.gridWidth
            let wealth = min(Int(value * Double(classes)), classes - 1)
            // Groups 0 ..< K exist even on small maps: the first cells are given one each.
            let group = cell < configuration.groupCount ? cell : stripe * classes + wealth
            truth.groups.append(Int32(group % configuration.groupCount))
        }
        self.incomes = incomes

        let width = configuration.featureCount
        func normals(_ name: String, _ count: Int, _ scale: Float) -> [Float] {
            var generator = base.split(name)
            return (0..<count).map { _ in scale * Float(generator.normal()) }
        }
        truth.shared = normals("shared", width, configuration.sharedScale)
        truth.groupWeights = normals("groups", configuration.groupCount * width, configuration.groupScale)
        // Closer is better for everyone.
        truth.shared[width - 1] = -abs(truth.shared[width - 1]) - 0.3
        truth.timeWeights = normals("time", configuration.groupCount * configuration.timeBins, configuration.timeScale)
        truth.cellBases = normals("cells", cells, configuration.cellScale)
        self.truth = truth
        itemCells = (0..<Int32(cells * configuration.itemsPerCell)).map { $0 / Int32(configuration.itemsPerCell) }
        itemFeatures = normals("items", itemCells.count * configuration.itemFeatures, 1)
    }

    /// A user who opens the app somewhere at some time of the day.
    public struct Request: Sendable, Equatable {
        public let index: Int
        public let cell: Int32
        public let timeBin: Int32
        public let user: [Float]
        /// The items of the own and the neighbouring cells: nothing else is feasible.
        public let candidates: [Int32]
    }

    /// Request number `index` of a stream: the same for every policy.
    public func request(_ index: Int, stream: UInt64) -> Request {
        var generator = SeededGenerator(seed: seed, 0x4E61, stream, UInt64(index))
        let place = generator.uniform()
        var low = 0
        var high = cumulativeTraffic.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulativeTraffic[middle] <= place { low = middle + 1 } else { high = middle }
        }
        let user = (0..<configuration.userFeatures).map { _ in Float(generator.normal()) }
        return Request(
            index: index, cell: Int32(low), timeBin: Int32(generator.integer(below: configuration.timeBins)),
            user: user,
            candidates: neighbours(low).flatMap { cell in
                (0..<configuration.itemsPerCell).map { Int32(cell * configuration.itemsPerCell + $0) }
            })
    }

    /// The cell and those that touch it, ascending.
    public func neighbours(_ cell: Int) -> [Int] {
        let x = cell % configuration.gridWidth
        let y = cell / configuration.gridWidth
        var result: [Int] = []
        for row in max(0, y - 1)...min(configuration.gridHeight - 1, y + 1) {
            for column in max(0, x - 1)...min(configuration.gridWidth - 1, x + 1) {
                result.append(row * configuration.gridWidth + column)
            }
        }
        return result
    }

    /// Appends the features of showing an item: user, item, their match, the distance in cells.
    public func appendFeatures(_ request: Request, item: Int, to row: inout [Float]) {
        forEachFeature(request, item) { _, value in row.append(value) }
    }

    @inline(__always)
    private func forEachFeature(_ request: Request, _ item: Int, _ visit: (Int, Float) -> Void) {
        let width = configuration.itemFeatures
        let users = configuration.userFeatures
        var match: Float = 0
        for (place, value) in request.user.enumerated() { visit(place, value) }
        for place in 0..<width {
            let value = itemFeatures[item * width + place]
            if place < users { match += request.user[place] * value }
            visit(users + place, value)
        }
        visit(users + width, match / Float(users).squareRoot())
        let cell = Int(request.cell)
        let other = Int(itemCells[item])
        let across = cell % configuration.gridWidth - other % configuration.gridWidth
        let down = cell / configuration.gridWidth - other / configuration.gridWidth
        visit(users + width + 1, Float(across * across + down * down).squareRoot())
    }

    /// The true click probability: `sigmoid(b + b_z + time_k + <w_0 + w_k, x>)` with the cell's group `k`.
    public func clickProbability(_ request: Request, item: Int) -> Float {
        let group = Int(truth.groups[Int(request.cell)])
        let from = group * configuration.featureCount
        var logit = configuration.base + truth.cellBases[Int(request.cell)]
        logit += truth.timeWeights[group * configuration.timeBins + Int(request.timeBin)]
        forEachFeature(request, item) { logit += $1 * (truth.shared[$0] + truth.groupWeights[from + $0]) }
        return logistic(logit)
    }

    /// The part of the logit that all cells share: what the logging policy ranks by.
    public func sharedScore(_ request: Request, item: Int) -> Float {
        var score: Float = 0
        forEachFeature(request, item) { score += $1 * truth.shared[$0] }
        return score
    }
}
