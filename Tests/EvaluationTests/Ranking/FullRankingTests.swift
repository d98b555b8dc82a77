import Evaluation
import Foundation
import Testing

@Suite("Full ranking") struct FullRankingTests {
    @Test("Every metric at every cutoff equals complete sorting under each tie rule", arguments: TieRule.allCases)
    func equalsCompleteSorting(ties: TieRule) throws {
        let fixture = try RankingFixture.load()
        // A buffer for three users at a time: chunks and the last short one are both met.
        let ranking = try FullRanking(
            itemCount: fixture.items, protocol: fixture.protocol(ties), scoreBytes: 3 * 4 * fixture.items)
        let report = try ranking.evaluate(
            relevant: ItemSets(fixture.relevant), excluded: ItemSets(fixture.excluded), scores: fixture.fill)
        let expected = try #require(fixture.expected[ties.rawValue])
        for metric in RankingReport.Metric.allCases {
            for k in fixture.cutoffs {
                let found = try #require(report.value(metric, k: k))
                let wanted = try #require(expected["\(metric.rawValue)@\(k)"])
                #expect(abs(found.value - wanted) < 1e-6, "\(metric.rawValue)@\(k)")
            }
        }
        #expect(report.skippedUsers == fixture.relevant.count { $0.isEmpty })
        #expect(report.evaluatedUsers + report.skippedUsers == fixture.relevant.count)
    }

    @Test("A scorer that gives every item the same value finds nothing under the default tie rule")
    func constantScorerFindsNothing() throws {
        let ranking = try FullRanking(
            itemCount: 100, protocol: RankingProtocol(data: "d", split: "s", cutoffs: [10], seeds: []))
        let report = try ranking.evaluate(relevant: ItemSets([[0], [50]] as [[Int32]])) { _, buffer in
            buffer.update(repeating: 1)
        }
        #expect(report.value(.hitRate, k: 10)?.value == 0)
    }

    @Test("Sampled candidates rank only the targets and the given negatives")
    func sampledCandidates() throws {
        let ranking = try FullRanking(
            itemCount: 6,
            protocol: RankingProtocol(
                data: "d", split: "s", candidates: .uniform(count: 2), cutoffs: [1, 2], seeds: [1]))
        let scores: [Float] = [9, 8, 7, 6, 5, 4]
        let report = try ranking.evaluate(relevant: ItemSets([[3]] as [[Int32]]), candidates: { _ in [2, 5] }) {
            _, buffer in
            for index in 0..<6 { buffer[index] = scores[index] }
        }
        #expect(report.value(.hitRate, k: 1)?.value == 0)
        #expect(report.value(.hitRate, k: 2)?.value == 1)
    }

    @Test("The kept lists are the best items without the excluded ones, best first")
    func keptLists() throws {
        let ranking = try FullRanking(
            itemCount: 40, protocol: RankingProtocol(data: "d", split: "s", cutoffs: [3], seeds: []), keepsLists: true)
        let report = try ranking.evaluate(
            relevant: ItemSets([[38]] as [[Int32]]), excluded: ItemSets([[39, 37]] as [[Int32]])
        ) { _, buffer in
            for item in 0..<40 { buffer[item] = Float(item) }
        }
        #expect(report.lists == [[38, 36, 35]])
        #expect(report.perUser(.hitRate, k: 3) == [1])
    }

    @Test("A score that is not a number is an error that names the user, wherever it stands")
    func notANumber() throws {
        let ranking = try FullRanking(
            itemCount: 35, protocol: RankingProtocol(data: "d", split: "s", cutoffs: [2], seeds: []))
        for position in [0, 20, 34] {
            #expect(throws: RankingError.scoreNotANumber(user: 1)) {
                try ranking.evaluate(relevant: ItemSets([[1], [2]] as [[Int32]])) { users, buffer in
                    buffer.update(repeating: 0)
                    if let row = users.firstIndex(of: 1) { buffer[(row - users.lowerBound) * 35 + position] = .nan }
                }
            }
        }
    }

    @Test("Bad cutoffs, foreign items and users without targets are typed errors")
    func badInput() throws {
        #expect(throws: RankingError.invalidCutoffs([0])) {
            try FullRanking(itemCount: 3, protocol: RankingProtocol(data: "d", split: "s", cutoffs: [0], seeds: []))
        }
        let ranking = try FullRanking(
            itemCount: 3, protocol: RankingProtocol(data: "d", split: "s", cutoffs: [1], seeds: []))
        let zeros: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void = { $1.update(repeating: 0) }
        #expect(throws: RankingError.itemOutOfRange(user: 0, item: 3, itemCount: 3)) {
            try ranking.evaluate(relevant: ItemSets([[3]] as [[Int32]]), scores: zeros)
        }
        #expect(throws: RankingError.noRelevantItems(users: 2)) {
            try ranking.evaluate(relevant: .empty(count: 2), scores: zeros)
        }
    }

    @Test("Every number is printed with its protocol")
    func printsProtocol() throws {
        let fixture = try RankingFixture.load()
        let report = try FullRanking(itemCount: fixture.items, protocol: fixture.protocol(.relevantLast)).evaluate(
            relevant: ItemSets(fixture.relevant), scores: fixture.fill)
        let text = try #require(report.value(.discountedGain, k: 10)).description
        #expect(text.hasPrefix("nDCG@10 0."))
        #expect(
            text.hasSuffix(
                "users; synthetic; given; candidates full without history; k = 1, 5, 10, 100; ties relevant last; "
                    + "seeds 20260)"))
        #expect(report.description.contains("ties relevant last"))
    }

    @Test("100,000 items are ranked for many users within the score buffer: resident memory grows by less than 100 MB")
    func boundedMemory() throws {
        let users = 400
        let items = 100_000
        let ranking = try FullRanking(
            itemCount: items, protocol: RankingProtocol(data: "d", split: "s", cutoffs: [10], seeds: []))
        let targets = ItemSets((0..<users).map { [Int32($0 * 7)] })
        let before = try residentKilobytes()
        var calls = 0
        let report = try ranking.evaluate(relevant: targets) { range, buffer in
            calls += 1
            // The target of every second user has the best score.
            buffer.update(repeating: 0.25)
            for (row, user) in range.enumerated() { buffer[row * items + user * 7] = user % 2 == 0 ? 1 : 0.1 }
        }
        #expect(calls > 3)
        #expect(report.value(.hitRate, k: 10)?.value == 0.5)
        #expect(try residentKilobytes() - before < 100_000)
    }

    /// The peak of the resident set.
    private func residentKilobytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) })
    }
}
