import Corpora
import Evaluation
import Recommendation
import Tensors
import Testing

@Suite("Logged feedback")
struct FeedbackTests {
    /// Two users; (item, liked, time) of each row.
    static func data(
        _ rows: [[(item: Int32, liked: Bool, time: Double)]], items: Int, hasTimes: Bool = true,
        divide: (InteractionLog) throws -> InteractionSplit = { .leaveOneOut($0) }
    ) throws -> FeedbackData {
        let users = rows.enumerated().flatMap { user, own in own.map { _ in Int32(user) } }
        let all = rows.flatMap(\.self)
        let log = try InteractionLog(
            users: IdentifierMap(count: rows.count), items: IdentifierMap(count: items), userIndices: users,
            itemIndices: all.map(\.item), times: hasTimes ? all.map(\.time) : [])
        return try FeedbackData(log: log, isLiked: all.map(\.liked), divide: divide)
    }

    @Test("What is learned from ends before the first liked row that is to be found, rows that were not liked too")
    func trainingRows() throws {
        let rows: [[(item: Int32, liked: Bool, time: Double)]] = [
            [(0, true, 1), (1, false, 2), (2, true, 3), (3, false, 4), (4, true, 5), (0, false, 6)],
            [(1, false, 2), (2, true, 4), (3, false, 9)],
        ]
        let data = try Self.data(rows, items: 5)
        // Likes of user 0 are items 0, 2, 4: validation is 2, test is 4. User 1 has too few to be divided.
        #expect(data.split.log.items(data.split.rows(.train, user: 0)) == [0])
        #expect(data.split.log.items(data.split.rows(.validation, user: 0)) == [2])
        #expect(data.split.log.items(data.split.rows(.test, user: 0)) == [4])
        #expect(data.trainRows(ofUser: 0) == 0..<2)
        #expect(data.trainRows(ofUser: 1) == 6..<9)
        // By time, the boundary is everyone's: likes at 1, 3, 4, 5; the latest quarter is test, the one before validation.
        let timed = try Self.data(rows, items: 5) { try .byTime($0, validation: 0.25, test: 0.25) }
        #expect(timed.split.isByTime)
        #expect(timed.trainRows(ofUser: 0) == 0..<3)
        #expect(timed.trainRows(ofUser: 1) == 6..<7)
    }

    @Test("Where every row is liked, the split is that of the log itself")
    func allLiked() throws {
        let data = try Self.data([(0..<5).map { (Int32($0), true, Double($0)) }], items: 5)
        #expect(data.split == .leaveOneOut(data.log))
        #expect(data.trainRows(ofUser: 0) == 0..<3)
        let source = try FeedbackSource(data, cut: .rows(1), length: 2, rowsPerBatch: 8, seed: 1)
        #expect(source.remark?.contains("data.rating") == true)
    }

