import Evaluation
import Foundation
import Layers
import Tensors
import Worlds

/// The myopic click-rate model that ranks without lifetime value, and is the other half of the dual rank: a perceptron on
/// everything that is observed of the item today, trained on logged days by the likelihood of their clicks.
final class ClickRateModel: Layer {
    struct Settings: Sendable, Equatable {
        var learningRate = 3e-2
        var weightDecay = 1e-3
        /// Of 512 item-days each.
        var steps = 300
    }

    private let network: MultilayerPerceptron

    init(inputs: Int, seed: UInt64) {
        network = MultilayerPerceptron([inputs, 32, 1], outputScale: 0.1, from: RandomSource(seed: seed))
    }

    /// Trains on the logged days.
    func fit(_ log: [DayRecord], _ settings: Settings = Settings(), seed: UInt64) throws {
        let inputs = network.inputDimensions
        network.train()
        let optimizer = AdamW([ParameterGroup(network.parameters, weightDecay: settings.weightDecay)])
        var generator = SeededGenerator(seed: seed).split("click rates")
        for _ in 0..<settings.steps {
            let rows = (0..<512).map { _ in log[generator.integer(below: log.count)] }
            let logits = network(Tensor(rows.flatMap(\.inputs), shape: [rows.count, inputs])).squeezed(axis: 1) - 3
            let rates = Tensor(rows.map { $0.clicks / max(1, $0.views) })
            let weights = Tensor(rows.map { $0.views.squareRoot() })
            let losses = logits.binaryCrossEntropy(rates, reduction: .none)
            optimizer.clearGradients()
            try ((losses * weights).sum() / weights.sum()).backward()
            optimizer.step(learningRate: settings.learningRate)
        }
        network.train { _ in false }
    }

    func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        network.visitParameters(path / "network", visit)
    }

    /// Click rates of the live items today.
    func rates(_ observations: [[Float]]) -> [Double] {
        guard let width = observations.first?.count else { return [] }
        return withoutGradients {
            (network(Tensor(observations.flatMap(\.self), shape: [observations.count, width])).squeezed(axis: 1) - 3)
                .sigmoid().values(Double.self)
        }
    }
}

/// One logged day of an item.
struct DayRecord {
    let inputs: [Float]
    let views: Float
    let clicks: Float

    static func log(_ world: ItemLifeWorld, _ histories: [[ItemDay]]) -> [DayRecord] {
        histories.enumerated().flatMap { item, days in
            days.enumerated().map { age, day in
                DayRecord(
                    inputs: ItemObservation.inputs(
                        world, item: item, history: days[..<age], day: world.items[item].launchDay + age),
                    views: Float(day.recommendedViews + day.otherViews), clicks: Float(day.clicks))
            }
        }
    }
}

extension ItemLifeMarket {
    /// The inputs of the live items today.
    var observations: [[Float]] {
        live.map { item in
            let history = histories[Int(item)]
            return ItemObservation.inputs(world, item: Int(item), history: history[...], day: day)
        }
    }
}
