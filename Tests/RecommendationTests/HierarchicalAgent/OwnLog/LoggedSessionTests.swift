import Corpora
import Evaluation
import Foundation
import Recommendation
import Reinforcement
import Tensors
import Testing
import Training

/// What a log becomes before anything is learned from it.
@Suite("Sessions of a log", .serialized)
struct LoggedSessionTests {
    /// A recipe that reads a CSV file with a column `click`, and learns next to nothing.
    static func recipe(_ csv: String, in folder: URL) throws -> HierarchicalAgentRecipe {
        let file = folder.appending(path: "log.csv")
        try Data(csv.utf8).write(to: file)
        var recipe = HierarchicalAgentRecipe()
        recipe.data.source = file.path
        recipe.data.rating = "click"
        recipe.log.dimensions = 4
        recipe.log.vectorEpochs = 1
        recipe.agent.hidden = 8
        recipe.agent.headHidden = 8
        recipe.training.warmUpdates = 8
        recipe.training.episodes = 2
        recipe.training.updatesPerEpisode = 4
        recipe.training.batchSessions = 8
        return recipe
    }

    /// Rows of two users; the last two clicks of each are held out.
    private static let csv = """
        user_id,item_id,timestamp,click
        a,i0,1000,1
        a,i1,1010,0
        a,i2,1100,1
        a,i3,1101,0
        a,i4,1102,1
        a,i0,1103,0
        a,i5,9000,1
        a,i1,9001,1
        a,i2,9002,0
        a,i3,9003,1
        b,i5,500,1
        b,i4,501,1
        b,i3,502,1

        """

    @Test("Sessions end after a long gap or at their length; days count from the first row; nothing is terminal")
    func cutting() async throws {
        try await withTemporaryFolder { folder in
            var recipe = try Self.recipe(Self.csv, in: folder)
            recipe.log.sessionGap = 50
            recipe.log.day = 40
            recipe.log.sessionLength = 3
            let settings = recipe
            try await TensorActor.run {
                let ground = try LogTrainingGround(settings)
                let run = ground.runs[0]
                // i0 i1 | 90 later: i2 i3 i4, cut, i0 | more than 30 days later: i5. i1 and i3 are held out.
                #expect(run.map(\.items) == [[0, 1], [2, 3, 4], [0], [5]])
                #expect(run.map(\.clicks) == [[true, false], [true, false, true], [false], [true]])
                #expect(run.map(\.day) == [0, 2, 2, 30])
                #expect(run.map(\.gapBefore) == [0, 2, 0, 30])
                #expect(run.map(\.gapAfter) == [2, 0, 30, 0])
                #expect(run.map(\.isCut) == [false, true, false, true])
                #expect(run.allSatisfy { !$0.isTerminal && $0.demographic == 0 })
                // Where a session was not served, what it showed stands for its option.
                let shown = ground.catalogue.direction(of: [0, 1])
                #expect(run[0].played == shown && run[0].option.isEmpty)
                let length = shown.reduce(0) { $0 + $1 * $1 }.squareRoot()
                #expect(abs(Double(length) - ground.catalogue.meanNorm) < 1e-5)
                #expect(ground.runs[1].map(\.items) == [[5]])
            }
        }
    }

    @Test("Without times a user's rows are cut in sessions of one length")
    func withoutTimes() async throws {
        try await withTemporaryFolder { folder in
            var recipe = try Self.recipe(Self.csv, in: folder)
            recipe.data.time = ""
            recipe.log.sessionLength = 3
            let settings = recipe
            try await TensorActor.run {
                let run = try LogTrainingGround(settings).runs[0]
                #expect(run.map(\.items) == [[0, 1, 2], [3, 4, 0], [5]])
                #expect(run.map(\.isCut) == [true, true, true])
                #expect(run.allSatisfy { $0.day == 0 && $0.gapBefore == 0 && $0.gapAfter == 0 })
            }
        }
    }

