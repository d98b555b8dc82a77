/// Scratch memory for merging one piece after another, reused so that encoding allocates nothing per piece.
struct MergeWorkspace: ~Copyable {
    private(set) var symbols: UnsafeMutablePointer<TokenID>
    private var merges: UnsafeMutablePointer<UInt64>
    private var capacity: Int
    private var heap = MergeHeap()

    init() {
        capacity = 256
        symbols = .allocate(capacity: capacity)
        merges = .allocate(capacity: capacity)
    }

    deinit {
        symbols.deallocate()
        merges.deallocate()
    }

    /// Makes room for `count` symbols; what was in the workspace is gone.
    mutating func reserve(_ count: Int) {
        guard count > capacity else { return }
        symbols.deallocate()
        merges.deallocate()
        capacity = count * 2
        symbols = .allocate(capacity: capacity)
        merges = .allocate(capacity: capacity)
    }

    /// Above this many symbols a heap beats looking for the minimum again after each merge.
    private static let longestScan = 96

    /// Merges the first `count` symbols in place, lowest rank first and leftmost among equals.
    /// - Returns: how many symbols are left.
    mutating func merge(_ count: Int, by table: MergeTable) -> Int {
        if count < 2 { return count }
        if count > Self.longestScan { return heap.merge(symbols, count, by: table) }
        var count = count
        for index in 0..<count - 1 { merges[index] = table.find(symbols[index], symbols[index + 1]) }
        while count > 1 {
            var best = MergeTable.none
            var place = 0
            for index in 0..<count - 1 where merges[index] < best {
                best = merges[index]
                place = index
            }
            if best == MergeTable.none { break }
            symbols[place] = TokenID(truncatingIfNeeded: best & 0xFFFF_FFFF)
            count -= 1
            for index in place + 1..<max(place + 1, count) {
                symbols[index] = symbols[index + 1]
                merges[index - 1] = merges[index]
            }
            // merges[i] belongs to (i, i + 1): shift the tail, then renew the two pairs that touch the new symbol.
            if place + 1 < count { merges[place] = table.find(symbols[place], symbols[place + 1]) }
            if place > 0 { merges[place - 1] = table.find(symbols[place - 1], symbols[place]) }
        }
        return count
    }
}

/// Merging of long runs: a linked list of symbols and a heap of candidate merges.
struct MergeHeap {
    private struct Candidate: HeapElement {
        /// Rank, then position: lower first.
        var rank: UInt32
        var place: UInt32
        var left: TokenID
        var right: TokenID

        @inline(__always)
        func precedes(_ other: Candidate) -> Bool { rank != other.rank ? rank < other.rank : place < other.place }
    }

    private var candidates = Heap<Candidate>()
    private var next: [Int32] = []
    private var previous: [Int32] = []

    mutating func merge(_ symbols: UnsafeMutablePointer<TokenID>, _ count: Int, by table: MergeTable) -> Int {
        next.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        candidates.removeAll()
        for index in 0..<count {
            next.append(index + 1 < count ? Int32(index + 1) : -1)
            previous.append(Int32(index) - 1)
        }
        for index in 0..<count - 1 { propose(symbols, index, index + 1, table) }
        while let best = candidates.pop() {
            let left = Int(best.place)
            let right = Int(next[left])
            // The symbols may have changed since the candidate was proposed.
            guard symbols[left] == best.left, right >= 0, symbols[right] == best.right else { continue }
            let merge = table.find(best.left, best.right)
            symbols[left] = TokenID(truncatingIfNeeded: merge & 0xFFFF_FFFF)
            symbols[right] = Self.gone
            next[left] = next[right]
            if next[right] >= 0 { previous[Int(next[right])] = Int32(left) }
            if next[left] >= 0 { propose(symbols, left, Int(next[left]), table) }
            if previous[left] >= 0 { propose(symbols, Int(previous[left]), left, table) }
        }
        var kept = 0
        for index in 0..<count where symbols[index] != Self.gone {
            symbols[kept] = symbols[index]
            kept += 1
        }
        return kept
    }

    /// Marks a symbol that was merged away; differs from every id and from "unknown" (-1).
    private static let gone = TokenID.min

    private mutating func propose(
        _ symbols: UnsafeMutablePointer<TokenID>, _ left: Int, _ right: Int, _ table: MergeTable
    ) {
        let merge = table.find(symbols[left], symbols[right])
        guard merge != MergeTable.none else { return }
        candidates.push(
            Candidate(
                rank: UInt32(truncatingIfNeeded: merge >> 32), place: UInt32(left), left: symbols[left],
                right: symbols[right]))
    }
}
