import Foundation

/// The Open Bandit data (ZOZOTOWN): single items shown in three positions with the logging policy's propensities.
public struct OpenBanditLog: Sendable {
    public enum Behaviour: String, Sendable, CaseIterable {
        /// Every item with the same probability.
        case random
        /// Bernoulli Thompson sampling.
        case thompson = "bts"
    }
    public enum Campaign: String, Sendable, CaseIterable {
        case all
        case men
        case women
    }

    /// The whole log with features of users (tokens), `position`, `timestamp` and `user-item_affinity_N` (numbers).
    public let table: FeatureTable
    /// Features of items: `item_feature_0` is a number, the others are tokens.
    public let itemContext: FeatureTable
    public let itemCount: Int
    /// The item's published number, `0 ..< itemCount`.
    public let items: [Int32]
    /// Position on the page, 1 to 3.
    public let positions: [Int32]
    public let clicks: [Bool]
    /// Probability of the logged item at its position.
    public let propensities: [Double]

    public var rowCount: Int { items.count }

    /// - Parameter folder: holds `BEHAVIOUR/CAMPAIGN/CAMPAIGN.csv` and `item_context.csv` beside it.
    /// - Throws: ``InteractionError``, ``CorpusError``.
    public init(folder: URL, behaviour: Behaviour, campaign: Campaign) throws {
        let place = folder.appending(path: "\(behaviour.rawValue)/\(campaign.rawValue)", directoryHint: .isDirectory)
        let log = try UserSequenceSet.file("\(campaign.rawValue).csv", in: place, set: "open-bandit")
        let context = try UserSequenceSet.file("item_context.csv", in: place, set: "open-bandit")
        try self.init(
            log: FileContents.data(log), logFile: log.lastPathComponent, context: FileContents.data(context),
            contextFile: context.lastPathComponent)
    }

    /// - Throws: ``InteractionError`` for missing columns, items without context, propensities outside (0, 1].
    public init(log: Data, logFile: String, context: Data, contextFile: String) throws {
        itemContext = try FeatureTable.read(
            context, file: contextFile, layout: .commaSeparated,
            fields: [FeatureField("item_id", .float), FeatureField("item_feature_0", .float)]
                + (1...3).map { FeatureField("item_feature_\($0)", .token) })
        let itemCount = itemContext.rowCount
        let numbers = ["item_id", "position", "click", "propensity_score"].map { FeatureField($0, .float) }
        let tokens = (0...3).map { FeatureField("user_feature_\($0)", .token) }
        let affinities = (0..<itemCount).map { FeatureField("user-item_affinity_\($0)", .float) }
        let table = try FeatureTable.read(
            log, file: logFile, layout: .commaSeparated,
            fields: [FeatureField("timestamp", .time)] + numbers + tokens + affinities)
        self.table = table
        self.itemCount = itemCount

        func column<Value>(
            _ name: String, wanted: String, _ convert: (Double) -> Value?
        ) throws -> [Value] {
            try table.numbers(name).enumerated().map { row, value in
                guard let converted = convert(value) else {
                    throw InteractionError.badValue(
                        file: logFile, line: row + 2, column: name, found: "\(value)", wanted: wanted)
                }
                return converted
            }
        }
        items = try column("item_id", wanted: "an item of \(contextFile) (0 to \(itemCount - 1))") {
            Int32(exactly: $0).flatMap { $0 >= 0 && Int($0) < itemCount ? $0 : nil }
        }
        positions = try column("position", wanted: "a position of 1 to 3") {
            Int32(exactly: $0).flatMap { (1...3).contains($0) ? $0 : nil }
        }
        clicks = try column("click", wanted: "0 or 1") { $0 == 0 ? false : ($0 == 1 ? true : nil) }
        propensities = try column("propensity_score", wanted: "a probability in (0, 1]") {
            $0 > 0 && $0 <= 1 ? $0 : nil
        }
    }
}
