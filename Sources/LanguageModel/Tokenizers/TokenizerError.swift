/// What can be wrong with a tokenizer file, or with the vocabulary found inside a weight file.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// None of the known tokenizer files is in the directory.
    case noTokenizer(directory: String)
    /// The file could not be read.
    case unreadable(file: String, reason: String)
    /// The text is not the format it should be; `offset` counts bytes from the start of the file.
    case malformed(file: String, offset: Int, reason: String)
    /// A line of a rank file is not `base64 rank`; lines count from 1.
    case malformedLine(file: String, line: Int, reason: String)
    /// A field that must be there is absent.
    case missingField(file: String, field: String)
    /// A field has a value that this reader does not implement.
    case unsupported(file: String, field: String, found: String, allowed: String)
    /// A token id lies outside what the vocabulary can hold.
    case identifierOutOfRange(file: String, token: String, found: Int, allowed: Int)
    /// Two tokens claim one id.
    case duplicateIdentifier(file: String, id: Int, first: String, second: String)
    /// One token appears twice, with different ids.
    case duplicateToken(file: String, token: String, first: Int, second: Int)
    /// A merge names a token that the vocabulary lacks; merges count from 0.
    case unknownTokenInMerge(file: String, merge: Int, token: String)
    /// A special token is named but not in the vocabulary.
    case unknownSpecialToken(file: String, field: String, token: String)
    /// Parallel lists of a vocabulary differ in length.
    case lengthMismatch(file: String, field: String, found: Int, expected: Int)

    public var description: String {
        switch self {
        case .noTokenizer(let directory):
            "\(directory): no tokenizer found; expected tokenizer.json or a *.tiktoken file."
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason)."
        case .malformed(let file, let offset, let reason):
            "\(file): \(reason) at byte \(offset)."
        case .malformedLine(let file, let line, let reason):
            "\(file): line \(line): \(reason)."
        case .missingField(let file, let field):
            "\(file): \(field) is missing."
        case .unsupported(let file, let field, let found, let allowed):
            "\(file): \(field) is \(found), which is not supported; allowed: \(allowed)."
        case .identifierOutOfRange(let file, let token, let found, let allowed):
            "\(file): token \(token.debugDescription) has id \(found); ids must lie in 0..<\(allowed)."
        case .duplicateIdentifier(let file, let id, let first, let second):
            "\(file): id \(id) is given to both \(first.debugDescription) and \(second.debugDescription)."
        case .duplicateToken(let file, let token, let first, let second):
            "\(file): token \(token.debugDescription) has two ids, \(first) and \(second)."
        case .unknownTokenInMerge(let file, let merge, let token):
            "\(file): merge \(merge) needs the token \(token.debugDescription), which is not in the vocabulary."
        case .unknownSpecialToken(let file, let field, let token):
            "\(file): \(field) names \(token.debugDescription), which is not in the vocabulary."
        case .lengthMismatch(let file, let field, let found, let expected):
            "\(file): \(field) has \(found) entries; \(expected) are needed, one per token."
        }
    }
}
