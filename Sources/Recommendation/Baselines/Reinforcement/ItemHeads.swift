import Layers
import Reinforcement
import Tensors

/// From the state of a decision to a proto-item, to values of items, and to click logits: the lower part of every feed
/// agent, of one level or two.
///
/// A view ends in a click or in none, and both are seen. So the value of an item is that of its outcomes, weighed by how
/// likely they are, `Q(s, e) = p(s, e) Q₁(s, e) + (1 - p(s, e)) Q₀(s, e)`, as SlateQ has it for the items of a slate:
/// what follows a click is learned from clicks, and is not hidden under their luck. Click logits and both values are linear
/// in the item's vector, so the whole catalogue is scored by three products.
package final class ItemHeads: Network {
    package let dimensions: Int
    /// Length of a proto-item: the mean length of an item.
    package let norm: Double
    private let trunk: Linear
    private let policy: Linear
    private let critics: [MultilayerPerceptron]
    private let click: MultilayerPerceptron
    /// Scale and offset with which a proto-item ranks by clicks while it is warmed up.
    private var temperature: Tensor

    package init(inputs: Int, hidden: Int, dimensions: Int, norm: Double, from source: RandomSource) {
        self.dimensions = dimensions
        self.norm = norm
        trunk = Linear(
            inputDimensions: inputs, outputDimensions: hidden, hasBias: true,
            standardDeviation: (2 / Double(inputs)).squareRoot(), from: source)
        policy = Linear(
            inputDimensions: hidden, outputDimensions: dimensions, hasBias: true,
            standardDeviation: 0.3 / Double(hidden).squareRoot(), from: source)
        critics = (0..<2).map { _ in
            MultilayerPerceptron([hidden, hidden, 2 * (dimensions + 1)], outputScale: 0.3, from: source)
        }
        click = MultilayerPerceptron([hidden, dimensions + 1], outputScale: 0.3, from: source)
        temperature = Tensor([Float(1), -2])
    }

    private init(copying other: ItemHeads) {
        dimensions = other.dimensions
        norm = other.norm
        func copy(_ layer: Linear) -> Linear {
            Linear(weight: layer.weight.detached().copy(), bias: layer.bias.map { $0.detached().copy() })
        }
        trunk = copy(other.trunk)
        policy = copy(other.policy)
        critics = other.critics.map { $0.copy() }
        click = other.click.copy()
        temperature = other.temperature.detached().copy()
    }

    package func copy() -> ItemHeads { ItemHeads(copying: self) }

    /// `[..., inputs]` to `[..., hidden]`.
    package func state(_ x: Tensor) -> Tensor { trunk(x).relu() }

    /// A proto-item of length ``norm`` for a state `[..., hidden]`.
    ///
    /// - Parameters:
    ///   - option: the preference handed down, of length ``norm``; without one the level points where it likes.
    ///   - freedom: how far the level may go from the option, relative to its length. Without a bound the level below
    ///     could undo whatever it was told.
    package func proto(_ state: Tensor, option: Tensor? = nil, freedom: Double = 1) -> Tensor {
        let own = policy(state)
        guard let option else { return scaled(own) }
        let bounded = own / (own.norm(along: -1, keepingAxes: true) + 1.0) * (freedom * norm)
        return scaled(option + bounded)
    }

    private func scaled(_ direction: Tensor) -> Tensor {
        direction / (direction.norm(along: -1, keepingAxes: true) + 1e-6) * norm
    }

    /// Slopes `[..., dimensions]` and offsets `[..., 1]` of one critic's values of an item that is clicked, and of one
    /// that is not.
    private func outcomes(_ critic: Int, _ state: Tensor) -> (clicked: LinearScore, passed: LinearScore) {
        let found = critics[critic](state)
        let width = dimensions + 1
        return (split(found.slice(0..<width, along: -1)), split(found.slice(width..<(2 * width), along: -1)))
    }

    /// Slope and offset of the click logit.
    package func clickLogit(_ state: Tensor) -> LinearScore { split(click(state)) }

    /// One critic's values of items, one a row: states `[..., hidden]`, items `[..., dimensions]` to `[...]`.
    package func value(_ critic: Int, _ state: Tensor, items: Tensor) -> Tensor {
        let (clicked, passed) = outcomes(critic, state)
        let rate = clickLogit(state).of(items).sigmoid()
        let missed = passed.of(items)
        return missed + rate * (clicked.of(items) - missed)
    }

    /// One critic's values of the whole catalogue: states `[rows, hidden]`, columns `[dimensions, items]` to
    /// `[rows, items]`.
    package func values(_ critic: Int, _ state: Tensor, columns: Tensor) -> Tensor {
        let (clicked, passed) = outcomes(critic, state)
        let rate = clickLogit(state).all(columns).sigmoid()
        let missed = passed.all(columns)
        return missed + rate * (clicked.all(columns) - missed)
    }

    /// Click logits that a proto-item implies for items `[..., dimensions]`: `τ w · e + b`.
    package func warmLogit(_ proto: Tensor, items: Tensor) -> Tensor {
        (proto * items).sum(along: -1) * temperature.select(0, along: 0) + temperature.select(1, along: 0)
    }

    private func split(_ x: Tensor) -> LinearScore {
        LinearScore(
            slope: x.slice(0..<dimensions, along: -1), offset: x.slice(dimensions..<(dimensions + 1), along: -1))
    }

    /// The parameters that the critic's gradient may not touch.
    package static func isPolicy(_ name: String) -> Bool { name.hasPrefix("policy") || name.contains(".policy") }

    package func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        trunk.visitParameters(path / "trunk", visit)
        policy.visitParameters(path / "policy", visit)
        for (index, critic) in critics.enumerated() { critic.visitParameters(path / "critic" / index, visit) }
        click.visitParameters(path / "click", visit)
        visit(path / "temperature", &temperature)
    }
}

