import Foundation
import Layers
import Recommendation
import Tensors
import Testing

@Suite("Recommendation layers")
struct RecommendationLayerTests {
    @Test("Dice normalises with the batch while training and with the running moments afterwards")
    func dice() throws {
        let dice = Dice(dimensions: 1)
        dice.slope.assign(Tensor([0.25] as [Float]))
        let x = Tensor([-1, 1, 3] as [Float], shape: [3, 1])
        // Mean 1, variance 8/3.
        func expected(_ value: Double, mean: Double, variance: Double) -> Double {
            let gate = 1 / (1 + exp(-(value - mean) / variance.squareRoot()))
            return gate * value + (1 - gate) * 0.25 * value
        }
        let trained = dice(x)
        for (found, value) in zip(trained.floats, [-1, 1, 3]) {
            #expect(abs(Double(found) - expected(Double(value), mean: 1, variance: 8.0 / 3)) < 1e-5)
        }
        // Running moments moved a tenth of the way, the variance to the unbiased 4.
        #expect(abs(dice.moments.mean.item - 0.1) < 1e-6)
        #expect(abs(dice.moments.variance.item - 1.3) < 1e-6)
        let served = withoutGradients { dice(x) }
        for (found, value) in zip(served.floats, [-1, 1, 3]) {
            #expect(abs(Double(found) - expected(Double(value), mean: 0.1, variance: 1.3)) < 1e-5)
        }
    }

    @Test("Target attention is the sum of weighted vectors; padding changes nothing, not even batch moments")
    func targetAttention() throws {
        let source = RandomSource(seed: 2)
        let attention = TargetAttention(dimensions: 3, widths: [4], from: source)
        let history = Tensor.normal([2, 2, 3], from: source)
        let target = Tensor.normal([2, 3], from: source)
        let mask = Tensor([true, true, true, false], shape: [2, 2])
        let short = attention(target: target, history: history, mask: mask)

        let padding = Tensor.full([2, 2, 3], 7)
        let fresh = TargetAttention(dimensions: 3, widths: [4], from: RandomSource(seed: 9))
        fresh.copyParameters(from: attention)
        let long = fresh(
            target: target, history: .concatenated([history, padding], along: 1),
            mask: Tensor([true, true, false, false, true, false, false, false], shape: [2, 4]))
        #expect(long.isClose(to: short, absoluteTolerance: 1e-6))

        let none = attention(target: target, history: history, mask: .zeros([2, 2], dtype: .bool))
        #expect(none.floats == [0, 0, 0, 0, 0, 0])

        // By hand, with the running moments of a new layer: mean 0, variance 1.
        let plain = TargetAttention(dimensions: 3, widths: [4], activation: .relu, from: RandomSource(seed: 4))
        let (e, t) = (history.select(1, along: 0).slice(0..<1, along: 0), target.slice(1..<2, along: 0))
        let features = Tensor.concatenated([e, t, e - t, e * t], along: 1)
        let weight = plain.output(plain.unit(features))
        let found = plain(target: target, history: history, mask: mask).slice(1..<2, along: 0)
        #expect(found.isClose(to: e * weight, absoluteTolerance: 1e-6))
    }

    @Test(
        "Served without gradients, the parts of the attention's first map add up to it; a history may be shared",
        arguments: [Tower.Activation.relu, .dice], [[5, 4], [32, 16]])
    func servedAttention(activation: Tower.Activation, widths: [Int]) throws {
        let source = RandomSource(seed: 3)
        let attention = TargetAttention(dimensions: 3, widths: widths, activation: activation, from: source)
        for layer in attention.unit.layers { layer.bias?.assign(.normal([layer.outputDimensions], from: source)) }
        for slope in attention.parameters where slope.name.hasSuffix("slope") {
            slope.tensor.assign(.normal(slope.tensor.shape, from: source))
        }
        for moments in attention.buffers(ParameterPath("a")) {
            moments.tensor.assign(.uniform(moments.tensor.shape, in: 0.5..<1.5, from: source))
        }
        let target = Tensor.normal([6, 3], from: source)
        let history = Tensor.normal([1, 4, 3], from: source)
        let mask = Tensor([true, false, true, true], shape: [1, 4])
        let found = withoutGradients { attention(target: target, history: history, mask: mask) }
        let apart = withoutGradients {
            attention(
                target: target, history: history.broadcast(to: [6, 4, 3]).copy(), mask: mask.broadcast(to: [6, 4]))
        }
        #expect(apart.isClose(to: found, absoluteTolerance: 1e-5))
        // Pair by pair, with the map as it is written.
        for row in 0..<6 {
            let goal = target.slice(row..<(row + 1), along: 0)
            var sum = Tensor.zeros([1, 3])
            for place in [0, 2, 3] {
                let own = history.select(place, along: 1)
                let weight = withoutGradients {
                    attention.output(attention.unit(.concatenated([own, goal, own - goal, own * goal], along: 1)))
                }
                sum = sum + own * weight
            }
            #expect(found.slice(row..<(row + 1), along: 0).isClose(to: sum, absoluteTolerance: 1e-5))
        }
        if activation == .relu {
            #expect(attention(target: target, history: history, mask: mask).isClose(to: found, absoluteTolerance: 1e-5))
        }
    }

