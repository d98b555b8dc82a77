import Evaluation
import Layers
import Recommendation
import Tensors
import Testing
import Training

@Suite("Feature models")
struct FeatureModelTests {
    private let schema = FeatureSchema(
        categories: [.init("user", count: 4), .init("item", count: 6)], numbers: ["age"],
        sequences: [.init("history", of: "item", length: 5)],
        bags: [.init("tags", count: 4), .init("moods", count: 3)], tasks: ["click", "buy"], domainCount: 2)

    private func rows() throws -> FeatureRows {
        var rows = FeatureRows(schema: schema)
        try rows.append(
            categories: [1, 2], numbers: [0.5], sequences: [[3, 4]], bags: [[1, 3], []], labels: [1, 0])
        try rows.append(
            categories: [2, 5], numbers: [-1], sequences: [[]], bags: [[], [2]], labels: [0, .nan], domain: 1)
        try rows.append(
            categories: [3, 1], numbers: [0], sequences: [[1, 2, 3, 4, 5]], bags: [[2], [1, 2, 1]], labels: [1, 1],
            domain: 1)
        return rows
    }

    private func models() throws -> [any FeatureModel] {
        let source = RandomSource(seed: 5)
        return [
            try LogisticRegression(schema, crosses: [.init("user", "item")], from: source),
            try WideAndDeep(schema, from: source), DeepFM(schema, from: source),
            try DeepInterestNetwork(schema, from: source), MultiGateExperts(schema, from: source),
            ProgressiveExtraction(schema, from: source), StarTopology(schema, from: source),
        ]
    }

