import CKernels
import Foundation
import Testing

extension KernelTests {
    @Suite("Dice")
    struct DiceKernelTests {
        @Test("Rows of any width are what the formula says, with or without threads", arguments: levels)
        func formula(level: wf_level) throws {
            for (rows, columns) in [(1, 1), (3, 5), (7, 16), (9, 17), (5000, 64), (2, 70_000)] {
                var numbers = Numbers(seed: UInt64(columns))
                let x = numbers.floats(rows * columns, -8...8)
                let scale = numbers.floats(columns, 0.1...3)
                let shift = numbers.floats(columns)
                let slope = numbers.floats(columns)
                let expected = x.enumerated().map { place, x in
                    let column = place % columns
                    let gate = 1 / (1 + exp(-(Double(x) * Double(scale[column]) + Double(shift[column]))))
                    return Double(x) * (Double(slope[column]) + (1 - Double(slope[column])) * gate)
                }
                for pool in [nil, try Pool(threads: 2)] {
                    var found = x
                    at(level) {
                        withExtendedLifetime(pool) {
                            wf_dice(&found, scale, shift, slope, Int64(rows), Int64(columns), pool?.pointer)
                        }
                    }
                    #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 1e-6 * (1 + abs($1)) })
                }
            }
        }

        @Test("Extreme numbers saturate, and what is not a number stays so", arguments: levels)
        func extremes(level: wf_level) {
            var x: [Float] = [1e4, -1e4, .nan, 0]
            let (one, zero, half) = ([Float](repeating: 1, count: 4), [Float](repeating: 0, count: 4), Float(0.5))
            at(level) { wf_dice(&x, one, zero, [half, half, half, half], 1, 4, nil) }
            #expect(x[0] == 1e4 && x[1] == -5e3 && x[2].isNaN && x[3] == 0)
        }
    }
}
