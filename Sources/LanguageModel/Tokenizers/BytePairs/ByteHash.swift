/// A 64-bit hash of `count` bytes by multiply-and-fold; good enough to spread tokens over a table, not to resist an
/// attacker (every hit is compared byte by byte).
@inline(__always)
func byteHash(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    let raw = UnsafeRawPointer(bytes)
    var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    if count >= 8 {
        var index = 0
        while index + 8 <= count {
            hash = folded(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        if index < count { hash = folded(hash ^ raw.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)) }
        return hash
    }
    if count >= 4 {
        let low = UInt64(raw.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
        let high = UInt64(raw.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
        return folded(hash ^ (low | high << 32))
    }
    if count == 0 { return hash }
    let few = UInt64(bytes[0]) | UInt64(bytes[count >> 1]) << 8 | UInt64(bytes[count - 1]) << 16
    return folded(hash ^ few)
}

@inline(__always)
func folded(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
}

/// Equality of two stretches of bytes.
@inline(__always)
func equalBytes(_ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var index = 0
    while index + 8 <= count {
        let a = UnsafeRawPointer(first).loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let b = UnsafeRawPointer(second).loadUnaligned(fromByteOffset: index, as: UInt64.self)
        if a != b { return false }
        index += 8
    }
    while index < count {
        if first[index] != second[index] { return false }
        index += 1
    }
    return true
}

/// The smallest power of two that leaves a table of `count` entries at most half full.
func tableCapacity(for count: Int) -> Int {
    var capacity = 16
    while capacity < count * 2 { capacity *= 2 }
    return capacity
}
