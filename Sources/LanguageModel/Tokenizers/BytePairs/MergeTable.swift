/// Which pairs of tokens merge, with which priority, into which token: open addressing over the pair of ids.
final class MergeTable: @unchecked Sendable {
    /// No merge; larger than every real entry.
    static let none = UInt64.max

    private struct Slot {
        var pair: UInt64
        /// Rank in the upper half, merged id in the lower, so that the smallest value is the first merge to apply.
        var merge: UInt64
    }

    // Written during initialisation only, which makes sharing safe.
    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    private(set) var count = 0

    /// - Parameter capacity: how many merges may be inserted.
    init(capacity: Int) {
        let size = tableCapacity(for: capacity)
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: Slot(pair: .max, merge: Self.none), count: size)
    }

    deinit { slots.deallocate() }

    @inline(__always)
    private func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func start(_ pair: UInt64) -> Int {
        Int(truncatingIfNeeded: folded(pair ^ 0x9E37_79B9_7F4A_7C15)) & mask
    }

    /// Adds a merge; of two merges for one pair the later counts, as in the files' reference reader.
    func insert(_ left: TokenID, _ right: TokenID, rank: Int, merged: TokenID) {
        let pair = key(left, right)
        var slot = start(pair)
        while slots[slot].pair != .max, slots[slot].pair != pair { slot = (slot + 1) & mask }
        if slots[slot].pair == .max {
            precondition(count <= mask / 2, "merge table sized too small by its builder")
            count += 1
        }
        slots[slot] = Slot(pair: pair, merge: UInt64(UInt32(rank)) << 32 | UInt64(UInt32(bitPattern: merged)))
    }

    /// `rank << 32 | merged`, or `none`.
    @inline(__always)
    func find(_ left: TokenID, _ right: TokenID) -> UInt64 {
        if left < 0 || right < 0 { return Self.none }
        let pair = key(left, right)
        var slot = start(pair)
        while true {
            let entry = slots[slot]
            if entry.pair == pair { return entry.merge }
            if entry.pair == .max { return Self.none }
            slot = (slot + 1) & mask
        }
    }

    /// All merges as (left, right), lowest rank first.
    var ordered: [(left: TokenID, right: TokenID)] {
        var entries: [(rank: UInt64, pair: UInt64)] = []
        entries.reserveCapacity(count)
        for slot in 0...mask where slots[slot].pair != .max {
            entries.append((slots[slot].merge >> 32, slots[slot].pair))
        }
        entries.sort { $0.rank < $1.rank }
        return entries.map {
            (TokenID(bitPattern: UInt32($0.pair >> 32)), TokenID(bitPattern: UInt32(truncatingIfNeeded: $0.pair)))
        }
    }
}
