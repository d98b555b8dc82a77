import Corpora
import Evaluation
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

@Suite("Sequence and identity models")
struct SequenceModelTests {
    /// Users walk through the items in order from a random start: the next item follows from the last one only.
    private func walks(users: Int = 120, items: Int = 20, length: Int = 8, seed: UInt64 = 1) throws -> InteractionSplit
    {
        var generator = SeededGenerator(seed: seed)
        var (userIndices, itemIndices): ([Int32], [Int32]) = ([], [])
        for user in 0..<users {
            let start = generator.integer(below: items)
            for step in 0..<length {
                userIndices.append(Int32(user))
                itemIndices.append(Int32((start + step) % items))
            }
        }
        let log = try InteractionLog(
            users: IdentifierMap(count: users), items: IdentifierMap(count: items), userIndices: userIndices,
            itemIndices: itemIndices)
        return .leaveOneOut(log)
    }

    private func sequenceModels(itemCount: Int, seed: UInt64 = 3) -> [(any SequenceModel, InteractionSource.Layout)] {
        var published = SelfAttentiveSequence.Configuration()
        published.dimensions = 16
        published.innerDimensions = 16
        published.length = 6
        var recBole = SelfAttentiveSequence.Configuration.recBole
        recBole.dimensions = 16
        recBole.innerDimensions = 32
        recBole.dropout = 0.1
        recBole.length = 6
        var recurrent = RecurrentSequence.Configuration()
        recurrent.dimensions = 16
        recurrent.hiddenDimensions = 24
        recurrent.dropout = 0.1
        recurrent.length = 6
        var top1 = recurrent
        top1.objective = .top1
        var entropy = recurrent
        entropy.objective = .crossEntropy
        let source = RandomSource(seed: seed)
        return [
            (SelfAttentiveSequence(published, itemCount: itemCount, from: source), published.layout),
            (SelfAttentiveSequence(recBole, itemCount: itemCount, from: source), recBole.layout),
            (RecurrentSequence(recurrent, itemCount: itemCount, from: source), .nextItem(length: 6)),
            (RecurrentSequence(top1, itemCount: itemCount, from: source), .nextItem(length: 6)),
            (RecurrentSequence(entropy, itemCount: itemCount, from: source), .nextItem(length: 6)),
        ]
    }

    @Test("What stands after a place, padding included, changes nothing before it")
    func causality() {
        let source = RandomSource(seed: 4)
        for normalization in SelfAttentionBlock.Normalization.allCases {
            var configuration = SelfAttentiveSequence.Configuration()
            configuration.dimensions = 8
            configuration.heads = 2
            configuration.length = 6
            configuration.normalization = normalization
            let model = SelfAttentiveSequence(configuration, itemCount: 9, from: source)
            withoutGradients {
                let short = model.states(Tensor([3, 5, 7], shape: [1, 3]))
                let long = model.states(Tensor([3, 5, 7, 2, 0], shape: [1, 5]))
                #expect(long.slice(0..<3, along: 1).isClose(to: short, absoluteTolerance: 1e-5))
                // The last block computed at one place only is the same function.
                let last = model.states(Tensor([3, 5, 7, 2, 0], shape: [1, 5]), last: Tensor([2]))
                #expect(last.isClose(to: short.slice(2..<3, along: 1), absoluteTolerance: 1e-5))
            }
            // With dropout, attention is computed step by step: at a negligible share it is the same function.
            configuration.dropout = 1e-12
            let dropping = SelfAttentiveSequence(configuration, itemCount: 9, from: source)
            dropping.copyParameters(from: model)
            for last in [nil, Tensor([2, 0])] {
                let histories = Tensor([3, 5, 7, 2, 8, 0, 0, 0], shape: [2, 4])
                let plain = withoutGradients { model.states(histories, last: last) }
                #expect(dropping.states(histories, last: last).isClose(to: plain, absoluteTolerance: 1e-5))
            }
        }
    }

    @Test("A history longer than the model reads counts by its newest items; scores of a row do not depend on others")
    func histories() throws {
        for (model, _) in sequenceModels(itemCount: 20) {
            let long = UserContext(history: [0, 1, 2, 3, 4, 5, 6, 7])
            let kept = UserContext(history: [2, 3, 4, 5, 6, 7])
            let short = UserContext(history: [9])
            let all = Array(0..<Int32(20))
            let together = try model.score([long, short, kept], candidates: all)
            #expect(together.shape == [3, 20])
            #expect(together.select(0, along: 0).isClose(to: together.select(2, along: 0), absoluteTolerance: 1e-6))
            let alone = try model.score([short], candidates: all)
            #expect(alone.select(0, along: 0).isClose(to: together.select(1, along: 0), absoluteTolerance: 1e-5))
            #expect(!model.canScore(UserContext(user: 1)))
            #expect(throws: RecommendationError.self) { try model.score([UserContext(user: 1)], candidates: all) }
        }
    }

