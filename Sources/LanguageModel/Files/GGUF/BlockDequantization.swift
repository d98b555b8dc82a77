import Dispatch

extension BlockFormat {
    /// Writes the values of `blocks` to `output`, on the calling thread.
    ///
    /// - Parameters:
    ///   - blocks: whole blocks in file order, little-endian, aligned or not.
    ///   - output: as many elements as the blocks hold.
    public func dequantize(_ blocks: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<Float>) {
        let count = output.count / blockElements
        precondition(
            output.count % blockElements == 0 && blocks.count == count * blockBytes,
            "\(blocks.count) bytes of \(name) do not hold \(output.count) elements")
        guard let input = blocks.baseAddress, let out = output.baseAddress else { return }
        switch self {
        case .float32: UnsafeMutableRawPointer(out).copyMemory(from: input, byteCount: blocks.count)
        case .float16: for i in 0..<count { out[i] = halfValue(input, 2 * i) }
        case .bfloat16:
            for i in 0..<count {
                out[i] = Float(bitPattern: UInt32(input.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)) << 16)
            }
        case .q4_0: for i in 0..<count { block4(input + 18 * i, codes: 2, minimum: nil, out + 32 * i) }
        case .q4_1: for i in 0..<count { block4(input + 20 * i, codes: 4, minimum: 2, out + 32 * i) }
        case .q5_0: for i in 0..<count { block5(input + 22 * i, codes: 2, minimum: nil, out + 32 * i) }
        case .q5_1: for i in 0..<count { block5(input + 24 * i, codes: 4, minimum: 2, out + 32 * i) }
        case .q8_0: for i in 0..<count { block8(input + 34 * i, out + 32 * i) }
        case .q4_K: for i in 0..<count { superblock4(input + 144 * i, out + 256 * i) }
        case .q5_K: for i in 0..<count { superblock5(input + 176 * i, out + 256 * i) }
        case .q6_K: for i in 0..<count { superblock6(input + 210 * i, out + 256 * i) }
        }
    }

    /// The same on all cores; worth it from about a megabyte of output.
    public func dequantizeInParallel(
        _ blocks: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<Float>
    ) {
        // A multiple of every block size; 512 KB of output a piece stays in a core's own cache.
        let piece = 1 << 17
        guard output.count >= 2 * piece else { return dequantize(blocks, into: output) }
        // Pieces are disjoint in both buffers, and concurrentPerform returns after the last one.
        nonisolated(unsafe) let blocks = blocks
        nonisolated(unsafe) let output = output
        DispatchQueue.concurrentPerform(iterations: (output.count + piece - 1) / piece) { index in
            let elements = index * piece..<min((index + 1) * piece, output.count)
            let bytes = byteCount(elements: elements.lowerBound)..<byteCount(elements: elements.upperBound)
            dequantize(
                UnsafeRawBufferPointer(rebasing: blocks[bytes]),
                into: UnsafeMutableBufferPointer(rebasing: output[elements]))
        }
    }
}

