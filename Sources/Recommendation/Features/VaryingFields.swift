import Tensors

/// Which fields of a batch differ between its rows, where the rest are known to be alike: those of one user who is asked
/// about many items.
package struct VaryingFields {
    /// Places of categories and of numbers, `int64`; nil where none differ.
    let categories: Tensor?
    let numbers: Tensor?
    /// Places of bags.
    let bags: [Int]
    /// Places among all fields of the schema: categories, numbers, sequences, bags.
    private let own: [Int]
    private let alike: [Int]
    let sharedFields: Tensor

    /// - Returns: nil where all fields differ.
    package init?(categories: [Int], numbers: [Int] = [], bags: [Int] = [], of schema: FeatureSchema) {
        let own =
            categories + numbers.map { schema.categories.count + $0 }
            + bags.map { schema.fieldCount - schema.bags.count + $0 }
        let alike = (0..<schema.fieldCount).filter { !own.contains($0) }
        guard !own.isEmpty, !alike.isEmpty else { return nil }
        self.categories = categories.isEmpty ? nil : Tensor(categories)
        self.numbers = numbers.isEmpty ? nil : Tensor(numbers)
        self.bags = bags
        self.own = own
        self.alike = alike
        sharedFields = Tensor(alike)
    }

    /// Columns of the fields in a row of vectors side by side.
    func columns(dimensions: Int) -> (own: Tensor, shared: Tensor) {
        func columns(_ fields: [Int]) -> Tensor {
            Tensor(fields.flatMap { ($0 * dimensions)..<(($0 + 1) * dimensions) })
        }
        return (columns(own), columns(alike))
    }
}
