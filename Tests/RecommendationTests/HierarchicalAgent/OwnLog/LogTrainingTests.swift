import Corpora
import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training
import Worlds

/// What is learned from a log, and what may not be.
@Suite("Learning from a log", .serialized)
struct LogTrainingTests {
    private static let topics = 6
    private static let itemsPerTopic = 12

    /// Each user likes two of six topics and has one of them in mind for a session; what is shown of the others is not
    /// liked. With `isShuffled` every row gets the item of another one.
    static func csv(isShuffled: Bool = false, seed: UInt64 = 5) -> String {
        var generator = SeededGenerator(seed: seed)
        var rows: [(user: Int, item: Int, time: Int, click: Int)] = []
        for user in 0..<80 {
            let liked = [user % topics, (user + 1 + user / topics % 4) % topics]
            for session in 0..<4 {
                let topic = liked[generator.integer(below: 2)]
                for view in 0..<8 {
                    let isLiked = view == 0 || generator.bernoulli(0.7)
                    var shown = topic
                    while !isLiked, liked.contains(shown) { shown = generator.integer(below: topics) }
                    let item = shown * itemsPerTopic + generator.integer(below: itemsPerTopic)
                    rows.append((user, item, session * 172_800 + view * 60, isLiked ? 1 : 0))
                }
            }
        }
        let items = isShuffled ? generator.shuffled(rows.map(\.item)) : rows.map(\.item)
        return "user_id,item_id,timestamp,click\n"
            + zip(rows, items).map { "u\($0.user),i\($1),\($0.time),\($0.click)\n" }.joined()
    }

    static func recipe(_ csv: String, in folder: URL) throws -> HierarchicalAgentRecipe {
        var recipe = try LoggedSessionTests.recipe(csv, in: folder)
        recipe.log.dimensions = 8
        recipe.log.vectorEpochs = 15
        recipe.log.vectorRate = 0.02
        recipe.agent.hidden = 16
        recipe.agent.headHidden = 32
        recipe.training.warmUpdates = 160
        recipe.training.updatesPerEpisode = 20
        recipe.training.batchSessions = 32
        return recipe
    }

    @Test("What follows in a session is found above popularity; with shuffled items it is not", .timeLimit(.minutes(2)))
    func structure() async throws {
        try await withTemporaryFolder { folder in
            func measured(isShuffled: Bool) async throws -> [String: Double] {
                let settings = try Self.recipe(Self.csv(isShuffled: isShuffled), in: folder)
                return try await TensorActor.run {
                    let ground = try LogTrainingGround(settings)
                    let agent = ground.agent(settings)
                    try ground.train(agent, budget: settings.training)
                    return try ground.test(agent)
                }
            }
            let found = try await measured(isShuffled: false)
            let gain = try #require(found["nDCG@10"])
            let popular = try #require(found["popularity.nDCG@10"])
            #expect(gain > 2 * popular, "\(found)")
            #expect(try #require(found["AUC"]) > 0.75, "\(found)")
            let control = try await measured(isShuffled: true)
            #expect(try #require(control["nDCG@10"]) < 0.5 * gain, "\(control)")
            #expect(abs(try #require(control["AUC"]) - 0.5) < 0.12, "\(control)")
        }
    }

    @Test("The rows of the test part change nothing that is learned")
    func poison() async throws {
        try await withTemporaryFolder { folder in
            func learned(_ csv: String) async throws -> (numbers: [[Float]], items: [Float], test: Double?) {
                var settings = try LoggedSessionTests.recipe(csv, in: folder)
                settings.training.episodes = 1
                let recipe = settings
                return try await TensorActor.run {
                    let ground = try LogTrainingGround(recipe)
                    let agent = ground.agent(recipe)
                    try ground.train(agent, budget: recipe.training)
                    return (
                        agent.namedParameters.map(\.tensor.floats),
                        (0..<ground.catalogue.itemCount).flatMap { Array(ground.catalogue.row($0)) },
                        try ground.test(agent)["nDCG@10"]
                    )
                }
            }
            // Under leave-one-out the last row of a user is test; here all of them become one item, known before.
            let rows = Self.csv().split(separator: "\n").map(String.init)
            var poisoned = rows
            for (place, row) in rows.enumerated().dropFirst() {
                let isLast = place + 1 == rows.count || !rows[place + 1].hasPrefix(row.prefix { $0 != "," } + ",")
                let cells = row.split(separator: ",")
                if isLast { poisoned[place] = "\(cells[0]),i7,\(cells[2]),1" }
            }
            // All last rows are liked in both, so that the parts are the same rows.
            let plain = zip(rows, poisoned).map { $0 == $1 ? $0 : String($0.dropLast()) + "1" }
            /// The last rows at the end of the file, so that items are numbered alike.
            func file(_ changed: [String]) -> String {
                let isLast = zip(plain, poisoned).map { $0 != $1 || $0.contains(",i7,") }
                let order = [false, true].flatMap { end in changed.indices.filter { isLast[$0] == end } }
                return order.map { changed[$0] + "\n" }.joined()
            }
            let one = try await learned(file(plain))
            let other = try await learned(file(poisoned))
            #expect(one.numbers == other.numbers)
            #expect(one.items == other.items)
            #expect(one.test != other.test)
        }
    }

