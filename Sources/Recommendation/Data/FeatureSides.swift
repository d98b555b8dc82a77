import Corpora

extension FeatureEncoder.Side {
    /// The features of users or of items: vocabularies and moments of those with these names, and a row for each of them
    /// behind the stranger's.
    init(_ table: FeatureTable, names: [String], key: String, ignored: [String]) throws {
        let columns = try FeatureColumns(table, except: [key], ignored: ignored)
        let rows = try table.rows(alignedTo: IdentifierMap(names), key: key).map(Int.init)
        let known = rows.filter { $0 >= 0 }
        categories = columns.categories
        vocabularies = try categories.map { try table.vocabulary(of: $0, rows: known) }
        numbers = columns.numbers.map(\.name)
        moments = columns.numbers.map { number in .init(known.map { number.column[$0] }) }
        bags = try columns.bags.map { .init(name: $0, vocabulary: try table.vocabulary(ofLists: $0, rows: known)) }
        try append([-1] + rows, of: table)
    }

    /// - Parameter rows: of the table; -1 for nobody.
    private mutating func append(_ rows: [Int], of table: FeatureTable) throws {
        let columns = try zip(categories, vocabularies).map { try Translation(table, $0, to: $1) }
        let numbers = try FeatureColumns.numbers(numbers, of: table)
        for row in rows {
            for column in columns { indices.append(row < 0 ? 0 : (column[row] ?? -1) + 1) }
            for (column, moments) in zip(numbers, moments) { values.append(row < 0 ? 0 : moments.scaled(column[row])) }
        }
        for place in bags.indices {
            let lists = try ListTranslation(table, bags[place].name, to: bags[place].vocabulary)
            for row in rows {
                if row >= 0 { bags[place].values += lists[row] }
                bags[place].offsets.append(Int32(bags[place].values.count))
            }
        }
    }

    /// Adds the features of everybody in a column who has no row yet.
    /// - Parameters:
    ///   - column: users or items of interactions.
    ///   - table: their features; nil for none.
    /// - Returns: the row of each name of the column.
    mutating func rows(of column: Translation, in table: FeatureTable?, key: String) throws -> [Int] {
        let tokens = column.vocabulary.tokens
        var rows = tokens.indices.map { Int((column.index(ofToken: $0) ?? -1) + 1) }
        guard let table, !(categories.isEmpty && numbers.isEmpty && bags.isEmpty) else { return rows }
        let strangers = tokens.indices.filter { rows[$0] == 0 }
        let found = try table.rows(alignedTo: IdentifierMap(strangers.map { tokens[$0] }), key: key)
        let first = rowCount
        let known = zip(strangers, found).filter { $0.1 >= 0 }
        try append(known.map { Int($0.1) }, of: table)
        for (place, (token, _)) in known.enumerated() { rows[token] = first + place }
        return rows
    }

    private var rowCount: Int {
        if !categories.isEmpty { return indices.count / categories.count }
        return numbers.isEmpty ? (bags.first?.offsets.count ?? 1) - 1 : values.count / numbers.count
    }
}

/// The lists of users or of items as ranges of the values of rows, which share them.
struct BagRanges {
    private let start: Int32
    private let offsets: [Int32]

    init(_ bag: FeatureEncoder.Bag, in rows: inout FeatureRows) {
        start = rows.appendSequenceValues(bag.values).lowerBound
        offsets = bag.offsets
    }

    subscript(row: Int) -> Range<Int32> { (start + offsets[row])..<(start + offsets[row + 1]) }
}