    @Test("A request of many rows is served in parts, each row as if it were alone")
    func servedParts() {
        let source = RandomSource(seed: 6)
        let attention = TargetAttention(dimensions: 2, widths: [64], from: source)
        let target = Tensor.normal([30_000, 2], from: source)
        let shared = Tensor.normal([1, 3, 2], from: source)
        let own = Tensor.normal([30_000, 3, 2], from: source)
        let mask = Tensor([true, true, false], shape: [1, 3])
        withoutGradients {
            let found = attention(target: target, history: shared, mask: mask)
            let apart = attention(target: target, history: own, mask: mask.broadcast(to: [30_000, 3]))
            #expect(found.shape == [30_000, 2] && apart.shape == [30_000, 2])
            for row in [0, 21_844, 21_845, 21_846, 29_999] {
                let range = row..<(row + 1)
                let goal = target.slice(range, along: 0)
                let alone = attention(target: goal, history: shared, mask: mask)
                #expect(found.slice(range, along: 0).isClose(to: alone, absoluteTolerance: 1e-5))
                let other = attention(target: goal, history: own.slice(range, along: 0), mask: mask)
                #expect(apart.slice(range, along: 0).isClose(to: other, absoluteTolerance: 1e-5))
            }
        }
    }

    @Test(
        "Served, many rows go through a tower and its head as one does", arguments: Tower.Activation.allCases,
        [[20, 7], [16]])
    func servedTower(activation: Tower.Activation, widths: [Int]) {
        let source = RandomSource(seed: 9)
        let tower = Tower(inputDimensions: 6, widths: widths, activation: activation, from: source)
        let head = Linear(
            inputDimensions: widths.last ?? 6, outputDimensions: 3, standardDeviation: 1, from: source)
        for parameter in tower.parameters + head.parameters {
            parameter.tensor.assign(.normal(parameter.tensor.shape, from: source))
        }
        for moments in tower.buffers(ParameterPath("t")) {
            moments.tensor.assign(.uniform(moments.tensor.shape, in: 0.5..<1.5, from: source))
        }
        let x = Tensor.normal([45, 6], from: source)
        withoutGradients {
            let (apart, together) = (head(tower(x)), tower(TowerInput(x), head: head))
            for row in 0..<45 {
                let range = row..<(row + 1)
                // One row takes the plain operators.
                let alone = head(tower(x.slice(range, along: 0)))
                #expect(together.slice(range, along: 0).isClose(to: alone, absoluteTolerance: 1e-4))
                #expect(apart.slice(range, along: 0).isClose(to: alone, absoluteTolerance: 1e-4))
            }
        }
    }

