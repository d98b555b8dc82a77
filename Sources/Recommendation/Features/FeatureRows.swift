public import Tensors

/// Encoded rows of a schema, contiguous; sequences and bags are ranges into one array, so that rows of one user or item
/// can share it.
public struct FeatureRows: Sendable {
    public let schema: FeatureSchema
    public private(set) var count = 0
    /// `[rows, categories]`.
    public private(set) var categories: [Int32] = []
    /// `[rows, numbers]`.
    public private(set) var numbers: [Float] = []
    /// `[rows, tasks]`; not a number where a label is unknown: such labels do not train.
    public private(set) var labels: [Float] = []
    /// Of each row, `0 ..< domainCount`; empty where there is one domain.
    public private(set) var domains: [Int32] = []
    /// The values of all sequences and bags; index 0 is never among them.
    public private(set) var sequenceValues: [Int32] = []
    /// `[rows, sequences]`.
    public private(set) var sequenceRanges: [Range<Int32>] = []
    /// `[rows, bags]`, ranges of ``sequenceValues`` too.
    public private(set) var bagRanges: [Range<Int32>] = []

    public init(schema: FeatureSchema) { self.schema = schema }

    /// The same rows where all belong to one domain.
    func withoutDomains() -> FeatureRows {
        var schema = schema
        schema.domainCount = 1
        var result = FeatureRows(schema: schema)
        (result.count, result.categories, result.numbers, result.labels) = (count, categories, numbers, labels)
        (result.sequenceValues, result.sequenceRanges) = (sequenceValues, sequenceRanges)
        result.bagRanges = bagRanges
        return result
    }

    /// Adds a row.
    ///
    /// - Parameters:
    ///   - sequences: one list each, oldest first; the newest `length` values are kept.
    ///   - bags: one list each; a value that stands twice counts twice.
    ///   - labels: one for each task; NaN where unknown. Nil for rows to be scored.
    /// - Throws: ``RecommendationError`` where counts, indices or numbers do not fit the schema.
    public mutating func append(
        categories: [Int32], numbers: [Float] = [], sequences: [[Int32]] = [], bags: [[Int32]] = [],
        labels: [Float]? = nil, domain: Int = 0
    ) throws {
        try check(categories, numbers, sequences.count, bags.count, labels, domain)
        try checkLists(sequences, bags)
        var ranges: [Range<Int32>] = []
        for (field, values) in zip(schema.sequences, sequences) {
            let start = Int32(sequenceValues.count)
            sequenceValues += values.suffix(field.length)
            ranges.append(start..<Int32(sequenceValues.count))
        }
        try append(
            categories: categories, numbers: numbers, ranges: ranges, bagRanges: bags.map { appendSequenceValues($0) },
            labels: labels, domain: domain)
    }

    /// Puts values behind all others, for rows that share them by range.
    /// - Returns: where they stand.
    public mutating func appendSequenceValues(_ values: [Int32]) -> Range<Int32> {
        let start = Int32(sequenceValues.count)
        sequenceValues += values
        return start..<Int32(sequenceValues.count)
    }

    /// Adds a row whose sequences and bags are ranges of ``sequenceValues``; the newest `length` values of sequences are
    /// kept.
    /// - Throws: ``RecommendationError``.
    public mutating func append(
        categories: [Int32], numbers: [Float] = [], ranges: [Range<Int32>], bagRanges: [Range<Int32>] = [],
        labels: [Float]? = nil, domain: Int = 0
    ) throws {
        try check(categories, numbers, ranges.count, bagRanges.count, labels, domain)
        self.categories += categories
        self.numbers += numbers
        for (field, range) in zip(schema.sequences, ranges) {
            sequenceRanges.append(max(range.lowerBound, range.upperBound - Int32(field.length))..<range.upperBound)
        }
        self.bagRanges += bagRanges
        self.labels += labels ?? [Float](repeating: .nan, count: schema.tasks.count)
        if schema.domainCount > 1 { domains.append(Int32(domain)) }
        count += 1
    }

    /// The rows at `indices` as tensors.
    public func batch(_ indices: some RandomAccessCollection<Int>) -> FeatureBatch {
        let rows = indices.count
        func gathered<Value>(_ values: [Value], width: Int) -> [Value] {
            var result: [Value] = []
            result.reserveCapacity(rows * width)
            for index in indices { result += values[(index * width)..<((index + 1) * width)] }
            return result
        }
        let fields = schema.categories.count
        let known = gathered(labels, width: schema.tasks.count)
        var batch = FeatureBatch(
            categories: Tensor(gathered(categories, width: fields), shape: [rows, fields]).cast(to: .int64),
            labels: Tensor(known, shape: [rows, schema.tasks.count]), knownLabels: known.count { !$0.isNaN })
        if !schema.numbers.isEmpty {
            let width = schema.numbers.count
            batch.numbers = Tensor(gathered(numbers, width: width), shape: [rows, width])
        }
        if schema.domainCount > 1 { batch.domains = Tensor(gathered(domains, width: 1)).cast(to: .int64) }
        for (place, field) in schema.sequences.enumerated() {
            let ranges = indices.map { sequenceRanges[$0 * schema.sequences.count + place] }
            // No longer than the longest of the batch; one column stays where all are empty.
            let length = min(field.length, max(1, ranges.map(\.count).max() ?? 1))
            var values = [Int32](repeating: 0, count: rows * length)
            for (row, range) in ranges.enumerated() {
                for (column, value) in range.enumerated() { values[row * length + column] = sequenceValues[Int(value)] }
            }
            batch.sequences.append(Tensor(values, shape: [rows, length]).cast(to: .int64))
        }
        batch.bags = schema.bags.indices.map { place in
            FeatureBatch.Bag(sequenceValues, ranges: indices.map { bagRanges[$0 * schema.bags.count + place] })
        }
        return batch
    }

