import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Attention of targets to one history")
    struct TargetAttentionKernelTests {
        /// A unit with the columns of its layers.
        struct Case: CustomTestStringConvertible {
            let targets, items, dimensions: Int
            let columns: [Int]
            var testDescription: String { "\(targets) targets, \(items) × \(dimensions), layers \(columns)" }
        }
        static let cases = [
            Case(targets: 1, items: 1, dimensions: 1, columns: [16]),
            Case(targets: 9, items: 3, dimensions: 5, columns: [32, 16]),
            Case(targets: 8, items: 2, dimensions: 16, columns: [16, 64]),
            Case(targets: 203, items: 7, dimensions: 20, columns: [64, 16, 48]),
        ]

        @Test("Sums over the history are what the formula says, with or without threads", arguments: levels, cases)
        func formula(level: wf_level, unit: Case) throws {
            var numbers = Numbers(seed: UInt64(unit.targets))
            let (dimensions, items) = (unit.dimensions, unit.items)
            let target = numbers.floats(unit.targets * dimensions)
            let history = numbers.floats(items * dimensions)
            // Weight, bias, scale, shift and slope of each layer one behind the other.
            let layers = unit.columns.enumerated().map { place, columns in
                let copies = place == 0 ? items : 1
                let inputs = place == 0 ? dimensions : unit.columns[place - 1]
                return [copies * inputs * columns, copies * columns, columns, columns, columns].map {
                    numbers.floats($0, -0.5...0.5)
                }
            }
            let (outputWeight, outputBias) = (numbers.floats(unit.columns.last!), Float(0.3))

            var expected = [Double](repeating: 0, count: target.count)
            for row in 0..<unit.targets {
                for item in 0..<items {
                    var x = target[(row * dimensions)..<((row + 1) * dimensions)].map(Double.init)
                    for (place, layer) in layers.enumerated() {
                        let (columns, copy) = (unit.columns[place], place == 0 ? item : 0)
                        x = (0..<columns).map { column in
                            var sum = Double(layer[1][copy * columns + column])
                            for input in x.indices {
                                sum += x[input] * Double(layer[0][(copy * x.count + input) * columns + column])
                            }
                            let gate = 1 / (1 + exp(-(sum * Double(layer[2][column]) + Double(layer[3][column]))))
                            let slope = Double(layer[4][column])
                            return sum * (slope + (1 - slope) * gate)
                        }
                    }
                    let share = zip(x, outputWeight).reduce(Double(outputBias)) { $0 + $1.0 * Double($1.1) }
                    for i in 0..<dimensions {
                        expected[row * dimensions + i] += share * Double(history[item * dimensions + i])
                    }
                }
            }

            for pool in [nil, try Pool(threads: 3)] {
                var found = [Float](repeating: .nan, count: target.count)
                let status = attend(
                    unit, layers: layers, outputWeight, outputBias, history: history, target: target,
                    output: &found, level: level, pool: pool)
                #expect(status == WF_OK)
                #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 2e-6 * (1 + abs($1)) })
            }
        }

        private func attend(
            _ unit: Case, layers: [[[Float]]], _ outputWeight: [Float], _ outputBias: Float, history: [Float],
            target: [Float], output: inout [Float], level: wf_level, pool: Pool?
        ) -> wf_status {
            let stored = layers.map { $0.map { Pinned($0) } }
            let (weight, items, targets) = (Pinned(outputWeight), Pinned(history), Pinned(target))
            let described = zip(unit.columns, stored).map { columns, layer in
                wf_dice_layer(
                    columns: Int64(columns), weight: layer[0].pointer, bias: layer[1].pointer, scale: layer[2].pointer,
                    shift: layer[3].pointer, slope: layer[4].pointer)
            }
            return described.withUnsafeBufferPointer { described in
                output.withUnsafeMutableBufferPointer { output in
                    var task = wf_target_attention(
                        targets: Int64(unit.targets), items: Int64(unit.items), dimensions: Int64(unit.dimensions),
                        layers: described.baseAddress!, layer_count: Int32(described.count),
                        widest: Int64(unit.columns.max()!), output_weight: weight.pointer, output_bias: outputBias,
                        history: items.pointer, target: targets.pointer, output: output.baseAddress!)
                    return withExtendedLifetime((stored, weight, items, targets, pool)) {
                        at(level) { wf_target_attend(&task, pool?.pointer) }
                    }
                }
            }
        }

        /// Numbers that stay where they are.
        private final class Pinned {
            let pointer: UnsafeMutablePointer<Float>

            init(_ values: [Float]) {
                pointer = .allocate(capacity: values.count)
                pointer.initialize(from: values, count: values.count)
            }

            deinit { pointer.deallocate() }
        }
    }
}
