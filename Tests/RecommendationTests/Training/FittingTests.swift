import Corpora
import Foundation
import Layers
import Recommendation
import Tensors
import Testing
import Training

@Suite("Fitting")
struct FittingTests {
    private func rows(_ count: Int = 40, seed: UInt64 = 1) throws -> FeatureRows {
        try SyntheticRows.flippedDomains(count: count, domains: 3, seed: seed)
    }

    @Test("A pass holds every row once; batches of one domain where asked")
    func passes() throws {
        let rows = try rows()
        let source = try FeatureRowSource(rows, rowsPerBatch: 7, separatesDomains: true, seed: 4)
        var seen = 0
        var domains: Set<Set<Int>> = []
        for _ in 0..<source.batchesPerPass {
            let batch = try #require(source.next())
            seen += batch.rowCount
            domains.insert(Set(try #require(batch.domains).integers))
        }
        #expect(seen == 40)
        #expect(domains == [[0], [1], [2]])
        #expect(source.position != (try FeatureRowSource(rows, rowsPerBatch: 7, seed: 4)).position)
    }

    @Test("A source put back to a position gives the same batches and negatives again")
    func positions() throws {
        let rows = try rows()
        let source = try FeatureRowSource(rows, rowsPerBatch: 7, seed: 4)
        for _ in 0..<9 { _ = source.next() }
        let position = source.position
        let wanted = try (0..<5).map { _ in try #require(source.next()).categories.integers }
        let other = try FeatureRowSource(rows, rowsPerBatch: 7, seed: 4)
        try other.restore(
            try JSONDecoder().decode(
                FeatureRowSource.Position.self, from: try JSONEncoder().encode(position)))
        #expect(try (0..<5).map { _ in try #require(other.next()).categories.integers } == wanted)
        let fewer = try FeatureRowSource(try self.rows(39), rowsPerBatch: 7, seed: 4)
        #expect(throws: BatchSourceError.self) { try fewer.restore(position) }

        let log = try InteractionLog(
            users: IdentifierMap(count: 4), items: IdentifierMap(count: 30),
            userIndices: (0..<40).map { Int32($0 % 4) }, itemIndices: (0..<40).map { Int32($0 * 7 % 30) })
        let split = InteractionSplit.leaveOneOut(log)
        for layout in [InteractionSource.Layout.pairs, .nextItem(length: 3), .everyStep(length: 3)] {
            func make() throws -> InteractionSource {
                try InteractionSource(
                    split, layout: layout, rowsPerBatch: 5, sampler: NegativeSampler(split), seed: 8)
            }
            let first = try make()
            for _ in 0..<3 { _ = try first.next() }
            let second = try make()
            try second.restore(first.position)
            for _ in 0..<4 {
                let (a, b) = (try #require(try first.next()), try #require(try second.next()))
                #expect(a.targets.integers == b.targets.integers)
                #expect(a.negatives?.integers == b.negatives?.integers)
            }
        }
    }

    @Test("Users who met every item have no negative: they are left out, and a source of such users only is an error")
    func usersWithoutNegatives() throws {
        // User 0 meets all four items in training, user 1 two of them; both have a row of validation and test.
        func split(_ users: [Int32], _ items: [Int32]) throws -> InteractionSplit {
            .leaveOneOut(
                try InteractionLog(
                    users: IdentifierMap(count: 2), items: IdentifierMap(count: 4), userIndices: users,
                    itemIndices: items))
        }
        let mixed = try split([0, 0, 0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 3, 0, 1, 0, 1, 2, 3])
        for (layout, rows) in [
            (InteractionSource.Layout.pairs, 2), (.nextItem(length: 3), 1), (.everyStep(length: 3), 1),
        ] {
            let sampler = NegativeSampler(mixed, exclusion: .trainOnly)
            let source = try InteractionSource(mixed, layout: layout, rowsPerBatch: 8, sampler: sampler, seed: 1)
            #expect(source.count == rows && source.usersWithoutNegatives == 1)
            let batch = try #require(try source.next())
            #expect(Set(batch.users.integers) == [1])
            // Objectives without negatives learn from everybody.
            let all = try InteractionSource(mixed, layout: layout, rowsPerBatch: 8, seed: 1)
            #expect(all.count > rows && all.usersWithoutNegatives == 0)
        }
        let full = try split([0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 0, 1])
        #expect(
            throws: BatchSourceError.empty(
                what:
                    "the training part (leave-one-out; 1 of 2 users met every item, which leaves none to compare with)")
        ) {
            try InteractionSource(
                full, layout: .pairs, rowsPerBatch: 8, sampler: NegativeSampler(full, exclusion: .trainOnly), seed: 1)
        }
    }

    @Test("Next-item rows hold the items before the target; every-step rows hold their successors")
    func layouts() throws {
        let log = try InteractionLog(
            users: IdentifierMap(count: 1), items: IdentifierMap(count: 6), userIndices: [0, 0, 0, 0, 0, 0],
            itemIndices: [0, 1, 2, 3, 4, 5])
        let split = InteractionSplit.leaveOneOut(log)  // trains on 0 … 3
        let next = try #require(
            try InteractionSource(split, layout: .nextItem(length: 2), rowsPerBatch: 9, seed: 1).next())
        let rows = zip(
            next.targets.integers,
            zip(
                try #require(next.histories).integers.chunked(2), try #require(next.lengths).integers)
        )
        .sorted { $0.0 < $1.0 }
        #expect(rows.map(\.0) == [2, 3, 4])
        #expect(rows.map(\.1.0) == [[1, 0], [1, 2], [2, 3]])
        #expect(rows.map(\.1.1) == [1, 2, 2])
        let steps = try #require(
            try InteractionSource(
                split, layout: .everyStep(length: 2), rowsPerBatch: 9,
                sampler: NegativeSampler(split, exclusion: .trainOnly),
                seed: 1
            ).next())
        #expect(steps.histories?.integers == [2, 3])
        #expect(steps.targets.integers == [3, 4])
        #expect(steps.targetCount == 2)
        let negatives = try #require(steps.negatives).integers
        #expect(negatives.allSatisfy { $0 > 4 }, "items 4 and 5 (5 and 6 with the shift) were not met in training")
    }

    @Test("Early stopping leaves the parameters and the moments of the best evaluation")
    func earlyStopping() throws {
        let rows = try rows(200)
        let model = StarTopology(rows.schema, from: RandomSource(seed: 1))
        var options = FittingOptions()
        options.epochs = 12
        options.patience = 2
        options.rowsPerBatch = 32
        options.learningRate = 3e-2
        let source = try FeatureRowSource(rows, rowsPerBatch: 32, separatesDomains: true, seed: 2)
        var served: [[Float]] = []
        var evaluations = 0
        let outcome = try Fitting.run(
            model, on: source, batchesPerPass: source.batchesPerPass, options: options,
            watching: WatchedMetric("score", isHigherBetter: true)
        ) { model in
            evaluations += 1
            served.append(model.probabilities(rows.all).floats)
            // The second evaluation is the best, whatever the model does.
            return ["score": evaluations == 2 ? 1 : 0.5]
        }
        #expect(evaluations == 4)
        #expect(outcome.training.reason == .noImprovement)
        #expect(outcome.watched == 1)
        #expect(model.probabilities(rows.all).floats == served[1])
        #expect(served[3] != served[1])
    }

    @Test("A search gives every model the same trials and takes the best; divergence is no result")
    func search() throws {
        let options = FittingOptions().searchSpace
        #expect(options.count == TuningSearch.minimumTrials)
        #expect(Set(options).count == 8)
        let result = try TuningSearch.run(options, watching: WatchedMetric("loss", isHigherBetter: false)) { trial in
            trial.learningRate > 5e-3 ? nil : trial.learningRate + trial.weightDecay
        }
        #expect(result.configuration.learningRate == 3e-4 && result.configuration.weightDecay == 0)
        #expect(result.trials.count == 8)
        #expect(throws: RecommendationError.self) {
            try TuningSearch.run(options, watching: WatchedMetric("loss", isHigherBetter: false)) { _ in nil }
        }
    }

    @Test("Rows without labels cannot train")
    func unlabelled() throws {
        var rows = FeatureRows(schema: FeatureSchema(categories: [.init("field", count: 2)]))
        #expect(throws: BatchSourceError.self) { try FeatureRowSource(rows, rowsPerBatch: 4, seed: 1) }
        try rows.append(categories: [1])
        #expect(throws: RecommendationError.notLabelled(rows: 1)) {
            try FeatureRowSource(rows, rowsPerBatch: 4, seed: 1)
        }
    }
}

extension Array {
    fileprivate func chunked(_ size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
