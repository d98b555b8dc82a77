import Evaluation
import Layers
import Tensors
public import Training

/// Gives one minibatch of each type a step. Types with fewer pairs begin again; an epoch is as long as the type with the
/// most.
public final class PairSource: BatchSource {
    public typealias Position = [ShuffledOrder.Position]

    private let pairs: [LabelledPairs]
    private let batchSize: Int
    private var orders: [ShuffledOrder?]

    /// - Throws: `BatchSourceError.empty` where no type has a pair.
    public init(_ pairs: [LabelledPairs], batchSize: Int, seed: UInt64) throws {
        guard pairs.contains(where: { $0.count > 0 }) else { throw BatchSourceError.empty(what: "pairs") }
        self.pairs = pairs
        self.batchSize = batchSize
        orders = pairs.enumerated().map {
            $1.count > 0 ? ShuffledOrder(count: $1.count, seed: seed &* 31 &+ UInt64($0)) : nil
        }
    }

    /// Steps of one epoch.
    public var stepsPerEpoch: Int { pairs.map { ($0.count + batchSize - 1) / batchSize }.max() ?? 1 }

    public func next() -> [PairBatch]? {
        pairs.indices.map { type in
            let places = (0..<min(batchSize, pairs[type].count)).compactMap { _ in orders[type]?.next() }
            return PairBatch(pairs[type], type: type, at: places)
        }
    }

    public var position: Position { orders.map { $0?.position ?? .init() } }

    public func restore(_ position: Position) throws {
        guard position.count == orders.count else {
            throw BatchSourceError.position(reason: "\(position.count) types, the data have \(orders.count)")
        }
        for (type, place) in position.enumerated() where orders[type] != nil {
            guard place.pass >= 0, (0..<pairs[type].count).contains(place.offset) else {
                throw BatchSourceError.position(reason: "pair \(place.offset) of \(pairs[type].count)")
            }
            orders[type]?.position = place
        }
    }
}

extension PairScorer {
    /// Logits of many pairs of a type, in portions.
    package func scores(_ pairs: LabelledPairs, type: Int) -> [Double] {
        withoutGradients {
            stride(from: 0, to: pairs.count, by: 8_192).flatMap { start in
                let places = start..<min(start + 8_192, pairs.count)
                return logits(PairBatch(pairs, type: type, at: places)).values(Double.self)
            }
        }
    }

    /// The area under the curve of each type; nil where the pairs have one label only.
    package func areas(_ pairs: [LabelledPairs]) throws -> [Double?] {
        try pairs.enumerated().map { type, pairs in
            guard pairs.count > 0 else { return nil }
            return try Discrimination.areaUnderCurve(
                scores: scores(pairs, type: type), positive: pairs.labels.map { $0 > 0 })
        }
    }

    /// Mean area under the curve over types, what early stopping watches.
    func meanArea(_ pairs: [LabelledPairs]) throws -> [String: Double] {
        let areas = try areas(pairs).compactMap(\.self)
        return areas.isEmpty ? [:] : [WatchedMetric.meanArea.name: areas.reduce(0, +) / Double(areas.count)]
    }

    /// Trains with early stopping on the validation pairs and goes back to the best parameters.
    /// - Parameter stepsPerPass: steps between evaluations, of which the configuration counts its epochs; nil takes the
    ///   data's own. Models of less data get equal steps that way.
    /// - Returns: steps taken.
    @discardableResult
    package func fit(
        _ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, stepsPerPass: Int? = nil,
        seed: UInt64
    ) throws -> Int {
        let source = try PairSource(data.train, batchSize: configuration.batchSize, seed: seed)
        let outcome = try Fitting.run(
            self, on: source, batchesPerPass: stepsPerPass ?? source.stepsPerEpoch, options: configuration.fitting,
            watching: .meanArea, measure: { try $0.meanArea(data.validation) })
        return outcome.training.progress.step
    }
}

extension WatchedMetric {
    static let meanArea = WatchedMetric("auc", isHigherBetter: true)
}

extension UnifiedRepresentationConfiguration {
    var fitting: FittingOptions {
        var options = FittingOptions()
        options.learningRate = learningRate
        options.weightDecay = weightDecay
        options.epochs = epochs
        options.patience = patience
        options.rowsPerBatch = batchSize
        options.maximumGradientNorm = 10
        return options
    }
}
