import CKernels
import Testing

/// A matrix `[rows][depth]` in one of the layouts that a factor can have.
private struct Factor {
    let rows: Int
    let depth: Int
    let isF32: Bool
    let isTransposed: Bool
    /// In the order of memory, of bf16 too.
    private let numbers: [Float]

    init(rows: Int, depth: Int, isF32: Bool, isTransposed: Bool, seed: UInt64) {
        var source = Numbers(seed: seed)
        (self.rows, self.depth, self.isF32, self.isTransposed) = (rows, depth, isF32, isTransposed)
        numbers = source.floats(rows * depth).map { isF32 ? $0 : Self.rounded($0) }
    }

    /// To the nearest bf16, to the even one from the middle.
    static func rounded(_ number: Float) -> Float {
        let bits = number.bitPattern
        return Float(bitPattern: (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff_0000)
    }

    subscript(row: Int, depth: Int) -> Double {
        Double(Self.rounded(numbers[isTransposed ? depth * rows + row : row * self.depth + depth]))
    }

    func withFactor<Result>(_ body: (wf_factor) -> Result) -> Result {
        func call(_ bytes: UnsafeRawBufferPointer) -> Result {
            body(
                wf_factor(
                    data: bytes.baseAddress!, is_f32: isF32, stride: Int64(isTransposed ? 1 : depth),
                    depth_stride: Int64(isTransposed ? rows : 1)))
        }
        return isF32
            ? numbers.withUnsafeBytes(call) : numbers.map { UInt16($0.bitPattern >> 16) }.withUnsafeBytes(call)
    }

    /// `self right^T`, in f32 or as bf16 numbers in f32.
    /// - Parameter before: what the product is added to.
    func times(_ right: Factor, isF32: Bool = true, before: [Float]? = nil, pool: Pool? = nil) -> [Float] {
        var sums = before ?? [Float](repeating: .nan, count: rows * right.rows)
        var halves = [UInt16](repeating: 0x7fc0, count: isF32 ? 0 : rows * right.rows)
        withFactor { left in
            right.withFactor { other in
                sums.withUnsafeMutableBytes { sums in
                    halves.withUnsafeMutableBytes { halves in
                        var task = wf_train_product(
                            left: left, right: other, rows: Int64(rows), columns: Int64(right.rows),
                            depth: Int64(depth), output: (isF32 ? sums : halves).baseAddress!, output_is_f32: isF32,
                            accumulates: before != nil)
                        var scratch = [Float](repeating: .nan, count: wf_train_product_scratch(&task))
                        withExtendedLifetime(pool) {
                            #expect(wf_train_multiply(&task, &scratch, pool?.pointer) == WF_OK)
                        }
                    }
                }
            }
        }
        return isF32 ? sums : halves.map { Float(bitPattern: UInt32($0) << 16) }
    }
}

extension KernelTests {
    /// Products of a training step against sums in f64 of the same rounded numbers.
    @Suite("Products of a training step", .enabled(if: wf_train_product_is_available()))
    struct TrainingProductTests {
        /// Sizes around the tile (8 × 48), the block of 16 panels and the part of the depth that is packed at a time
        /// (2048). Whole panels of rows in bf16 are read where they are, in both parts of a depth of 4100, but not
        /// rows of 2048 numbers.
        @Test(
            "A product of any layout is the sum of the products of the rounded numbers",
            arguments: [
                (1, 1, 1), (7, 47, 5), (8, 48, 32), (9, 49, 33), (130, 100, 64), (3, 2, 2049), (20, 50, 4100),
                (136, 100, 64), (16, 50, 4100), (16, 49, 2048),
            ], [false, true])
        func layouts(shape: (rows: Int, columns: Int, depth: Int), isF32: Bool) throws {
            let pool = try Pool(threads: 3)
            for layout in 0..<8 {
                let left = Factor(
                    rows: shape.rows, depth: shape.depth, isF32: layout & 4 != 0, isTransposed: layout & 1 != 0, seed: 1
                )
                let right = Factor(
                    rows: shape.columns, depth: shape.depth, isF32: layout & 4 == 0, isTransposed: layout & 2 != 0,
                    seed: 2)
                let found = left.times(right, isF32: isF32, pool: pool)
                var worst = 0.0
                for row in 0..<shape.rows {
                    for column in 0..<shape.columns {
                        let terms = (0..<shape.depth).map { left[row, $0] * right[column, $0] }
                        let expected = terms.reduce(0, +)
                        // f32 sums lose at most a unit of 2⁻²⁴ of all terms a step; a bf16 result 2⁻⁸ of itself.
                        let slack = terms.reduce(0) { $0 + abs($1) } * Double(shape.depth) * 0x1p-24 + 1e-12
                        let error = abs(Double(found[row * shape.columns + column]) - expected)
                        worst = max(worst, error / (slack + (isF32 ? 0 : abs(expected) * 0x1.01p-8)))
                    }
                }
                #expect(worst <= 1, "layout \(layout)")
            }
        }

