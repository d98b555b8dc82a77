import Foundation

/// How a delimited text file is laid out.
public struct TableLayout: Sendable, Hashable {
    public var delimiter: UInt8
    public var quotes: Bool
    /// Whether the first row names the columns; otherwise they are the declared fields in order.
    public var hasHeader: Bool

    public init(delimiter: Unicode.Scalar, quotes: Bool = true, hasHeader: Bool = true) {
        precondition(delimiter.isASCII, "a delimiter is one ASCII character")
        self.delimiter = UInt8(delimiter.value)
        self.quotes = quotes
        self.hasHeader = hasHeader
    }

    public static let commaSeparated = TableLayout(delimiter: ",")
    public static let tabSeparated = TableLayout(delimiter: "\t", quotes: false)
}

/// Named, typed columns of equal length.
public struct FeatureTable: Sendable, Equatable {
    public let name: String
    public private(set) var fields: [FeatureField]
    private var columns: [FeatureColumn]
    public let rowCount: Int
    /// Columns that the file has and nobody declared, as they stand there.
    public internal(set) var undeclared: [String] = []

    /// - Throws: ``InteractionError/duplicateColumn(file:column:)``.
    public init(name: String, fields: [FeatureField], columns: [FeatureColumn]) throws {
        precondition(fields.count == columns.count, "one column per field")
        precondition(Set(columns.map(\.count)).count <= 1, "columns differ in length")
        var seen = Set<String>()
        for field in fields where !seen.insert(field.name).inserted {
            throw InteractionError.duplicateColumn(file: name, column: field.name)
        }
        self.name = name
        self.fields = fields
        self.columns = columns
        rowCount = columns.first?.count ?? 0
    }

    public var columnNames: [String] { fields.map(\.name) }

    /// - Throws: ``InteractionError/missingColumn(file:column:found:)``.
    public func column(_ name: String) throws -> FeatureColumn {
        guard let index = fields.firstIndex(where: { $0.name == name }) else {
            throw InteractionError.missingColumn(file: self.name, column: name, found: columnNames)
        }
        return columns[index]
    }

    /// Token values and their vocabulary.
    /// - Throws: ``InteractionError`` if the column is missing or of another kind.
    public func tokens(_ name: String) throws -> (values: [Int32], vocabulary: IdentifierMap) {
        let found = try column(name)
        guard case .token(let values, let vocabulary) = found else {
            throw InteractionError.columnKind(file: self.name, column: name, found: found.kind, wanted: "token")
        }
        return (values, vocabulary)
    }

    /// Numbers of a float or time column.
    /// - Throws: ``InteractionError`` if the column is missing or of another kind.
    public func numbers(_ name: String) throws -> [Double] {
        let found = try column(name)
        guard case .float(let values) = found else {
            throw InteractionError.columnKind(file: self.name, column: name, found: found.kind, wanted: "float or time")
        }
        return values
    }

    /// The lists of a `token_seq` column: row `r` holds `values[offsets[r] ..< offsets[r + 1]]`.
    /// - Throws: ``InteractionError`` if the column is missing or of another kind.
    public func tokenLists(_ name: String) throws -> (offsets: [Int32], values: [Int32], vocabulary: IdentifierMap) {
        let found = try column(name)
        guard case .tokenSequence(let offsets, let values, let vocabulary) = found else {
            throw InteractionError.columnKind(file: self.name, column: name, found: found.kind, wanted: "token_seq")
        }
        return (offsets, values, vocabulary)
    }

    /// The lists of a `float_seq` column: row `r` holds `values[offsets[r] ..< offsets[r + 1]]`.
    /// - Throws: ``InteractionError`` if the column is missing or of another kind.
    public func numberLists(_ name: String) throws -> (offsets: [Int32], values: [Float]) {
        let found = try column(name)
        guard case .floatSequence(let offsets, let values) = found else {
            throw InteractionError.columnKind(file: self.name, column: name, found: found.kind, wanted: "float_seq")
        }
        return (offsets, values)
    }

    /// For each name of `map`, the row of this table whose `key` column holds it; -1 where there is none: a user or an
    /// item without features. The first of several rows counts.
    /// - Throws: ``InteractionError`` if the key column is missing or holds no tokens.
    public func rows(alignedTo map: IdentifierMap, key: String) throws -> [Int32] {
        let (values, vocabulary) = try tokens(key)
        var rowOfToken = [Int32](repeating: -1, count: vocabulary.count)
        for (row, value) in values.enumerated() where value >= 0 && rowOfToken[Int(value)] < 0 {
            rowOfToken[Int(value)] = Int32(row)
        }
        return map.tokens.map { token in vocabulary[token].map { rowOfToken[Int($0)] } ?? -1 }
    }

    /// The rows of each group of a token column, ascending; index = group index of the vocabulary.
    /// - Parameter allowsEmpty: whether a group of the vocabulary may have no rows.
    /// - Throws: ``InteractionError``.
    public func groups(_ name: String, allowsEmpty: Bool = false) throws -> [[Int32]] {
        let (values, vocabulary) = try tokens(name)
        var groups = [[Int32]](repeating: [], count: vocabulary.count)
        for (row, value) in values.enumerated() where value >= 0 { groups[Int(value)].append(Int32(row)) }
        if !allowsEmpty, let empty = groups.firstIndex(where: \.isEmpty) {
            throw InteractionError.emptyGroup(column: name, group: vocabulary.tokens[empty])
        }
        return groups
    }

