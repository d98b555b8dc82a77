import Corpora
import Evaluation
import Foundation
import Testing

@Suite("Interaction logs") struct InteractionLogTests {
    /// A log of random users, items and times with ties.
    private func randomLog(users: Int = 30, items: Int = 50, rows: Int = 600, seed: UInt64 = 1) throws -> InteractionLog
    {
        var generator = SeededGenerator(seed: seed)
        return try InteractionLog(
            users: IdentifierMap(count: users), items: IdentifierMap(count: items),
            userIndices: (0..<rows).map { _ in Int32(generator.integer(below: users)) },
            itemIndices: (0..<rows).map { _ in Int32(generator.integer(below: items)) },
            times: (0..<rows).map { _ in Double(generator.integer(below: 100)) })
    }

    @Test("Rows are sorted by user and time, equal times keep the order of the file, and source rows lead back")
    func sorting() throws {
        let table = try FeatureTable.read(
            Data("u,i,t\nb,x,5\na,y,3\nb,z,1\na,w,3\nb,y,5\n".utf8), file: "t.csv", layout: .commaSeparated,
            fields: [FeatureField("u", .token), FeatureField("i", .token), FeatureField("t", .float)])
        let log = try InteractionLog(table: table, user: "u", item: "i", time: "t")
        #expect(log.users.tokens == ["b", "a"])
        #expect(log.rows(ofUser: 0) == 0..<3 && log.rows(ofUser: 1) == 3..<5)
        #expect(log.itemIndices.map { log.items.tokens[Int($0)] } == ["z", "x", "y", "y", "w"])
        #expect(log.times == [1, 5, 5, 3, 3])
        #expect(log.sourceRows == [2, 0, 4, 1, 3])
        let kept = try InteractionLog(table: table, user: "u", item: "i", time: "t", keep: { $0 != 0 })
        #expect(kept.sourceRows == [2, 4, 1, 3] && kept.itemCount == 4)
    }

