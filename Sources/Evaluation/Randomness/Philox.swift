/// The Philox-4x32-10 block function (Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3").
///
/// A block is a pure function of a 128-bit counter and a 64-bit key, so any number of any stream can be computed alone.
public enum Philox {
    private static let multipliers: (UInt32, UInt32) = (0xD251_1F53, 0xCD9E_8D57)
    private static let keyIncrements: (UInt32, UInt32) = (0x9E37_79B9, 0xBB67_AE85)
    private static let rounds = 10

    /// - Parameters:
    ///   - counter: four words, the lowest first.
    ///   - key: the lower word of the key is mixed into the first multiplication of every round.
    /// - Returns: four uniformly distributed 32-bit words.
    @inlinable
    public static func block(counter: SIMD4<UInt32>, key: UInt64) -> SIMD4<UInt32> {
        permuted(counter, UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
    }

    @usableFromInline
    static func permuted(_ counter: SIMD4<UInt32>, _ lowKey: UInt32, _ highKey: UInt32) -> SIMD4<UInt32> {
        var (first, second, third, fourth) = (counter.x, counter.y, counter.z, counter.w)
        var (low, high) = (lowKey, highKey)
        for _ in 0..<rounds {
            let one = multipliers.0.multipliedFullWidth(by: first)
            let two = multipliers.1.multipliedFullWidth(by: third)
            (first, second, third, fourth) = (two.high ^ second ^ low, two.low, one.high ^ fourth ^ high, one.low)
            low &+= keyIncrements.0
            high &+= keyIncrements.1
        }
        return SIMD4(first, second, third, fourth)
    }
}