    @Test("Every model gives a logit for each row and task, and a row's logits do not depend on the other rows")
    func shapes() throws {
        let rows = try rows()
        for model in try models() {
            let all = withoutGradients { model.logits(rows.all) }
            #expect(all.shape == [3, 2])
            for row in 0..<3 {
                let alone = withoutGradients { model.logits(rows.batch([row])) }
                #expect(
                    alone.isClose(to: all.slice(row..<(row + 1), along: 0), absoluteTolerance: 1e-5),
                    "\(type(of: model)), row \(row)")
            }
        }
    }

    @Test("Fields that all rows share may be computed once")
    func sharedFields() throws {
        let source = RandomSource(seed: 8)
        for domain in [0, 1] {
            var rows = FeatureRows(schema: schema)
            // So many that kernels take part.
            for row in 0..<40 {
                try rows.append(
                    categories: [2, Int32(row % 5 + 1)], numbers: [0.5], sequences: [[3, 4, 1]], bags: [[1, 3], [2]],
                    domain: domain)
            }
            let plain = rows.all
            var shared = plain
            shared.varying = VaryingFields(categories: [1], of: schema)
            for model in try models() {
                for parameter in model.parameters {
                    parameter.tensor.assign(.normal(parameter.tensor.shape, standardDeviation: 0.3, from: source))
                }
                let (found, together) = withoutGradients { (model.logits(shared), model.logits(plain)) }
                let expected = withoutGradients {
                    Tensor.concatenated((0..<40).map { model.logits(rows.batch([$0])) }, along: 0)
                }
                for some in [found, together] {
                    #expect(
                        some.isClose(to: expected, relativeTolerance: 1e-4, absoluteTolerance: 1e-5),
                        "\(type(of: model))")
                }
                #expect(expected.floats[0] != expected.floats[2])
            }
            // What is said to be shared is read from the first row: the item of the others must not be seen.
            shared.varying = VaryingFields(categories: [0], of: schema)
            let blind = withoutGradients { MultiGateExperts(schema, from: source).logits(shared) }
            #expect(blind.isClose(to: blind.slice(0..<1, along: 0).broadcast(to: blind.shape), absoluteTolerance: 1e-5))
        }
    }

    @Test("Numbers and lists of items differ between the rows of one user")
    func varyingNumbers() throws {
        let schema = FeatureSchema(
            categories: [.init("user", count: 4), .init("item", count: 6)], numbers: ["age", "price"],
            bags: [.init("user.tags", count: 3), .init("item.tags", count: 4)])
        var rows = FeatureRows(schema: schema)
        for item in 1..<6 {
            try rows.append(
                categories: [2, Int32(item)], numbers: [0.5, Float(item) / 4],
                bags: [[1, 2], item == 3 ? [] : [Int32(item % 3 + 1), 3]])
        }
        let plain = rows.all
        var shared = plain
        shared.varying = VaryingFields(categories: [1], numbers: [1], bags: [1], of: schema)
        let model = ProgressiveExtraction(schema, from: RandomSource(seed: 4))
        let (found, expected) = withoutGradients { (model.logits(shared), model.logits(plain)) }
        #expect(found.isClose(to: expected, relativeTolerance: 1e-4, absoluteTolerance: 1e-6))
        #expect(VaryingFields(categories: [0, 1], numbers: [0, 1], bags: [0, 1], of: schema) == nil)
    }

    @Test("An unknown label neither counts nor gives a gradient; every parameter of the rest gets one")
    func unknownLabels() throws {
        let rows = try rows()
        for model in try models() {
            model.train()
            let loss = try model.loss(rows.all)
            #expect(loss.weight == 5)
            try loss.sum.backward()
            for parameter in model.parameters {
                let gradient = try #require(parameter.tensor.gradient, "\(type(of: model)): \(parameter.name)")
                #expect(gradient.isFinite().allTrue, "\(type(of: model)): \(parameter.name)")
            }
        }
    }

    @Test("The linear model adds the weights of its values, numbers and crosses")
    func linearValue() throws {
        let schema = FeatureSchema(categories: [.init("a", count: 2), .init("b", count: 3)], numbers: ["x"])
        let model = try LogisticRegression(schema, crosses: [.init("a", "b")], from: RandomSource(seed: 1))
        model.fields.weights.table.assign(Tensor([0, 1, 0, 2, 4] as [Float], shape: [5, 1]))
        model.fields.weights.numberVectors?.assign(Tensor([10] as [Float], shape: [1, 1]))
        model.fields.bias.assign(Tensor([0.5] as [Float]))
        // Buckets of (a, b) are 3 a + b.
        model.crosses.weights.assign(Tensor([0, 0, 0, 0, 0, 100] as [Float], shape: [6, 1]))
        var rows = FeatureRows(schema: schema)
        try rows.append(categories: [1, 2], numbers: [0.25])
        try rows.append(categories: [1, 1], numbers: [0])
        // 1 + 4 + 2.5 + 0.5 + 100, and 1 + 2 + 0.5.
        let expected: [Float] = [108, 3.5]
        #expect(model.logits(rows.all).floats == expected)
    }

    @Test("The factorisation machine is the sum of products of all pairs of fields")
    func pairs() {
        let vectors = Tensor([1, 2, 3, -1, 0.5, 4] as [Float], shape: [1, 3, 2])
        // (1, 2)(3, -1) + (1, 2)(0.5, 4) + (3, -1)(0.5, 4)
        #expect(abs(DeepFM.interactions(vectors).item - (1 + 8.5 - 2.5)) < 1e-5)
    }

    @Test("Crosses and products find a parity that a linear model cannot")
    func parity() throws {
        let (train, test) = (
            try SyntheticRows.parity(count: 2000, seed: 1), try SyntheticRows.parity(count: 1000, seed: 2)
        )
        let source = RandomSource(seed: 3)
        func auc(_ model: some FeatureModel) throws -> Double {
            try SyntheticRows.fittedAUC(model, train: train, test: test)
        }
        #expect(try auc(LogisticRegression(train.schema, from: source)) < 0.6)
        let crossed = try LogisticRegression(train.schema, crosses: [.init("first", "second")], from: source)
        #expect(try auc(crossed) > 0.85)
        #expect(try auc(DeepFM(train.schema, from: source)) > 0.85)
        var machine = DeepFM.Configuration()
        machine.hasTower = false
        #expect(try auc(DeepFM(train.schema, machine, from: source)) > 0.85)
        #expect(try auc(WideAndDeep(train.schema, from: source)) > 0.85)
    }

    @Test("Attention to the target finds what the mean of the history hides")
    func targetAttention() throws {
        let train = try SyntheticRows.targetInHistory(count: 3000, seed: 1)
        let test = try SyntheticRows.targetInHistory(count: 1000, seed: 2)
        var configuration = DeepInterestNetwork.Configuration()
        configuration.widths = [32]
        let attentive = try DeepInterestNetwork(train.schema, configuration, from: RandomSource(seed: 3))
        let found = try SyntheticRows.fittedAUC(attentive, train: train, test: test, epochs: 8)
        configuration.pooling = .mean
        let mean = try DeepInterestNetwork(train.schema, configuration, from: RandomSource(seed: 3))
        let baseline = try SyntheticRows.fittedAUC(mean, train: train, test: test, epochs: 8)
        #expect(found > 0.8)
        #expect(found > baseline + 0.03, "target \(found), mean \(baseline)")
    }

    @Test("Models that see the domain learn opposite meanings; those that do not stay at chance")
    func domains() throws {
        let (train, test) = (
            try SyntheticRows.flippedDomains(count: 2000, seed: 1),
            try SyntheticRows.flippedDomains(count: 1000, seed: 2)
        )
        let source = RandomSource(seed: 3)
        let shared = try SyntheticRows.fittedAUC(DeepFM(train.schema, from: source), train: train, test: test)
        #expect(shared < 0.6)
        let star = try SyntheticRows.fittedAUC(
            StarTopology(train.schema, from: source), train: train, test: test, separatesDomains: true)
        #expect(star > 0.85)
        for model in [
            MultiGateExperts(train.schema, from: source) as any FeatureModel,
            ProgressiveExtraction(train.schema, from: source),
        ] {
            #expect(try SyntheticRows.fittedAUC(model, train: train, test: test) > 0.85)
        }
    }

    @Test("Two tasks that want opposite things are both learnt")
    func tasks() throws {
        let (train, test) = (
            try SyntheticRows.flippedTasks(count: 2000, seed: 1), try SyntheticRows.flippedTasks(count: 1000, seed: 2)
        )
        for model in [
            MultiGateExperts(train.schema, from: RandomSource(seed: 3)) as any FeatureModel,
            ProgressiveExtraction(train.schema, from: RandomSource(seed: 3)),
        ] {
            #expect(try SyntheticRows.fittedAUC(model, train: train, test: test, epochs: 4) > 0.85)
            #expect(try #require(PredictionMeasurement(test, task: 1).metrics(model)["AUC"]) > 0.85)
        }
    }
}
