import Corpora

/// What the columns of a table are to a model of features.
struct FeatureColumns {
    private(set) var categories: [String] = []
    /// Also the places of lists of numbers that are all of one length, as `name[place]`.
    private(set) var numbers: [(name: String, column: NumberColumn)] = []
    /// Lists of names.
    private(set) var bags: [String] = []
    /// Columns that are none of these, with the reason.
    private(set) var unread: [String] = []

    /// Longer lists of numbers are not read: each place is a field of its own.
    static let mostPlaces = 4096

    /// - Parameters:
    ///   - reserved: columns with another use.
    ///   - ignored: columns that shall not be read.
    init(_ table: FeatureTable, except reserved: Set<String>, ignored: [String]) throws {
        for field in table.fields where !reserved.contains(field.name) {
            let name = field.name
            guard !ignored.contains(name) else {
                unread.append("\(name) (ignored)")
                continue
            }
            switch try table.column(name) {
            case .token: categories.append(name)
            case .float(let values): numbers.append((name, .numbers(values)))
            case .tokenSequence: bags.append(name)
            case .floatSequence(let offsets, let values):
                let lengths = Set(zip(offsets, offsets.dropFirst()).map { $1 - $0 }).subtracting([0])
                if lengths.count == 1, let width = lengths.first, width <= Self.mostPlaces {
                    for place in 0..<Int(width) {
                        numbers.append(("\(name)[\(place)]", .place(place, offsets: offsets, values: values)))
                    }
                } else {
                    let range = lengths.min().map { "\($0) to \(lengths.max() ?? $0) numbers" } ?? "no number"
                    unread.append("\(name) (\(range) in a row; one length of at most \(Self.mostPlaces) is needed)")
                }
            }
        }
        unread += table.undeclared
    }

    /// The columns of numbers by name.
    /// - Throws: `InteractionError.missingColumn` where the table has no such column.
    static func numbers(_ names: [String], of table: FeatureTable) throws -> [NumberColumn] {
        guard !names.isEmpty else { return [] }
        let columns = Dictionary(
            try FeatureColumns(table, except: [], ignored: []).numbers.map { ($0.name, $0.column) },
            uniquingKeysWith: { first, _ in first })
        return try names.map { name in
            guard let column = columns[name] else {
                throw InteractionError.missingColumn(file: table.name, column: name, found: columns.keys.sorted())
            }
            return column
        }
    }
}

/// A number for each row of a table; not a number where there is none.
enum NumberColumn {
    case numbers([Double])
    /// One place of lists of one length, or empty ones.
    case place(Int, offsets: [Int32], values: [Float])

    subscript(row: Int) -> Double {
        switch self {
        case .numbers(let values): values[row]
        case .place(let place, let offsets, let values):
            offsets[row] == offsets[row + 1] ? .nan : Double(values[Int(offsets[row]) + place])
        }
    }
}

extension FeatureTable {
    /// The names that stand in a column of some rows, in the order of the file.
    func vocabulary(of column: String, rows: [Int]) throws -> [String] {
        let (values, vocabulary) = try tokens(column)
        let seen = Set(rows.map { values[$0] }).subtracting([-1])
        return seen.sorted().map { vocabulary.tokens[Int($0)] }
    }

    /// The names in the lists of a column of some rows, in the order of the file.
    func vocabulary(ofLists column: String, rows: [Int]) throws -> [String] {
        let (offsets, values, vocabulary) = try tokenLists(column)
        var seen = Set<Int32>()
        for row in rows { seen.formUnion(values[Int(offsets[row])..<Int(offsets[row + 1])]) }
        return seen.sorted().map { vocabulary.tokens[Int($0)] }
    }
}

/// A token column by the indices of another vocabulary.
struct Translation {
    /// All names of the column.
    let vocabulary: IdentifierMap
    private let values: [Int32]
    private let indices: [Int32?]

    init(_ table: FeatureTable, _ column: String, to names: [String]) throws {
        (values, vocabulary) = try table.tokens(column)
        let map = IdentifierMap(names)
        indices = vocabulary.tokens.map { map[$0] }
    }

    /// Nil for what is missing or unknown.
    subscript(row: Int) -> Int32? { values[row] < 0 ? nil : indices[Int(values[row])] }

    /// Where the row's name stands among all names of the column; keys are never missing.
    func token(_ row: Int) -> Int { Int(values[row]) }

    /// The index of one of all names.
    func index(ofToken token: Int) -> Int32? { indices[token] }
}

/// A column of lists by the indices of another vocabulary, from 1 up; what is unknown is left out.
struct ListTranslation {
    private let offsets: [Int32]
    private let values: [Int32]
    private let indices: [Int32?]

    init(_ table: FeatureTable, _ column: String, to names: [String]) throws {
        let vocabulary: IdentifierMap
        (offsets, values, vocabulary) = try table.tokenLists(column)
        let map = IdentifierMap(names)
        indices = vocabulary.tokens.map { map[$0] }
    }

    subscript(row: Int) -> [Int32] {
        values[Int(offsets[row])..<Int(offsets[row + 1])].compactMap { indices[Int($0)].map { $0 + 1 } }
    }
}
