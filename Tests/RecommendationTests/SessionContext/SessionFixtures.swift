import Evaluation
import Layers
import Recommendation
import Tensors
import Worlds

/// A catalogue of 12 items in 3 categories with 2 numbers each.
func smallCatalogue() -> SessionCatalogue {
    SessionCatalogue(
        categories: (0..<12).map { $0 % 3 }, categoryCount: 3, features: (0..<24).map { Float(($0 * 7) % 11) },
        featureCount: 2)
}

func smallConfiguration() -> SessionContextConfiguration {
    var configuration = SessionContextConfiguration()
    configuration.dimensions = 8
    configuration.bottomHidden = 12
    configuration.towerHidden = 6
    configuration.historyLength = 4
    configuration.maximumSlots = 10
    configuration.dropout = 0
    return configuration
}

/// A model whose context parts are not at their start, where they are 0.
func smallModel(
    _ configuration: SessionContextConfiguration = smallConfiguration(), seed: UInt64 = 3
) -> SessionContextModel {
    let source = RandomSource(seed: seed)
    let model = SessionContextModel(configuration, catalogue: smallCatalogue(), profileCount: 2, from: source)
    for parameter in model.parameters where parameter.name.contains("context") || parameter.name.contains("match") {
        parameter.tensor.assign(.normal(parameter.tensor.shape, standardDeviation: 0.5, from: source))
    }
    return model
}

/// One user with a session of clicked items and then one of five views.
func smallLog(
    items: [Int32] = [3, 7, 1, 9, 4], clicks: [Bool] = [true, false, true, false, false], endIsKnown: Bool = true
)
    -> SessionLog
{
    var log = SessionLog()
    log.startUser()
    log.append(items: [2, 5, 8] as [Int32], clicks: [true, false, true], endIsKnown: true, profile: 1)
    log.append(items: items, clicks: clicks, endIsKnown: endIsKnown, profile: 1)
    return log
}

/// Probabilities from tables; an item is clicked half as often after one of its own parity.
struct TableScorer: ListScorer {
    let clicks: [Float]
    let browses: [Float]
    var itemCount: Int { clicks.count }

    func probability(_ item: Int, after items: [Int32]) -> (click: Double, browse: Double) {
        let isRepeated = items.last.map { Int($0) % 2 == item % 2 } ?? false
        return (Double(clicks[item]) * (isRepeated ? 0.5 : 1), Double(browses[item]))
    }

    func score(_ prefixes: [ListPrefix]) -> (clicks: [Float], browses: [Float]) {
        let pairs = prefixes.flatMap { prefix in (0..<itemCount).map { probability($0, after: prefix.items) } }
        return (pairs.map { Float($0.click) }, pairs.map { Float($0.browse) })
    }

    /// `J(π)` by its definition.
    func value(_ list: [Int32], viewWeight: Double) -> Double {
        var reach = 1.0
        var value = 0.0
        for (slot, item) in list.enumerated() {
            let found = probability(Int(item), after: Array(list.prefix(slot)))
            value += reach * (found.click + viewWeight)
            reach *= found.browse
        }
        return value
    }
}