    @Test("Time going backwards is sorted, refused or ignored, as asked")
    func timeBackwards() throws {
        func log(_ order: InteractionOrder) throws -> InteractionLog {
            try InteractionLog(
                users: IdentifierMap(["ada"]), items: IdentifierMap(count: 3), userIndices: [0, 0, 0],
                itemIndices: [0, 1, 2], times: [5, 9, 7], order: order)
        }
        #expect(try log(.byTime).itemIndices == [0, 2, 1])
        #expect(try log(.asGiven).itemIndices == [0, 1, 2])
        #expect(throws: InteractionError.timeBackwards(user: "ada", previous: 9, found: 7)) { try log(.ascending) }
        #expect(throws: InteractionError.noRows("the log")) {
            try InteractionLog(users: IdentifierMap(), items: IdentifierMap(), userIndices: [], itemIndices: [])
        }
    }

    @Test("Unknown identifiers are typed errors, or set apart at serving time")
    func unknownIdentifiers() throws {
        let map = IdentifierMap(["a", "b"])
        #expect(try map.index(of: "b", kind: "item") == 1)
        #expect(throws: InteractionError.unknownIdentifier(kind: "item", token: "z", known: 2)) {
            try map.index(of: "z", kind: "item")
        }
        let served = map.indices(of: ["b", "z", "a"])
        #expect(served.known == [1, 0] && served.unknown == ["z"])
    }

    @Test("Every split covers each row exactly once, histories end where the part begins")
    func coverage() throws {
        let log = try randomLog()
        for split in [
            InteractionSplit.leaveOneOut(log), try .byTime(log, validation: 0.1, test: 0.2),
            try .byUser(log, validation: 0.1, test: 0.2, seed: 3),
        ] {
            for user in 0..<log.userCount {
                let parts = InteractionSplit.Part.allCases.map { split.rows($0, user: user) }
                #expect(parts.flatMap { Array($0) } == Array(log.rows(ofUser: user)))
                for (part, rows) in zip(InteractionSplit.Part.allCases, parts) {
                    #expect(split.history(before: part, user: user).upperBound == rows.lowerBound)
                }
            }
            #expect(InteractionSplit.Part.allCases.reduce(0) { $0 + split.rowCount($1) } == log.rowCount)
        }
    }

    @Test("Leave-one-out takes the last two; users with fewer than three rows are train only")
    func leaveOneOut() throws {
        let log = try InteractionLog(
            users: IdentifierMap(count: 3), items: IdentifierMap(count: 5), userIndices: [0, 0, 0, 0, 1, 1],
            itemIndices: [0, 1, 2, 3, 4, 0])
        let split = InteractionSplit.leaveOneOut(log)
        #expect(split.rows(.train, user: 0) == 0..<2 && split.rows(.validation, user: 0) == 2..<3)
        #expect(split.rows(.test, user: 0) == 3..<4)
        #expect(split.rows(.train, user: 1) == 4..<6 && split.rows(.test, user: 1).isEmpty)
        #expect(split.rows(.train, user: 2).isEmpty)  // a user without history
        #expect(Array(split.targets(.test)[0]) == [3] && Array(split.histories(before: .test)[0]) == [0, 1, 2])
        #expect(split.targets(.test)[2].isEmpty)
        #expect(split.trainItemCounts == [2, 1, 0, 0, 1])
    }

    @Test("A time split puts no training row at or after the earliest later row, across all users")
    func byTime() throws {
        let log = try randomLog()
        let split = try InteractionSplit.byTime(log, validation: 0.1, test: 0.2)
        func times(_ part: InteractionSplit.Part) -> [Double] {
            (0..<log.userCount).flatMap { log.times[split.rows(part, user: $0)] }
        }
        #expect(times(.train).max()! < times(.validation).min()!)
        #expect(times(.validation).max()! < times(.test).min()!)
        #expect(abs(Double(times(.test).count) / 600 - 0.2) < 0.03)
        let untimed = try InteractionLog(
            users: IdentifierMap(count: 1), items: IdentifierMap(count: 1), userIndices: [0], itemIndices: [0])
        #expect(throws: InteractionError.self) { try InteractionSplit.byTime(untimed, validation: 0.1, test: 0.1) }
        #expect(throws: InteractionError.self) { try InteractionSplit.byTime(log, validation: 0.6, test: 0.6) }
    }

    @Test("A user split holds whole users out, by the seed")
    func byUser() throws {
        let log = try randomLog()
        let split = try InteractionSplit.byUser(log, validation: 0.1, test: 0.2, seed: 3)
        let testUsers = (0..<30).filter { !split.rows(.test, user: $0).isEmpty }
        #expect(testUsers.count == 6)
        #expect(testUsers.allSatisfy { split.rows(.train, user: $0).isEmpty })
        #expect(try split == InteractionSplit.byUser(log, validation: 0.1, test: 0.2, seed: 3))
        let other = try InteractionSplit.byUser(log, validation: 0.1, test: 0.2, seed: 4)
        #expect(testUsers != (0..<30).filter { !other.rows(.test, user: $0).isEmpty })
    }

    @Test("Negatives are never a positive of any part; popular ones follow training counts")
    func negatives() throws {
        let log = try randomLog()
        let split = InteractionSplit.leaveOneOut(log)
        var generator = SeededGenerator(seed: 9)
        for weighting in [NegativeSampler.Weighting.uniform, .popularity(exponent: 1)] {
            let sampler = NegativeSampler(split, weighting: weighting)
            for user in 0..<log.userCount {
                let met = Set(log.items(log.rows(ofUser: user)))
                let drawn = try sampler.sample(user: user, count: 50, using: &generator)
                #expect(drawn.count == 50 && met.isDisjoint(with: drawn))
                let distinct = try sampler.sampleDistinct(user: user, count: 10, using: &generator)
                #expect(Set(distinct).count == 10 && met.isDisjoint(with: distinct))
            }
        }
        // Popularity: item 0 was met nine times as often as item 1 by the other user.
        let skewed = try InteractionLog(
            users: IdentifierMap(count: 2), items: IdentifierMap(count: 4),
            userIndices: [Int32](repeating: 0, count: 10) + [1], itemIndices: [Int32](repeating: 0, count: 9) + [1, 2])
        let trained = try InteractionSplit.byUser(skewed, validation: 0, test: 0, seed: 1)
        let sampler = NegativeSampler(trained, weighting: .popularity(exponent: 1))
        let drawn = try sampler.sample(user: 1, count: 20_000, using: &generator)
        #expect(Set(drawn) == [0, 1])
        #expect(abs(Double(drawn.count { $0 == 0 }) / 20_000 - 0.9) < 0.01)
    }

    @Test("A user who met everything has no negatives: an error; one left item is found")
    func exhaustedNegatives() throws {
        let log = try InteractionLog(
            users: IdentifierMap(count: 2), items: IdentifierMap(count: 200),
            userIndices: [Int32](repeating: 0, count: 200) + [Int32](repeating: 1, count: 199),
            itemIndices: (0..<200).map { $0 } + (0..<199).map { $0 })
        let sampler = NegativeSampler(.leaveOneOut(log))
        var generator = SeededGenerator(seed: 1)
        #expect(throws: InteractionError.noNegatives(user: 0, wanted: 1, available: 0)) {
            try sampler.sample(user: 0, count: 1, using: &generator)
        }
        #expect(try sampler.sample(user: 1, count: 3, using: &generator) == [199, 199, 199])
        #expect(throws: InteractionError.noNegatives(user: 1, wanted: 2, available: 1)) {
            try sampler.sampleDistinct(user: 1, count: 2, using: &generator)
        }
        // Items of validation and test may be drawn where only train is excluded.
        let train = NegativeSampler(.leaveOneOut(log), exclusion: .trainOnly)
        #expect(try Set(train.sample(user: 0, count: 50, using: &generator)) == [198, 199])
        #expect(!sampler.hasNegatives(user: 0) && sampler.hasNegatives(user: 1))
        #expect(train.hasNegatives(user: 0))
        // The last item never occurs in training, so that popularity does not draw it.
        let popular = NegativeSampler(.leaveOneOut(log), weighting: .popularity(exponent: 1))
        #expect(!popular.hasNegatives(user: 1))
    }

    @Test("Sequence examples equal listing every target with the rows before it, and batches hold each once")
    func sequences() throws {
        let log = try randomLog(users: 12, rows: 100)
        let split = InteractionSplit.leaveOneOut(log)
        for part in InteractionSplit.Part.allCases {
            let examples = SequenceExamples(split, part: part, maximumLength: 4)
            var expected: [SequenceExample] = []
            for user in 0..<log.userCount {
                let start = log.rows(ofUser: user).lowerBound
                for target in split.rows(part, user: user) where target > start {
                    expected.append(
                        SequenceExample(user: Int32(user), history: max(start, target - 4)..<target, target: target))
                }
            }
            #expect((0..<examples.count).map { examples[$0] } == expected)
            let batches = examples.batches(size: 7, shuffledBy: SeededGenerator(seed: 2))
            #expect(batches.flatMap { $0 }.sorted() == Array(0..<examples.count))
            #expect(batches.dropLast().allSatisfy { $0.count == 7 })
        }
    }

    @Test("Padded batches keep the newest items, shifted by one, on either side")
    func padding() throws {
        let log = try InteractionLog(
            users: IdentifierMap(count: 1), items: IdentifierMap(count: 9), userIndices: [0, 0, 0, 0],
            itemIndices: [3, 1, 4, 8])
        #expect(log.padded([0..<4, 0..<2, 0..<0], length: 3, side: .left) == [2, 5, 9, 0, 4, 2, 0, 0, 0])
        #expect(log.padded([0..<2], length: 3, side: .right) == [4, 2, 0])
    }

    @Test(
        "The core: users and items with few rows leave again and again, and the rest keep order, times and source rows")
    func core() throws {
        // ada and bob meet x and y, cy meets x and z, dan meets z alone.
        let table = try FeatureTable.read(
            Data("u,i,t\ndan,z,1\nada,x,4\nada,y,3\nbob,x,1\nbob,y,2\ncy,x,1\ncy,z,2\n".utf8), file: "t.csv",
            layout: .commaSeparated,
            fields: [FeatureField("u", .token), FeatureField("i", .token), FeatureField("t", .float)])
        let log = try InteractionLog(table: table, user: "u", item: "i", time: "t")
        func left(_ user: Int, _ item: Int) -> InteractionLog? {
            log.keeping(log.rowsOfCore(leastUserRows: user, leastItemRows: item))
        }
        // dan leaves, then z with one row, then cy with one row.
        let core = try #require(left(2, 2))
        #expect(core.users.tokens == ["ada", "bob"] && core.items.tokens == ["x", "y"])
        #expect(core.offsets == [0, 2, 4] && core.itemIndices == [1, 0, 0, 1])
        #expect(core.times == [3, 4, 1, 2] && core.sourceRows == [2, 1, 3, 4])
        // By users alone only dan leaves; by items alone x (3 rows) is left, and with it ada, bob and cy.
        #expect(try #require(left(2, 0)).users.tokens == ["ada", "bob", "cy"])
        #expect(try #require(left(2, 0)).items.tokens == ["z", "x", "y"])
        #expect(try #require(left(0, 3)).items.tokens == ["x"] && left(0, 3)?.rowCount == 3)
        #expect(left(3, 0) == nil && left(0, 4) == nil)
        #expect(left(0, 0) == log && left(1, 1) == log)
        // Without the row ada-y, only bob met y, and nobody has two rows of two items with two.
        #expect(log.rowsOfCore(leastUserRows: 2, leastItemRows: 2) { log.sourceRows[$0] != 2 }.allSatisfy { !$0 })
        // Counted by x alone, the rows of y and z leave with their items.
        let byX = log.rowsOfCore(leastUserRows: 1, leastItemRows: 1) {
            log.items.tokens[Int(log.itemIndices[$0])] == "x"
        }
        #expect(zip(byX, log.itemIndices).allSatisfy { $0 == (log.items.tokens[Int($1)] == "x") })
    }

    @Test("The core is what leaving out again and again until nothing changes leaves", arguments: 1...6)
    func coreByRepetition(seed: UInt64) throws {
        let log = try randomLog(users: 60, items: 80, rows: 300, seed: seed)
        var kept = Set(0..<log.rowCount)
        var users = [Int](repeating: 0, count: log.rowCount)
        for user in 0..<log.userCount { for row in log.rows(ofUser: user) { users[row] = user } }
        while true {
            let byUser = Dictionary(grouping: kept) { users[$0] }.mapValues(\.count)
            let byItem = Dictionary(grouping: kept) { log.itemIndices[$0] }.mapValues(\.count)
            let next = kept.filter {
                byUser[users[$0], default: 0] >= 4 && byItem[log.itemIndices[$0], default: 0] >= 3
            }
            if next.count == kept.count { break }
            kept = next
        }
        let found = log.rowsOfCore(leastUserRows: 4, leastItemRows: 3)
        #expect(Set(found.indices.filter { found[$0] }) == kept)
        #expect(kept.count < log.rowCount)
        #expect(log.keeping(found)?.rowCount ?? 0 == kept.count)
    }
}
