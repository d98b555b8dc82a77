import Corpora
import Evaluation
import Foundation
import Recommendation
import Tensors
import Testing

/// Prefers the items after the last one of a history, and looks at the memory while it is asked.
private final class Successor: Recommender {
    let itemCount: Int
    private(set) var largest = 0
    private(set) var calls = 0
    private(set) var residentBytes = 0

    init(_ itemCount: Int) { self.itemCount = itemCount }

    func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor {
        largest = max(largest, users.count)
        calls += 1
        let last = Tensor(users.map { Float($0.history.last ?? 0) }, shape: [users.count, 1])
        let scores = (Tensor.range(0..<itemCount).cast(to: .float32) - last - 1).absolute() * -1
        residentBytes = max(residentBytes, ResidentMemory.bytes)
        return scores
    }
}

private enum ResidentMemory {
    /// Of this process now; 0 where the system does not say.
    static var bytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
            let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return 0 }
        return pages * Int(getpagesize())
    }
}

@Suite("Ranking measurement")
struct RankingMeasurementTests {
    /// Each user meets three neighbouring items in turn; the last one is the test item.
    private func split(users: Int, items: Int) throws -> InteractionSplit {
        .leaveOneOut(
            try InteractionLog(
                users: IdentifierMap(count: users), items: IdentifierMap(count: items),
                userIndices: (0..<(3 * users)).map { Int32($0 / 3) },
                itemIndices: (0..<(3 * users)).map { Int32($0 / 3 * 31 % (items - 3) + $0 % 3) }))
    }

    @Test("100,000 items: as many users are scored at once as the block of scores holds, however many there are")
    func boundedMemory() throws {
        let items = 100_000
        let split = try split(users: 1_000, items: items)
        let measurement = RankingMeasurement(split, part: .test, cutoffs: [1, 10])
        let model = Successor(items)
        _ = try measurement(model)  // whatever is made once is there
        let before = ResidentMemory.bytes
        let report = try measurement(model)
        #expect(report.value(.hitRate, k: 1)?.value == 1)
        let atOnce = RankingMeasurement.scoreBytes(itemCount: items) / (4 * items)
        #expect(model.largest == atOnce)
        #expect(model.calls == 2 * ((1_000 + atOnce - 1) / atOnce))
        #expect(atOnce == 64)
        // The model's scores in four steps and their copy: a few blocks, where all scores are 400 MB.
        #expect(model.residentBytes - before < 8 * RankingMeasurement.scoreBytes(itemCount: items))
    }

    @Test("Each list is told as it is made: best first, with scores and hits, without what was met before")
    func lists() throws {
        var told: [(user: Int, list: [RankedItem])] = []
        let report = try RankingMeasurement(split(users: 2, items: 40), part: .test, cutoffs: [1, 3])(Successor(40)) {
            told.append(($0, $1))
        }
        #expect(report.value(.hitRate, k: 1)?.value == 1)
        #expect(told.map(\.user) == [0, 1])
        // Scores are -|item - last - 1|. User 0 met 0 and 1, user 1 met 31 and 32.
        #expect(told[0].list.map(\.item) == [2, 3, 4] && told[0].list.map(\.score) == [0, -1, -2])
        #expect(told[1].list.map(\.item) == [33, 34, 35] && told[1].list.map(\.score) == [0, -1, -2])
        #expect(told.allSatisfy { $0.list.map(\.isRelevant) == [true, false, false] })
    }

    /// Every user meets 0, 1 and 2 in turn; of the rest 3 and 4 are better than 2, and 5 is worse.
    private func sampled(
        _ candidates: RankingCandidates, users: Int = 400, seed: UInt64 = 1
    ) throws -> (report: RankingReport, lists: [[Int32]]) {
        let split = InteractionSplit.leaveOneOut(
            try InteractionLog(
                users: IdentifierMap(count: users), items: IdentifierMap(count: 6),
                userIndices: (0..<(3 * users)).map { Int32($0 / 3) },
                itemIndices: (0..<(3 * users)).map { Int32($0 % 3) }))
        let report = try RankingMeasurement(
            split, part: .test, cutoffs: [1, 2, 3, 4], data: "toy", seeds: [seed], candidates: candidates
        )(Popularity(scores: [0, 0, 5, 9, 8, 1]), keepsLists: true)
        return (report, report.lists)
    }

    @Test("Of sampled candidates, two of the three items that nobody met stand beside the test item")
    func sampledCandidates() throws {
        let (report, lists) = try sampled(.uniform(count: 2))
        // One of 3 and 4 at least is drawn, and is better; 5 is drawn for two users in three, and only then is 2 second.
        #expect(report.value(.hitRate, k: 1)?.value == 0 && report.value(.hitRate, k: 3)?.value == 1)
        let second = try #require(report.value(.hitRate, k: 2)?.value)
        #expect(abs(second - 2.0 / 3) < 4 * (2.0 / 9 / 400).squareRoot())
        #expect(Set(lists) == [[3, 4, 2], [3, 2, 5], [4, 2, 5]])
        #expect(try sampled(.uniform(count: 2)).lists == lists)
        #expect(try sampled(.uniform(count: 2), seed: 2).lists != lists)
        #expect(
            report.protocol.description
                == "toy; leave-one-out, test; candidates sampled, 2 drawn uniformly for each target, without items met; "
                + "k = 1, 2, 3, 4; ties relevant last; seeds 1; sampled metrics are not comparable with full ones")
    }

    @Test(
        "Where fewer are left than asked for, all of them are candidates, which is the full ranking, and the line says so"
    )
    func fewCandidates() throws {
        let (report, lists) = try sampled(.uniform(count: 100), users: 2)
        #expect(
            lists == [[3, 4, 2, 5], [3, 4, 2, 5]]
                && report.value(.reciprocalRank, k: 4)?.value == Double(Float(1.0 / 3)))
        #expect(try sampled(.full, users: 2).lists == lists)
        #expect(report.protocol.excluded == "items met (for 2 users all items not met, which are fewer)")
        // Of what nobody trained with, nothing is drawn by popularity.
        #expect(try sampled(.popularity(count: 2), users: 2).lists == [[2], [2]])
    }

    @Test("A user with two test items gets two draws for each of one")
    func twoTargets() throws {
        let log = try InteractionLog(
            users: IdentifierMap(count: 1), items: IdentifierMap(count: 50), userIndices: [0, 0, 0],
            itemIndices: [0, 1, 2], times: [1, 2, 2])
        let split = try InteractionSplit.byTime(log, validationFrom: 2, testFrom: 2)
        let lists = try RankingMeasurement(
            split, part: .test, cutoffs: [50], seeds: [1], candidates: .uniform(count: 3)
        )(Popularity(scores: (0..<50).map { 50 - Double($0) }), keepsLists: true).lists
        #expect(lists[0].count == 8 && lists[0].prefix(2) == [1, 2] && Set(lists[0]).count == 8)
        #expect(!lists[0].contains(0))
    }
}
