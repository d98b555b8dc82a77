import Corpora
import Worlds

/// Views of the feed world under random lists: something to try every method on without a download.
enum BuiltInInteractions {
    static let userCount = 150
    static let itemCount = 300
    static let worldSeed: UInt64 = 1

    /// Columns `user_id`, `item_id`, `timestamp`, `click`, `browse`, `slot`, `topic`. Clicks follow the users' drifting tastes.
    static func tables(seed: UInt64) throws -> InteractionTables {
        var configuration = FeedConfiguration.longTerm
        configuration.itemCount = itemCount
        configuration.userCount = userCount
        let world = try FeedWorld(configuration, seed: worldSeed)
        let log = try FeedLog(
            world: world, users: 0..<userCount, base: RandomFeedPolicy(seed: seed), exploration: 1, luckSeed: seed)
        let people = IdentifierMap(log.users.map { "u\($0)" })
        let items = IdentifierMap(count: world.items.count)
        let topics = IdentifierMap(world.items.topics.map { "t\($0)" })
        let table = try FeatureTable(
            name: "the feed world",
            fields: [
                FeatureField("user_id", .token), FeatureField("item_id", .token), FeatureField("timestamp", .time),
                FeatureField("click", .float), FeatureField("browse", .float), FeatureField("slot", .float),
                FeatureField("topic", .token),
            ],
            columns: [
                .token(values: log.users.map { people["u\($0)"] ?? -1 }, vocabulary: people),
                .token(values: log.items, vocabulary: items),
                .float(zip(log.days, log.slots).map { Double($0) * 1000 + Double($1) }),
                .float(log.clicks.map { $0 ? 1 : 0 }), .float(log.browses.map { $0 ? 1 : 0 }),
                .float(log.slots.map(Double.init)),
                .token(
                    values: log.items.map { topics["t\(world.items.topics[Int($0)])"] ?? -1 }, vocabulary: topics),
            ])
        return InteractionTables(rows: table, users: nil, items: nil, sequences: nil, name: table.name)
    }
}