/// An IEEE half at a byte offset, as f32. Integer and float operations only, so that a loop over it becomes vector code:
/// shifting exponent and fraction into place and multiplying by 2^112 is exact for normal and subnormal numbers; infinity
/// and NaN are what comes out as 65,536 or more, and get the largest exponent back.
@inline(__always)
func halfValue(_ input: UnsafeRawPointer, _ offset: Int) -> Float {
    let half = UInt32(input.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    let scaled = (Float(bitPattern: (half & 0x7FFF) << 13) * 0x1p112).bitPattern
    let special: UInt32 = scaled >= 0x4780_0000 ? 0x7F80_0000 : 0
    return Float(bitPattern: scaled | special | (half & 0x8000) << 16)
}

@inline(__always)
private func byte(_ input: UnsafeRawPointer, _ offset: Int) -> UInt8 {
    input.load(fromByteOffset: offset, as: UInt8.self)
}

/// Q4_0 and Q4_1: low nibbles are elements 0 to 15, high ones 16 to 31.
@inline(__always)
private func block4(_ input: UnsafeRawPointer, codes: Int, minimum: Int?, _ out: UnsafeMutablePointer<Float>) {
    let scale = halfValue(input, 0)
    let shift: Float = minimum == nil ? 8 : 0
    let low = minimum.map { halfValue(input, $0) } ?? 0
    for j in 0..<16 {
        let code = byte(input, codes + j)
        out[j] = (Float(code & 15) - shift) * scale + low
        out[j + 16] = (Float(code >> 4) - shift) * scale + low
    }
}

/// Q5_0 and Q5_1: as Q4, with the fifth bit of element e at bit e of a 32-bit word before the codes.
@inline(__always)
private func block5(_ input: UnsafeRawPointer, codes: Int, minimum: Int?, _ out: UnsafeMutablePointer<Float>) {
    let scale = halfValue(input, 0)
    let shift: Float = minimum == nil ? 16 : 0
    let low = minimum.map { halfValue(input, $0) } ?? 0
    let high = input.loadUnaligned(fromByteOffset: codes, as: UInt32.self)
    for j in 0..<16 {
        let code = UInt32(byte(input, codes + 4 + j))
        let first = code & 15 | (high >> UInt32(j) & 1) << 4
        let second = code >> 4 | (high >> UInt32(j + 16) & 1) << 4
        out[j] = (Float(Int32(bitPattern: first)) - shift) * scale + low
        out[j + 16] = (Float(Int32(bitPattern: second)) - shift) * scale + low
    }
}

@inline(__always)
private func block8(_ input: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = halfValue(input, 0)
    for j in 0..<32 { out[j] = Float(Int8(bitPattern: byte(input, 2 + j))) * scale }
}

/// The six-bit scale and minimum of sub-block `s` of 32 elements, from the twelve bytes of Q4_K and Q5_K.
@inline(__always)
private func scaleAndMinimum(_ packed: UnsafeRawPointer, _ s: Int) -> (scale: Float, minimum: Float) {
    if s < 4 { return (Float(byte(packed, s) & 63), Float(byte(packed, s + 4) & 63)) }
    let scale = byte(packed, s + 4) & 15 | (byte(packed, s - 4) >> 6) << 4
    let minimum = byte(packed, s + 4) >> 4 | (byte(packed, s) >> 6) << 4
    return (Float(scale), Float(minimum))
}

@inline(__always)
private func superblock4(_ input: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = halfValue(input, 0)
    let minimum = halfValue(input, 2)
    for chunk in 0..<4 {
        let first = scaleAndMinimum(input + 4, 2 * chunk)
        let second = scaleAndMinimum(input + 4, 2 * chunk + 1)
        let (scale1, minimum1) = (scale * first.scale, minimum * first.minimum)
        let (scale2, minimum2) = (scale * second.scale, minimum * second.minimum)
        let codes = input + 16 + 32 * chunk
        let out = out + 64 * chunk
        for l in 0..<32 {
            out[l] = scale1 * Float(byte(codes, l) & 15) - minimum1
            out[l + 32] = scale2 * Float(byte(codes, l) >> 4) - minimum2
        }
    }
}

@inline(__always)
private func superblock5(_ input: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = halfValue(input, 0)
    let minimum = halfValue(input, 2)
    let high = input + 16
    for chunk in 0..<4 {
        let first = scaleAndMinimum(input + 4, 2 * chunk)
        let second = scaleAndMinimum(input + 4, 2 * chunk + 1)
        let (scale1, minimum1) = (scale * first.scale, minimum * first.minimum)
        let (scale2, minimum2) = (scale * second.scale, minimum * second.minimum)
        let codes = input + 48 + 32 * chunk
        let out = out + 64 * chunk
        let shift = UInt8(2 * chunk)
        for l in 0..<32 {
            let fifth = byte(high, l) >> shift
            out[l] = scale1 * Float(byte(codes, l) & 15 | (fifth & 1) << 4) - minimum1
            out[l + 32] = scale2 * Float(byte(codes, l) >> 4 | (fifth >> 1 & 1) << 4) - minimum2
        }
    }
}

@inline(__always)
private func superblock6(_ input: UnsafeRawPointer, _ out: UnsafeMutablePointer<Float>) {
    let scale = halfValue(input, 208)
    for half in 0..<2 {
        let low = input + 64 * half
        let high = input + 128 + 32 * half
        let scales = input + 192 + 8 * half
        let out = out + 128 * half
        for group in 0..<2 {
            @inline(__always)
            func subscale(_ index: Int) -> Float { scale * Float(Int8(bitPattern: byte(scales, group + index))) }
            let (d1, d2, d3, d4) = (subscale(0), subscale(2), subscale(4), subscale(6))
            for l in 16 * group..<16 * group + 16 {
                let (a, b, h) = (byte(low, l), byte(low, l + 32), byte(high, l))
                out[l] = d1 * Float(Int32(a & 15 | (h & 3) << 4) - 32)
                out[l + 32] = d2 * Float(Int32(b & 15 | (h >> 2 & 3) << 4) - 32)
                out[l + 64] = d3 * Float(Int32(a >> 4 | (h >> 4 & 3) << 4) - 32)
                out[l + 96] = d4 * Float(Int32(b >> 4 | (h >> 6) << 4) - 32)
            }
        }
    }
}
