import CKernels
import Testing

/// All kernel tests, one after another: some of them measure time.
@Suite(.serialized)
struct KernelTests {}

/// The levels this processor can run.
let levels: [wf_level] = [WF_LEVEL_PLAIN, WF_LEVEL_AVX2, WF_LEVEL_AVX512, WF_LEVEL_AVX512_BF16].filter {
    $0.rawValue <= wf_kernels_available().rawValue
}

/// Runs `body` at a level and restores the best one afterwards.
func at<Result>(_ level: wf_level, _ body: () throws -> Result) rethrows -> Result {
    #expect(wf_kernels_force(level) == level)
    defer { wf_kernels_force(wf_kernels_available()) }
    return try body()
}

/// SplitMix64: the same numbers on every machine.
struct Numbers: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func floats(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}

/// A matrix of random weights with its own expansion to f32, made without the code under test.
final class Matrix {
    let pointer: OpaquePointer
    let rows: Int
    let columns: Int
    /// `[rows][columns]`.
    let expanded: [Float]

    init(
        _ kind: wf_matrix_kind, _ arithmetic: wf_arithmetic = WF_ARITHMETIC_F32, rows: Int, columns: Int,
        scale: Float = 0.1, seed: UInt64 = 1
    ) throws {
        var numbers = Numbers(seed: seed)
        let (bytes, expanded) = Matrix.make(kind, count: rows * columns, scale: scale, using: &numbers)
        // The extra byte gives an empty matrix an address.
        let created = wf_matrix_create(kind, arithmetic, Int64(rows), Int64(columns), bytes + [0])
        pointer = try #require(created)
        self.rows = rows
        self.columns = columns
        self.expanded = expanded
    }

    deinit { wf_matrix_destroy(pointer) }

    func times(_ x: [Float], pool: Pool? = nil) -> [Float] {
        let batch = x.count / columns
        var y = [Float](repeating: .nan, count: batch * rows)
        withExtendedLifetime(pool) {
            #expect(wf_matrix_vector(pointer, x, Int64(batch), &y, pool?.pointer) == WF_OK)
        }
        return y
    }

    func referenceTimes(_ x: [Float]) -> [Float] {
        let batch = x.count / columns
        var y = [Float](repeating: .nan, count: batch * rows)
        #expect(wf_matrix_vector_reference(pointer, x, Int64(batch), &y) == WF_OK)
        return y
    }

    /// File bytes of random weights and the numbers they stand for.
    static func make(
        _ kind: wf_matrix_kind, count: Int, scale: Float, using numbers: inout Numbers
    ) -> (bytes: [UInt8], expanded: [Float]) {
        var bytes: [UInt8] = []
        var expanded: [Float] = []
        func append(_ half: Float16) { withUnsafeBytes(of: half.bitPattern.littleEndian) { bytes += $0 } }
        switch kind {
        case WF_MATRIX_F32:
            expanded = numbers.floats(count, -scale...scale)
            for value in expanded { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
        case WF_MATRIX_BF16:
            for value in numbers.floats(count, -scale...scale) {
                let upper = UInt16(value.bitPattern >> 16)
                withUnsafeBytes(of: upper.littleEndian) { bytes += $0 }
                expanded.append(Float(bitPattern: UInt32(upper) << 16))
            }
        default:
            for _ in 0..<(count / 32) {
                let step = kind == WF_MATRIX_Q8_0 ? scale / 128 : scale / 8
                let unit = Float16(Float.random(in: step / 2...step, using: &numbers))
                append(unit)
                if kind == WF_MATRIX_Q8_0 {
                    let integers = (0..<32).map { _ in Int8.random(in: .min ... .max, using: &numbers) }
                    bytes += integers.map { UInt8(bitPattern: $0) }
                    expanded += integers.map { Float(unit) * Float($0) }
                    continue
                }
                let minimum = Float16(-8 * Float(unit) * Float.random(in: 0.8...1.2, using: &numbers))
                if kind == WF_MATRIX_Q4_1 { append(minimum) }
                let nibbles = (0..<32).map { _ in UInt8.random(in: 0...15, using: &numbers) }
                bytes += (0..<16).map { nibbles[$0] | nibbles[$0 + 16] << 4 }
                expanded += nibbles.map {
                    kind == WF_MATRIX_Q4_1
                        ? Float(unit) * Float($0) + Float(minimum) : Float(unit) * (Float($0) - 8)
                }
            }
        }
        return (bytes, expanded)
    }
}

/// Threads that end with their owner.
final class Pool: @unchecked Sendable {
    let pointer: OpaquePointer

    init(threads: Int32) throws { pointer = try #require(wf_pool_create(threads)) }

    deinit { wf_pool_destroy(pointer) }
}

/// The largest difference, relative to the root mean square of what is expected.
func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count else { return .infinity }
    var largest = 0.0
    var squares = 0.0
    for (a, b) in zip(found, expected) {
        guard a.isFinite else { return .infinity }
        largest = max(largest, abs(Double(a) - Double(b)))
        squares += Double(b) * Double(b)
    }
    return largest / max((squares / Double(max(expected.count, 1))).squareRoot(), 1e-30)
}
