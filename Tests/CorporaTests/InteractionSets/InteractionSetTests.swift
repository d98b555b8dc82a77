import Corpora
import Evaluation
import Foundation
import Testing

@Suite("Interaction sets on real data") struct InteractionSetTests {
    private func folder(_ name: String) -> URL { TestData.folder!.appending(path: name, directoryHint: .isDirectory) }

    @Test(
        "User sequences have the published number of users and keep their order",
        .enabled(if: TestData.has("s3rec-sequences"), "needs the data set s3rec-sequences"),
        arguments: [("Beauty", 22_363), ("LastFM", 1_090), ("Yelp", 30_431)])
    func userSequences(name: String, users: Int) throws {
        let set = try UserSequenceSet(folder: folder("s3rec-sequences"), name: name)
        #expect(set.log.userCount == users)
        if name == "LastFM" {
            // The second line of the file: user 2 begins with items 9, 10, 11.
            let second = try #require(set.log.users["2"])
            let first = set.log.items(set.log.rows(ofUser: Int(second))).prefix(3)
            #expect(first.map { set.log.items.tokens[Int($0)] } == ["9", "10", "11"])
        }
        let split = InteractionSplit.leaveOneOut(set.log)
        #expect(split.rowCount(.test) == users)
        #expect(set.attributes.count > 10)
        #expect((0..<set.log.itemCount).contains { !set.attributes(ofItem: $0).isEmpty })
    }

    @Test(
        "The two directions of a pair share their users and have the published sizes",
        .enabled(if: TestData.has("disencdr-cross-domain"), "needs the data set disencdr-cross-domain"))
    func crossDomain() throws {
        let pair = try CrossDomainPair(folder: folder("disencdr-cross-domain"), pair: ("cloth", "sport"))
        #expect(pair.first.train.rowCount == 87_829 && pair.first.test.rowCount == 7_540)
        #expect(pair.second.train.rowCount == 92_612 && pair.second.test.rowCount == 8_326)
        #expect(pair.first.train.users == pair.second.test.users)
        #expect(pair.first.train.items == pair.first.test.items)
    }

    @Test(
        "Open Bandit: uniform logging has propensity 1/items, both campaigns are read in full",
        .enabled(if: TestData.has("open-bandit"), "needs the data set open-bandit"),
        arguments: OpenBanditLog.Behaviour.allCases)
    func openBandit(behaviour: OpenBanditLog.Behaviour) throws {
        let log = try OpenBanditLog(folder: folder("open-bandit"), behaviour: behaviour, campaign: .men)
        #expect(log.rowCount == 10_000 && log.itemCount == 34)
        #expect(Set(log.positions) == [1, 2, 3])
        #expect(log.clicks.count { $0 } > 10 && log.clicks.count { $0 } < 200)
        if behaviour == .random { #expect(log.propensities.allSatisfy { abs($0 - 1.0 / 34) < 1e-4 }) }
        let times = try log.table.numbers("timestamp")
        #expect(times.allSatisfy { $0 > 1_574_000_000 && $0 < 1_576_000_000 })
        #expect(try log.table.tokens("user_feature_0").vocabulary.count > 1)
    }

    @Test("A propensity of zero and an item without context are refused by line")
    func badBandit() throws {
        let context = "item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n0,0.5,a,b,c\n"
        func log(_ row: String) throws -> OpenBanditLog {
            let header =
                "timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,"
                + "user_feature_3,user-item_affinity_0\n"
            return try OpenBanditLog(
                log: Data((header + row).utf8), logFile: "l.csv", context: Data(context.utf8), contextFile: "c.csv")
        }
        #expect(try log("2019-11-24,0,1,1,0.5,a,b,c,d,0\n").clicks == [true])
        for (row, column) in [
            ("2019-11-24,0,1,1,0,a,b,c,d,0\n", "propensity_score"), ("2019-11-24,1,1,1,0.5,a,b,c,d,0\n", "item_id"),
            ("2019-11-24,0,4,1,0.5,a,b,c,d,0\n", "position"), ("2019-11-24,0,1,2,0.5,a,b,c,d,0\n", "click"),
        ] {
            do {
                _ = try log(row)
                Issue.record("\(column) was accepted")
            } catch let error as InteractionError {
                guard case .badValue("l.csv", 2, column, _, _) = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
    }

    @Test(
        "KuaiRand features: all users and videos, tags as sequences, missing values marked",
        .enabled(if: TestData.has("kuairand-pure-features"), "needs the data set kuairand-pure-features"))
    func videoFeatures() throws {
        let features = try VideoFeatures(folder: folder("kuairand-pure-features"))
        #expect(features.users.rowCount == 27_285 && features.videos.rowCount == 7_583)
        guard case .tokenSequence(let offsets, _, let tags) = try features.videos.column("tag") else {
            Issue.record("tag is no sequence")
            return
        }
        #expect(tags.count > 30 && offsets.last! > 7_583)
        #expect(try features.users.tokens("onehot_feat4").values.contains(-1))
    }

    @Test(
        "Every published click-through sample is read with all its rows",
        .enabled(if: TestData.has("ctr-samples"), "needs the data set ctr-samples"),
        arguments: [
            ("torch-rechub/criteo_sample.csv", ClickLogSample.criteo, 115), ("deepctr/criteo_sample.txt", .criteo, 200),
            ("deepctr/avazu_sample.txt", .avazu, 100), ("deepctr/movielens_sample.txt", .movieLens, 200),
            ("torch-rechub/ml-1m_sample.csv", .movieLens, 100), ("torch-rechub/ali_ccp_train_sample.csv", .aliCCP, 100),
            ("torch-rechub/aliexpress_train_sample.csv", .aliExpress, 100),
            ("torch-rechub/census_income_train_sample.csv", .censusIncome, 80),
            ("torch-rechub/amazon_books_sample.csv", .amazon, 100),
            ("torch-rechub/amazon_electronics_sample.csv", .amazon, 100),
            ("torch-rechub/yoochoose-clicks-sample.dat", .yoochoose, 500),
            ("torch-rechub/train-item-views-sample.csv", .diginetica, 500),
            ("torch-rechub/yidian_news_sampled.csv", .yidian, 1_000),
        ])
    func clickLogSamples(path: String, sample: ClickLogSample, rows: Int) throws {
        let table = try sample.read(folder("ctr-samples").appending(path: path))
        #expect(table.rowCount == rows)
        if sample == .yidian {
            let log = try InteractionLog(table: table, user: "userId", item: "itemId", time: "showTime")
            #expect(log.rowCount == rows && log.times.first! > 1.6e12)
            #expect(try table.tokens("city").vocabulary["南昌"] != nil)
        }
        if sample == .yoochoose {
            #expect(abs(try table.numbers("time")[0] - 1_396_867_869.277) < 1e-3)
        }
    }

    @Test("A user twice, a user without items and damaged attributes are refused")
    func badSequences() throws {
        #expect(throws: CorpusError.badLine(file: "s", line: 2, detail: "user 1 stands twice")) {
            try UserSequenceSet(sequences: Data("1 2 3\n1 4\n".utf8), file: "s")
        }
        #expect(throws: CorpusError.badLine(file: "s", line: 1, detail: "a user without items")) {
            try UserSequenceSet(sequences: Data("7\n".utf8), file: "s")
        }
        #expect(throws: CorpusError.self) {
            try UserSequenceSet(
                sequences: Data("1 2\n".utf8), file: "s", attributes: Data("{\"2\": \"x\"}".utf8), attributeFile: "a")
        }
        let set = try UserSequenceSet(
            sequences: Data("1 2 5\n".utf8), file: "s", attributes: Data("{\"2\": [7, 9]}".utf8), attributeFile: "a")
        #expect(set.attributes.tokens == ["7", "9"])
        #expect(Array(set.attributes(ofItem: 0)) == [0, 1] && set.attributes(ofItem: 1).isEmpty)
    }

