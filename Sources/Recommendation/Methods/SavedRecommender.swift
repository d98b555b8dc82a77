public import Corpora
import Experiments
public import Foundation
import Layers
import Tensors
public import Training

/// A trained recommender with the names of its users and items: of ``RecommendationMethods/opened`` or ``SessionContext``.
public struct SavedRecommender {
    /// The method that trained it.
    public let method: String
    public let recommender: any Recommender
    public let users: IdentifierMap
    public let items: IdentifierMap
    /// Of the column `data.domain`; empty for models of one domain.
    public let domains: IdentifierMap
    /// Training interactions of each item: what is recommended where the model has no answer.
    public let itemCounts: [Double]

    /// Whether it answers from what a user has met, and not from who it is.
    public var readsHistories: Bool { recommender is any SequenceModel || recommender is any WindowRecommender }

    /// An answer to one request.
    public struct Answer: Sendable, Equatable {
        public struct Item: Sendable, Equatable, Codable {
            public let item: String
            public let score: Float
        }

        public let items: [Item]
        /// Items of the history and candidates that the model was not trained with; they were passed over.
        public let unknownItems: [String]
        public let isUserKnown: Bool
        /// False where a model of several domains was asked in none that it was trained with.
        public let isDomainKnown: Bool
        /// Whether popularity answered, because the model knows neither the user nor the history.
        public let isFallback: Bool
    }

    /// Recommends to a user by name.
    ///
    /// Unknown items are passed over and named in the answer. Where the model has no answer (an unknown user for a
    /// model of identities, no known history for a model of sequences) the most popular items are given, and the answer
    /// says so. In a domain that the training did not meet, or in none, a model of several answers by what they share: a
    /// star by its shared weights and the moments of all domains together.
    ///
    /// A session model gives the list of the highest expected value, best slot first, each item with its expected click; the
    /// list may be shorter than asked for, as the sessions are that the model reads. Of named candidates it gives those with
    /// the highest click probability in a first slot.
    /// - Parameters:
    ///   - user: nil for nobody in particular.
    ///   - history: oldest first.
    ///   - domain: where the user asks, as the training data name it.
    ///   - candidates: nil for the whole catalogue.
    /// - Throws: ``RecommendationError/unknownCandidates(_:)`` where no candidate is known,
    ///   ``RecommendationError/noCandidates`` where there is none, ``RecommendationError/mismatch(reason:)`` for a domain
    ///   where the model has none, others where scores are not numbers.
    public func recommend(
        user: String?, history: [String] = [], domain: String? = nil, count: Int, candidates: [String]? = nil
    ) throws -> Answer {
        if let domain, domains.count == 0 {
            throw RecommendationError.mismatch(
                reason: "domain \(domain): \(method) was trained without domains (data.domain)")
        }
        let (known, strangers) = items.indices(of: history)
        let pool = candidates.map { items.indices(of: $0) }
        if let pool, pool.known.isEmpty, !pool.unknown.isEmpty {
            throw RecommendationError.unknownCandidates(pool.unknown)
        }
        let context = UserContext(
            user: user.flatMap { users[$0] }, history: known, domain: domain.flatMap { domains[$0] })
        let isFallback = !recommender.canScore(context)
        func answer(_ found: [ScoredItem]) -> Answer {
            Answer(
                items: found.map { Answer.Item(item: items.tokens[Int($0.item)], score: $0.score) },
                unknownItems: strangers + (pool?.unknown ?? []), isUserKnown: context.user != nil,
                isDomainKnown: domains.count == 0 || context.domain != nil, isFallback: isFallback)
        }
        if pool == nil, let session = recommender as? SessionContextModel {
            return answer(try Self.sessionList(session, history: known, count: count))
        }
        let model: any Recommender = isFallback ? Popularity(scores: itemCounts) : recommender
        let found = try model.recommend([context], count: count, candidates: pool?.known)[0]
        return answer(found)
    }

    private static func sessionList(
        _ model: SessionContextModel, history: [Int32], count: Int
    ) throws -> [ScoredItem] {
        let length = min(count, model.longestList(without: Set(history).count))
        guard count < 1 || length > 0 else { return [] }
        let list = try model.lists(for: [SessionRequest(history: history)], length: length, excludesHistory: true)[0]
        return zip(list.items, list.clicks).map { ScoredItem(item: $0, score: $1) }
    }

    /// Opens what one of ``RecommendationMethods/opened``, or ``SessionContext``, trained.
    /// - Throws: `ArtefactError`, ``SavedRecommenderError``, ``SessionDataError``, errors of the weight file.
    public static func open(_ folder: URL) throws -> SavedRecommender {
        let manifest = try ArtefactManifest.read(from: folder)
        if manifest.kind == SessionContext.name {
            let (model, items) = try SessionContextFile.load(folder)
            return SavedRecommender(
                method: manifest.kind, recommender: model, users: IdentifierMap(), items: IdentifierMap(items),
                domains: IdentifierMap(), itemCounts: [Double](repeating: 0, count: items.count))
        }
        let (method, recipe) = try training(manifest, of: folder)
        return try method.open(folder, recipe: recipe)
    }

