/// What a `Heap` holds.
protocol HeapElement {
    /// Whether this element comes out before the other.
    func precedes(_ other: Self) -> Bool
}

/// A binary heap; the element that precedes all others comes out first.
struct Heap<Element: HeapElement> {
    private var elements: [Element] = []

    mutating func removeAll() { elements.removeAll(keepingCapacity: true) }

    mutating func push(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, element.precedes(elements[(child - 1) / 2]) {
            elements[child] = elements[(child - 1) / 2]
            child = (child - 1) / 2
        }
        elements[child] = element
    }

    mutating func pop() -> Element? {
        guard let first = elements.first, let last = elements.popLast() else { return nil }
        guard !elements.isEmpty else { return first }
        var parent = 0
        while 2 * parent + 1 < elements.count {
            var child = 2 * parent + 1
            if child + 1 < elements.count, elements[child + 1].precedes(elements[child]) { child += 1 }
            guard elements[child].precedes(last) else { break }
            elements[parent] = elements[child]
            parent = child
        }
        elements[parent] = last
        return first
    }
}
