import Corpora
import Evaluation
import Foundation

/// Check-ins in New York as a recommendation of nearby places: from where a user was last, which of the places around came
/// next? One row for the place that was visited and four for others in the same or a neighbouring cell.
///
/// The first half of the period gives popularities only, rows to train on come from 50 % to 80 % of the period, those of the
/// test from the rest. What a user visited before are the check-ins before the row's in their order of time.
enum CheckInRequests {
    static let gridSide = 12
    static let negatives = 4
    static let timeBins = 6

    /// - Throws: `CorpusError` that says what to put where, if the set is nowhere.
    static func folder(in directory: DataDirectory) throws -> URL {
        try directory.require(dataSet: "foursquare-nyc", anyOf: ["NYC.npy"]).deletingLastPathComponent()
    }

    /// - Throws: `InteractionError`, `CorpusError`, ``RecommendationError``.
    static func experiment(
        folder: URL, scale: GeographicGroupsScale, configuration: GeographicGroupsConfiguration, seed: Int,
        isInterrupted: @escaping () -> Bool
    ) throws -> GeographicGroupsExperiment {
        let places = try CheckIns(folder: folder)
        let rows = try Rows(places, seed: UInt64(seed))
        // Whole questions: a visited place and its alternatives stay together.
        let question = negatives + 1
        func cut(_ rows: FeatureRows, _ most: Int, _ name: String) throws -> FeatureRows {
            var generator = SeededGenerator(seed: UInt64(seed)).split(name)
            let questions = generator.shuffled(0..<(rows.count / question)).prefix(most / question).sorted()
            return try rows.selected(questions.flatMap { ($0 * question)..<(($0 + 1) * question) })
        }
        let training = try cut(rows.training, scale.requests + scale.heldOut, "training")
        let heldOut = training.count / question * scale.heldOut / (scale.requests + scale.heldOut) * question
        let cells = 0..<(gridSide * gridSide)
        let data = try CellData(
            training, heldOutRows: Set((training.count - heldOut)..<training.count),
            regions: cells.map { ($0 / gridSide / 4) * (gridSide / 4) + $0 % gridSide / 4 },
            positions: cells.map { SIMD2(Double($0 % gridSide), Double($0 / gridSide)) }, seed: UInt64(seed))
        return GeographicGroupsExperiment(
            data: data, test: try cut(rows.test, scale.test, "test"), traffic: data.traffic, truth: [],
            configuration: scale.adjusted(configuration), rowsPerBatch: scale.rowsPerBatch, seed: UInt64(seed),
            isInterrupted: isInterrupted)
    }

    private struct Rows {
        var training: FeatureRows
        var test: FeatureRows

        init(_ places: CheckIns, seed: UInt64) throws {
            let log = places.log
            let cells = places.cells(rows: gridSide, columns: gridSide)
            var venues = [[Int32]](repeating: [], count: gridSide * gridSide)
            for (venue, cell) in cells.enumerated() { venues[Int(cell)].append(Int32(venue)) }
            let around = (0..<(gridSide * gridSide)).map { cell in
                CheckInRequests.neighbours(cell).flatMap { venues[$0] }
            }
            let sorted = log.times.sorted()
            let (half, cut) = (sorted[sorted.count / 2], sorted[sorted.count * 8 / 10])

            var popularity = [Double](repeating: 0, count: log.itemCount)
            var byTime = [Double](repeating: 0, count: log.itemCount * timeBins)
            for row in 0..<log.rowCount where log.times[row] < half {
                let venue = Int(log.itemIndices[row])
                popularity[venue] += 1
                byTime[venue * timeBins + CheckInRequests.bin(log.times[row])] += 1
            }
            let schema = FeatureSchema(
                categories: [.init("time", count: timeBins + 1)],
                numbers: [
                    "distance", "popularity", "popularity now", "visits before", "visited", "same place", "pause",
                ],
                domainCount: gridSide * gridSide)
            training = FeatureRows(schema: schema)
            test = FeatureRows(schema: schema)
            let base = SeededGenerator(seed: seed).split("check-ins")
            for user in 0..<log.userCount {
                var visits: [Int32: Int] = [:]
                var previous: Int?
                var generator = base.split(UInt64(user))
                for row in log.rows(ofUser: user) {
                    let target = log.itemIndices[row]
                    if let last = previous, log.times[row] >= half {
                        let from = Int(log.itemIndices[last])
                        let near = around[Int(cells[from])]
                        if near.count > 4 * negatives, near.contains(target) {
                            var shown = [target]
                            while shown.count <= negatives {
                                let other = generator.element(of: near)
                                if !shown.contains(other) { shown.append(other) }
                            }
                            let bin = CheckInRequests.bin(log.times[row])
                            for venue in shown {
                                let place = Int(venue)
                                let own = visits[venue] ?? 0
                                let now = (byTime[place * timeBins + bin] + 1) / (popularity[place] + Double(timeBins))
                                let numbers = [
                                    log1p(CheckInRequests.kilometres(places, from, place)),
                                    log1p(popularity[place]) / 3,
                                    Foundation.log(now * Double(timeBins)), log1p(Double(own)), own > 0 ? 1 : 0,
                                    place == from ? 1 : 0, log1p((log.times[row] - log.times[last]) / 60) / 3,
                                ].map(Float.init)
                                let isTest = log.times[row] >= cut
                                let label: Float = venue == target ? 1 : 0
                                if isTest {
                                    try test.append(
                                        categories: [Int32(bin + 1)], numbers: numbers, labels: [label],
                                        domain: Int(cells[from]))
                                } else {
                                    try training.append(
                                        categories: [Int32(bin + 1)], numbers: numbers, labels: [label],
                                        domain: Int(cells[from]))
                                }
                            }
                        }
                    }
                    visits[target, default: 0] += 1
                    previous = row
                }
            }
        }
    }

    /// The part of the day of a minute of the period.
    private static func bin(_ minute: Double) -> Int {
        let ofDay = minute.truncatingRemainder(dividingBy: 1_440)
        return min(timeBins - 1, max(0, Int(ofDay / 1_440 * Double(timeBins))))
    }

    /// The cell and those that touch it.
    private static func neighbours(_ cell: Int) -> [Int] {
        let (row, column) = (cell / gridSide, cell % gridSide)
        return (max(0, row - 1)...min(gridSide - 1, row + 1)).flatMap { row in
            (max(0, column - 1)...min(gridSide - 1, column + 1)).map { row * gridSide + $0 }
        }
    }

    /// On a plane, which is exact enough inside a city.
    private static func kilometres(_ places: CheckIns, _ first: Int, _ second: Int) -> Double {
        let degree = 111.2
        let north = (places.latitudes[first] - places.latitudes[second]) * degree
        let east =
            (places.longitudes[first] - places.longitudes[second]) * degree * cos(places.latitudes[first] * .pi / 180)
        return (north * north + east * east).squareRoot()
    }
}
