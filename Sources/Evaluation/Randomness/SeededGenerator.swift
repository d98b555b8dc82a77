/// A reproducible, splittable generator for everything that uses no tensors: simulators, splits, shuffles, bootstraps.
///
/// The same seed and keys give the same numbers on every machine, whatever else was drawn before, because a number is a
/// function of (seed, keys, position) by ``Philox``. A simulator asks for `SeededGenerator(seed: seed, user, step)` and
/// needs no state of its own; two different lists of keys give independent streams.
///
/// The draws below are our own rather than the standard library's (`Int.random(in:using:)`, `shuffled(using:)`), whose
/// algorithms may change between Swift versions.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Equatable {
    private var key: UInt64
    private var stream: UInt64
    private var position: UInt64 = 0
    private var spare: UInt64?
    private var spareNormal: Double?

    /// Separates the keys of child streams from the numbers drawn by their parent.
    private static let splitMark: UInt64 = 0x5851_F42D_4C95_7F2D

    /// The stream of a seed, then of each key in turn: `init(seed: s, a, b)` equals `init(seed: s).split(a).split(b)`.
    public init(seed: UInt64, _ keys: UInt64...) {
        self.init(seed: seed, keys: keys)
    }

    /// The stream of a seed, then of each key in turn.
    public init(seed: UInt64, keys: some Sequence<UInt64>) {
        key = seed
        stream = 0
        for value in keys { self = split(value) }
    }

    private init(key: UInt64, stream: UInt64) {
        self.key = key
        self.stream = stream
    }

    /// An independent stream named by `value`. It does not depend on how many numbers were drawn from `self`.
    public func split(_ value: UInt64) -> SeededGenerator {
        let words = Philox.block(counter: Self.counter(value, stream), key: key ^ Self.splitMark)
        return SeededGenerator(key: Self.joined(words.x, words.y), stream: Self.joined(words.z, words.w))
    }

    /// An independent stream named by a word, for example `split("dropout")` (64-bit FNV-1a of its UTF-8 bytes).
    public func split(_ name: String) -> SeededGenerator {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return split(hash)
    }

    /// The next 64 uniformly distributed bits.
    public mutating func next() -> UInt64 {
        if let value = spare {
            spare = nil
            return value
        }
        let words = Philox.block(counter: Self.counter(position, stream), key: key)
        position &+= 1
        spare = Self.joined(words.z, words.w)
        return Self.joined(words.x, words.y)
    }

    mutating func takeSpareNormal() -> Double? {
        defer { spareNormal = nil }
        return spareNormal
    }

    mutating func keepSpareNormal(_ value: Double) { spareNormal = value }

    private static func counter(_ low: UInt64, _ high: UInt64) -> SIMD4<UInt32> {
        SIMD4(
            UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32), UInt32(truncatingIfNeeded: high),
            UInt32(truncatingIfNeeded: high >> 32))
    }

    private static func joined(_ low: UInt32, _ high: UInt32) -> UInt64 { UInt64(low) | UInt64(high) << 32 }
}

// MARK: - Draws

extension SeededGenerator {
    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in [range.lowerBound, range.upperBound).
    public mutating func uniform(in range: Range<Double>) -> Double {
        range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
    }

    /// Uniform in 0 ..< bound without bias (Lemire 2019, "Fast random integer generation in an interval").
    public mutating func integer(below bound: Int) -> Int {
        precondition(bound > 0, "integer(below: \(bound)): the bound must be positive")
        let width = UInt64(bound)
        var product = width.multipliedFullWidth(by: next())
        if product.low < width {
            let threshold = (0 &- width) % width
            while product.low < threshold { product = width.multipliedFullWidth(by: next()) }
        }
        return Int(product.high)
    }

    /// True with the given probability; always consumes one number.
    public mutating func bernoulli(_ probability: Double) -> Bool { uniform() < probability }

    /// An index drawn in proportion to non-negative weights.
    public mutating func index(weights: some Collection<Double>) -> Int {
        let total = weights.reduce(0, +)
        precondition(total > 0 && total.isFinite, "index(weights:) needs a positive finite total, found \(total)")
        var remaining = uniform() * total
        var last = 0
        for (position, weight) in weights.enumerated() where weight > 0 {
            if remaining < weight { return position }
            remaining -= weight
            last = position
        }
        return last  // rounding only: the sum of the parts may fall short of the total
    }

    /// One element, each equally likely.
    public mutating func element<Elements: RandomAccessCollection>(of elements: Elements) -> Elements.Element {
        elements[elements.index(elements.startIndex, offsetBy: integer(below: elements.count))]
    }

    /// A uniformly random order (Fisher and Yates).
    public mutating func shuffled<Element>(_ elements: some Sequence<Element>) -> [Element] {
        var result = Array(elements)
        for last in stride(from: result.count - 1, to: 0, by: -1) { result.swapAt(last, integer(below: last + 1)) }
        return result
    }
}
