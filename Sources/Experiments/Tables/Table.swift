import Evaluation

/// A titled table of texts and numbers: one value for the terminal, for Markdown pages, for reports and for JSON.
///
/// ```swift
/// var table = Table("Perplexity of held-out text", columns: ["model", "perplexity", "seconds"])
/// table.append(["base", .number(21.4), .number(3.2, decimals: 1)])
/// print(table.terminalText())
/// ```
public struct Table: Sendable, Equatable {
    public var title: String
    public var columns: [String]
    public private(set) var rows: [[Cell]]
    /// A line below the table: protocol, units, what a dash means.
    public var note: String?

    /// One entry.
    public enum Cell: Sendable, Equatable {
        case text(String)
        /// `decimals` digits after the point, or about four significant digits.
        case number(Double, decimals: Int? = nil)
        case integer(Int)
        /// A share between 0 and 1, shown in per cent.
        case percent(Double, decimals: Int = 1)
        /// An estimate with its interval.
        case interval(Double, low: Double, high: Double)
        case verdict(Verdict)
        /// Nothing to show: a dash.
        case empty
    }

    /// - Precondition: every row has as many cells as there are columns.
    public init(_ title: String, columns: [String], rows: [[Cell]] = [], note: String? = nil) {
        self.title = title
        self.columns = columns
        self.rows = []
        self.note = note
        for row in rows { append(row) }
    }

    /// Adds a row.
    /// - Precondition: it has as many cells as there are columns.
    public mutating func append(_ row: [Cell]) {
        precondition(row.count == columns.count, "table \(title): \(row.count) cells for \(columns.count) columns")
        rows.append(row)
    }

    /// Numbers stand at the right of their column, so that their points can be compared.
    func isNumeric(column: Int) -> Bool {
        let filled = rows.map { $0[column] }.filter { $0 != .empty }
        return !filled.isEmpty && filled.allSatisfy(\.isNumeric)
    }
}

extension Table.Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral
{
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }

    /// An estimate with its interval.
    public static func interval(_ interval: ConfidenceInterval) -> Table.Cell {
        .interval(interval.estimate, low: interval.low, high: interval.high)
    }

    var isNumeric: Bool {
        switch self {
        case .number, .integer, .percent, .interval: true
        case .text, .verdict, .empty: false
        }
    }

    /// The cell as people read it.
    public var text: String {
        switch self {
        case .text(let text): text
        case .number(let value, let decimals): decimals.map { Numbers.decimal(value, $0) } ?? Numbers.short(value)
        case .integer(let value): Numbers.grouped(value)
        case .percent(let share, let decimals): Numbers.percent(share, decimals: decimals)
        case .interval(let estimate, let low, let high): Numbers.interval(estimate, low: low, high: high)
        case .verdict(let verdict): verdict.rawValue
        case .empty: "–"
        }
    }
}

/// `{"title","columns":[…],"rows":[[…]],"note"}`; an interval is `{"estimate","low","high"}`, what is empty or not
/// finite is null.
extension Table: Encodable {
    private enum Key: String, CodingKey { case title, columns, rows, note }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(title, forKey: .title)
        try container.encode(columns, forKey: .columns)
        try container.encode(rows.map { $0.map(\.json) }, forKey: .rows)
        try container.encodeIfPresent(note, forKey: .note)
    }
}

extension Table.Cell {
    var json: JSONValue {
        switch self {
        case .text(let text): .text(text)
        case .number(let value, _), .percent(let value, _): .number(value)
        case .integer(let value): .integer(value)
        case .interval(let estimate, let low, let high):
            .object(["estimate": .number(estimate), "low": .number(low), "high": .number(high)])
        case .verdict(let verdict): .text(verdict.rawValue)
        case .empty: .null
        }
    }
}