    @Test("Lists of a user's rows: windows before and after, what was liked, what came next")
    func lists() throws {
        let rows: [[(item: Int32, liked: Bool, time: Double)]] = [
            [
                (5, true, 1), (6, false, 1), (7, true, 1), (8, true, 2), (9, false, 3), (1, true, 3), (2, true, 4),
                (3, true, 5),
            ]
        ]
        func lists(_ data: FeedbackData, _ cut: FeedbackSource.Cut) throws -> [String] {
            let source = try FeedbackSource(data, cut: cut, length: 2, rowsPerBatch: 100, seed: 1)
            #expect(source.remark == nil)
            let batch = try #require(try source.next())
            let width = batch.items.size(1)
            func rows(_ values: [Int], _ width: Int) -> [[Int]] {
                stride(from: 0, to: values.count, by: width).map { Array(values[$0..<($0 + width)]) }
            }
            let liked = rows(batch.liked.floats.map { Int($0) }, width)
            let items = rows(batch.items.integers, width)
            let next = rows(batch.nextItems.integers, width)
            let before = rows(batch.windows.integers, 2)
            let after = rows(batch.nextWindows.integers, 2)
            return items.indices.map { "\(before[$0]) \(items[$0]) \(liked[$0]) \(after[$0]) \(next[$0])" }.sorted()
        }
        // Validation is item 2 (of six liked the fifth), so that six rows are learned from; items are written one higher.
        let data = try Self.data(rows, items: 10)
        #expect(
            try lists(data, .requests(atMost: 3)) == [
                "[0, 0] [6, 7, 8] [1, 0, 1] [6, 8] [9, 0, 0]",
                "[6, 8] [9, 0, 0] [1, 0, 0] [8, 9] [10, 2, 0]",
                "[8, 9] [10, 2, 0] [0, 1, 0] [9, 2] [0, 0, 0]",
            ])
        #expect(
            try lists(data, .requests(atMost: 2)) == [
                "[0, 0] [6, 7] [1, 0] [0, 6] [8, 0]",
                "[0, 6] [8, 0] [1, 0] [6, 8] [9, 0]",
                "[6, 8] [9, 0] [1, 0] [8, 9] [10, 2]",
                "[8, 9] [10, 2] [0, 1] [9, 2] [0, 0]",
            ])
        #expect(
            try lists(data, .rows(4)) == [
                "[0, 0] [6, 7, 8, 9] [1, 0, 1, 1] [8, 9] [10, 2, 0, 0]",
                "[8, 9] [10, 2, 0, 0] [0, 1, 0, 0] [9, 2] [0, 0, 0, 0]",
            ])
        let untimed = try Self.data(rows, items: 10, hasTimes: false)
        #expect(try lists(untimed, .requests(atMost: 3)).count == 6)
    }

    @Test("Counts of what was shown and liked, older rows counting less")
    func counts() throws {
        let rows: [[(item: Int32, liked: Bool, time: Double)]] = [
            [(0, true, 0), (1, false, 10), (1, true, 20), (2, true, 21), (3, true, 22)]
        ]
        let data = try Self.data(rows, items: 4)
        let counts = try CountedFeedback(data)
        #expect(counts == CountedFeedback(shown: [1, 2, 0, 0], liked: [1, 1, 0, 0]))
        let halved = try CountedFeedback(data, halfLife: 10)
        #expect(halved == CountedFeedback(shown: [0.25, 1.5, 0, 0], liked: [0.25, 1, 0, 0]))
        #expect(throws: InteractionError.self) {
            try CountedFeedback(try Self.data(rows, items: 4, hasTimes: false), halfLife: 1)
        }
        var configuration = UpperConfidenceBoundMethod.Configuration()
        (configuration.width, configuration.strength) = (1, 1)
        let bound = UpperConfidenceBoundMethod.recommender(
            configuration, CountedFeedback(shown: [3, 1], liked: [3, 0]))
        // One view at the mean rate 3/4 more for each: (3.75 / 4, 0.75 / 2) and bonuses of √(2 ln 6 / n).
        let scores = try bound.score([UserContext()], candidates: [0, 1]).floats
        #expect(abs(scores[0] - (0.9375 + Float(0.94653))) < 1e-4)
        #expect(abs(scores[1] - (0.375 + Float(1.33859))) < 1e-4)
        // Decayed to next to nothing: one of two is liked, the bonus is as high as a score can be, or 0 at width 0.
        let faded = CountedFeedback(shown: [.leastNonzeroMagnitude, 2], liked: [0, 1])
        (configuration.width, configuration.strength) = (0, 0)
        let mean = UpperConfidenceBoundMethod.recommender(configuration, faded)
        #expect(try mean.score([UserContext()], candidates: [0, 1]).floats == [0, 0.5])
        configuration.width = 1
        let curious = UpperConfidenceBoundMethod.recommender(configuration, faded)
        #expect(try curious.score([UserContext()], candidates: [0]).floats == [.greatestFiniteMagnitude])
    }
}
