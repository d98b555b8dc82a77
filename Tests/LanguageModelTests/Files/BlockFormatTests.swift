import LanguageModel
import Tensors
import Testing

@Suite("Block formats")
struct BlockFormatTests {
    static func values(_ format: BlockFormat, _ bytes: [UInt8]) -> [Float] {
        var values = [Float](repeating: .nan, count: bytes.count / format.blockBytes * format.blockElements)
        bytes.withUnsafeBytes { bytes in
            values.withUnsafeMutableBufferPointer { format.dequantize(bytes, into: $0) }
        }
        return values
    }

    static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.map { UInt8($0.hexDigitValue!) }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    static let ramp = (0..<32).map { (Float($0) - 16) / 8 + 0.03 }

    @Test(
        "Quantised bytes equal the reference's",
        arguments: [
            (BlockFormat.q4_0, "e133809191a2a2b3b3c4c4d5d5e6e6f7f7f8"),
            (.q4_1, "2234e1bf80809191a2a2b3b3c4c4d5d5e6e6f7f7"),
            (.q8_0, "f12381899199a1a9b1b9c1cad2dae2eaf2fa020a121a222a323a424a535b636b737b"),
        ])
    func quantize(format: BlockFormat, expected: String) {
        let bytes = Self.ramp.withUnsafeBufferPointer { format.quantize($0) }
        #expect(bytes == Self.bytes(expected))
    }

    @Test("Formats that are only read are not written")
    func readOnly() {
        #expect(Self.ramp.withUnsafeBufferPointer { BlockFormat.q5_0.quantize($0) } == nil)
    }

    @Test(
        "Recorded blocks of a ramp come back within half a step",
        arguments: [
            (BlockFormat.q4_0, "e133809191a2a2b3b3c4c4d5d5e6e6f7f7f8", Float(0.26)),
            (.q4_1, "2234e1bf80809191a2a2b3b3c4c4d5d5e6e6f7f7", 0.14),
            (.q5_0, "e12f0000ffff00112233445566778899aabbccddeeff", 0.14),
            (.q8_0, "f12381899199a1a9b1b9c1cad2dae2eaf2fa020a121a222a323a424a535b636b737b", 0.009),
        ])
    func ramps(format: BlockFormat, bytes: String, tolerance: Float) {
        let values = Self.values(format, Self.bytes(bytes))
        for (value, wanted) in zip(values, Self.ramp) { #expect(abs(value - wanted) <= tolerance) }
    }

    @Test(
        "Super-blocks have the recorded values",
        arguments: [
            (
                BlockFormat.q4_K, [0, 2],
                [157.75, -12.75, 80.25, 4, 20, 210.25, 40.5, 211.5, -3, 69.25, 24.25] as [Float], 27220 as Float
            ),
            (.q5_K, [0, 2], [405.75, -12.75, 80.25, 56, 40, 210.25, -1.5, 523.5, -3, 69.25, 54.25], 58108),
            (.q6_K, [208], [-715.5, 848, -48, 115.5, -290, -1520, 750, -175.5, 208, 544.5, -30], 2306),
        ])
    func superblocks(format: BlockFormat, scales: [Int], expected: [Float], sum: Float) {
        var bytes = (0..<format.blockBytes).map { UInt8(truncatingIfNeeded: 37 * $0 + 11) }
        let halves: [[UInt8]] = [[0x00, 0x38], [0x00, 0x34]]  // 0.5 and 0.25
        for (offset, half) in zip(scales, halves) { bytes.replaceSubrange(offset..<offset + 2, with: half) }
        let values = Self.values(format, bytes)
        #expect([0, 1, 31, 32, 63, 64, 127, 128, 129, 200, 255].map { values[$0] } == expected)
        #expect(values.reduce(0, +) == sum)
    }

    @Test("Every half is converted to f32 exactly, infinities and NaN included, and back")
    func halves() {
        var mismatches = 0
        for pattern in UInt16.min ... .max {
            let value = Self.values(.float16, [UInt8(pattern & 255), UInt8(pattern >> 8)])[0]
            let exponent = Int(pattern >> 10 & 31)
            let fraction = Float(pattern & 1023)
            let magnitude: Float =
                switch exponent {
                case 0: fraction * 0x1p-24
                case 31: fraction == 0 ? .infinity : .nan
                default: Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
                }
            let expected = pattern >> 15 == 1 ? -magnitude : magnitude
            if expected.isNaN {
                if !value.isNaN { mismatches += 1 }
                continue
            }
            if value.bitPattern != expected.bitPattern { mismatches += 1 }
            let back = [value].withUnsafeBufferPointer { BlockFormat.float16.quantize($0)! }
            if back != [UInt8(pattern & 255), UInt8(pattern >> 8)] { mismatches += 1 }
        }
        #expect(mismatches == 0)
    }

    @Test("Rounding to a half or to bf16 is to nearest, ties to even")
    func rounding() {
        func bits(_ format: BlockFormat, _ value: Float) -> UInt16 {
            let bytes = [value].withUnsafeBufferPointer { format.quantize($0)! }
            return UInt16(bytes[0]) | UInt16(bytes[1]) << 8
        }
        let ulp: Float = 0x1p-10
        #expect(bits(.float16, 1 + ulp / 2) == 0x3C00 && bits(.float16, 1 + 1.5 * ulp) == 0x3C02)
        #expect(bits(.float16, 1 + 0.51 * ulp) == 0x3C01 && bits(.float16, 65_519) == 0x7BFF)
        #expect(bits(.float16, 65_520) == 0x7C00 && bits(.float16, -.infinity) == 0xFC00)
        #expect(bits(.float16, 0x1p-25) == 0 && bits(.float16, 0x1.8p-24) == 2 && bits(.float16, 0x1.ffcp-15) == 0x0400)
        #expect(bits(.bfloat16, 1 + 0x1p-8) == 0x3F80 && bits(.bfloat16, 1 + 0x1.8p-7) == 0x3F82)
        #expect(bits(.bfloat16, .greatestFiniteMagnitude) == 0x7F80 && bits(.bfloat16, .nan) & 0x7F == 0x40 | 0x40)
    }

    @Test("Weights that are not finite are rounded without a trap", arguments: BlockFormat.writable)
    func notFinite(format: BlockFormat) {
        for value in [Float.nan, .infinity, -.infinity] {
            var block = Self.ramp
            block[3] = value
            let bytes = block.withUnsafeBufferPointer { format.quantize($0) }
            #expect(bytes?.count == format.byteCount(elements: 32))
        }
    }

    @Test("All cores give what one gives, unaligned input included", arguments: BlockFormat.allCases)
    func parallel(format: BlockFormat) {
        let elements = 3 * (1 << 17) + 256
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<format.byteCount(elements: elements) + 1).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
        var one = [Float](repeating: 0, count: elements)
        var all = one
        bytes.withUnsafeBytes { bytes in
            let unaligned = UnsafeRawBufferPointer(rebasing: bytes[1...])
            one.withUnsafeMutableBufferPointer { format.dequantize(unaligned, into: $0) }
            all.withUnsafeMutableBufferPointer { format.dequantizeInParallel(unaligned, into: $0) }
        }
        #expect(one.map(\.bitPattern) == all.map(\.bitPattern))
    }
}