    @Test("Models that read the order beat popularity where the order is everything", .timeLimit(.minutes(2)))
    func learnsOrder() throws {
        let split = try walks()
        let test = RankingMeasurement(split, part: .test, cutoffs: [1])
        let popular = try #require(test.metrics(Popularity(split))["HR@1"])
        let sampler = NegativeSampler(split, exclusion: .trainOnly)
        func fitted<Model: SequenceModel>(_ model: Model, _ layout: InteractionSource.Layout) throws -> Double {
            var options = FittingOptions()
            options.learningRate = 1e-2
            options.epochs = 25
            let source = try InteractionSource(split, layout: layout, rowsPerBatch: 64, sampler: sampler, seed: 2)
            try Fitting.run(model, on: source, batchesPerPass: source.batchesPerPass, options: options)
            return try test.metrics(model)["HR@1"] ?? 0
        }
        for (model, layout) in sequenceModels(itemCount: 20) {
            let found = try fitted(model, layout)
            #expect(found > popular + 0.4, "\(type(of: model)): \(found), popularity \(popular)")
        }
    }

    @Test("Pairwise ranking finds who likes what")
    func learnsTaste() throws {
        var generator = SeededGenerator(seed: 4)
        var (userIndices, itemIndices): ([Int32], [Int32]) = ([], [])
        for user in 0..<100 {
            for item in generator.shuffled(0..<20).prefix(8) {
                userIndices.append(Int32(user))
                itemIndices.append(Int32(user % 2 * 20 + item))
            }
        }
        let log = try InteractionLog(
            users: IdentifierMap(count: 100), items: IdentifierMap(count: 40), userIndices: userIndices,
            itemIndices: itemIndices)
        let split = InteractionSplit.leaveOneOut(log)
        let test = RankingMeasurement(split, part: .test, cutoffs: [10])
        let popular = try #require(test.metrics(Popularity(split))["HR@10"])
        var configuration = MatrixFactorization.Configuration()
        configuration.dimensions = 8
        let model = MatrixFactorization(configuration, userCount: 100, itemCount: 40, from: RandomSource(seed: 1))
        var options = FittingOptions()
        options.learningRate = 2e-2
        options.epochs = 20
        let source = try InteractionSource(
            split, layout: .pairs, rowsPerBatch: 128, sampler: NegativeSampler(split, exclusion: .trainOnly), seed: 2)
        try Fitting.run(model, on: source, batchesPerPass: source.batchesPerPass, options: options)
        // Fourteen of the forty items are left in a user's half: chance is 10 / 14 there.
        let found = try #require(test.metrics(model)["HR@10"])
        #expect(found > popular + 0.15, "\(found), popularity \(popular)")
        #expect(throws: RecommendationError.unknownUser(model: "matrix factorisation")) {
            try model.recommend([UserContext(history: [1])], count: 3)
        }
        #expect(throws: RecommendationError.userOutOfRange(100, count: 100)) {
            try model.recommend([UserContext(user: 100)], count: 3)
        }
    }

    @Test("Ratings: the loss is the squared distance of mean, biases and product from the rating")
    func ratings() throws {
        var configuration = MatrixFactorization.Configuration()
        configuration.objective = .ratings
        configuration.dimensions = 2
        configuration.regularization = 0.1
        let model = MatrixFactorization(
            configuration, userCount: 1, itemCount: 2, mean: 3, from: RandomSource(seed: 1))
        model.users.assign(Tensor([1, 2] as [Float], shape: [1, 2]))
        model.items.assign(Tensor([0, 0, 0.5, -1] as [Float], shape: [2, 2]))
        model.userBias.assign(Tensor([0.25] as [Float]))
        model.itemBias.assign(Tensor([0, 1] as [Float]))
        let batch = InteractionBatch(
            users: Tensor([0]), targets: Tensor([2]), ratings: Tensor([4] as [Float]), targetCount: 1)
        // 3 + 0.25 + 1 + (0.5 - 2) = 2.75; (2.75 - 4)² + 0.1 (5 + 1.25)
        #expect(abs(try model.loss(batch).sum.item - (1.5625 + 0.625)) < 1e-5)
        #expect(try model.score([UserContext(user: 0)], candidates: [1]).item == 2.75)
    }

    @Test("BPR-max and TOP1 of a small matrix by hand; a row with the same target is no negative")
    func inBatchLosses() throws {
        let scores = Tensor([1, 0.5, -1, 0, 2, 0.3, 0.2, -0.4, 0.7] as [Float], shape: [3, 3])
        let targets = Tensor([4, 9, 4])
        func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
        func square(_ x: Double) -> Double { x * x }
        // Rows 0 and 2 share a target: each has the one negative in column 1; row 1 has columns 0 and 2.
        let top1 =
            sigmoid(0.5 - 1) + sigmoid(square(0.5)) + sigmoid(-0.4 - 0.7) + sigmoid(square(0.4))
            + (sigmoid(0 - 2) + sigmoid(0) + sigmoid(0.3 - 2) + sigmoid(square(0.3))) / 2
        let found = RecurrentSequence.inBatchLoss(scores, targets: targets, objective: .top1, regularization: 0)
        #expect(abs(found.item - top1) < 1e-5)

        let (first, second) = (exp(0) / (exp(0) + exp(0.3)), exp(0.3) / (exp(0) + exp(0.3)))
        var bpr = -log(sigmoid(1 - 0.5)) + 0.5 * square(0.5)
        bpr += -log(sigmoid(0.7 + 0.4)) + 0.5 * square(0.4)
        bpr += -log(first * sigmoid(2 - 0) + second * sigmoid(2 - 0.3)) + 0.5 * second * square(0.3)
        let other = RecurrentSequence.inBatchLoss(scores, targets: targets, objective: .bprMax, regularization: 0.5)
        #expect(abs(other.item - bpr) < 1e-5)
    }

    @Test("The gradients of the in-batch losses are those of finite differences")
    func inBatchGradients() throws {
        let targets = Tensor([4, 9, 4, 2])
        for objective in [RecurrentSequence.Configuration.Objective.top1, .bprMax] {
            func loss(_ x: Tensor) -> Tensor {
                RecurrentSequence.inBatchLoss(x, targets: targets, objective: objective, regularization: 0.3)
            }
            let x = Tensor.normal([4, 4], from: RandomSource(seed: 6)).cast(to: .float64).requiringGradient()
            try loss(x).backward()
            let gradient = try #require(x.gradient).values(Double.self)
            let values = x.values(Double.self)
            let step = 1e-6
            for place in 0..<16 {
                var (up, down) = (values, values)
                up[place] += step
                down[place] -= step
                let difference = withoutGradients {
                    loss(Tensor(up, shape: [4, 4])).item - loss(Tensor(down, shape: [4, 4])).item
                }
                #expect(abs(gradient[place] - difference / (2 * step)) < 1e-6, "\(objective), \(place)")
            }
        }
    }

    @Test("Popularity: counts, decay with age, rates drawn to the mean")
    func popularity() throws {
        let log = try InteractionLog(
            users: IdentifierMap(count: 2), items: IdentifierMap(count: 3), userIndices: [0, 0, 0, 0, 1, 1, 1],
            itemIndices: [0, 0, 1, 2, 0, 1, 2], times: [0, 1, 10, 11, 5, 20, 21])
        let split = InteractionSplit.leaveOneOut(log)
        #expect(Popularity(split).scores == [3, 0, 0])
        // Training rows: user 0 at times 0 and 1, user 1 at time 5.
        #expect(try Popularity(split, halfLife: 5).scores[0] == 1 + exp2(-0.8) + exp2(-1))
        let rates = Popularity(clicks: [0, 9], views: [0, 90], strength: 10)
        #expect(abs(rates.scores[0] - 0.1) < 1e-12 && abs(rates.scores[1] - 0.1) < 1e-12)
        let eager = Popularity(clicks: [1, 10], views: [1, 100], strength: 20)
        #expect(eager.scores[0] < 0.2, "one click on one view is no certainty")
        #expect(try Popularity(split).recommend([UserContext(history: [0])], count: 1)[0][0].item == 1)
    }

    @Test("UCB tries everything, then what is good or little known, and finds the best arm")
    func upperConfidenceBound() throws {
        let policy = UpperConfidenceBound(itemCount: 3)
        policy.observe(item: 0, reward: 1)
        policy.observe(item: 1, reward: 0)
        #expect(try policy.recommend([UserContext()], count: 1)[0][0].item == 2)
        policy.observe(item: 2, reward: 1, times: 2)
        // 0.5 + √(2 ln 4 / 2)
        #expect(abs(policy.bound(2) - (0.5 + log(4.0).squareRoot())) < 1e-12)
        var generator = SeededGenerator(seed: 1)
        let arms = [0.2, 0.8, 0.5]
        let bandit = UpperConfidenceBound(itemCount: 3)
        var pulls = [0, 0, 0]
        for _ in 0..<2000 {
            let item = try bandit.recommend([UserContext()], count: 1)[0][0].item
            pulls[Int(item)] += 1
            bandit.observe(item: item, reward: generator.bernoulli(arms[Int(item)]) ? 1 : 0)
        }
        #expect(pulls[1] > 1500)
        #expect(pulls[0] > 10, "the worst arm is not forgotten either")
    }
}