/// A score that is linear in an item's vector, one for each state.
package struct LinearScore {
    /// `[..., dimensions]`.
    package let slope: Tensor
    /// `[..., 1]`.
    package let offset: Tensor

    /// Of one item a state: `[..., dimensions]` to `[...]`.
    package func of(_ items: Tensor) -> Tensor { (slope * items).sum(along: -1) + offset.squeezed(axis: -1) }

    /// Of the whole catalogue: `[dimensions, items]` to `[..., items]`.
    package func all(_ columns: Tensor) -> Tensor { slope.matmul(columns) + offset }
}

extension ItemHeads {
    /// The smaller of both critics' values of items `[..., dimensions]`: `[...]`.
    package func lowerValue(_ state: Tensor, items: Tensor) -> Tensor {
        TemporalDifference.clippedTwinValue(value(0, state, items: items), value(1, state, items: items))
    }

    /// Sum over both critics of the squared errors of their values of what happened at the views, and of the click head's
    /// cross-entropy.
    package func criticLoss(_ state: Tensor, items: Tensor, targets: Tensor, batch: FeedSessionBatch) -> Tensor {
        let errors = (0..<2).map { critic -> Tensor in
            let (clicked, passed) = outcomes(critic, state)
            let found = passed.of(items) * (1.0 - batch.clicks) + clicked.of(items) * batch.clicks
            return TemporalDifference.squaredError(found, targets)
        }
        return errors[0] + errors[1] + clickLoss(state, items: items, batch: batch)
    }

    /// Cross-entropy of clicks at the views.
    package func clickLoss(_ state: Tensor, items: Tensor, batch: FeedSessionBatch) -> Tensor {
        clickLogit(state).of(items).binaryCrossEntropy(batch.clicks)
    }

    /// `-mean Q_1(s, w) / mean |Q_1|` with a pull `λ ‖w - e_a‖²` towards the executed item (spec 05 §1.4), for an optimiser
    /// of the policy's parameters alone. The division keeps λ free of the scale of rewards (Fujimoto & Gu 2021).
    package func actorLoss(_ state: Tensor, proto: Tensor, items: Tensor, anchor: Double) -> Tensor {
        let values = value(0, state, items: proto)
        let gain = values.mean() / (values.detached().absolute().mean().item + 1e-3)
        guard anchor > 0 else { return -gain }
        return (proto - items).squared().sum(along: -1).mean() * anchor - gain
    }
}
