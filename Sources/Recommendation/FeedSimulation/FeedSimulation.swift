import Evaluation
public import Foundation
import Training
public import Worlds

/// Policies side by side in one feed world: the same users, the same luck.
///
/// Trained models bring the world they were trained in; those of one comparison must have been trained in the same. They
/// serve users that none of them has learned from, except models of identities, which know no others.
public struct FeedSimulation: Sendable {
    /// The users, and the world where no trained model brings its own.
    public struct Settings: Sendable, Equatable {
        public var users = 256
        public var days = 30
        /// Of the luck; of the world too, where no trained model brings its own.
        public var seed = 0
        /// Nil: 300, or what the trained models were trained with.
        public var items: Int?
        /// Nil: the long-term world, or the one of the trained models.
        public var preset: HierarchicalAgentRecipe.Preset?
        /// Items that a policy fixes at a time, before any of them is seen; 1: slot by slot.
        public var page = 1

        public init() {}
    }

    /// How far a running policy is.
    public struct Live: Sendable, Equatable {
        public let policy: String
        public var views = 0
        public var clicks = 0
        public var sessions = 0
        /// Users who are still there.
        public var usersLeft = 0
        private var gaps = 0
        private var returns = 0

        init(policy: String) { self.policy = policy }

        public var viewsPerSession: Double { Double(views) / Double(max(1, sessions)) }
        /// Days to the next session of those who came back.
        public var meanGap: Double { Double(gaps) / Double(max(1, returns)) }

        mutating func add(_ outcome: FeedOutcome) {
            views += 1
            clicks += outcome.clicked ? 1 : 0
            guard outcome.endsSession else { return }
            sessions += 1
            if outcome.ending != .churned {
                returns += 1
                gaps += Int(outcome.gapInDays)
            }
        }
    }

    /// The names of the policies, in the order in which they were given.
    public var policyNames: [String] { contestants.map(\.name) }
    /// The world that is served.
    public var world: FeedWorld { rollout.world }
    /// The users of the world who are served.
    public var users: Range<Int> { rollout.users }

    let contestants: [FeedContestant]
    let rollout: FeedRollout
    let settings: Settings
    /// Of the world that is served.
    let preset: HierarchicalAgentRecipe.Preset

    /// No session is longer than the longest page.
    public static let pageLengths = 1...50

    /// The names of policies that need no training.
    public static let builtIn = FeedContestant.BuiltIn.allCases.map(\.rawValue)

    /// - Parameters:
    ///   - names: of ``builtIn``, or of trained models.
    ///   - locate: finds the folder of a trained model.
    /// - Throws: ``FeedSimulationError``, what `locate` throws, `ArtefactError`, `WorldError` for sizes that are no world.
    public init(_ names: [String], _ settings: Settings = Settings(), locate: (String) throws -> URL) throws {
        guard !names.isEmpty else { throw FeedSimulationError.noPolicy }
        for (field, found, allowed) in [
            ("users", settings.users, 1...1_000_000), ("days", settings.days, 1...3_650),
            ("seed", settings.seed, 0...Int.max), ("page", settings.page, Self.pageLengths),
        ] where !allowed.contains(found) {
            throw FeedSimulationError.setting(
                field: field, found: "\(found)", allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
        }
        var seen = Set<String>()
        if let twice = names.first(where: { !seen.insert($0).inserted }) { throw FeedSimulationError.twice(twice) }
        contestants = try names.map { try FeedContestant($0, locate: locate) }
        var place = FeedPlace(
            owner: nil, preset: settings.preset ?? .longTerm, items: settings.items ?? 300, seed: settings.seed,
            firstUser: 0, users: settings.users)
        for (index, own) in contestants.compactMap(\.place).enumerated() {
            place = index == 0 ? own : try place.joined(own)
        }
        if place.owner != nil { try place.check(settings) }
        var configuration = place.preset.configuration
        configuration.itemCount = place.items
        configuration.userCount = max(place.users, place.firstUser + settings.users)
        configuration.horizonInDays = settings.days
        guard settings.page <= place.items else {
            throw FeedSimulationError.setting(
                field: "page", found: "\(settings.page)", allowed: "1 to \(place.items), the number of items")
        }
        self.settings = settings
        preset = place.preset
        rollout = FeedRollout(
            world: try FeedWorld(configuration, seed: UInt64(place.seed)),
            users: place.firstUser..<(place.firstUser + settings.users),
            luckSeed: SeededGenerator.seed(UInt64(settings.seed), "simulated luck"), pageLength: settings.page)
    }

    /// Runs one policy after another.
    ///
    /// - Parameter observe: told every few steps how far it is; may throw to stop.
    /// - Throws: what `observe` throws, errors of trained models and their files.
    @TensorActor
    public func run(observe: @escaping (Live) throws -> Void = { _ in }) throws -> [FeedReport] {
        try contestants.map { contestant in
            var live = Live(policy: contestant.name)
            var steps = 0
            return try contestant.serve(rollout) { batch, outcomes in
                for outcome in outcomes { live.add(outcome) }
                live.usersLeft = batch.activeLanes.count
                steps += 1
                if steps % 8 == 0 || batch.isFinished { try observe(live) }
            }
        }
    }
}

extension HierarchicalAgentRecipe.Preset {
    /// The world of this name with its own sizes.
    var configuration: FeedConfiguration {
        switch self {
        case .longTerm: .longTerm
        case .null: .null
        case .twoTopics: .twoTopics
        }
    }
}

/// A world that a trained model knows.
struct FeedPlace: Sendable, Equatable {
    /// The model, for errors; nil where nobody brought the world.
    var owner: String?
    let preset: HierarchicalAgentRecipe.Preset
    let items: Int
    let seed: Int
    /// Users before this one were learned from.
    var firstUser: Int
    /// Of the world it was trained in.
    var users: Int

