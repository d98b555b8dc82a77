/// What is wrong with a table of interactions or features, or with what is asked of it.
public enum InteractionError: Error, Sendable, Equatable, CustomStringConvertible {
    case missingColumn(file: String, column: String, found: [String])
    case duplicateColumn(file: String, column: String)
    case unknownKind(file: String, column: String, found: String, allowed: [String])
    case columnKind(file: String, column: String, found: FeatureKind, wanted: String)
    case fieldCount(file: String, line: Int, found: Int, expected: Int)
    case badValue(file: String, line: Int, column: String, found: String, wanted: String)
    case notFinite(file: String, line: Int, column: String, found: String)
    case missingValue(file: String, line: Int, column: String)
    case timeBackwards(user: String, previous: Double, found: Double)
    case unknownIdentifier(kind: String, token: String, known: Int)
    case noRows(String)
    case noNegatives(user: Int, wanted: Int, available: Int)
    case invalidSplit(field: String, found: String, allowed: String)
    case emptyGroup(column: String, group: String)
    case noHistory(user: Int)

    public var description: String {
        switch self {
        case .missingColumn(let file, let column, let found):
            "\(file): column \"\(column)\" is missing; the file has \(found.listed())"
        case .duplicateColumn(let file, let column): "\(file): column \"\(column)\" stands twice in the header"
        case .unknownKind(let file, let column, let found, let allowed):
            "\(file): column \"\(column)\" has type \"\(found)\"; allowed: \(allowed.joined(separator: ", "))"
        case .columnKind(let file, let column, let found, let wanted):
            "\(file): column \"\(column)\" holds \(found.rawValue) values, \(wanted) is needed"
        case .fieldCount(let file, let line, let found, let expected):
            "\(file): line \(line) has \(found) fields, the header has \(expected)"
        case .badValue(let file, let line, let column, let found, let wanted):
            "\(file): line \(line), column \"\(column)\": \"\(found)\" is not \(wanted)"
        case .notFinite(let file, let line, let column, let found):
            "\(file): line \(line), column \"\(column)\": \"\(found)\" is not a finite number; only a feature may lack one, where the recipe has a setting data.missing and it is fill"
        case .missingValue(let file, let line, let column):
            "\(file): line \(line), column \"\(column)\" has no value; only a feature may lack one, where the recipe has a setting data.missing and it is fill"
        case .timeBackwards(let user, let previous, let found):
            "user \(user): time goes back from \(previous) to \(found); sort the file or load it with order byTime"
        case .unknownIdentifier(let kind, let token, let known):
            "\(kind) \"\(token)\" is unknown: it is none of the \(known) seen in the data"
        case .noRows(let what): "\(what) has no rows"
        case .noNegatives(let user, let wanted, let available):
            "user \(user): \(wanted) negative items asked for, \(available) items are left"
        case .invalidSplit(let field, let found, let allowed): "split: \(field) is \(found); allowed: \(allowed)"
        case .emptyGroup(let column, let group): "group \"\(group)\" of column \"\(column)\" has no rows"
        case .noHistory(let user): "user \(user) has no history before the target"
        }
    }
}
