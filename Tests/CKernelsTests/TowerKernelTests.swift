import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Towers of recommenders")
    struct TowerKernelTests {
        /// The columns of the layers and what follows them.
        struct Shape: CustomTestStringConvertible {
            let rows, inputs: Int
            let layers: [(columns: Int, activation: wf_tower_activation)]
            var items = 1
            var testDescription: String { "\(rows) × \(inputs), \(items) items, \(layers.map(\.columns))" }
        }

        @Test(
            "Rows of any size through layers of any width are what the formula says, with or without threads",
            arguments: levels,
            [
                Shape(rows: 1, inputs: 1, layers: [(1, WF_TOWER_PLAIN)]),
                Shape(rows: 7, inputs: 5, layers: [(17, WF_TOWER_RELU), (3, WF_TOWER_DICE)]),
                Shape(rows: 8, inputs: 16, layers: [(16, WF_TOWER_DICE), (33, WF_TOWER_RELU), (2, WF_TOWER_PLAIN)]),
                Shape(rows: 203, inputs: 40, layers: [(64, WF_TOWER_RELU), (48, WF_TOWER_RELU)]),
            ])
        func towers(level: wf_level, shape: Shape) throws {
            let tower = Tower(shape)
            let expected = (0..<shape.rows).flatMap { tower.value(row: $0, item: 0) }
            for pool in [nil, try Pool(threads: 3)] {
                var found = [Float](repeating: .nan, count: expected.count)
                let status = found.withUnsafeMutableBufferPointer { found in
                    tower.withLayers { layers, x in
                        var task = wf_tower(
                            rows: Int64(shape.rows), inputs: Int64(shape.inputs), layers: layers,
                            layer_count: Int32(shape.layers.count), x: x, y: found.baseAddress!)
                        return withExtendedLifetime(pool) { at(level) { wf_tower_run(&task, pool?.pointer) } }
                    }
                }
                #expect(status == WF_OK)
                #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 2e-6 * (1 + abs($1)) })
            }
        }

        @Test(
            "Targets pool a history as the formula says, with or without threads", arguments: levels,
            [
                Shape(rows: 1, inputs: 1, layers: [(3, WF_TOWER_RELU), (1, WF_TOWER_PLAIN)]),
                Shape(rows: 9, inputs: 5, layers: [(20, WF_TOWER_DICE), (1, WF_TOWER_PLAIN)], items: 4),
                Shape(
                    rows: 130, inputs: 16, layers: [(64, WF_TOWER_DICE), (16, WF_TOWER_DICE), (1, WF_TOWER_PLAIN)],
                    items: 7),
            ])
        func targets(level: wf_level, shape: Shape) throws {
            let unit = Tower(shape)
            var numbers = Numbers(seed: 5)
            let history = numbers.floats(shape.items * shape.inputs)
            var expected = [Double](repeating: 0, count: shape.rows * shape.inputs)
            for row in 0..<shape.rows {
                for item in 0..<shape.items {
                    let share = unit.value(row: row, item: item)[0]
                    for i in 0..<shape.inputs {
                        expected[row * shape.inputs + i] += share * Double(history[item * shape.inputs + i])
                    }
                }
            }
            for pool in [nil, try Pool(threads: 3)] {
                var found = [Float](repeating: .nan, count: expected.count)
                let status = found.withUnsafeMutableBufferPointer { found in
                    history.withUnsafeBufferPointer { history in
                        unit.withLayers { layers, x in
                            var task = wf_target_attention(
                                targets: Int64(shape.rows), items: Int64(shape.items), dimensions: Int64(shape.inputs),
                                layers: layers, layer_count: Int32(shape.layers.count), history: history.baseAddress!,
                                target: x, output: found.baseAddress!)
                            return withExtendedLifetime(pool) { at(level) { wf_target_attend(&task, pool?.pointer) } }
                        }
                    }
                }
                #expect(status == WF_OK)
                #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 4e-6 * (1 + abs($1)) })
            }
        }

        @Test("What is not a number stays so, in its row alone", arguments: levels)
        func notANumber(level: wf_level) {
            for activation in [WF_TOWER_PLAIN, WF_TOWER_RELU, WF_TOWER_DICE] {
                let tower = Tower(Shape(rows: 10, inputs: 2, layers: [(5, activation), (3, activation)]))
                tower.x[7] = .nan
                var found = [Float](repeating: 0, count: 30)
                let status = found.withUnsafeMutableBufferPointer { found in
                    tower.withLayers { layers, x in
                        var task = wf_tower(
                            rows: 10, inputs: 2, layers: layers, layer_count: 2, x: x, y: found.baseAddress!)
                        return at(level) { wf_tower_run(&task, nil) }
                    }
                }
                #expect(status == WF_OK)
                #expect(found.enumerated().allSatisfy { $1.isNaN == ($0 / 3 == 3) })
            }
        }

        @Test("Impossible sizes are refused")
        func refused() {
            let tower = Tower(Shape(rows: 1, inputs: 2, layers: [(2, WF_TOWER_DICE)]))
            var y: Float = 0
            tower.withLayers { layers, x in
                var layer = layers[0]
                func status(inputs: Int64 = 2, count: Int32 = 1) -> wf_status {
                    var task = wf_tower(rows: 1, inputs: inputs, layers: &layer, layer_count: count, x: x, y: &y)
                    return wf_tower_run(&task, nil)
                }
                #expect(status(inputs: 0) == WF_INVALID_SHAPE)
                #expect(status(count: 0) == WF_INVALID_SHAPE)
                #expect(status(count: 17) == WF_INVALID_SHAPE)
                layer.scale = nil
                #expect(status() == WF_INVALID_SHAPE)
                layer = layers[0]
                layer.columns = 0
                #expect(status() == WF_INVALID_SHAPE)
            }
        }

        /// Layers with random numbers that stay where they are, and the input.
        private final class Tower {
            struct Layer {
                let columns, inputs, stride: Int
                let activation: wf_tower_activation
                /// Weight, bias, scale, shift and slope; every second layer has no bias.
                let arrays: [UnsafeMutablePointer<Float>]
                let hasBias: Bool
            }
            let shape: Shape
            let layers: [Layer]
            let x: UnsafeMutablePointer<Float>

            init(_ shape: Shape) {
                self.shape = shape
                var numbers = Numbers(seed: UInt64(shape.rows))
                func pinned(_ count: Int) -> UnsafeMutablePointer<Float> {
                    let values = numbers.floats(count, -0.5...0.5)
                    let pointer = UnsafeMutablePointer<Float>.allocate(capacity: count)
                    pointer.initialize(from: values, count: count)
                    return pointer
                }
                x = pinned(shape.rows * shape.inputs)
                var inputs = shape.inputs
                layers = shape.layers.enumerated().map { place, layer in
                    // Rows of a weight may stand apart.
                    let (copies, stride) = (place == 0 ? shape.items : 1, inputs + place)
                    defer { inputs = layer.columns }
                    let counts =
                        [copies * layer.columns * stride, copies * layer.columns]
                        + Array(repeating: layer.columns, count: 3)
                    return Layer(
                        columns: layer.columns, inputs: inputs, stride: stride, activation: layer.activation,
                        arrays: counts.map(pinned), hasBias: place % 2 == 0)
                }
            }

            deinit {
                x.deallocate()
                for layer in layers { layer.arrays.forEach { $0.deallocate() } }
            }

            func withLayers<Result>(
                _ body: (UnsafePointer<wf_tower_layer>, UnsafeMutablePointer<Float>) -> Result
            ) -> Result {
                let described = layers.map {
                    wf_tower_layer(
                        columns: Int64($0.columns), weight: $0.arrays[0], weight_stride: Int64($0.stride),
                        bias: $0.hasBias ? UnsafePointer($0.arrays[1]) : nil, activation: $0.activation,
                        scale: $0.arrays[2], shift: $0.arrays[3], slope: $0.arrays[4])
                }
                return described.withUnsafeBufferPointer { body($0.baseAddress!, x) }
            }

            /// The row behind the last layer, in double precision.
            func value(row: Int, item: Int) -> [Double] {
                var values = (0..<shape.inputs).map { Double(x[row * shape.inputs + $0]) }
                for (place, layer) in layers.enumerated() {
                    let copy = place == 0 ? item : 0
                    values = (0..<layer.columns).map { column in
                        let number = copy * layer.columns + column
                        var sum = layer.hasBias ? Double(layer.arrays[1][number]) : 0
                        for i in 0..<layer.inputs {
                            sum += values[i] * Double(layer.arrays[0][number * layer.stride + i])
                        }
                        switch layer.activation {
                        case WF_TOWER_RELU: return max(0, sum)
                        case WF_TOWER_DICE:
                            let (scale, shift) = (Double(layer.arrays[2][column]), Double(layer.arrays[3][column]))
                            let slope = Double(layer.arrays[4][column])
                            return sum * (slope + (1 - slope) / (1 + exp(-(sum * scale + shift))))
                        default: return sum
                        }
                    }
                }
                return values
            }
        }
    }
}