    // MARK: - Reading

    /// Reads a delimited file; gzip and xz are unpacked. Columns of the file that are not declared are passed over and
    /// named in ``undeclared``.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public static func read(_ file: URL, layout: TableLayout, fields: [FeatureField]) throws -> FeatureTable {
        try read(FileContents.data(file), file: file.lastPathComponent, layout: layout, fields: fields)
    }

    /// - Parameter file: the name that errors give.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public static func read(
        _ data: Data, file: String, layout: TableLayout, fields: [FeatureField]
    ) throws -> FeatureTable {
        try read(data, file: file, layout: layout) { header in
            guard layout.hasHeader else { return fields.map { Optional($0) } }
            for field in fields where !header.contains(field.name) {
                throw InteractionError.missingColumn(file: file, column: field.name, found: header)
            }
            return header.map { name in fields.first { $0.name == name } }
        }
    }

    /// - Parameter declare: gives each column of the header its field; nil columns are passed over.
    static func read(
        _ data: Data, file: String, layout: TableLayout, declare: ([String]) throws -> [FeatureField?]
    ) throws -> FeatureTable {
        try data.withUnsafeBytes { raw in
            var text = DelimitedText(
                raw.bindMemory(to: UInt8.self), delimiter: layout.delimiter, quotes: layout.quotes, file: file)
            var row: [DelimitedText.Field] = []
            var header: [String] = []
            if layout.hasHeader {
                guard try text.next(&row) else { throw CorpusError.empty(file: file, wanted: "a header and rows") }
                header = row.map { text.text($0).trimmingCharacters(in: .whitespaces) }
            }
            let declared = try declare(header)
            var builders = declared.compactMap { $0 }.map(ColumnBuilder.init)
            let places = declared.indices.filter { declared[$0] != nil }
            while try text.next(&row) {
                guard row.count == declared.count else {
                    throw InteractionError.fieldCount(
                        file: file, line: text.line, found: row.count, expected: declared.count)
                }
                for (index, place) in places.enumerated() {
                    try text.withBytes(row[place]) {
                        try builders[index].append($0, CellPlace(file: file, line: text.line))
                    }
                }
            }
            var table = try FeatureTable(name: file, fields: builders.map(\.field), columns: builders.map(\.column))
            table.undeclared = zip(header, declared).filter { $0.1 == nil }.map(\.0)
            return table
        }
    }

    /// Reads one JSON object a line; gzip and xz are unpacked. Keys that are not declared are passed over and named
    /// in ``undeclared``; a missing key is a missing value.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public static func readLines(_ file: URL, fields: [FeatureField]) throws -> FeatureTable {
        try readLines(FileContents.data(file), file: file.lastPathComponent, fields: fields)
    }

    /// - Throws: ``InteractionError``, ``CorpusError``.
    public static func readLines(_ data: Data, file: String, fields: [FeatureField]) throws -> FeatureTable {
        var builders = fields.map(ColumnBuilder.init)
        // A typed error must not be wrapped into the reader's line error: it names its line itself.
        var failure: InteractionError?
        var everPresent = Set<String>()
        try JSONLines.forEach([String: JSONCell].self, from: data, file: file) { object, line in
            everPresent.formUnion(object.keys)
            guard failure == nil else { return }
            do {
                for index in fields.indices {
                    try builders[index].append(object[fields[index].name] ?? .null, CellPlace(file: file, line: line))
                }
            } catch let error as InteractionError {
                failure = error
            }
        }
        for field in fields where !everPresent.contains(field.name) && !everPresent.isEmpty {
            throw InteractionError.missingColumn(file: file, column: field.name, found: everPresent.sorted())
        }
        if let failure { throw failure }
        var table = try FeatureTable(name: file, fields: fields, columns: builders.map(\.column))
        table.undeclared = everPresent.subtracting(fields.map(\.name)).sorted()
        return table
    }
}

/// One value of a JSON object.
enum JSONCell: Decodable {
    case null
    case text(String)
    case number(Double)
    case flag(Bool)
    case list([JSONCell])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            self = Self.identifier(container, number).map { .text($0) } ?? .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let list = try? container.decode([JSONCell].self) {
            self = .list(list)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "neither text, a finite number, true, false nor a list of these")
        }
    }

    /// The digits of a whole number that is too large for double precision: as an identifier it must not become another.
    private static func identifier(_ container: any SingleValueDecodingContainer, _ number: Double) -> String? {
        guard abs(number) >= exactBelow else { return nil }
        return (try? container.decode(Int64.self)).map(String.init)
            ?? (try? container.decode(UInt64.self)).map(String.init)
    }

    /// Smaller whole numbers are exact.
    private static let exactBelow = 9e15

    /// The value as a token: whole numbers without a fraction, flags as 1 and 0.
    var text: String? {
        switch self {
        case .null, .list: nil
        case .text(let text): text
        case .number(let number):
            number.rounded() == number && abs(number) < Self.exactBelow ? String(Int(number)) : String(number)
        case .flag(let flag): flag ? "1" : "0"
        }
    }
}
