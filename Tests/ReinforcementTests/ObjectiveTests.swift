import Foundation
import Layers
import Reinforcement
import Tensors
import Testing

@Suite("Objectives")
struct ObjectiveTests {
    let online = Tensor([Float(1), 3, 2, 5, 4, 0], shape: [2, 3])
    let target = Tensor([Float(10), 20, 30, 40, 50, 60], shape: [2, 3])

    @Test("A double target takes the online network's choice at the target network's value")
    func double() {
        #expect(TemporalDifference.doubleValue(online: online, target: target).floats == [20, 40])
        #expect(target.maximum(along: 1).floats == [30, 60])
    }

    @Test("Twin critics count with the smaller value, each row for itself")
    func twins() {
        let value = TemporalDifference.clippedTwinValue(Tensor([Float(1), 5]), Tensor([Float(2), 3]))
        #expect(value.floats == [1, 3])
    }

    @Test("Masked squared error counts masked elements only: (1 + 9) / 2")
    func maskedError() {
        let loss = TemporalDifference.squaredError(
            Tensor([Float(0), 0, 7]), Tensor([Float(1), 3, 0]), mask: Tensor([Float(1), 1, 0]))
        #expect(loss.item == 5)
    }

    @Test("The discrete penalty by hand, and its gradient is softmax minus the logged action")
    func discretePenalty() throws {
        let values = Tensor([Float(0), 1, 2], shape: [1, 3]).requiringGradient()
        let actions = Tensor([1])
        let penalty = ConservativePenalty.discrete(values, actions: actions)
        let sum = exp(0.0) + exp(1.0) + exp(2.0)
        #expect(abs(penalty.item - (log(sum) - 1)) < 1e-5)
        try penalty.backward()
        let gradient = try #require(values.gradient).values(Double.self)
        let expected = [1 / sum, exp(1.0) / sum - 1, exp(2.0) / sum]
        for (found, wanted) in zip(gradient, expected) { #expect(abs(found - wanted) < 1e-5) }
    }

    @Test("The sampled penalty estimates log ∫ exp Q: of a constant, the constant and the log volume")
    func continuousPenalty() {
        // ∫ over [-1, 1]² of e³ = 4 e³; samples of density 1/4 estimate it exactly.
        let penalty = ConservativePenalty.continuous(
            sampled: .full([2, 5], 3), logDensities: .full([2, 5], -log(4.0)), logged: Tensor([Float(1), 2]))
        #expect(abs(penalty.item - (3 + log(4.0) - 1.5)) < 1e-5)
    }

    @Test("Top-K weights by hand, capped, and without a gradient")
    func topK() {
        let policy = Tensor([Float(0.5), 0.2]).requiringGradient()
        let weights = TopKPolicyGradient.weights(
            policy: policy, behaviour: Tensor([Float(0.25), 0.001]), listLength: 3, cap: 20)
        // 2 · 3 · 0.25 and 20 · 3 · 0.64.
        #expect(!weights.requiresGradient)
        #expect(abs(weights.floats[0] - 1.5) < 1e-5 && abs(weights.floats[1] - 38.4) < 1e-3)
    }

    @Test("A target network keeps its own memory and follows by the rate")
    func following() throws {
        let source = RandomSource(seed: 1)
        let pair = TargetNetwork(MultilayerPerceptron([2, 3], from: source))
        let before = pair.target.parameters.map { $0.tensor.floats }
        pair.online.train()
        let optimizer = SGD([ParameterGroup(pair.online.parameters)])
        try pair.online(.ones([1, 2])).sum().backward()
        optimizer.step(learningRate: 1)
        let moved = pair.online.parameters.map { $0.tensor.floats }
        #expect(pair.target.parameters.map { $0.tensor.floats } == before)
        #expect(moved != before)
        pair.follow(rate: 0.25)
        for (index, parameter) in pair.target.parameters.enumerated() {
            for (place, value) in parameter.tensor.floats.enumerated() {
                let wanted = before[index][place] + 0.25 * (moved[index][place] - before[index][place])
                #expect(abs(value - wanted) < 1e-6)
            }
        }
        #expect(pair.target.trainableParameters.isEmpty)
    }

    @Test("The critic's gradient agrees with finite differences, and targets carry none")
    func gradients() throws {
        let source = RandomSource(seed: 2)
        var configuration = DeterministicPolicyGradient<BoundedPolicy, PerceptronActionValue>.Configuration()
        configuration.discount = 0.9
        let agent = DeterministicPolicyGradient(
            policy: BoundedPolicy(stateDimensions: 2, hidden: [8], actionDimensions: 1, from: source),
            critics: [
                PerceptronActionValue(stateDimensions: 2, actionDimensions: 1, hidden: [8], from: source)
            ], configuration, random: source)
        let batch = Transitions(
            states: .normal([6, 2], from: source), actions: .uniform([6, 1], from: source),
            rewards: .normal([6], from: source), nextStates: .normal([6, 2], from: source),
            notTerminal: Tensor([Float(1), 0, 1, 1, 0, 1]))
        #expect(!agent.targets(batch).requiresGradient)
        try agent.criticLoss(batch).backward()
        let parameter = try #require(agent.critics[0].online.parameters.last { $0.tensor.rank == 2 }).tensor
        let gradient = try #require(parameter.gradient).values(Double.self)
        let values = parameter.floats
        for place in 0..<3 {
            func loss(_ change: Float) -> Double {
                var changed = values
                changed[place] += change
                parameter.assign(Tensor(changed, shape: parameter.shape))
                return withoutGradients { agent.criticLoss(batch).item }
            }
            let slope = (loss(1e-2) - loss(-1e-2)) / 2e-2
            #expect(abs(slope - gradient[place]) < 1e-3 * max(1, abs(slope)))
        }
    }
}
