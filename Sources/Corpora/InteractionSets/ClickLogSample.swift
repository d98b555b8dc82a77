import Foundation

/// The layouts of well-known click-through and conversion sets, as their published samples have them.
public enum ClickLogSample: String, Sendable, CaseIterable {
    /// Criteo: label, 13 numbers, 26 hashed tokens.
    case criteo
    /// Avazu: click and 22 tokens; `hour` is YYMMDDHH.
    case avazu
    /// MovieLens with user and item features in one table.
    case movieLens
    /// Ali-CCP: click, purchase, tokens and scaled numbers.
    case aliCCP
    /// AliExpress: 16 tokens, 63 numbers, click and conversion.
    case aliExpress
    /// Census income: numbers already scaled, tokens as integers.
    case censusIncome
    /// Amazon with user, item, time and a label.
    case amazon
    /// Yoochoose clicks: session, time, item, category; no header.
    case yoochoose
    /// Diginetica item views: semicolons, anonymous users are `NA`.
    case diginetica
    /// Yidian news: users, items, show time and position, click, place and profile scores.
    case yidian

    public var layout: TableLayout {
        switch self {
        case .yoochoose: TableLayout(delimiter: ",", quotes: false, hasHeader: false)
        case .diginetica: TableLayout(delimiter: ";", quotes: false)
        default: .commaSeparated
        }
    }

    /// The declared columns, given the file's header (the samples of one set differ in which columns they carry).
    public func fields(header: [String]) -> [FeatureField] {
        func tokens(_ names: [String]) -> [FeatureField] { names.map { FeatureField($0, .token, missing: .fill(0)) } }
        func numbers(_ names: [String]) -> [FeatureField] { names.map { FeatureField($0, .float, missing: .fill(0)) } }
        switch self {
        case .criteo:
            return [FeatureField("label", .float)] + numbers((1...13).map { "I\($0)" })
                + tokens((1...26).map { "C\($0)" })
        case .avazu:
            return [FeatureField("click", .float), FeatureField("hour", .float)]
                + tokens(header.filter { !["id", "click", "hour"].contains($0) })
        case .movieLens:
            return [
                FeatureField("user_id", .token), FeatureField("movie_id", .token), FeatureField("rating", .float),
                FeatureField("timestamp", .time), FeatureField("title", .token),
                FeatureField("genres", .tokenSequence, separator: "|"),
            ] + tokens(["gender", "age", "occupation", "zip"])
        case .aliCCP:
            let labels = ["click", "purchase"]
            return numbers(labels) + tokens(header.filter { !labels.contains($0) && !$0.hasPrefix("D") })
                + numbers(header.filter { $0.hasPrefix("D") })
        case .aliExpress:
            return tokens(header.filter { $0.hasPrefix("categorical") || $0 == "search_id" })
                + numbers(header.filter { !$0.hasPrefix("categorical") && $0 != "search_id" })
        case .censusIncome:
            let scaled = [
                "age", "wage per hour", "capital gains", "capital losses", "divdends from stocks",
                "num persons worked for employer", "weeks worked in year", "income",
            ]
            return header.map { name in
                scaled.contains(name)
                    ? FeatureField(name, .float) : FeatureField(name, .token)
            }
        case .amazon:
            return [
                FeatureField("user_id", .token), FeatureField("item_id", .token), FeatureField("time", .time),
            ] + header.filter { $0 == "label" }.map { FeatureField($0, .float) }
                + header.filter { $0 == "cate_id" }.map { FeatureField($0, .token) }
        case .yoochoose:
            return [
                FeatureField("session", .token), FeatureField("time", .time), FeatureField("item", .token),
                FeatureField("category", .token),
            ]
        case .diginetica:
            return [
                FeatureField("sessionId", .token), FeatureField("userId", .token), FeatureField("itemId", .token),
                FeatureField("timeframe", .float), FeatureField("eventdate", .time),
            ]
        case .yidian:
            return [
                FeatureField("userId", .token), FeatureField("itemId", .token), FeatureField("showTime", .time),
                FeatureField("showPos", .float), FeatureField("click", .float),
            ] + tokens(["network", "refresh", "deviceName", "OS", "province", "city"])
                + numbers(["age0", "age1", "age2", "age3", "female", "male"])
        }
    }

    /// - Throws: ``InteractionError``, ``CorpusError``.
    public func read(_ file: URL) throws -> FeatureTable {
        let data = try FileContents.data(file)
        let name = file.lastPathComponent
        return try FeatureTable.read(data, file: name, layout: layout) { header in
            let declared = fields(header: header)
            guard layout.hasHeader else { return declared.map { Optional($0) } }
            for field in declared where !header.contains(field.name) {
                throw InteractionError.missingColumn(file: name, column: field.name, found: header)
            }
            return header.map { column in declared.first { $0.name == column } }
        }
    }
}
