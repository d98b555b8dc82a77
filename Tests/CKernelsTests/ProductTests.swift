import CKernels
import Testing

let kinds: [wf_matrix_kind] = [WF_MATRIX_Q4_1, WF_MATRIX_Q4_0, WF_MATRIX_Q8_0, WF_MATRIX_BF16, WF_MATRIX_F32]
let quantisedKinds = Array(kinds.prefix(3))

/// The activations that 8-bit arithmetic sees: per block of 32, integers times `max |x| / 127`.
func rounded(_ x: [Float]) -> [Float] {
    var result: [Float] = []
    for start in stride(from: 0, to: x.count, by: 32) {
        let block = x[start..<start + 32]
        let unit = block.map(abs).max()! / 127
        result += block.map { unit == 0 ? 0 : ($0 / unit).rounded(.toNearestOrEven) * unit }
    }
    return result
}

extension KernelTests {
    @Suite("Products")
    struct Products {
        @Test("Rows come back as their file format says", arguments: kinds)
        func rowsExpand(kind: wf_matrix_kind) throws {
            let matrix = try Matrix(kind, rows: 37, columns: 96)
            for row in [0, 1, 15, 16, 36] {
                var values = [Float](repeating: .nan, count: 96)
                wf_matrix_row(matrix.pointer, Int64(row), &values)
                #expect(relativeError(values, Array(matrix.expanded[row * 96..<(row + 1) * 96])) < 1e-6)
            }
        }

        @Test("The plain reference is the product of the expanded matrix", arguments: kinds)
        func referenceIsRight(kind: wf_matrix_kind) throws {
            let matrix = try Matrix(kind, rows: 19, columns: 64)
            var numbers = Numbers(seed: 3)
            let x = numbers.floats(2 * 64)
            var expected: [Float] = []
            for item in 0..<2 {
                for row in 0..<19 {
                    let products = (0..<64).map {
                        Double(matrix.expanded[row * 64 + $0]) * Double(x[item * 64 + $0])
                    }
                    expected.append(Float(products.reduce(0, +)))
                }
            }
            #expect(relativeError(matrix.referenceTimes(x), expected) < 1e-6)
        }

        @Test("f32 arithmetic agrees with the reference at every level, shape and batch", arguments: kinds)
        func exactProducts(kind: wf_matrix_kind) throws {
            let shapes: [(Int, Int)] =
                quantisedKinds.contains(kind)
                ? [(1, 32), (16, 64), (17, 96), (77, 160), (200, 576)]
                : [(1, 1), (3, 15), (16, 33), (77, 173), (200, 576)]
            let pool = try Pool(threads: 3)
            for (rows, columns) in shapes {
                let matrix = try Matrix(kind, WF_ARITHMETIC_F32, rows: rows, columns: columns)
                for batch in [1, 2, 3, 7] {
                    var numbers = Numbers(seed: UInt64(rows + batch))
                    let x = numbers.floats(batch * columns)
                    let expected = matrix.referenceTimes(x)
                    for level in levels {
                        let found = at(level) { matrix.times(x, pool: pool) }
                        #expect(relativeError(found, expected) < 3e-6, "\(level) \(rows) × \(columns), batch \(batch)")
                    }
                }
            }
        }

        @Test("8-bit arithmetic is the product with rounded activations, at every level", arguments: quantisedKinds)
        func integerProducts(kind: wf_matrix_kind) throws {
            let pool = try Pool(threads: 2)
            for (rows, columns) in [(1, 32), (16, 64), (17, 96), (77, 160), (200, 576)] {
                let matrix = try Matrix(kind, WF_ARITHMETIC_INT8, rows: rows, columns: columns)
                for batch in [1, 2, 5] {
                    var numbers = Numbers(seed: UInt64(rows * batch))
                    let x = numbers.floats(batch * columns, -3...3)
                    let expected = matrix.referenceTimes(rounded(x))
                    for level in levels {
                        let found = at(level) { matrix.times(x, pool: pool) }
                        // A product of two roundings that fall on either side of a half may differ by one unit.
                        #expect(relativeError(found, expected) < 1e-4, "\(level) \(rows) × \(columns), batch \(batch)")
                    }
                }
            }
        }

        @Test(
            "Rounding activations costs something, but at most three percent of a typical result",
            arguments: quantisedKinds)
        func roundingIsSmall(kind: wf_matrix_kind) throws {
            let matrix = try Matrix(kind, WF_ARITHMETIC_INT8, rows: 512, columns: 576)
            var numbers = Numbers(seed: 9)
            let x = numbers.floats(576)
            let error = relativeError(matrix.times(x), matrix.referenceTimes(x))
            #expect(error > 1e-4 && error < 0.03)
        }