    /// The past counts of items come from so many users: in a smaller world they are others.
    private var pastUsers: Int { min(users, FeedWorld.pastCountUsers) }

    /// - Throws: ``FeedSimulationError/otherWorld(_:_:field:)``.
    func joined(_ other: FeedPlace) throws -> FeedPlace {
        func same(_ field: String, _ holds: Bool) throws {
            guard holds else { throw FeedSimulationError.otherWorld(owner ?? "", other.owner ?? "", field: field) }
        }
        try same("world", preset == other.preset)
        try same("items", items == other.items)
        try same("seed", seed == other.seed)
        try same("number of users", pastUsers == other.pastUsers)
        var joined = self
        joined.firstUser = max(firstUser, other.firstUser)
        joined.users = max(users, other.users)
        return joined
    }

    /// - Throws: ``FeedSimulationError/setting(field:found:allowed:)`` where settings ask for another world.
    func check(_ settings: FeedSimulation.Settings) throws {
        let owner = owner ?? "the model"
        if let asked = settings.items, asked != items {
            throw FeedSimulationError.setting(
                field: "items", found: "\(asked)", allowed: "\(items), which \(owner) was trained with")
        }
        if let asked = settings.preset, asked != preset {
            throw FeedSimulationError.setting(
                field: "world", found: asked.rawValue, allowed: "\(preset.rawValue), which \(owner) was trained in")
        }
        if users < FeedWorld.pastCountUsers, firstUser + settings.users > users {
            throw FeedSimulationError.setting(
                field: "users", found: "\(settings.users)",
                allowed: "up to \(users - firstUser): \(owner) was trained in a world of \(users)")
        }
    }
}

/// What is wrong with a comparison of feed policies.
public enum FeedSimulationError: Error, Equatable, CustomStringConvertible {
    case noPolicy
    case twice(String)
    case setting(field: String, found: String, allowed: String)
    /// The model was trained by a method that does not serve this feed.
    case notAPolicy(name: String, kind: String)
    /// The model was trained on other data than the feed.
    case otherData(name: String, found: String)
    /// An agent of the feed that was trained on a log.
    case trainedOnLog(name: String, source: String)
    case otherWorld(String, String, field: String)

    public var description: String {
        switch self {
        case .noPolicy: "no policy is named; there are \(Self.known)"
        case .twice(let name): "policy \(name) is named twice"
        case .setting(let field, let found, let allowed): "\(field) is \(found); allowed: \(allowed)"
        case .notAPolicy(let name, let kind): "\(name) was trained by \(kind); a feed is served by \(Self.known)"
        case .otherData(let name, let found):
            "\(name) was trained on \(found), not on the built-in feed, so it does not know the feed's items"
        case .trainedOnLog(let name, let source):
            "\(name) was trained on logged sessions (data.source \(source)), so it does not know the feed's items; "
                + "`recommend` and `evaluate` are for it"
        case .otherWorld(let one, let other, let field):
            "\(one) and \(other) were trained in feed worlds of another \(field); train them with the same"
        }
    }

    private static let known =
        (FeedSimulation.builtIn + ["a trained hierarchical-agent, session-context or recommend-…"])
        .joined(separator: ", ")
}