    @Test("A cut is a truncation for both levels: no last view, and no return that is paid for")
    func truncation() async throws {
        await TensorActor.run {
            var catalogue: [Float] = []
            for item in 0..<3 { catalogue += [Float(item), 1] }
            func replay(isCut: Bool) -> FeedReplay {
                var first = FeedSession()
                (first.items, first.clicks, first.isCut) = ([0, 1], [true, false], isCut)
                first.gapAfter = isCut ? 0 : 2
                first.played = [3, 4]
                var second = FeedSession()
                (second.items, second.clicks, second.isCut, second.option) = ([2], [true], true, [5, 6])
                var replay = FeedReplay(FeedCatalogue(table: catalogue, dimensions: 2), optionWidth: 2)
                replay.append(run: [first, second])
                return replay
            }
            let discounting = SessionDiscounting(sessions: 2, daily: 0.5, returnReward: 3)
            let whole = replay(isCut: false).after(0, discounting)
            // 0.5² (3 + 1), and nothing for what may follow the second.
            #expect(whole.reward == 1 && whole.weight == 0.25 && whole.last == 1)
            let cut = replay(isCut: true).after(0, discounting)
            #expect(cut.reward == 1 && cut.weight == 1 && cut.last == 1)
            let batches = [false, true].map { FeedSessionBatch(replay(isCut: $0), rows: [0, 1], lag: 1) }
            #expect(batches.map(\.isLast.floats) == [[0, 1, 0], [0, 0, 0]])
            // The upper critic takes what was shown for the option where none was played.
            #expect(batches[0].playedOptions.floats == [3, 4, 5, 6] && batches[0].options.floats == [0, 0, 5, 6])
        }
    }

    @Test("Items as vectors: factors of mean length 1, standardised popularity and share of likes")
    func catalogue() async throws {
        await TensorActor.run {
            let catalogue = FeedCatalogue(
                factors: [3, 4, 0, 0], dimensions: 2, counts: (views: [6, 4], likes: [5, 0]))
            let wanted: [Float] = [1.2, 1.6, 0.3, 0.3, 0, 0, -0.3, -0.3]
            #expect(catalogue.itemCount == 2 && catalogue.dimensions == 4)
            for (found, wanted) in zip((0..<2).flatMap { Array(catalogue.row($0)) }, wanted) {
                #expect(abs(found - wanted) < 1e-5)
            }
            // Where all are alike there is nothing to tell apart.
            let alike = FeedCatalogue(factors: [0, 0], dimensions: 1, counts: (views: [2, 2], likes: [2, 2]))
            #expect((0..<2).flatMap { Array(alike.row($0)) } == [0, 0, 0, 0, 0, 0])
            #expect(alike.direction(of: [0, 1]) == [0, 0, 0])
        }
    }

    @Test("The options of logged sessions are those of the upper level, each after the sessions that it may see")
    func options() async throws {
        try await withTemporaryFolder { folder in
            var recipe = try Self.recipe(Self.csv, in: folder)
            recipe.log.sessionLength = 2
            let settings = recipe
            try await TensorActor.run {
                for lag in [1, 3] {
                    var own = settings
                    own.lag = lag
                    let ground = try LogTrainingGround(own)
                    let agent = ground.agent(own)
                    var replay = FeedReplay(ground.catalogue, optionWidth: agent.optionWidth)
                    for run in agent.replayed(ground.runs) { replay.append(run: run) }
                    #expect(replay.count > 4)
                    let batch = FeedSessionBatch(replay, rows: Array(0..<replay.count), lag: lag)
                    let wanted = withoutGradients {
                        agent.upper.online.option(agent.upper.online.state(batch.history, batch.context)).floats
                    }
                    for (found, wanted) in zip(batch.options.floats, wanted) { #expect(abs(found - wanted) < 1e-5) }
                    #expect(Set(batch.options.floats).count > agent.optionWidth)
                }
            }
        }
    }

    @Test("Imitation is the cross-entropy of liked views over the catalogue; disliked ones do not count")
    func imitation() async throws {
        await TensorActor.run {
            let catalogue = FeedCatalogue(table: [1, 0, 0, 1], dimensions: 2)
            var session = FeedSession()
            (session.items, session.clicks) = ([0, 1], [true, false])
            var replay = FeedReplay(catalogue, optionWidth: 2)
            replay.append(run: [session])
            let agent = HierarchicalAgent(catalogue, imitation: 1, seed: 1)
            let batch = FeedSessionBatch(replay, rows: [0], lag: 1)
            // Scores 0.2 and 0 over a temperature of 0.1: -log(e² / (e² + 1)).
            let found = agent.imitationLoss(Tensor([Float(0.2), 0, 9, 9], shape: [2, 2]), batch: batch).item
            #expect(abs(found - log(1 + exp(-2.0))) < 1e-5)
            session.clicks = [false, false]
            var disliked = FeedReplay(catalogue, optionWidth: 2)
            disliked.append(run: [session])
            let nothing = FeedSessionBatch(disliked, rows: [0], lag: 1)
            #expect(agent.imitationLoss(.ones([2, 2]), batch: nothing).item == 0)
        }
    }
}
