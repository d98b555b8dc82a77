/// The eight strategies of a supporter, in the canonical order of Liu et al. (ACL 2021), whose helping skills follow
/// Hill's three stages.
public enum SupportStrategy: Int, CaseIterable, Sendable, Hashable, Codable {
    case question
    case restatement
    case reflectionOfFeelings
    case selfDisclosure
    case affirmation
    case suggestions
    case information
    case others

    /// The stage of support that a strategy belongs to; ``SupportStrategy/others`` belongs to none.
    public enum Stage: Int, Sendable, CaseIterable {
        case exploration = 1
        case comforting
        case action
    }

    /// The name as written in ESConv.
    public var name: String {
        switch self {
        case .question: "Question"
        case .restatement: "Restatement or Paraphrasing"
        case .reflectionOfFeelings: "Reflection of feelings"
        case .selfDisclosure: "Self-disclosure"
        case .affirmation: "Affirmation and Reassurance"
        case .suggestions: "Providing Suggestions"
        case .information: "Information"
        case .others: "Others"
        }
    }

    public var stage: Stage? {
        switch self {
        case .question, .restatement: .exploration
        case .reflectionOfFeelings, .selfDisclosure, .affirmation: .comforting
        case .suggestions, .information: .action
        case .others: nil
        }
    }

    /// The strategy of a name, whatever its case; the other spellings are those found in ESConv's own files.
    public init?(name: String) {
        let wanted = name.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if let found = Self.allCases.first(where: { $0.name.lowercased() == wanted }) {
            self = found
            return
        }
        switch wanted {
        case "questions": self = .question
        case "restatement": self = .restatement
        case "approval and reassurance": self = .affirmation
        case "direct guidance": self = .suggestions
        case "other": self = .others
        default: return nil
        }
    }
}