    @Test(
        "Foursquare New York: all check-ins, sorted by time, every venue in a cell of the grid",
        .enabled(if: TestData.has("foursquare-nyc"), "needs the data set foursquare-nyc"))
    func checkIns() throws {
        let set = try CheckIns(folder: folder("foursquare-nyc"))
        #expect(set.log.rowCount == 147_938 && set.log.userCount == 1_083 && set.log.itemCount == 5_135)
        for user in 0..<set.log.userCount {
            let times = set.log.times[set.log.rows(ofUser: user)]
            #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
        }
        #expect(set.latitudes.allSatisfy { (40.5...41).contains($0) })
        let cells = set.cells(rows: 10, columns: 10)
        #expect(cells.allSatisfy { (0..<100).contains($0) } && Set(cells).count > 40)
    }

    @Test(
        "The uniform policy's value from the other policy's log agrees with its own log",
        .enabled(if: TestData.has("open-bandit"), "needs the data set open-bandit"),
        arguments: OpenBanditLog.Campaign.allCases)
    func offPolicy(campaign: OpenBanditLog.Campaign) throws {
        let uniform = try OpenBanditLog(folder: folder("open-bandit"), behaviour: .random, campaign: campaign)
        let thompson = try OpenBanditLog(folder: folder("open-bandit"), behaviour: .thompson, campaign: campaign)
        let clicks = uniform.clicks.map { $0 ? 1.0 : 0 }
        let same = try LoggedDecisions(
            rewards: clicks, loggingProbabilities: uniform.propensities, targetProbabilities: uniform.propensities)
        let truth = OffPolicyEstimators.inversePropensity(same)
        #expect(truth.value == clicks.reduce(0, +) / 10_000)
        let decisions = try LoggedDecisions(
            rewards: thompson.clicks.map { $0 ? 1 : 0 }, loggingProbabilities: thompson.propensities,
            targetProbabilities: thompson.items.map { _ in 1 / Double(thompson.itemCount) })
        let estimate = OffPolicyEstimators.selfNormalized(decisions)
        let spread = (estimate.standardError * estimate.standardError + truth.standardError * truth.standardError)
            .squareRoot()
        #expect(abs(estimate.value - truth.value) < 4 * spread, "\(estimate) against \(truth)")
        // The logging policy hardly shows some items: a few rows carry nearly all the weight.
        #expect(estimate.effectiveSampleSize > 1 && estimate.effectiveSampleSize < 2_000)
        let model = OffPolicyEstimators.actionMeans(
            actions: thompson.items, rewards: decisions.rewards, actionCount: thompson.itemCount)
        let mean = model.reduce(0, +) / Double(model.count)
        let robust = try OffPolicyEstimators.doublyRobust(
            decisions, taken: thompson.items.map { model[Int($0)] },
            expected: [Double](repeating: mean, count: thompson.rowCount))
        #expect(abs(robust.value - truth.value) < 4 * (robust.standardError + truth.standardError), "\(robust)")
    }
}
