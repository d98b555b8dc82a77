extension BlockFormat {
    /// Formats that this package writes.
    public static let writable: [BlockFormat] = [.float32, .float16, .bfloat16, .q4_0, .q4_1, .q8_0]

    /// `values` as stored blocks, by ggml's reference rounding.
    ///
    /// - Parameter values: as many as whole blocks take.
    /// - Returns: nil for a format that is only read.
    public func quantize(_ values: UnsafeBufferPointer<Float>) -> [UInt8]? {
        precondition(values.count % blockElements == 0, "\(values.count) elements are no whole blocks of \(name)")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount(elements: values.count))
        switch self {
        case .float32: bytes.append(contentsOf: UnsafeRawBufferPointer(values))
        case .float16: for value in values { bytes.append(half: halfBits(value)) }
        case .bfloat16: for value in values { bytes.append(half: bfloatBits(value)) }
        case .q4_0, .q4_1, .q8_0:
            for start in stride(from: 0, to: values.count, by: 32) {
                let block = UnsafeBufferPointer(rebasing: values[start..<start + 32])
                switch self {
                case .q4_0: quantize4(symmetric: block, &bytes)
                case .q4_1: quantize4(block, &bytes)
                default: quantize8(block, &bytes)
                }
            }
        case .q5_0, .q5_1, .q4_K, .q5_K, .q6_K: return nil
        }
        return bytes
    }
}

extension [UInt8] {
    fileprivate mutating func append(half bits: UInt16) {
        append(UInt8(truncatingIfNeeded: bits))
        append(UInt8(truncatingIfNeeded: bits >> 8))
    }
}

/// The scale comes from the element of largest magnitude, with its sign: it is stored as -8 exactly.
private func quantize4(symmetric block: UnsafeBufferPointer<Float>, _ bytes: inout [UInt8]) {
    var extreme: Float = 0
    for value in block where abs(value) > abs(extreme) { extreme = value }
    let scale = extreme / -8
    let inverse = scale == 0 ? 0 : 1 / scale
    bytes.append(half: halfBits(scale))
    appendNibbles(block, &bytes) { $0 * inverse + 8.5 }
}

private func quantize4(_ block: UnsafeBufferPointer<Float>, _ bytes: inout [UInt8]) {
    let (low, high) = (block.min() ?? 0, block.max() ?? 0)
    let scale = (high - low) / 15
    let inverse = scale == 0 ? 0 : 1 / scale
    bytes.append(half: halfBits(scale))
    bytes.append(half: halfBits(low))
    appendNibbles(block, &bytes) { ($0 - low) * inverse + 0.5 }
}

private func quantize8(_ block: UnsafeBufferPointer<Float>, _ bytes: inout [UInt8]) {
    let scale = block.reduce(0) { max($0, abs($1)) } / 127
    let inverse = scale == 0 ? 0 : 1 / scale
    bytes.append(half: halfBits(scale))
    for value in block {
        let code = (value * inverse).rounded(.toNearestOrAwayFromZero)
        bytes.append(UInt8(bitPattern: Int8(clamped(code, -127, 127))))
    }
}

private func appendNibbles(_ block: UnsafeBufferPointer<Float>, _ bytes: inout [UInt8], _ code: (Float) -> Float) {
    for j in 0..<16 {
        bytes.append(UInt8(clamped(code(block[j]), 0, 15)) | UInt8(clamped(code(block[j + 16]), 0, 15)) << 4)
    }
}

/// Within bounds even for NaN, which a diverged training run can hand in.
private func clamped(_ value: Float, _ low: Float, _ high: Float) -> Float {
    value > low ? (value < high ? value : high) : low
}

/// IEEE half, rounded to nearest, ties to even.
///
/// Written out because `Float16` is missing on Intel Macs: adding 2^k with the right k makes the hardware round at the
/// last bit that a half keeps.
func halfBits(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16 & 0x8000)
    let magnitude = abs(value)
    if value.isNaN { return sign | 0x7E00 }
    if magnitude >= 65_520 { return sign | 0x7C00 }
    if magnitude < 0x1p-14 {
        // Subnormal: the fraction is counted in units of 2^-24.
        return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
    }
    let bits = magnitude.bitPattern
    let rounded = bits + 0xFFF + (bits >> 13 & 1)
    return sign | UInt16((rounded - (112 << 23)) >> 13)
}

/// The upper half of the f32 pattern, rounded to nearest, ties to even.
func bfloatBits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    return UInt16((bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
}