        @Test("Extreme weights and activations stay exact", arguments: quantisedKinds)
        func extremeValues(kind: wf_matrix_kind) throws {
            // Every integer at its end, so that sums of neighbouring products are as large as they can be.
            let columns = 64
            for fill in [UInt8(0x00), 0x0F, 0xF0, 0xFF, 0x80, 0x7F] {
                let head: [UInt8] = kind == WF_MATRIX_Q4_1 ? [0xFF, 0x7B, 0xFF, 0xFB] : [0xFF, 0x7B]  // ± 65504
                let block = head + [UInt8](repeating: fill, count: kind == WF_MATRIX_Q8_0 ? 32 : 16)
                let bytes = [[UInt8]](repeating: block, count: 20 * columns / 32).flatMap { $0 }
                for value in [Float(1), -1, 1e-20, 1e25, 0] {
                    let x = [Float](repeating: value, count: columns)
                    for arithmetic in [WF_ARITHMETIC_INT8, WF_ARITHMETIC_F32] {
                        let matrix = try #require(
                            bytes.withUnsafeBytes {
                                wf_matrix_create(kind, arithmetic, 20, Int64(columns), $0.baseAddress!)
                            })
                        defer { wf_matrix_destroy(matrix) }
                        var expected = [Float](repeating: .nan, count: 20)
                        wf_matrix_vector_reference(matrix, x, 1, &expected)
                        for level in levels {
                            var found = [Float](repeating: .nan, count: 20)
                            at(level) { _ = wf_matrix_vector(matrix, x, 1, &found, nil) }
                            // Q4_1 may cancel to nothing; what remains is measured against its terms.
                            let size = Swift.max(abs(expected[0]), 65504 * abs(value) * 15 * Float(columns))
                            #expect(
                                found.allSatisfy { abs($0 - expected[0]) <= 1e-6 * size }, "\(level) \(fill) \(value)")
                        }
                    }
                }
            }
        }

        @Test("Subnormal f16 scales keep their value")
        func subnormalScales() throws {
            let bytes: [UInt8] = [0x01, 0x00] + [UInt8](repeating: 1, count: 32)  // 2^-24
            let x = [Float](repeating: 1, count: 32)
            for level in levels {
                for arithmetic in [WF_ARITHMETIC_INT8, WF_ARITHMETIC_F32] {
                    let matrix = try #require(wf_matrix_create(WF_MATRIX_Q8_0, arithmetic, 1, 32, bytes))
                    defer { wf_matrix_destroy(matrix) }
                    var y: Float = .nan
                    at(level) { _ = wf_matrix_vector(matrix, x, 1, &y, nil) }
                    #expect(abs(y - 0x1p-19) < 0x1p-40)
                }
            }
        }

        @Test("Neither threads nor other rows of a batch change a bit", arguments: kinds)
        func determinism(kind: wf_matrix_kind) throws {
            for arithmetic in [WF_ARITHMETIC_INT8, WF_ARITHMETIC_F32] {
                let matrix = try Matrix(kind, arithmetic, rows: 1003, columns: 320)
                var numbers = Numbers(seed: 5)
                let x = numbers.floats(7 * 320)
                let pools = try [1, 2, 5].map { try Pool(threads: $0) }
                for level in levels {
                    at(level) {
                        let single = (0..<7).flatMap { matrix.times(Array(x[$0 * 320..<($0 + 1) * 320])) }
                        for pool in pools { #expect(matrix.times(x, pool: pool) == single) }
                    }
                }
            }
        }

        @Test("A view multiplies the caller's memory")
        func views() throws {
            let weights: [Float] = [1, 2, 3, 4, 5, 6]
            try weights.withUnsafeBytes { storage in
                let view = try #require(wf_matrix_view(WF_MATRIX_F32, 2, 3, storage.baseAddress!))
                defer { wf_matrix_destroy(view) }
                var y: [Float] = [0, 0]
                #expect(wf_matrix_vector(view, [1, 10, 100], 1, &y, nil) == WF_OK)
                #expect(y == [321, 654])
                #expect(wf_matrix_view(WF_MATRIX_Q8_0, 2, 32, storage.baseAddress!) == nil)
            }
        }

        @Test("No rows, no batch: nothing is written; impossible shapes are refused")
        func emptyAndImpossible() throws {
            let empty = try Matrix(WF_MATRIX_Q4_1, rows: 0, columns: 32)
            #expect(empty.times([Float](repeating: 1, count: 32)) == [])
            var untouched: Float = 7
            let one = try Matrix(WF_MATRIX_F32, rows: 1, columns: 1)
            #expect(wf_matrix_vector(one.pointer, [1], 0, &untouched, nil) == WF_OK)
            #expect(untouched == 7)
            let bytes = [UInt8](repeating: 0, count: 64)
            #expect(wf_matrix_create(WF_MATRIX_Q4_0, WF_ARITHMETIC_INT8, 1, 33, bytes) == nil)
            #expect(wf_matrix_create(WF_MATRIX_F32, WF_ARITHMETIC_INT8, -1, 4, bytes) == nil)
            #expect(wf_matrix_create(WF_MATRIX_F32, WF_ARITHMETIC_INT8, 1, 0, bytes) == nil)
            #expect(wf_matrix_row_bytes(WF_MATRIX_Q4_1, 64) == 40)
            #expect(wf_matrix_row_bytes(WF_MATRIX_Q4_0, 64) == 36)
            #expect(wf_matrix_row_bytes(WF_MATRIX_Q8_0, 64) == 68)
            #expect(wf_matrix_row_bytes(WF_MATRIX_Q8_0, 48) == 0)
        }

        @Test("The largest value is found, the first among equals, and not-a-number never wins")
        func indexOfMaximum() {
            #expect(wf_index_of_maximum([], 0) == -1)
            #expect(wf_index_of_maximum([.nan], 1) == -1)
            #expect(wf_index_of_maximum([.nan, -5, .nan, -5], 4) == 1)
            #expect(wf_index_of_maximum([-.infinity], 1) == 0)
            var numbers = Numbers(seed: 11)
            var values = numbers.floats(5000)
            values[4321] = 2
            values[4700] = 2
            #expect(wf_index_of_maximum(values, 5000) == 4321)
        }
    }
}
