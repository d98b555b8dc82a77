import Evaluation
import Recommendation
import Tensors
import Training

/// Small worlds whose structure only the right model can use.
enum SyntheticRows {
    /// A click happens where the target's kind is among the kinds of the history: only a look at the target helps.
    static func targetInHistory(count: Int, items: Int = 20, seed: UInt64) throws -> FeatureRows {
        let schema = FeatureSchema(
            categories: [.init("item", count: items + 1)], sequences: [.init("history", of: "item", length: 4)])
        var rows = FeatureRows(schema: schema)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<count {
            let history = (0..<4).map { _ in Int32(1 + generator.integer(below: items)) }
            let isMet = generator.bernoulli(0.5)
            let target = isMet ? generator.element(of: history) : Int32(1 + generator.integer(below: items))
            let label = history.contains(target) ? generator.bernoulli(0.9) : generator.bernoulli(0.1)
            try rows.append(categories: [target], sequences: [history], labels: [label ? 1 : 0])
        }
        return rows
    }

    /// Two domains in which the same value means the opposite.
    static func flippedDomains(count: Int, domains: Int = 2, seed: UInt64) throws -> FeatureRows {
        let schema = FeatureSchema(categories: [.init("field", count: 5)], domainCount: domains)
        var rows = FeatureRows(schema: schema)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<count {
            let value = generator.integer(below: 4)
            let domain = generator.integer(below: domains)
            let isLikely = (value % 2 == 0) == (domain % 2 == 0)
            let label = generator.bernoulli(isLikely ? 0.9 : 0.1)
            try rows.append(categories: [Int32(value + 1)], labels: [label ? 1 : 0], domain: domain)
        }
        return rows
    }

    /// Two tasks that want the opposite of the same field.
    static func flippedTasks(count: Int, seed: UInt64) throws -> FeatureRows {
        let schema = FeatureSchema(categories: [.init("field", count: 5)], tasks: ["click", "leave"])
        var rows = FeatureRows(schema: schema)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<count {
            let value = generator.integer(below: 4)
            let click = generator.bernoulli(value < 2 ? 0.9 : 0.1)
            let leave = generator.bernoulli(value < 2 ? 0.1 : 0.9)
            try rows.append(categories: [Int32(value + 1)], labels: [click ? 1 : 0, leave ? 1 : 0])
        }
        return rows
    }

    /// The label is the parity of two fields: no field alone says anything.
    static func parity(count: Int, values: Int = 4, seed: UInt64) throws -> FeatureRows {
        let schema = FeatureSchema(categories: [.init("first", count: values + 1), .init("second", count: values + 1)])
        var rows = FeatureRows(schema: schema)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<count {
            let (first, second) = (generator.integer(below: values), generator.integer(below: values))
            let label = generator.bernoulli((first + second) % 2 == 0 ? 0.9 : 0.1)
            try rows.append(categories: [Int32(first + 1), Int32(second + 1)], labels: [label ? 1 : 0])
        }
        return rows
    }

    /// Fits a model and returns the test AUC of a task.
    static func fittedAUC(
        _ model: some FeatureModel, train: FeatureRows, test: FeatureRows, epochs: Int = 12, rate: Double = 1e-2,
        separatesDomains: Bool = false, task: Int = 0
    ) throws -> Double {
        var options = FittingOptions()
        options.learningRate = rate
        options.epochs = epochs
        options.rowsPerBatch = 128
        let source = try FeatureRowSource(
            train, rowsPerBatch: options.rowsPerBatch, separatesDomains: separatesDomains, seed: 1)
        try Fitting.run(model, on: source, batchesPerPass: source.batchesPerPass, options: options)
        return try PredictionMeasurement(test, task: task).metrics(model)["AUC"] ?? 0
    }
}
