import Corpora
import Evaluation
import Foundation
import Training
import Worlds

/// Where the sessions of a training come from.
public struct SessionDataRecipe: Sendable, Codable, Equatable {
    /// `feed` for the built-in simulator, or a CSV or JSONL file with one exposed item a row, in the order of exposure.
    public var source = "feed"
    /// Of the simulator.
    public var users = 1_000
    public var items = 300
    public var userColumn = "user_id"
    public var sessionColumn = "session_id"
    public var itemColumn = "item_id"
    public var clickColumn = "click"
    /// 1 where the session ended because the list ran out.
    public var listEndColumn: String?
    /// A CSV file with one item a row, for categories and numbers; none: items have nothing but their identity.
    public var itemFile: String?
    public var categoryColumn: String?
    public var featureColumns: [String] = []
    /// The share of users that is held out.
    public var heldOutShare = 0.1

    public init() {}

    public static let fields = [
        RecipeField("source", "feed: the built-in simulator; or a CSV or JSONL file, a row for each exposed item."),
        RecipeField("users", "Of the simulator.", range: .between(20, 100_000)),
        RecipeField("items", "Of the simulator.", range: .between(20, 100_000)),
        RecipeField("userColumn", "Names the user of a row."),
        RecipeField("sessionColumn", "Names the session of a row; rows of a session are in the order of the slots."),
        RecipeField("itemColumn", "Names the exposed item."),
        RecipeField("clickColumn", "1 where the item was clicked, else 0."),
        RecipeField("listEndColumn", "1 where the session ended because the list did: its last browse is unknown."),
        RecipeField("itemFile", "A CSV file with one item a row, with the item column as key."),
        RecipeField("categoryColumn", "A column of the item file."),
        RecipeField("featureColumns", "Columns of numbers of the item file."),
        RecipeField("heldOutShare", "The share of users that is held out.", range: .above(0, to: 0.5)),
    ]
}

/// Sessions to learn from, held-out ones, and the items they are about.
public struct SessionData: Sendable {
    public let catalogue: SessionCatalogue
    /// The names of the items, in the order of the catalogue.
    public let items: [String]
    public let profileCount: Int
    public let training: SessionLog
    public let heldOut: SessionLog
    public let origin: String

    /// - Throws: ``SessionDataError``, `InteractionError`, `CorpusError`, `WorldError`.
    public static func load(_ recipe: SessionDataRecipe, seed: UInt64) throws -> SessionData {
        recipe.source == "feed" ? try simulated(recipe, seed: seed) : try read(recipe, seed: seed)
    }

    private static func simulated(_ recipe: SessionDataRecipe, seed: UInt64) throws -> SessionData {
        var configuration = FeedConfiguration.longTerm
        configuration.itemCount = recipe.items
        configuration.userCount = recipe.users
        let world = try FeedWorld(configuration, seed: seed)
        let cut = recipe.users - max(1, Int(recipe.heldOutShare * Double(recipe.users)))
        func log(_ users: Range<Int>) throws -> SessionLog {
            SessionLog(
                try FeedLog(
                    world: world, users: users, base: SimilarFeedPolicy(world: world), exploration: 0.5,
                    luckSeed: seed), users: world.users)
        }
        return SessionData(
            catalogue: SessionCatalogue(feed: world.items), items: (0..<recipe.items).map(String.init),
            profileCount: world.users.demographicCount, training: try log(0..<cut),
            heldOut: try log(cut..<recipe.users), origin: "the simulated feed (\(recipe.users) users)")
    }

