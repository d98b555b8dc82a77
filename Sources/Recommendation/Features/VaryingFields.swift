import Tensors

/// Which fields of a batch differ between its rows, where the rest are known to be alike: those of one user who is asked
/// about many items.
package struct VaryingFields {
    let categories: AxisPlaces
    let numbers: AxisPlaces
    /// Places of bags.
    let bags: [Int]
    /// Places among all fields of the schema: categories, numbers, sequences, bags.
    private let own: [Int]
    private let sequences: Range<Int>
    private let fieldCount: Int

    /// Places are in ascending order.
    /// - Returns: nil where all fields differ.
    package init?(categories: [Int], numbers: [Int] = [], bags: [Int] = [], of schema: FeatureSchema) {
        let firstBag = schema.fieldCount - schema.bags.count
        own = categories + numbers.map { schema.categories.count + $0 } + bags.map { firstBag + $0 }
        guard !own.isEmpty, own.count < schema.fieldCount else { return nil }
        self.categories = AxisPlaces(categories)
        self.numbers = AxisPlaces(numbers)
        self.bags = bags
        sequences = (firstBag - schema.sequences.count)..<firstBag
        fieldCount = schema.fieldCount
    }

    /// Where the fields that differ stand in a row of vectors side by side, and which fields do not: 1 for those, 0 for the
    /// others, `[1, fields, 1]`.
    /// - Parameter sequences: whether sequences differ as well: pooled by what differs, they do.
    func columns(dimensions: Int, withSequences: Bool) -> (own: AxisPlaces, alike: Tensor) {
        let fields = withSequences ? (own + sequences).sorted() : own
        var alike = [Float](repeating: 1, count: fieldCount)
        for field in fields { alike[field] = 0 }
        return (
            AxisPlaces(fields.flatMap { ($0 * dimensions)..<(($0 + 1) * dimensions) }),
            Tensor(alike, shape: [1, fieldCount, 1])
        )
    }
}

/// Places of an axis in ascending order. Side by side they are a view, otherwise they are copied.
struct AxisPlaces {
    private enum Selection {
        case range(Range<Int>)
        case indices(Tensor)
    }

    let places: [Int]
    private let selection: Selection

    init(_ places: [Int]) {
        self.places = places
        let range = (places.first ?? 0)..<((places.last ?? -1) + 1)
        selection = range.count == places.count ? .range(range) : .indices(Tensor(places))
    }

    var isEmpty: Bool { places.isEmpty }

    func callAsFunction(_ x: Tensor, along axis: Int) -> Tensor {
        switch selection {
        case .range(let range): range.count == x.size(axis) ? x : x.slice(range, along: axis)
        case .indices(let indices): x.selected(indices, along: axis)
        }
    }
}
