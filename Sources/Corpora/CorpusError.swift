/// What is wrong with a file or a data set, in words that a user can act on.
public enum CorpusError: Error, Equatable, CustomStringConvertible {
    /// The file cannot be opened or read.
    case unreadable(file: String, reason: String)
    /// The file holds nothing.
    case empty(file: String, wanted: String)
    /// The file breaks the rules of its format.
    case damaged(file: String, format: String, detail: String)
    /// The content would be larger than allowed.
    case tooLarge(file: String, limitBytes: Int)
    /// An archive names a path outside the folder it is unpacked to.
    case unsafeEntry(file: String, entry: String)
    /// The file is sound, but of a kind that is not read.
    case unsupported(file: String, found: String, allowed: String)
    /// A line of a text file is wrong.
    case badLine(file: String, line: Int, detail: String)
    /// A file of a data set is in none of the places searched.
    case missing(dataSet: String, wanted: String, searched: [String], advice: String)

    public var description: String {
        switch self {
        case .unreadable(let file, let reason): return "\(file): cannot be read: \(reason)"
        case .empty(let file, let wanted): return "\(file): is empty; it should hold \(wanted)"
        case .damaged(let file, let format, let detail): return "\(file): not a sound \(format) file: \(detail)"
        case .tooLarge(let file, let limit):
            return "\(file): would unpack to more than the \(limit) bytes that are allowed"
        case .unsafeEntry(let file, let entry):
            return "\(file): entry \"\(entry)\" points outside the folder it is unpacked to; nothing was written for it"
        case .unsupported(let file, let found, let allowed):
            return "\(file): found \(found); readable: \(allowed)"
        case .badLine(let file, let line, let detail): return "\(file): line \(line): \(detail)"
        case .missing(let dataSet, let wanted, let searched, let advice):
            let places = searched.isEmpty ? "" : "\nsearched: " + searched.joined(separator: ", ")
            return "data set \(dataSet) is not here (\(wanted))\(places)\n\(advice)"
        }
    }
}
