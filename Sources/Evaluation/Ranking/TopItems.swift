/// The best `capacity` items of a score vector, kept in a bounded heap whose root is the worst item kept.
///
/// Memory is `capacity` entries whatever the catalogue; one pass over the scores with a vector filter in front, so that
/// almost all items cost one comparison lane.
package struct TopItems {
    package struct Entry {
        package var score: Float
        package var item: Int32
        /// Order among equal scores, smaller first.
        package var tie: Int32
    }

    private let capacity: Int
    private var heap: [Entry] = []

    package init(capacity: Int) {
        self.capacity = capacity
        heap.reserveCapacity(capacity)
    }

    /// Ranks `scores`; items at negative infinity are excluded.
    ///
    /// - Parameters:
    ///   - relevant: ascending relevant items, for the tie rule.
    /// - Returns: the best items, best first, or `nil` when a score is not a number.
    package mutating func rank(
        _ scores: UnsafeBufferPointer<Float>, relevant: ArraySlice<Int32>, ties: TieRule
    ) -> [Entry]? {
        heap.removeAll(keepingCapacity: true)
        guard capacity > 0 else { return [] }
        var index = 0
        let width = 16
        var anyNaN = SIMDMask<SIMD16<Int32>>(repeating: false)
        while index + width <= scores.count {
            let block = UnsafeRawPointer(scores.baseAddress! + index).loadUnaligned(as: SIMD16<Float>.self)
            anyNaN = anyNaN .| (block .!= block)
            let threshold = heap.count < capacity ? -Float.infinity : heap[0].score
            if any(block .>= threshold) {
                for lane in 0..<width { offer(block[lane], Int32(index + lane), relevant, ties) }
            }
            index += width
        }
        if any(anyNaN) { return nil }
        while index < scores.count {
            if scores[index].isNaN { return nil }
            offer(scores[index], Int32(index), relevant, ties)
            index += 1
        }
        return heap.sorted(by: Self.precedes)
    }

    @inline(__always)
    private mutating func offer(_ score: Float, _ item: Int32, _ relevant: ArraySlice<Int32>, _ ties: TieRule) {
        guard score > -.infinity else { return }
        if heap.count == capacity, score < heap[0].score { return }
        let entry = Entry(score: score, item: item, tie: Self.tie(item, relevant, ties))
        if heap.count < capacity {
            heap.append(entry)
            siftUp(heap.count - 1)
        } else if Self.precedes(entry, heap[0]) {
            heap[0] = entry
            siftDown()
        }
    }

    private static func tie(_ item: Int32, _ relevant: ArraySlice<Int32>, _ ties: TieRule) -> Int32 {
        switch ties {
        case .itemIndex: 0
        case .relevantLast: contains(relevant, item) ? 1 : 0
        case .relevantFirst: contains(relevant, item) ? 0 : 1
        }
    }

    @inline(__always)
    package static func precedes(_ a: Entry, _ b: Entry) -> Bool {
        if a.score != b.score { return a.score > b.score }
        if a.tie != b.tie { return a.tie < b.tie }
        return a.item < b.item
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.precedes(heap[parent], heap[child]) else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var worst = parent
            for child in (2 * parent + 1)..<(2 * parent + 3) where child < heap.count {
                if Self.precedes(heap[worst], heap[child]) { worst = child }
            }
            guard worst != parent else { return }
            heap.swapAt(parent, worst)
            parent = worst
        }
    }
}

/// Binary search in an ascending slice.
package func contains(_ ascending: ArraySlice<Int32>, _ value: Int32) -> Bool {
    var low = ascending.startIndex
    var high = ascending.endIndex
    while low < high {
        let middle = (low + high) / 2
        if ascending[middle] < value { low = middle + 1 } else { high = middle }
    }
    return low < ascending.endIndex && ascending[low] == value
}
