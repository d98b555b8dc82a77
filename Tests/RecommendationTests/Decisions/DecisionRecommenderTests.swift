import Corpora
import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

/// A log in which a click leads somewhere: of the items that the newest liked one decides about, 0 opens the way to item 2,
/// which is liked for ever after, 1 is liked more often and ends everything.
enum TwoWays {
    static let itemCount = 6

    static func probability(_ item: Int, after newest: Int?) -> Double {
        switch (newest, item) {
        case (1, _): 0.01
        case (0, 2), (2, 2): 0.95
        case (0, _), (2, _): 0.05
        case (_, 0): 0.5
        case (_, 1): 0.65
        default: 0.05
        }
    }

    /// Of a uniform policy.
    static func log(users: Int, seed: UInt64) throws -> FeedbackData {
        var generator = SeededGenerator(seed: seed)
        let rows = (0..<users).map { _ in
            var newest: Int?
            return (0..<12).map { time -> (item: Int32, liked: Bool, time: Double) in
                let item = generator.integer(below: itemCount)
                let isLiked = generator.bernoulli(probability(item, after: newest))
                if isLiked { newest = item }
                return (Int32(item), isLiked, Double(time))
            }
        }
        // Everything is learned from.
        return try FeedbackTests.data(rows, items: itemCount) { try .byTime($0, validationFrom: 1e9, testFrom: 1e9) }
    }
}

@Suite("Recommenders that learn decisions", .serialized)
struct DecisionRecommenderTests {
    private static func fit<Model: WindowRecommender>(
        _ model: Model, _ cut: FeedbackSource.Cut, epochs: Int, rate: Double = 3e-3
    ) throws -> [[Float]] {
        let source = try FeedbackSource(
            try TwoWays.log(users: 300, seed: 5), cut: cut, length: 1, rowsPerBatch: 256, seed: 1)
        var options = FittingOptions()
        options.epochs = epochs
        options.learningRate = rate
        try Fitting.run(model, on: source, batchesPerPass: source.batchesPerPass, options: options)
        let users = [UserContext(), UserContext(history: [0]), UserContext(history: [1])]
        let items = Array(0..<Int32(TwoWays.itemCount))
        let scores = try model.score(users, candidates: items).floats
        return stride(from: 0, to: scores.count, by: items.count).map { Array(scores[$0..<($0 + items.count)]) }
    }

    /// Vectors that stand at right angles.
    private static var vectors: ItemVectors {
        let count = TwoWays.itemCount
        var table = [Float](repeating: 0, count: (count + 1) * count)
        for item in 0..<count { table[(item + 1) * count + item] = Float(count).squareRoot() }
        return ItemVectors(table: Tensor(table, shape: [count + 1, count]))
    }

    private static func best(_ scores: [Float]) -> Int { scores.indices.max { scores[$0] < scores[$1] } ?? -1 }

