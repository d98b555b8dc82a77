import Evaluation
public import Layers
public import Tensors
public import Training

/// Who items are recommended to: the dense indices of the user and of the domain, and the items met so far.
public struct UserContext: Sendable, Hashable {
    /// Nil for a user the model was not trained with.
    public var user: Int32?
    /// Items in the order they were met, oldest first.
    public var history: [Int32]
    /// Where the user asks (a region, a scenario), for models of several domains; nil for one that they do not know.
    public var domain: Int32?

    public init(user: Int32? = nil, history: [Int32] = [], domain: Int32? = nil) {
        self.user = user
        self.history = history
        self.domain = domain
    }
}

/// An item and its score.
public struct ScoredItem: Sendable, Hashable {
    public let item: Int32
    public let score: Float

    public init(item: Int32, score: Float) {
        self.item = item
        self.score = score
    }
}

/// Something that ranks items for users. All recommenders keep this contract, trained or counted.
public protocol Recommender: AnyObject {
    /// The size of the catalogue; items are `0 ..< itemCount`.
    var itemCount: Int { get }

    /// Scores of the same candidates for each user; more is better. Nothing is recorded for gradients.
    /// - Returns: `[users, candidates]`, f32.
    /// - Throws: ``RecommendationError`` where a user or an item is outside of what the model knows, or a history is
    ///   needed and missing.
    func score(_ users: [UserContext], candidates: [Int32]) throws -> Tensor

    /// Whether the model has an answer for this user; ``score(_:candidates:)`` throws where it has none.
    func canScore(_ user: UserContext) -> Bool
}

/// A network that learns from batches: ``Recommender``s with parameters, and models of single rows that become one with
/// a catalogue of features (``FeatureRecommender``).
public protocol TrainableModel<Batch>: Layer {
    associatedtype Batch

    /// The objective of a batch as a sum with its graph.
    func loss(_ batch: Batch) throws -> BatchLoss

    /// Tensors beside the parameters that training changes and files keep: running means and variances.
    var buffers: [NamedParameter] { get }

    /// Tensors that training alone needs: target networks. Checkpoints keep them, files do not.
    var trainingState: [NamedParameter] { get }

    /// Generators that a training step draws from (dropout).
    var randomSources: [(name: String, source: RandomSource)] { get }

    /// Multiplies the learning rate of a parameter: an actor climbs slower than its critic learns.
    func learningRateScale(of parameter: String) -> Double

    /// Called after every step of the optimiser.
    func didStep()
}

extension TrainableModel {
    public var buffers: [NamedParameter] { [] }
    public var trainingState: [NamedParameter] { [] }
    public var randomSources: [(name: String, source: RandomSource)] { [] }
    public func learningRateScale(of parameter: String) -> Double { 1 }
    public func didStep() {}
}

extension Recommender {
    public func canScore(_ user: UserContext) -> Bool { true }

    /// The best items of each user, best first.
    ///
    /// - Parameters:
    ///   - count: at most so many; fewer where the candidates run out.
    ///   - candidates: nil for the whole catalogue. An item that stands there twice is recommended once.
    ///   - excludesHistory: whether items of the user's own history are left out.
    ///   - excluded: items that nobody is shown.
    /// - Throws: ``RecommendationError``.
    public func recommend(
        _ users: [UserContext], count: Int, candidates: [Int32]? = nil, excludesHistory: Bool = true,
        excluded: Set<Int32> = []
    ) throws -> [[ScoredItem]] {
        guard count > 0 else { throw RecommendationError.invalidCount(count) }
        let asked = candidates ?? Array(0..<Int32(itemCount))
        try check(users, candidates: asked)
        var isLeft = [Bool](repeating: true, count: itemCount)
        for item in excluded where isLeft.indices.contains(Int(item)) { isLeft[Int(item)] = false }
        let pool = asked.filter { item in
            defer { isLeft[Int(item)] = false }
            return isLeft[Int(item)]
        }
        guard !pool.isEmpty else { throw RecommendationError.noCandidates }
        let scores = try withoutGradients { try score(users, candidates: pool) }.contiguous().floats
        var top = TopItems(capacity: min(count, pool.count))
        return try users.enumerated().map { row, user in
            var own = Array(scores[(row * pool.count)..<((row + 1) * pool.count)])
            if excludesHistory, !user.history.isEmpty {
                let met = Set(user.history)
                for (place, item) in pool.enumerated() where met.contains(item) { own[place] = -.infinity }
            }
            let best = own.withUnsafeBufferPointer { top.rank($0, relevant: [], ties: .itemIndex) }
            guard let best else { throw RecommendationError.scoreNotANumber(user: user.user) }
            return best.map { ScoredItem(item: pool[Int($0.item)], score: $0.score) }
        }
    }

    /// - Throws: ``RecommendationError/itemOutOfRange(_:count:)``.
    public func check(_ users: [UserContext], candidates: [Int32]) throws {
        let known = 0..<Int32(itemCount)
        func require(_ items: [Int32]) throws {
            if let stranger = items.first(where: { !known.contains($0) }) {
                throw RecommendationError.itemOutOfRange(stranger, count: itemCount)
            }
        }
        try require(candidates)
        for user in users { try require(user.history) }
    }
}

/// What keeps a recommender from answering or training.
public enum RecommendationError: Error, Equatable, CustomStringConvertible {
    case itemOutOfRange(Int32, count: Int)
    case userOutOfRange(Int32, count: Int)
    case unknownUser(model: String)
    case noHistory(model: String)
    case noCandidates
    case unknownCandidates([String])
    case invalidCount(Int)
    case scoreNotANumber(user: Int32?)
    case notLabelled(rows: Int)
    case fieldCount(what: String, found: Int, expected: Int)
    case categoryOutOfRange(field: String, found: Int32, count: Int)
    case numberNotFinite(field: String, row: Int)
    case mismatch(reason: String)

    public var description: String {
        switch self {
        case .itemOutOfRange(let item, let count): "item \(item) is outside of the catalogue of \(count)"
        case .userOutOfRange(let user, let count): "user \(user) is none of the \(count) users of the training data"
        case .unknownUser(let model):
            "\(model) has nothing but an identity for its users and does not know this one; "
                + "a model that reads histories (sasrec, gru4rec, din) or popularity can answer"
        case .noHistory(let model): "\(model) recommends by what a user has met, and this user's history is empty"
        case .noCandidates: "there is no item to choose from"
        case .unknownCandidates(let names):
            "none of the \(names.count) candidates is an item of the training data: "
                + names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
        case .invalidCount(let count): "\(count) items asked for; at least 1 is needed"
        case .scoreNotANumber(let user):
            "a score is not a number (user \(user.map(String.init) ?? "unknown")); the training has diverged"
        case .notLabelled(let rows): "none of the \(rows) rows has a label"
        case .fieldCount(let what, let found, let expected): "\(found) \(what) given, the schema has \(expected)"
        case .categoryOutOfRange(let field, let found, let count):
            "field \(field): index \(found) is outside of 0 ..< \(count)"
        case .numberNotFinite(let field, let row): "field \(field), row \(row): not a finite number"
        case .mismatch(let reason): reason
        }
    }
}