    /// All rows as one batch.
    public var all: FeatureBatch { batch(0..<count) }

    /// The known labels of a task by row; nil where unknown.
    public func label(_ row: Int, task: Int) -> Float? {
        let value = labels[row * schema.tasks.count + task]
        return value.isNaN ? nil : value
    }

    private func check(
        _ categories: [Int32], _ numbers: [Float], _ sequences: Int, _ bags: Int, _ labels: [Float]?, _ domain: Int
    ) throws {
        func require(_ what: String, _ found: Int, _ expected: Int) throws {
            guard found == expected else {
                throw RecommendationError.fieldCount(what: what, found: found, expected: expected)
            }
        }
        try require("categories", categories.count, schema.categories.count)
        try require("numbers", numbers.count, schema.numbers.count)
        try require("sequences", sequences, schema.sequences.count)
        try require("bags", bags, schema.bags.count)
        try require("labels", labels?.count ?? schema.tasks.count, schema.tasks.count)
        for (field, value) in zip(schema.categories, categories) where value < 0 || value >= field.count {
            throw RecommendationError.categoryOutOfRange(field: field.name, found: value, count: field.count)
        }
        if let place = numbers.firstIndex(where: { !$0.isFinite }) {
            throw RecommendationError.numberNotFinite(field: schema.numbers[place], row: count)
        }
        guard (0..<schema.domainCount).contains(domain) else {
            throw RecommendationError.categoryOutOfRange(
                field: "domain", found: Int32(clamping: domain), count: schema.domainCount)
        }
    }

    private func checkLists(_ sequences: [[Int32]], _ bags: [[Int32]]) throws {
        func require(_ values: [Int32], _ field: String, below size: Int) throws {
            if let stranger = values.first(where: { $0 < 1 || $0 >= size }) {
                throw RecommendationError.categoryOutOfRange(field: field, found: stranger, count: size)
            }
        }
        for (field, values) in zip(schema.sequences, sequences) {
            let size = schema.place(ofCategory: field.category).map { schema.categories[$0].count } ?? 0
            try require(values, field.name, below: size)
        }
        for (field, values) in zip(schema.bags, bags) { try require(values, field.name, below: field.count) }
    }
}

/// Rows of features as tensors.
public struct FeatureBatch {
    /// The values of one bag in all rows, without padding: one row with very many costs no other row anything.
    public struct Bag {
        public var values: Tensor  // [values of all rows], int64, row after row
        /// Where the values of each row begin: `[rows]`, or `[1]` where all rows have the same; int64.
        public var starts: Tensor

        /// - Parameters:
        ///   - values: of many rows.
        ///   - ranges: which of them each row of the batch has.
        public init(_ values: [Int32], ranges: [Range<Int32>]) {
            var kept: [Int32] = []
            var starts: [Int] = []
            kept.reserveCapacity(ranges.reduce(0) { $0 + $1.count })
            starts.reserveCapacity(ranges.count)
            for range in ranges {
                starts.append(kept.count)
                for place in range { kept.append(values[Int(place)]) }
            }
            self.values = Tensor(kept, shape: [kept.count]).cast(to: .int64)
            self.starts = Tensor(starts)
        }

        private init(values: Tensor, starts: Tensor) {
            self.values = values
            self.starts = starts
        }

        var firstRow: Bag {
            guard starts.count > 1 else { return self }
            let end = starts.slice(1..<2, along: 0).integers[0]
            return Bag(values: values.slice(0..<end, along: 0), starts: starts.slice(0..<1, along: 0))
        }
    }

    public var categories: Tensor  // [rows, categories], int64
    public var numbers: Tensor?  // [rows, numbers], f32
    /// Each `[rows, length]`, or `[1, length]` where all rows have the same; int64; 0 is padding, on the right.
    public var sequences: [Tensor] = []
    public var bags: [Bag] = []
    public var labels: Tensor  // [rows, tasks], f32; NaN where unknown
    /// How many labels are known.
    public var knownLabels: Int
    public var domains: Tensor?  // [rows], int64
    /// Set where all other fields and the domain are the same in all rows: models may compute them once.
    package var varying: VaryingFields?

    public init(
        categories: Tensor, numbers: Tensor? = nil, sequences: [Tensor] = [], bags: [Bag] = [], labels: Tensor,
        knownLabels: Int, domains: Tensor? = nil
    ) {
        self.categories = categories
        self.numbers = numbers
        self.sequences = sequences
        self.bags = bags
        self.labels = labels
        self.knownLabels = knownLabels
        self.domains = domains
    }

    public var rowCount: Int { categories.size(0) }

    /// The first row alone, without labels.
    var firstRow: FeatureBatch {
        func first(_ x: Tensor) -> Tensor { x.slice(0..<1, along: 0) }
        return FeatureBatch(
            categories: first(categories), numbers: numbers.map(first), sequences: sequences.map(first),
            bags: bags.map(\.firstRow), labels: first(labels), knownLabels: 0, domains: domains.map(first))
    }
}
