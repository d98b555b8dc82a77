import Corpora
import Evaluation
import Foundation
import Tensors
import Training
import Worlds

/// One policy of a comparison, by name.
struct FeedContestant: Sendable {
    enum BuiltIn: String, Sendable, CaseIterable {
        case random
        /// By past click rate.
        case popularity
        /// By past clicks.
        case mostClicked = "most-clicked"
        case myopicOracle = "myopic-oracle"
        case planningOracle = "planning-oracle"
    }

    private enum Policy: Sendable {
        case builtIn(BuiltIn)
        case agent(URL, HierarchicalAgentRecipe)
        case sessionContext(URL)
        case recommender(URL)
    }

    let name: String
    /// The world it was trained in; nil for what needs no training.
    let place: FeedPlace?
    private let policy: Policy

    init(_ name: String, locate: (String) throws -> URL) throws {
        self.name = name
        if let known = BuiltIn(rawValue: name) {
            policy = .builtIn(known)
            place = nil
            return
        }
        let folder = try locate(name)
        let manifest = try ArtefactManifest.read(from: folder)
        let document = try RecipeDocument(yaml: manifest.recipe, source: "\(name)/manifest.json")
        switch manifest.kind {
        case HierarchicalAgentMethod.name:
            let recipe = try HierarchicalAgentMethod.settings(document)
            guard recipe.data.source.isEmpty else {
                throw FeedSimulationError.trainedOnLog(name: name, source: recipe.data.source)
            }
            policy = .agent(folder, recipe)
            place = FeedPlace(
                owner: name, preset: recipe.world, items: recipe.items, seed: recipe.seed,
                firstUser: recipe.training.trainingUsers, users: recipe.configuration.userCount)
        case SessionContext.name:
            let recipe = try SessionContext.settings(document)
            guard recipe.data.source == "feed" else {
                throw FeedSimulationError.otherData(name: name, found: recipe.data.source)
            }
            policy = .sessionContext(folder)
            place = FeedPlace(
                owner: name, preset: .longTerm, items: recipe.data.items, seed: recipe.seed,
                firstUser: recipe.data.users - max(1, Int(recipe.data.heldOutShare * Double(recipe.data.users))),
                users: recipe.data.users)
        case let kind where RecommendationMethods.all.contains { $0.name == kind }:
            policy = .recommender(folder)
            place = FeedPlace(
                owner: name, preset: .longTerm, items: BuiltInInteractions.itemCount,
                seed: Int(BuiltInInteractions.worldSeed), firstUser: 0, users: BuiltInInteractions.userCount)
        default: throw FeedSimulationError.notAPolicy(name: name, kind: manifest.kind)
        }
    }

    /// Serves the users of a rollout until each has left or reached the horizon.
    @TensorActor
    func serve(
        _ rollout: FeedRollout, observe: @escaping (FeedBatch, [FeedOutcome]) throws -> Void
    ) throws -> FeedReport {
        switch policy {
        case .builtIn(.random): try rollout.run(RandomFeedPolicy(seed: rollout.luckSeed), observe: observe)
        case .builtIn(.popularity): try rollout.run(PopularFeedPolicy(world: rollout.world), observe: observe)
        case .builtIn(.mostClicked):
            try rollout.run(PopularFeedPolicy(mostClickedIn: rollout.world), observe: observe)
        case .builtIn(.myopicOracle): try rollout.run(MyopicOracle(), observe: observe)
        case .builtIn(.planningOracle):
            // Fitted to the same kind of users under other luck.
            try rollout.run(
                PlanningOracle.fitted(
                    world: rollout.world, users: rollout.users.prefix(64), luckSeed: rollout.luckSeed &+ 1,
                    pageLength: rollout.pageLength),
                observe: observe)
        case .agent(let folder, let recipe):
            try HierarchicalAgentMethod.simulate(folder, with: recipe, rollout: rollout, observe: observe)
        case .sessionContext(let folder):
            try serve(rollout, lists: try Self.sessionLists(folder, rollout.world), observe: observe)
        case .recommender(let folder):
            try serve(rollout, lists: try Self.recommendedLists(folder, name: name), observe: observe)
        }
    }

    private func serve(
        _ rollout: FeedRollout, lists: @escaping SessionListPolicy.Lists,
        observe: @escaping (FeedBatch, [FeedOutcome]) throws -> Void
    ) throws -> FeedReport {
        let policy = SessionListPolicy(name, world: rollout.world, lanes: rollout.users.count, lists: lists)
        return try rollout.run(policy) { batch, outcomes in
            if let failure = policy.failure { throw failure }
            try observe(batch, outcomes)
        }
    }