    /// What a user met in the data that a recommender was trained on, which are read again; oldest first, none for a
    /// stranger. A model of features learned from positive labels, so that those rows are its history.
    /// - Throws: `ArtefactError`, ``SavedRecommenderError``, errors of the data.
    public static func history(ofUser user: String, in folder: URL) throws -> [String] {
        let manifest = try ArtefactManifest.read(from: folder)
        if manifest.kind == SessionContext.name { throw SavedRecommenderError.noUsers(kind: manifest.kind) }
        let (method, recipe) = try training(manifest, of: folder)
        let log = try method.liked(recipe)
        guard let index = log.users[user] else { return [] }
        return log.items(log.rows(ofUser: Int(index))).map { log.items.tokens[Int($0)] }
    }

    private static func training(
        _ manifest: ArtefactManifest, of folder: URL
    ) throws -> (any RecommendationMethod.Type, RecipeDocument) {
        guard let method = RecommendationMethods.opened.first(where: { $0.name == manifest.kind }) else {
            throw SavedRecommenderError.notARecommender(folder: folder.path, kind: manifest.kind)
        }
        return (
            method, try RecipeDocument(yaml: manifest.recipe, source: "\(folder.lastPathComponent)/manifest.json")
        )
    }
}

/// Why a folder is no recommender.
public enum SavedRecommenderError: Error, Equatable, CustomStringConvertible {
    case notARecommender(folder: String, kind: String)
    /// A model of sessions that are nobody's.
    case noUsers(kind: String)
    /// Trained in the feed world, whose items are nobody's catalogue.
    case servesFeed(kind: String)
    case damaged(file: String, reason: String)

    public var description: String {
        switch self {
        case .notARecommender(let folder, let kind): "\(folder): was trained by \(kind), which is no recommender"
        case .noUsers(let kind): "a \(kind) knows no users: say what was met with --history"
        case .servesFeed(let kind):
            "this \(kind) was trained in the feed world and serves that feed alone (wallfacer simulate feed --policy …); "
                + "trained on a log (data.source) it recommends"
        case .damaged(let file, let reason): "\(file): damaged: \(reason)"
        }
    }
}

/// The files of a trained recommender beside its manifest.
enum RecommenderFiles {
    static let weights = "model.safetensors"
    static let names = "recommender.json"
    static let recipe = "recipe.yaml"

    static func write(_ model: some TrainableModel, names: some Encodable, recipe: String, to folder: URL) throws {
        try write(
            (model.parameters + model.buffers).map { ($0.name, $0.tensor) }, names: names, recipe: recipe, to: folder)
    }

    static func write(
        _ tensors: [(name: String, tensor: Tensor)], names: some Encodable, recipe: String, to folder: URL
    ) throws {
        try TensorArchive.write(tensors, to: folder.appending(path: weights).path)
        try write(names: names, recipe: recipe, to: folder)
    }

    /// Of a recommender without parameters.
    static func write(names: some Encodable, recipe: String, to folder: URL) throws {
        try StableJSON.data(names, indented: false).write(to: folder.appending(path: Self.names))
        try Data(recipe.utf8).write(to: folder.appending(path: Self.recipe))
    }

    static func readNames<Names: Decodable>(_ type: Names.Type, from folder: URL) throws -> Names {
        let file = folder.appending(path: names)
        do {
            return try StableJSON.value(type, from: try Data(contentsOf: file))
        } catch let error as DecodingError {
            throw SavedRecommenderError.damaged(file: file.path, reason: "\(error)")
        }
    }

    /// Puts stored values into a model of the same shape. All are checked before any is changed.
    static func load(_ model: some TrainableModel, from folder: URL) throws {
        let file = folder.appending(path: weights)
        let stored = try TensorArchive.read(file.path)
        let own = model.parameters + model.buffers
        for part in own {
            guard let found = stored[part.name] else {
                throw SavedRecommenderError.damaged(file: file.path, reason: "tensor \(part.name) is missing")
            }
            guard found.shape == part.tensor.shape else {
                throw SavedRecommenderError.damaged(
                    file: file.path,
                    reason: "tensor \(part.name) has shape \(found.shape), its recipe needs \(part.tensor.shape)")
            }
        }
        for part in own { if let found = stored[part.name] { part.tensor.assign(found) } }
    }
}

/// A method whose artefact is a recommender.
public protocol RecommendationMethod: Method {
    static func open(_ artefact: URL, recipe: RecipeDocument) throws -> SavedRecommender
    /// Who met what in the data of a recipe, of all its parts; where there are labels, the positive rows.
    static func liked(_ recipe: RecipeDocument) throws -> InteractionLog
}

/// Every method that trains a recommender here.
public enum RecommendationMethods {
    public static let all: [any RecommendationMethod.Type] = [
        PopularityMethod.self, UpperConfidenceBoundMethod.self, PairwiseRankingMethod.self,
        RecurrentSequenceMethod.self,
        SelfAttentiveSequenceMethod.self,
        LogisticRegressionMethod.self, WideAndDeepMethod.self, DeepFMMethod.self, DeepInterestNetworkMethod.self,
        MultiGateExpertsMethod.self, ProgressiveExtractionMethod.self, StarTopologyMethod.self, DeepQMethod.self,
        ConservativeQMethod.self, SlateQMethod.self, DeterministicPolicyMethod.self, TwinDelayedMethod.self,
        ListPolicyMethod.self,
    ]
    /// Those, and what is a recommender where it was trained on a log.
    public static var opened: [any RecommendationMethod.Type] { all + [HierarchicalAgentMethod.self] }
}
