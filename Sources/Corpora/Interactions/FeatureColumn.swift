/// The kinds of columns, named as in RecBole's atomic files; `time` is ours and reads dates.
public enum FeatureKind: String, Sendable, Hashable, CaseIterable {
    case token
    case tokenSequence = "token_seq"
    /// A number; `true` is 1 and `false` is 0.
    case float
    case floatSequence = "float_seq"
    /// A number, or a date and time in ISO 8601, as seconds since 1970 (UTC).
    case time
}

/// What an empty, `NaN` or infinite cell becomes.
public enum MissingRule: Sendable, Hashable {
    /// An error that names file, line and column.
    case refuse
    /// Numbers become this value, tokens index -1, sequences empty.
    case fill(Double)
}

/// One declared column.
public struct FeatureField: Sendable, Hashable {
    public var name: String
    public var kind: FeatureKind
    public var missing: MissingRule
    /// What separates the values of a sequence.
    public var separator: UInt8

    public init(
        _ name: String, _ kind: FeatureKind, missing: MissingRule = .refuse,
        separator: Unicode.Scalar = " "
    ) {
        precondition(separator.isASCII, "a separator is one ASCII character")
        self.name = name
        self.kind = kind
        self.missing = missing
        self.separator = UInt8(separator.value)
    }
}

/// The values of one column, contiguous. Sequences are ranges into one array: row `r` is `offsets[r] ..< offsets[r + 1]`.
public enum FeatureColumn: Sendable, Equatable {
    /// Indices into the vocabulary; -1 is missing.
    case token(values: [Int32], vocabulary: IdentifierMap)
    case tokenSequence(offsets: [Int32], values: [Int32], vocabulary: IdentifierMap)
    /// Numbers and times: double precision, because a time in milliseconds does not fit in single.
    case float([Double])
    case floatSequence(offsets: [Int32], values: [Float])

    public var count: Int {
        switch self {
        case .token(let values, _): values.count
        case .tokenSequence(let offsets, _, _): offsets.count - 1
        case .float(let values): values.count
        case .floatSequence(let offsets, _): offsets.count - 1
        }
    }

    public var kind: FeatureKind {
        switch self {
        case .token: .token
        case .tokenSequence: .tokenSequence
        case .float: .float
        case .floatSequence: .floatSequence
        }
    }
}
