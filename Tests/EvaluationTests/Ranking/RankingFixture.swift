import Evaluation
import Foundation

/// Values by complete sorting in plain Python (Scripts/fixtures/ranking.py).
struct RankingFixture: Decodable {
    struct Area: Decodable {
        let scores: [Double]
        let labels: [Bool]
        let groups: [Int32]
        let skipped: Int
        let expected: [String: Double]
    }
    struct Grouping: Decodable {
        let first, second: [Int]
        let rand, mutual: Double
    }
    struct Exposure: Decodable {
        let lists: [[Int32]]
        let gini, coverage: Double
    }

    let items: Int
    let cutoffs: [Int]
    let scores: [[Float]]
    let relevant, excluded: [[Int32]]
    let expected: [String: [String: Double]]
    let area: Area
    let grouping: Grouping
    let exposure: Exposure

    static func load() throws -> RankingFixture {
        let file = URL(filePath: Bundle.module.resourcePath! + "/Fixtures/ranking.json")
        return try JSONDecoder().decode(RankingFixture.self, from: Data(contentsOf: file))
    }

    func `protocol`(_ ties: TieRule, candidates: RankingCandidates = .full) -> RankingProtocol {
        RankingProtocol(
            data: "synthetic", split: "given", candidates: candidates, cutoffs: cutoffs, ties: ties, seeds: [20_260])
    }

    func fill(_ users: Range<Int>, _ buffer: UnsafeMutableBufferPointer<Float>) {
        for (row, user) in users.enumerated() {
            for item in 0..<items { buffer[row * items + item] = scores[user][item] }
        }
    }
}
