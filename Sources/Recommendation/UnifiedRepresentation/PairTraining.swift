import Evaluation
import Layers
import Tensors
public import Training

/// Gives one minibatch of each type a step. Types with fewer pairs begin again; an epoch is as long as the type with the
/// most batches.
public final class PairSource: BatchSource {
    public struct Position: Codable, Sendable, Equatable {
        /// Of each type; nil for one without pairs.
        var orders: [BatchOrder.Position?]
    }

    private let pairs: [LabelledPairs]
    private var orders: [BatchOrder?]

    /// - Throws: `BatchSourceError.empty` where no type has a pair.
    public init(_ pairs: [LabelledPairs], batchSize: Int, seed: UInt64) throws {
        guard pairs.contains(where: { $0.count > 0 }) else { throw BatchSourceError.empty(what: "pairs") }
        self.pairs = pairs
        orders = pairs.enumerated().map {
            $1.count > 0 ? BatchOrder(count: $1.count, size: batchSize, seed: seed &* 31 &+ UInt64($0)) : nil
        }
    }

    /// Steps of one epoch.
    public var stepsPerEpoch: Int { orders.compactMap { $0?.batchesPerPass }.max() ?? 1 }

    public func next() -> [PairBatch]? {
        pairs.indices.map { PairBatch(pairs[$0], type: $0, at: orders[$0]?.next() ?? []) }
    }

    public var position: Position { Position(orders: orders.map { $0?.position }) }

    public func restore(_ position: Position) throws {
        guard position.orders.count == orders.count else {
            throw BatchSourceError.position(reason: "\(position.orders.count) types, the data have \(orders.count)")
        }
        for (type, place) in position.orders.enumerated() where orders[type] != nil {
            guard let place, orders[type]?.restore(place) == true else {
                throw BatchSourceError.position(
                    reason: "\(pairs[type].count) pairs of type \(type), saved with \(place?.count ?? 0)")
            }
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

    /// What chooses the best pass: the area under the curve of one type, or its mean over all.
    func watchedArea(_ pairs: [LabelledPairs], type: Int? = nil) throws -> [String: Double] {
        let found = try areas(pairs)
        let areas = type.map { [found[$0]] } ?? found
        let known = areas.compactMap(\.self)
        return known.isEmpty ? [:] : [WatchedMetric.area.name: known.reduce(0, +) / Double(known.count)]
    }

    /// Trains with a rate that falls along a cosine and goes back to the parameters that were best on the validation pairs.
    /// - Parameters:
    ///   - stepsPerPass: steps between evaluations, of which the configuration counts its epochs; nil takes the data's own.
    ///     Models of less data get equal steps that way.
    ///   - type: whose validation area chooses the best pass; nil takes the mean of all types.
    /// - Returns: the watched area after each pass.
    @discardableResult
    package func fit(
        _ data: HeterogeneousData, _ configuration: UnifiedRepresentationConfiguration, stepsPerPass: Int? = nil,
        watching type: Int? = nil, seed: UInt64
    ) throws -> [Double] {
        let source = try PairSource(data.train, batchSize: configuration.batchSize, seed: seed)
        var course: [Double] = []
        try Fitting.run(
            self, on: source, batchesPerPass: stepsPerPass ?? source.stepsPerEpoch, options: configuration.fitting,
            decay: .cosine, watching: .area
        ) { model in
            let found = try model.watchedArea(data.validation, type: type)
            if let area = found[WatchedMetric.area.name] { course.append(area) }
            return found
        }
        return course
    }
}

extension WatchedMetric {
    static let area = WatchedMetric("auc", isHigherBetter: true)
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