    @Test("Q-learning takes the click that pays later where the future counts, the likelier one where it does not")
    func qLearning() throws {
        for conservatism in [0, 0.05] {
            var configuration = DeepQRecommender.Configuration()
            (configuration.length, configuration.hidden, configuration.dimensions) = (1, 24, 12)
            configuration.followRate = 0.05
            configuration.conservatism = conservatism
            let far = DeepQRecommender(configuration, itemCount: TwoWays.itemCount, from: RandomSource(seed: 1))
            let planned = try Self.fit(far, .rows(1), epochs: 25)
            #expect(Self.best(planned[0]) == 0 && Self.best(planned[1]) == 2, "α \(conservatism): \(planned)")
            configuration.discount = 0
            let near = DeepQRecommender(configuration, itemCount: TwoWays.itemCount, from: RandomSource(seed: 1))
            let greedy = try Self.fit(near, .rows(1), epochs: 15)
            #expect(Self.best(greedy[0]) == 1, "α \(conservatism): \(greedy)")
            if conservatism == 0 { #expect(abs(greedy[0][1] - 0.65) < 0.1 && abs(greedy[0][0] - 0.5) < 0.1) }
        }
    }

    @Test("SlateQ does so too, and its two parts are what it says: the choice, and what a choice is worth")
    func slateQ() throws {
        var configuration = SlateQRecommender.Configuration()
        (configuration.length, configuration.hidden, configuration.dimensions) = (1, 24, 12)
        (configuration.followRate, configuration.listLength) = (0.05, 1)
        for target in SlateQRecommender.Target.allCases {
            configuration.target = target
            let model = SlateQRecommender(configuration, itemCount: TwoWays.itemCount, from: RandomSource(seed: 1))
            let scores = try Self.fit(model, .rows(1), epochs: 25)
            // After item 0 a list with item 2 is chosen from. SARSA values a uniform policy, to which the way matters less.
            #expect(Self.best(scores[1]) == 2)
            if target == .best { #expect(Self.best(scores[0]) == 0, "\(scores)") }
            let (_, choices) = model.parts(FeedbackBatch.windows([[]], length: 1))
            let logits = choices.floats
            let probability = 1 / (1 + exp(logits[0] - logits[2]))
            #expect(abs(probability - 0.65) < 0.1)
        }
        (configuration.target, configuration.discount) = (.best, 0)
        let near = SlateQRecommender(configuration, itemCount: TwoWays.itemCount, from: RandomSource(seed: 1))
        let greedy = try Self.fit(near, .rows(1), epochs: 15)
        #expect(Self.best(greedy[0]) == 1, "\(greedy)")
    }

    @Test("SlateQ's loss and target by hand")
    func slateQLoss() throws {
        var configuration = SlateQRecommender.Configuration()
        (configuration.length, configuration.hidden, configuration.dimensions) = (2, 5, 4)
        (configuration.listLength, configuration.discount) = (2, 0.5)
        let batch = FeedbackBatch(
            windows: Tensor([0, 1, 2, 3], shape: [2, 2]), nextWindows: Tensor([1, 4, 2, 3], shape: [2, 2]),
            items: Tensor([4, 2, 1, 0], shape: [2, 2]), liked: Tensor([Float(1), 0, 0, 0], shape: [2, 2]),
            nextItems: Tensor([3, 0, 0, 0], shape: [2, 2]))
        for target in SlateQRecommender.Target.allCases {
            configuration.target = target
            let model = SlateQRecommender(configuration, itemCount: 5, from: RandomSource(seed: 2))
            let (now, next) = (model.parts(batch.windows), model.parts(batch.nextWindows))
            func rows(_ tensor: Tensor) -> [[Double]] {
                let all = tensor.floats.map(Double.init)
                return stride(from: 0, to: all.count, by: 6).map { Array(all[$0..<($0 + 6)]) }
            }
            let (values, choices) = (rows(now.values), rows(now.choices))
            let (nextValues, nextChoices) = (rows(next.values), rows(next.choices))
            var expected = 0.0
            for row in 0..<2 {
                let list = [[0, 4, 2], [0, 1]][row]
                let chosen = [4, 0][row]
                let total = list.reduce(0) { $0 + exp(choices[row][$1]) }
                expected -= choices[row][chosen] - log(total)
                let weights = nextChoices[row].map(exp)
                let shown: [Int]
                switch target {
                case .best:
                    shown = Array(
                        (1..<6).sorted { weights[$0] * nextValues[row][$0] > weights[$1] * nextValues[row][$1] }.prefix(
                            2))
                case .logged: shown = [[3], []][row]
                }
                let next = [0] + shown
                var value =
                    next.reduce(0) { $0 + weights[$1] * nextValues[row][$1] } / next.reduce(0) { $0 + weights[$1] }
                if shown.isEmpty { value = 0 }
                let error = [1.0, 0][row] + 0.5 * value - values[row][chosen]
                expected += error * error
                #expect(abs(Double(model.nextValue(batch).floats[row]) - value) < 1e-5)
            }
            let loss = try model.loss(batch)
            #expect(abs(Double(loss.sum.item) - expected) < 1e-4 && loss.weight == 2)
            // Two liked items share the choice.
            let shares = SlateQRecommender.chosen(Tensor([Float(1), 1, 0, 0], shape: [2, 2])).floats
            #expect(shares == [0, 0.5, 0.5, 1, 0, 0])
        }
    }

    @Test(
        "The critics of actors do so too, one and two; an actor climbs to what its critic values no less than any item")
    func protoItems() throws {
        let blank = FeedbackBatch.windows([[]], length: 1)
        for base in [ProtoItemRecommender.Configuration(), .twinDelayed] {
            var configuration = base
            (configuration.length, configuration.hidden) = (1, 32)
            (configuration.dimensions, configuration.followRate) = (TwoWays.itemCount, 0.05)
            (configuration.anchor, configuration.neighbours) = (0, TwoWays.itemCount)
            configuration.actorRateShare = 0.3
            let far = ProtoItemRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 1))
            let planned = try Self.fit(far, .rows(1), epochs: 20)
            #expect(Self.best(planned[0]) == 0, "\(base.critics) critics: \(planned)")
            #expect(Self.best(planned[1]) == 2, "\(base.critics) critics: \(planned)")
            let own = withoutGradients { far.values(blank, actions: far.proto(blank).expanded(axis: 1)).floats[0] }
            let items = withoutGradients { far.values(blank, actions: Self.vectors.items.expanded(axis: 0)).floats }
            #expect(own > (items.max() ?? 0) - 0.1, "\(base.critics) critics: \(own) of \(items)")
            configuration.discount = 0
            let near = ProtoItemRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 1))
            let greedy = try Self.fit(near, .rows(1), epochs: 10)
            #expect(Self.best(greedy[0]) == 1, "\(base.critics) critics: \(greedy)")
        }
    }

    @Test(
        "Wolpertinger: the nearest by the critic, then the others by distance; neighbours are not sought in the history"
    )
    func neighbours() throws {
        var configuration = ProtoItemRecommender.Configuration()
        (configuration.length, configuration.hidden, configuration.neighbours) = (2, 8, 3)
        let model = ProtoItemRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 4))
        let items = Array(0..<Int32(TwoWays.itemCount))
        for history in [[], [Int32(2)], [4, 1]] as [[Int32]] {
            let windows = FeedbackBatch.windows([history[...]], length: 2)
            let proto = model.proto(windows).floats
            let vectors = Self.vectors.items
            func distance(_ item: Int32) -> Float {
                zip(vectors.select(Int(item), along: 0).floats, proto).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            }
            let values = model.values(windows, actions: vectors.expanded(axis: 0)).floats
            let unmet = items.filter { !history.contains($0) }.sorted { distance($0) < distance($1) }
            let nearest = unmet.prefix(3).sorted { values[Int($0)] > values[Int($1)] }
            let found = try model.recommend([UserContext(history: history)], count: 6)[0].map(\.item)
            #expect(found == nearest + unmet.dropFirst(3))
        }
        configuration.neighbours = 0
        let plain = ProtoItemRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 4))
        let found = try plain.recommend([UserContext()], count: 6)[0].map(\.item)
        let proto = plain.proto(FeedbackBatch.windows([[]], length: 2)).floats
        #expect(found == items.sorted { proto[Int($0)] > proto[Int($1)] })
    }

    @Test("LIRD shows one item a place, none twice and none of the history; its target counts a whole list")
    func lists() throws {
        var configuration = ListPolicyRecommender.Configuration()
        (configuration.length, configuration.listLength, configuration.hidden) = (2, 3, 8)
        (configuration.dimensions, configuration.positionDiscount) = (TwoWays.itemCount, 0.5)
        let model = ListPolicyRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 3))
        for history in [[], [Int32(2)], [4, 1]] as [[Int32]] {
            let weights = model.weights(FeedbackBatch.windows([history[...]], length: 2)).floats
            var expected: [Int32] = []
            for place in 0..<3 {
                let row = Array(weights[(place * 6)..<(place * 6 + 6)])
                let open = (0..<Int32(6)).filter { !history.contains($0) && !expected.contains($0) }
                expected.append(try #require(open.max { row[Int($0)] < row[Int($1)] }))
            }
            let found = try model.recommend([UserContext(history: history)], count: 6)[0].map(\.item)
            #expect(Array(found.prefix(3)) == expected)
            #expect(Set(found).count == 6 - history.count)
        }
        let batch = FeedbackBatch(
            windows: Tensor([0, 1], shape: [1, 2]), nextWindows: Tensor([1, 2], shape: [1, 2]),
            items: Tensor([2, 4, 5], shape: [1, 3]), liked: Tensor([Float(1), 0, 1], shape: [1, 3]),
            nextItems: Tensor([0, 0, 0], shape: [1, 3]))
        configuration.discount = 0
        let near = ListPolicyRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 3))
        #expect(near.targets(batch).floats == [1.25])
        #expect(model.targets(batch).floats != [1.25])
    }

    @Test(
        "LIRD's critic values the click that pays later where the future counts; its actor climbs to what the critic values"
    )
    func listLearning() throws {
        var configuration = ListPolicyRecommender.Configuration()
        (configuration.length, configuration.listLength, configuration.hidden) = (1, 1, 24)
        (configuration.dimensions, configuration.followRate) = (TwoWays.itemCount, 0.05)
        (configuration.anchor, configuration.actorRateShare) = (0, 0.3)
        let blank = FeedbackBatch.windows([[]], length: 1)
        for discount in [0, 0.9] {
            configuration.discount = discount
            let model = ListPolicyRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 1))
            _ = try Self.fit(model, .rows(1), epochs: 30)
            let values = withoutGradients {
                (0..<TwoWays.itemCount).map { item -> Float in
                    let list = Self.vectors.items.slice(item..<(item + 1), along: 0).expanded(axis: 0)
                    return model.values(blank, lists: list).floats[0]
                }
            }
            let own = withoutGradients { model.values(blank, lists: model.weights(blank)).floats[0] }
            if discount == 0 {
                #expect(abs(values[1] - 0.65) < 0.12 && abs(values[0] - 0.5) < 0.12, "\(values)")
                #expect(Self.best(values) == 1)
            } else {
                #expect(values[0] > values[1] + 1, "\(values)")
            }
            // Between the items the critic is free; the actor finds what it values no less than any of them.
            #expect(own > (values.max() ?? 0) - 0.1, "γ \(discount): \(own) of \(values)")
        }
    }

    @Test("An actor has its own rate: Adam's first step is as long as that says, and the late actor waits for its turn")
    func rates() throws {
        var configuration = ProtoItemRecommender.Configuration.twinDelayed
        (configuration.length, configuration.hidden, configuration.actorRateShare) = (1, 8, 0.1)
        (configuration.dimensions, configuration.anchor) = (TwoWays.itemCount, 1)
        let source = try FeedbackSource(
            try TwoWays.log(users: 20, seed: 5), cut: .rows(1), length: 1, rowsPerBatch: 64, seed: 1)
        let model = ProtoItemRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: 1))
        var options = FittingOptions()
        options.learningRate = 1e-3
        let optimizer = options.optimizer(for: model)
        func largestChange(_ part: String, from before: [String: Tensor]) -> Double {
            model.parameters.filter { $0.name.hasPrefix(part) }.map { parameter -> Double in
                guard let earlier = before[parameter.name] else { return 0 }
                return (parameter.tensor - earlier).absolute().maximum().item
            }.max() ?? 0
        }
        for step in 1...2 {
            let before = Dictionary(
                uniqueKeysWithValues: model.parameters.map { ($0.name, $0.tensor.detached().copy()) })
            try model.loss(try #require(try source.next())).sum.backward()
            optimizer.step(learningRate: 1e-3)
            optimizer.clearGradients()
            model.didStep()
            #expect(abs(largestChange("critics", from: before) - 1e-3) < 3e-4)
            let actor = largestChange("policy", from: before)
            #expect(step == 1 ? actor == 0 : abs(actor - 1e-4) < 2e-5, "step \(step): \(actor)")
        }
    }

    @Test("A training that was interrupted goes on as if it had not been: target networks, turns and noise are kept")
    func resumes() async throws {
        var configuration = ProtoItemRecommender.Configuration.twinDelayed
        (configuration.length, configuration.hidden, configuration.dimensions) = (1, 8, TwoWays.itemCount)
        let data = try TwoWays.log(users: 20, seed: 5)
        func loop(
            _ checkpoint: URL, seed: UInt64
        ) throws -> TrainingLoop<RecommendationLearner<ProtoItemRecommender>, FeedbackSource> {
            let model = ProtoItemRecommender(configuration, vectors: Self.vectors, from: RandomSource(seed: seed))
            model.train()
            let loop = TrainingLoop(
                learner: RecommendationLearner(model),
                source: try FeedbackSource(data, cut: .rows(1), length: 1, rowsPerBatch: 32, seed: 1),
                optimizer: FittingOptions().optimizer(for: model),
                schedule: LearningRateSchedule(peak: 1e-2, totalSteps: 9, decay: .constant),
                limits: TrainingLimits(steps: 9))
            loop.checkpoint = checkpoint
            return loop
        }
        func state(_ learner: RecommendationLearner<ProtoItemRecommender>) -> [Float] {
            (learner.trainedParameters + learner.changingState).flatMap { $0.tensor.cast(to: .float32).floats }
        }
        try await withTemporaryFolder { folder in
            let whole = try loop(folder.appending(path: "whole"), seed: 1)
            _ = try whole.run()
            for stop in [2, 5] {
                let checkpoint = folder.appending(path: "checkpoint-\(stop)")
                let first = try loop(checkpoint, seed: 1)
                first.isInterrupted = { first.progress.step == stop }
                #expect(try first.run().reason == .interrupted)
                let second = try loop(checkpoint, seed: 8)
                _ = try second.resume()
                _ = try second.run()
                #expect(state(second.learner) == state(whole.learner), "stopped at \(stop)")
            }
        }
    }
}