        @Test("A product is added to what is there, in every part of the result")
        func accumulation() {
            let left = Factor(rows: 21, depth: 2100, isF32: false, isTransposed: true, seed: 3)
            let right = Factor(rows: 70, depth: 2100, isF32: false, isTransposed: true, seed: 4)
            let product = left.times(right)
            let sum = left.times(right, before: [Float](repeating: 1000, count: 21 * 70))
            #expect(zip(sum, product).allSatisfy { abs($0 - 1000 - $1) < 1e-3 * 4 })
        }

        @Test("More rows and columns than are packed at a time change no number, nor does the number of threads")
        func strips() throws {
            // 2 Mi numbers are packed at a time: of 2048 depths 1024 rows and 1008 columns.
            let left = Factor(rows: 1100, depth: 2048, isF32: false, isTransposed: false, seed: 5)
            let right = Factor(rows: 1060, depth: 2048, isF32: true, isTransposed: false, seed: 6)
            let alone = left.times(right)
            #expect(alone == left.times(right, pool: try Pool(threads: 2)))
            for (row, column) in [(0, 0), (1023, 1007), (1024, 1007), (1023, 1008), (1024, 1008), (1099, 1059)] {
                let expected = (0..<2048).reduce(0) { $0 + left[row, $1] * right[column, $1] }
                #expect(abs(Double(alone[row * 1060 + column]) - expected) < 1e-3)
            }
        }

        @Test("What is no number stays in its row and column")
        func notANumber() {
            var before = [Float](repeating: 0, count: 9 * 50)
            before[3 * 50 + 49] = .nan
            let left = Factor(rows: 9, depth: 3, isF32: true, isTransposed: false, seed: 7)
            let sum = left.times(Factor(rows: 50, depth: 3, isF32: false, isTransposed: true, seed: 8), before: before)
            #expect(sum.indices.filter { sum[$0].isNaN } == [3 * 50 + 49])
        }

        @Test("Strides that no kernel reads, bf16 sums and lower levels are refused")
        func refusals() {
            var number: Float = 1
            let plain = withUnsafePointer(to: &number) { wf_factor(data: $0, is_f32: true, stride: 1, depth_stride: 1) }
            let gaps = wf_factor(data: plain.data, is_f32: true, stride: 2, depth_stride: 2)
            func status(_ left: wf_factor, isF32: Bool = true, rows: Int64 = 1) -> wf_status {
                var output: Float = 5
                var scratch = [Float](repeating: 0, count: 4096)
                return withUnsafeMutablePointer(to: &output) {
                    var task = wf_train_product(
                        left: left, right: plain, rows: rows, columns: 1, depth: 1, output: $0, output_is_f32: isF32,
                        accumulates: true)
                    return wf_train_multiply(&task, &scratch, nil)
                }
            }
            #expect(status(plain) == WF_OK)
            #expect(status(gaps) == WF_INVALID_SHAPE)
            #expect(status(plain, isF32: false) == WF_INVALID_SHAPE)
            #expect(status(plain, rows: 0) == WF_INVALID_SHAPE)
            at(WF_LEVEL_PLAIN) { #expect(status(plain) == WF_INVALID_SHAPE) }
        }
    }
}
