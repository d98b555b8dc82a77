/// Why a study could not give a result.
public enum StudyError: Error, Equatable, CustomStringConvertible {
    /// There is no study of this name.
    case unknownStudy(found: String, allowed: [String])
    /// The number of seeds cannot be run.
    case seeds(found: Int)
    /// A seed did not measure what a claim needs.
    case missingValue(study: String, seed: Int, variant: String, metric: String)
    /// A seed measured infinity or no number.
    case notFinite(study: String, seed: Int, variant: String, metric: String, found: Double)

    public var description: String {
        switch self {
        case .unknownStudy(let found, let allowed):
            "study \(found): no such study; there are \(allowed.joined(separator: ", "))"
        case .seeds(let found):
            "--seeds \(found): at least one seed is needed"
        case .missingValue(let study, let seed, let variant, let metric):
            "study \(study): seed \(seed) did not measure \(metric) of \(variant), which a claim needs"
        case .notFinite(let study, let seed, let variant, let metric, let found):
            "study \(study): seed \(seed) measured \(metric) of \(variant) as \(found), which is not a finite number"
        }
    }
}