    @Test("A tower and an input that do not fit are LibTorch's error, however many rows there are")
    func wrongWidth() async {
        await #expect(processExitsWith: .failure) {
            let tower = Tower(inputDimensions: 6, widths: [16, 8], from: RandomSource(seed: 1))
            _ = withoutGradients { tower(Tensor.ones([40, 5])) }
        }
    }

    @Test("A gate's weights sum to 1, and equal experts come out unchanged")
    func gates() throws {
        let source = RandomSource(seed: 2)
        let gate = ExpertGate(inputDimensions: 5, widths: [4], experts: 3, from: source)
        let x = TowerInput(.normal([6, 5], from: source))
        #expect(gate.weights(x).sum(along: 1).isClose(to: .ones([6]), absoluteTolerance: 1e-6))
        let expert = Tensor.normal([6, 2], from: source)
        let mixed = gate(x, mixing: [expert, expert, expert])
        #expect(mixed.isClose(to: expert, absoluteTolerance: 1e-6))
        let experts = (0..<3).map { _ in Tensor.normal([6, 2], from: source) }
        let served = withoutGradients { gate(x, mixing: experts) }
        #expect(served.isClose(to: gate(x, mixing: experts), absoluteTolerance: 1e-6))
    }

    @Test("Normalisation by domain uses the domain's own moments and scales")
    func partitionedNormalization() {
        let norm = PartitionedNormalization(domains: 2, dimensions: 1, epsilon: 0)
        norm.scale.assign(Tensor([2] as [Float]))
        norm.shift.assign(Tensor([1] as [Float]))
        norm.domainScales.assign(Tensor([0, 0.5] as [Float], shape: [2, 1]))
        norm.domainShifts.assign(Tensor([0, 10] as [Float], shape: [2, 1]))
        let x = Tensor([1, 3] as [Float], shape: [2, 1])  // mean 2, variance 1
        #expect(norm(x, domain: 0).floats == [-1, 3])
        // 2 · 1.5 · ∓1 + 1 + 10
        #expect(norm(x, domain: 1).floats == [8, 14])
        norm.means.assign(Tensor([0, 5] as [Float], shape: [2, 1]))
        norm.variances.assign(Tensor([1, 4] as [Float], shape: [2, 1]))
        let served = withoutGradients { norm(x, domain: 1) }
        // 2 · 1.5 · (x - 5) / 2 + 11
        #expect(served.floats == [5, 8])
    }

    @Test("Fewer rows than the smallest batch are normalised with running moments, which they move by less")
    func smallBatchesOfADomain() {
        let norm = PartitionedNormalization(domains: 1, dimensions: 1, epsilon: 0, smallestBatch: 4)
        norm.means.assign(Tensor([4] as [Float], shape: [1, 1]))
        let x = Tensor([1, 3] as [Float], shape: [2, 1])  // mean 2, unbiased variance 2
        let served = norm(x, domain: 0)
        // Half of the momentum of 0.1: the mean goes to 4 - 0.05 · 2, the variance to 1 + 0.05 · (2 - 1).
        #expect(norm.means.isClose(to: Tensor([3.9] as [Float], shape: [1, 1]), absoluteTolerance: 1e-6))
        #expect(norm.variances.isClose(to: Tensor([1.05] as [Float], shape: [1, 1]), absoluteTolerance: 1e-6))
        let expected = [1, 3].map { Float(($0 - 3.9) / 1.05.squareRoot()) }
        #expect(served.isClose(to: Tensor(expected, shape: [2, 1]), absoluteTolerance: 1e-5))
    }

    @Test("A domain that was never trained is served with the moments of the others together")
    func unknownDomain() {
        let norm = PartitionedNormalization(domains: 3, dimensions: 1, epsilon: 0)
        // Nobody has any moments: as they began.
        let x = Tensor([4, 6] as [Float], shape: [2, 1])
        #expect(withoutGradients { norm(x, domain: 0) }.floats == [4, 6])
        norm.means.assign(Tensor([0, 2, 6] as [Float], shape: [3, 1]))
        norm.variances.assign(Tensor([1, 10, 14] as [Float], shape: [3, 1]))
        // Mean (2 + 6) / 2, variance (10 + 14) / 2 of the domains and 4 between them.
        #expect(withoutGradients { norm(x, domain: 0) }.floats == [0, 0.5])
        #expect(withoutGradients { norm(x, domain: 1) }.floats[0] == Float(2 / 10.0.squareRoot()))
    }

    @Test("A sequence takes the rows of its category, and its mean leaves padding out")
    func sequenceEmbeddings() throws {
        let schema = FeatureSchema(
            categories: [.init("user", count: 3), .init("item", count: 4)],
            sequences: [.init("history", of: "item", length: 3)])
        let embeddings = FieldEmbeddings(schema, dimensions: 1, from: RandomSource(seed: 1))
        embeddings.table.assign(Tensor((0..<7).map(Float.init), shape: [7, 1]))
        var rows = FeatureRows(schema: schema)
        try rows.append(categories: [2, 1], sequences: [[1, 3]])
        try rows.append(categories: [0, 3], sequences: [[]])
        // Users at 0, items at 3.
        #expect(embeddings(rows.all).floats == [2, 4, 5, 0, 6, 0])
    }

    @Test("The first place of a star layer is the shared network: domain weights start at 1")
    func starStartsShared() throws {
        let schema = FeatureSchema(categories: [.init("field", count: 4)], domainCount: 3)
        let model = StarTopology(schema, from: RandomSource(seed: 1))
        var rows = FeatureRows(schema: schema)
        for domain in 0..<3 { try rows.append(categories: [2], domain: domain) }
        model.domains.weight.assign(.zeros(like: model.domains.weight))
        let logits = withoutGradients { model.logits(rows.all) }.floats
        #expect(abs(logits[0] - logits[1]) < 1e-6 && abs(logits[1] - logits[2]) < 1e-6)
    }
}
