import Experiments
import PostTraining
import Recommendation

/// Every study, in the order of the papers.
public enum StudyList {
    public static let all: [any Study] = [
        ContextExtensionStudy(), HierarchicalAgentStudy(), SlateSanityStudy(), SessionContextStudy(),
        GeographicGroupsStudy(), GeographicGroupsCheckInStudy(), UnifiedRepresentationStudy(),
        UnifiedRepresentationPairStudy(), LifetimeValueStudy(),
    ]

    /// - Throws: `StudyError.unknownStudy(found:allowed:)`.
    public static func named(_ id: String) throws -> any Study {
        guard let study = all.first(where: { $0.id == id }) else {
            throw StudyError.unknownStudy(found: id, allowed: all.map(\.id))
        }
        return study
    }
}
