import Evaluation
import Foundation
import Recommendation
import Tensors
import Testing

@Suite("Unified representation: the two shaping terms")
struct UnifiedRepresentationObjectiveTests {
    @Test("Two types of one item each: V = (1 - k) / 2")
    func varianceByHand() {
        let variance = UnifiedRepresentationObjective.distributionalVariance([
            Tensor([Float(0)], shape: [1, 1]), Tensor([Float(1)], shape: [1, 1]),
        ])
        #expect(abs(variance.item - (1 - exp(-0.5)) / 2) < 1e-6)
    }

    @Test("V is the mean squared distance of the types' mean embeddings from their mean, by direct kernel sums")
    func varianceByKernels() {
        var generator = SeededGenerator(seed: 3)
        let groups = [4, 7, 2].map { count in
            (0..<count).map { _ in (0..<3).map { _ in Float(generator.normal()) } }
        }
        func kernel(_ x: [Float], _ y: [Float]) -> Double {
            exp(-0.5 * zip(x, y).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) })
        }
        func product(_ p: [[Float]], _ q: [[Float]]) -> Double {
            var sum = 0.0
            for x in p { for y in q { sum += kernel(x, y) } }
            return sum / Double(p.count * q.count)
        }
        // |mu_p - mean|² = <mu_p, mu_p> - 2 <mu_p, mean> + <mean, mean>, each inner product a mean of kernel values.
        let between = groups.flatMap { p in groups.map { product(p, $0) } }.reduce(0, +) / 9
        let direct =
            groups.map { p in
                product(p, p) - 2 * groups.map { product(p, $0) }.reduce(0, +) / 3 + between
            }.reduce(0, +) / 3
        let samples = groups.map { Tensor($0.flatMap(\.self), shape: [$0.count, 3]) }
        let found = UnifiedRepresentationObjective.distributionalVariance(samples).item
        #expect(abs(found - direct) < 1e-6)
        #expect(found > 0.01)
        #expect(abs(UnifiedRepresentationObjective.distributionalVariance([samples[0], samples[0]]).item) < 1e-6)
    }

    @Test("One step down V brings two types together")
    func alignmentAligns() throws {
        let left = Tensor([Float(0), 0.1, 0.2], shape: [3, 1]).requiringGradient()
        let right = Tensor([Float(1), 1.1, 1.2], shape: [3, 1])
        for bandwidth in UnifiedRepresentationConfiguration.Bandwidth.allCases {
            let variance = UnifiedRepresentationObjective.distributionalVariance([left, right], bandwidth: bandwidth)
            let slope = try #require(try variance.gradients(withRespectTo: [left])[0])
            #expect(slope.floats.allSatisfy { $0 < 0 })
        }
    }

    @Test("Topology: the root mean square difference of the Gram matrices, without a gradient into the raw features")
    func topologyByHand() throws {
        let raw = Tensor([Float(1), 0, 0, 0, 2, 0], shape: [2, 3]).requiringGradient()
        let unified = Tensor([Float(1), 1, 0, 1], shape: [2, 2]).requiringGradient()
        // G_r = diag(1, 4) / 2, G_x = [[2, 1], [1, 1]] / 1: differences -1.5, -1, -1, 1.
        let loss = UnifiedRepresentationObjective.topologyLoss(raw: raw, unified: unified)
        #expect(abs(loss.item - ((2.25 + 1 + 1 + 1) / 4).squareRoot()) < 1e-5)
        let slopes = try loss.gradients(withRespectTo: [raw, unified])
        #expect(slopes[0] == nil)
        #expect(slopes[1] != nil)
    }
}