    /// Greedy lists by the expected value of the session; the values-to-go are fitted to the first requests.
    private static func sessionLists(_ folder: URL, _ world: FeedWorld) throws -> SessionListPolicy.Lists {
        let (model, items) = try SessionContextFile.load(folder)
        guard items.count == world.items.count, model.profileCount == world.users.demographicCount else {
            throw FeedSimulationError.otherData(name: folder.lastPathComponent, found: "\(items.count) items")
        }
        let length = min(SessionListPolicy.length, items.count, model.configuration.maximumSlots)
        var search: ListSearch?
        return { requests in
            let scorer = SessionScorer(
                model, requests: requests.map { SessionRequest(profile: $0.demographic, history: $0.clicked) })
            let ready =
                search
                ?? .fitted(to: scorer, requests: min(requests.count, 64), length: length, viewWeight: 0.2)
            search = ready
            return ready.run(scorer, requests: requests.count).map(\.items)
        }
    }

    /// The best items by what was clicked in earlier sessions; the most popular ones where the model has no answer.
    private static func recommendedLists(_ folder: URL, name: String) throws -> SessionListPolicy.Lists {
        let saved = try SavedRecommender.open(folder)
        let numbers = saved.items.tokens.map { Int32($0) ?? -1 }
        let people = saved.users.tokens.allSatisfy { $0.hasPrefix("u") && Int($0.dropFirst()) != nil }
        guard people, numbers.allSatisfy({ (0..<Int32(BuiltInInteractions.itemCount)).contains($0) }) else {
            throw FeedSimulationError.otherData(
                name: name, found: "items such as \(saved.items.tokens.first ?? "none")")
        }
        let popular = Popularity(scores: saved.itemCounts)
        return { requests in
            let users = requests.map { request in
                UserContext(
                    user: saved.users["u\(request.user)"],
                    history: request.clicked.compactMap { saved.items[String($0)] })
            }
            var lists = [[Int32]](repeating: [], count: users.count)
            for isKnown in [true, false] {
                let rows = users.indices.filter { saved.recommender.canScore(users[$0]) == isKnown }
                guard !rows.isEmpty else { continue }
                let model: any Recommender = isKnown ? saved.recommender : popular
                let found = try model.recommend(
                    rows.map { users[$0] }, count: SessionListPolicy.length, excludesHistory: false)
                for (row, list) in zip(rows, found) { lists[row] = list.map { numbers[Int($0.item)] } }
            }
            return lists
        }
    }
}

/// Serves the list that a model makes when a session begins, then what has the best past click rate. Nothing comes twice
/// in a session.
///
/// The rollout is synchronous and runs on the thread of the model's tensors.
final class SessionListPolicy: FeedPolicy, @unchecked Sendable {
    /// A session that begins.
    struct Request: Sendable {
        let user: Int32
        let demographic: Int32
        /// In earlier sessions, oldest first.
        let clicked: [Int32]
    }

    typealias Lists = ([Request]) throws -> [[Int32]]

    /// Items that a model lists; few sessions are longer.
    static let length = 20
    /// So many at a time bound the memory.
    private static let requestsPerCall = 256

    let name: String
    /// What went wrong; the caller stops then.
    private(set) var failure: (any Error)?
    private let lists: Lists
    private let others: [Int32]
    private let slots: Int
    private var served: [[Int32]]

    init(_ name: String, world: FeedWorld, lanes: Int, lists: @escaping Lists) {
        self.name = name
        self.lists = lists
        others = PopularFeedPolicy(world: world).ranked
        slots = min(world.configuration.maximumSlots, world.items.count)
        served = [[Int32]](repeating: [], count: lanes)
    }

    func choose(for batch: FeedBatch, into choices: inout [Int32]) {
        let lanes = batch.activeLanes.map(Int.init)
        begin(lanes.filter { batch.slots[$0] == 1 }, batch)
        for (row, lane) in lanes.enumerated() { choices[row] = served[lane][(Int(batch.slots[lane]) - 1) % slots] }
    }

    private func begin(_ lanes: [Int], _ batch: FeedBatch) {
        guard !lanes.isEmpty else { return }
        let requests = lanes.map { lane in
            let history = batch.histories[lane]
            return Request(
                user: batch.users[lane], demographic: batch.world.users.demographics[Int(batch.users[lane])],
                clicked: zip(history.items, history.clicks).compactMap { $1 ? $0 : nil })
        }
        var found: [[Int32]] = []
        do {
            for start in stride(from: 0, to: requests.count, by: Self.requestsPerCall) {
                found += try lists(Array(requests[start..<min(start + Self.requestsPerCall, requests.count)]))
            }
        } catch {
            failure = error
            found = [[Int32]](repeating: [], count: lanes.count)
        }
        for (lane, list) in zip(lanes, found) {
            let listed = Set(list)
            served[lane] = Array((list + others.lazy.filter { !listed.contains($0) }).prefix(slots))
        }
    }
}