    @Test("It trains, is measured, opened again, and recommends the same twice", .timeLimit(.minutes(2)))
    func roundTrip() async throws {
        try await withTemporaryFolder { folder in
            var settings = try LoggedSessionTests.recipe(Self.csv(), in: folder)
            settings.search = true
            settings.training.warmUpdates = 4
            settings.training.episodes = 1
            let recipe = settings
            let said = Said()
            var session = TrainingSession(
                output: folder.appending(path: "agent"),
                store: try RunStore(file: folder.appending(path: "runs.sqlite")))
            session.showsProgress = false
            session.say = { said.lines.append($0) }
            let quiet = session
            let trained = try await TensorActor.run { try HierarchicalAgentMethod.train(recipe, in: quiet) }
            #expect(trained.metrics["nDCG@10"] != nil && trained.metrics["steps"] == 8)
            #expect(said.lines.contains { $0.hasPrefix("search: agent.warmUpRate") && $0.contains("of 8 trials") })
            let manifest = try ArtefactManifest.read(from: trained.folder)
            try manifest.verify(in: trained.folder)
            let stored = try HierarchicalAgentMethod.settings(RecipeDocument(yaml: manifest.recipe, source: "manifest"))
            #expect(!stored.search && stored.data.source == recipe.data.source)

            let measured = try await TensorActor.run {
                try (0..<2).map { _ in try HierarchicalAgentMethod.evaluate(trained.folder, recipe: nil, in: quiet) }
            }
            #expect(measured[0].metrics == measured[1].metrics && measured[0].count == 80)
            #expect(measured[0].description.contains("leave-one-out, test"))
            for metric in ["nDCG@10", "HR@10", "AUC", "GAUC", "popularity.nDCG@10", "popularity.AUC"] {
                #expect(measured[0].metrics[metric] != nil, "\(metric)")
            }
            // The rows that it is measured by give the printed area again.
            let written = Said()
            var writing = session
            writing.writeRow = { written.lines.append($0.joined(separator: ",")) }
            let listening = writing
            _ = try await TensorActor.run {
                try HierarchicalAgentMethod.evaluate(trained.folder, recipe: nil, in: listening)
            }
            #expect(written.lines[0] == "user,item,liked,score")
            let rows = written.lines.dropFirst().map { $0.split(separator: ",") }
            let area = try Discrimination.areaUnderCurve(
                scores: rows.compactMap { Double($0[3]) }, positive: rows.map { $0[2] == "1" })
            #expect(area == measured[0].metrics["AUC"])
            #expect(rows.count { $0[2] == "1" } == measured[0].count)
            try await TensorActor.run {
                let saved = try SavedRecommender.open(trained.folder)
                #expect(saved.users.count == 80 && saved.items.count == 72)
                let answer = try saved.recommend(user: "u1", history: ["i3", "i40"], count: 5)
                let again = try SavedRecommender.open(trained.folder)
                    .recommend(user: "u1", history: ["i3", "i40"], count: 5)
                #expect(answer == again && answer.items.count == 5 && !answer.isFallback && answer.isUserKnown)
                #expect(Set(answer.items.map(\.item)).isDisjoint(with: ["i3", "i40"]))
                // Who is asked for, and what was met in the session, both matter; strangers have an answer too.
                let others = try ["u2", "nobody"].map {
                    try saved.recommend(user: $0, history: ["i3", "i40"], count: 5)
                }
                #expect(others.allSatisfy { $0.items.map(\.score) != answer.items.map(\.score) })
                #expect(!others[1].isUserKnown && !others[1].isFallback)
                let fresh = try saved.recommend(user: "u1", count: 5)
                #expect(fresh.items.count == 5 && fresh.items.map(\.score) != answer.items.map(\.score))
                // Users of one request do not change each other, whatever their histories.
                let users = [
                    UserContext(user: 1, history: [3, 40]), UserContext(), UserContext(user: 2, history: [1, 2, 3, 4]),
                ]
                let together = try saved.recommender.score(users, candidates: [5, 9])
                for (row, user) in users.enumerated() {
                    let alone = try saved.recommender.score([user], candidates: [5, 9])
                    #expect(alone.isClose(to: together.slice(row..<(row + 1), along: 0), absoluteTolerance: 1e-5))
                }
                #expect(throws: RecommendationError.userOutOfRange(80, count: 80)) {
                    try saved.recommender.score([UserContext(user: 80)], candidates: [1])
                }
                #expect(try SavedRecommender.history(ofUser: "u1", in: trained.folder).count > 10)
            }
            // It does not know the items of the feed, and other rows were not held out from it.
            #expect(throws: FeedSimulationError.trainedOnLog(name: "agent", source: recipe.data.source)) {
                try FeedSimulation(["agent"], locate: { _ in trained.folder })
            }
            var other = stored
            other.data.split = .byTime
            let misfit = other
            await #expect(throws: RecommendationError.self) {
                try await TensorActor.run {
                    _ = try HierarchicalAgentMethod.evaluate(trained.folder, with: misfit, in: quiet)
                }
            }
        }
    }

    private final class Said: @unchecked Sendable { var lines: [String] = [] }

    @Test("An agent of the feed world is no recommender; its manifest from before logs could be named is still read")
    func agentOfTheFeed() async throws {
        try await withTemporaryFolder { folder in
            let manifest = try ArtefactManifest(
                kind: "hierarchical-agent", base: nil,
                recipe: "method: hierarchical-agent\nitems: 60\nlag: 1\nseed: 0\n",
                metrics: [:], commit: "none", filesOf: folder)
            try manifest.write(to: folder)
            await #expect(throws: SavedRecommenderError.servesFeed(kind: "hierarchical-agent")) {
                try await TensorActor.run { _ = try SavedRecommender.open(folder) }
            }
            #expect(try FeedSimulation(["old"], locate: { _ in folder }).world.items.count == 60)
            var recipe = HierarchicalAgentRecipe()
            recipe.search = true
            #expect(recipe.problems().map(\.path) == ["search"])
            recipe.data.source = "log.csv"
            recipe.training.trainingUsers = 1
            #expect(recipe.problems().isEmpty)
            recipe.data.item = recipe.data.user
            #expect(recipe.problems().map(\.path) == ["data.item"])
        }
    }

    @Test("Logs that nothing can be learned from are typed errors; one user, or one session, is no such log")
    func hardLogs() async throws {
        let header = "user_id,item_id,timestamp,click\n"
        func rows(_ users: Int, click: (Int) -> String, time: (Int) -> Int = { $0 }) -> String {
            header
                + (0..<users).flatMap { user in
                    (0..<6).map { "u\(user),i\((user + $0) % 9),\(time($0)),\(click($0))\n" }
                }.joined()
        }
        try await withTemporaryFolder { folder in
            func train(_ csv: String, _ change: (inout HierarchicalAgentRecipe) -> Void = { _ in }) async throws
                -> [String: Double]
            {
                var settings = try LoggedSessionTests.recipe(csv, in: folder)
                change(&settings)
                let recipe = settings
                return try await TensorActor.run {
                    let ground = try LogTrainingGround(recipe)
                    let agent = ground.agent(recipe)
                    try ground.train(agent, budget: recipe.training)
                    return try ground.test(agent)
                }
            }
            await #expect(
                throws: RecommendationDataError.noneRated(source: "log.csv", column: "click", minimum: 1, highest: 0)
            ) { try await train(rows(3) { _ in "0" }) }
            await #expect(throws: InteractionError.self) { try await train(rows(3) { $0 == 2 ? "NaN" : "1" }) }
            await #expect(
                throws: RecommendationDataError.missingColumn(
                    file: "log.csv", column: "liked", field: "rating",
                    found: ["user_id", "item_id", "timestamp", "click"])
            ) { try await train(rows(3) { _ in "1" }) { $0.data.rating = "liked" } }
            await #expect(throws: RecommendationDataError.noRows(source: "log.csv", part: "validation")) {
                try await train(rows(3) { $0 < 2 ? "1" : "0" })
            }
            // Who met everything has nothing to be told apart.
            await #expect(throws: BatchSourceError.self) { try await train(header + "u,i,1,1\nu,i,2,1\nu,i,3,1\n") }
            for metrics in [
                try await train(rows(1) { "\(($0 + 1) % 2)" }.appending("v,i7,1,0\n")),
                try await train(rows(4, click: { _ in "1" }, time: { _ in 5 })),
            ] { #expect(metrics["nDCG@10"] != nil && metrics.values.allSatisfy(\.isFinite), "\(metrics)") }
        }
    }
}
