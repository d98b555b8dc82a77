/// Why a ranking could not be evaluated.
public enum RankingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The scorer returned NaN for a user.
    case scoreNotANumber(user: Int)
    /// An item index outside the catalogue.
    case itemOutOfRange(user: Int, item: Int32, itemCount: Int)
    /// A cutoff below 1, or none at all.
    case invalidCutoffs([Int])
    /// No user has a relevant item.
    case noRelevantItems(users: Int)

    public var description: String {
        switch self {
        case .scoreNotANumber(let user):
            "the scorer returned a score that is not a number for user \(user)"
        case .itemOutOfRange(let user, let item, let itemCount):
            "user \(user): item \(item) is outside the catalogue of \(itemCount) items (0 to \(itemCount - 1))"
        case .invalidCutoffs(let cutoffs):
            "cutoffs \(cutoffs): at least one is needed and each must be 1 or more"
        case .noRelevantItems(let users):
            "none of the \(users) users has a relevant item, so no ranking metric is defined"
        }
    }
}
