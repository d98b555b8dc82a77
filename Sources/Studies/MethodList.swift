import PostTraining
import Recommendation
public import Training

/// Every method, in the order of the papers.
public enum MethodList {
    public static let all: [any Method.Type] =
        [
            ContinualPretraining.self, SupervisedFineTuning.self, HierarchicalAgentMethod.self, SessionContext.self,
            GeographicGroups.self, UnifiedRepresentationMethod.self, LifetimeValueMethod.self,
        ] + RecommendationMethods.all

    public static var names: [String] { all.map { $0.name } }

    /// - Throws: ``UnknownMethodError``.
    public static func named(_ name: String) throws -> any Method.Type {
        guard let method = all.first(where: { $0.name == name }) else {
            throw UnknownMethodError(found: name, nearest: NearestName.of(name, among: names), allowed: names)
        }
        return method
    }
}

/// There is no method of this name.
public struct UnknownMethodError: Error, Equatable, CustomStringConvertible {
    public let found: String
    public let nearest: String?
    public let allowed: [String]

    public var description: String {
        "method \(found): no such method; "
            + (nearest.map { "did you mean \($0)?" } ?? "there are \(allowed.joined(separator: ", "))")
    }
}