    private static func read(_ recipe: SessionDataRecipe, seed: UInt64) throws -> SessionData {
        let file = URL(fileURLWithPath: recipe.source)
        let table = try table(file, recipe)
        let (users, userNames) = try table.tokens(recipe.userColumn)
        let (sessions, _) = try table.tokens(recipe.sessionColumn)
        let (items, itemNames) = try table.tokens(recipe.itemColumn)
        let clicks = try flags(table, recipe.clickColumn)
        let ends = try recipe.listEndColumn.map { try flags(table, $0) }
        let catalogue = try catalogue(recipe, itemNames)

        // The sessions of each user in the order in which they begin.
        var order: [[Int32]] = Array(repeating: [], count: userNames.count)
        var rowsOfSession: [SessionKey: [Int]] = [:]
        for row in 0..<table.rowCount {
            let key = SessionKey(user: users[row], session: sessions[row])
            if rowsOfSession[key] == nil { order[Int(users[row])].append(sessions[row]) }
            rowsOfSession[key, default: []].append(row)
        }
        var generator = SeededGenerator(seed: seed).split("held out")
        let shuffled = generator.shuffled(0..<userNames.count)
        let heldOutUsers = Set(shuffled.prefix(max(1, Int(recipe.heldOutShare * Double(userNames.count)))))
        var training = SessionLog()
        var heldOut = SessionLog()
        for user in 0..<userNames.count {
            let isHeldOut = heldOutUsers.contains(user)
            isHeldOut ? heldOut.startUser() : training.startUser()
            for session in order[user] {
                let rows = rowsOfSession[SessionKey(user: Int32(user), session: session), default: []]
                let shown = rows.map { items[$0] }
                let clicked = rows.map { clicks[$0] }
                let isKnown = rows.last.flatMap { last in ends.map { !$0[last] } } ?? true
                if isHeldOut {
                    heldOut.append(items: shown, clicks: clicked, endIsKnown: isKnown)
                } else {
                    training.append(items: shown, clicks: clicked, endIsKnown: isKnown)
                }
            }
        }
        guard training.sessionCount > 0, heldOut.sessionCount > 0 else {
            throw SessionDataError.tooFewUsers(file: table.name, found: userNames.count)
        }
        return SessionData(
            catalogue: catalogue, items: itemNames.tokens, profileCount: 1, training: training, heldOut: heldOut,
            origin: table.name)
    }

    private struct SessionKey: Hashable {
        let user: Int32
        let session: Int32
    }

    private static func table(_ file: URL, _ recipe: SessionDataRecipe) throws -> FeatureTable {
        var fields = [
            FeatureField(recipe.userColumn, .token), FeatureField(recipe.sessionColumn, .token),
            FeatureField(recipe.itemColumn, .token), FeatureField(recipe.clickColumn, .float),
        ]
        if let end = recipe.listEndColumn { fields.append(FeatureField(end, .float)) }
        return file.pathExtension == "jsonl"
            ? try .readLines(file, fields: fields) : try .read(file, layout: .commaSeparated, fields: fields)
    }

    private static func flags(_ table: FeatureTable, _ column: String) throws -> [Bool] {
        try table.numbers(column).enumerated().map { row, value in
            guard value == 0 || value == 1 else {
                throw SessionDataError.notAFlag(file: table.name, column: column, row: row + 1, found: value)
            }
            return value == 1
        }
    }

    private static func catalogue(_ recipe: SessionDataRecipe, _ items: IdentifierMap) throws -> SessionCatalogue {
        guard let path = recipe.itemFile else {
            return SessionCatalogue(
                categories: Array(repeating: 0, count: items.count), categoryCount: 1, features: [], featureCount: 0)
        }
        var fields = [FeatureField(recipe.itemColumn, .token)]
        if let category = recipe.categoryColumn { fields.append(FeatureField(category, .token)) }
        fields += recipe.featureColumns.map { FeatureField($0, .float) }
        let table = try FeatureTable.read(URL(fileURLWithPath: path), layout: .commaSeparated, fields: fields)
        let rows = try table.rows(alignedTo: items, key: recipe.itemColumn)
        let columns = try recipe.featureColumns.map { try table.numbers($0) }
        var categories = [Int32](repeating: 0, count: items.count)
        var categoryCount = 1
        if let column = recipe.categoryColumn {
            let (values, names) = try table.tokens(column)
            // Category 0: items of which the file says nothing.
            categories = rows.map { $0 < 0 ? 0 : values[Int($0)] + 1 }
            categoryCount = names.count + 1
        }
        // Items without a row get the mean of each number.
        let means = columns.map { $0.reduce(0, +) / Double(max(1, $0.count)) }
        var features: [Float] = []
        for row in rows {
            for (column, mean) in zip(columns, means) { features.append(Float(row < 0 ? mean : column[Int(row)])) }
        }
        return SessionCatalogue(
            categories: categories, categoryCount: categoryCount, features: features, featureCount: columns.count)
    }
}

/// What is wrong with a log of sessions.
public enum SessionDataError: Error, Equatable, CustomStringConvertible {
    case notAFlag(file: String, column: String, row: Int, found: Double)
    case tooFewUsers(file: String, found: Int)
    case otherItems(file: String, found: Int, expected: Int)
    case damagedModel(file: String, reason: String)

    public var description: String {
        switch self {
        case .notAFlag(let file, let column, let row, let found):
            "\(file), row \(row): \(column) is \(found), allowed: 0 or 1"
        case .tooFewUsers(let file, let found): "\(file): \(found) users; at least 2 are needed, one to be held out"
        case .otherItems(let file, let found, let expected):
            "\(file): its \(found) items are not the \(expected) that the model was trained with"
        case .damagedModel(let file, let reason): "\(file): \(reason)"
        }
    }
}
