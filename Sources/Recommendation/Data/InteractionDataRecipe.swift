import Corpora
import Foundation
public import Training

/// Which interactions a recommender is trained on, and how they are divided.
public struct InteractionDataRecipe: Codable, Sendable, Equatable {
    public enum Split: String, Codable, Sendable, CaseIterable {
        /// The last interaction of each user is test, the one before validation.
        case leaveOneOut = "leave-one-out"
        /// The latest interactions of all users are test, those before them validation.
        case byTime = "by-time"
    }

    /// What an empty or not finite cell of a feature is.
    public enum Missing: String, Codable, Sendable, CaseIterable {
        /// An error that names file, line and column.
        case refuse
        /// The mean of the training rows for a number, unknown for a name, not known for a label.
        case fill

        var rule: MissingRule { self == .refuse ? .refuse : .fill(.nan) }
    }

    public var source = "built-in"
    public var user = "user_id"
    public var item = "item_id"
    /// Empty: the order of the file.
    public var time = "timestamp"
    /// A column that says whether an interaction counts as liked; empty: all do.
    public var rating = ""
    public var minimumRating = 1.0
    public var leastUserRows = 0
    public var leastItemRows = 0
    public var tokens: [String] = []
    public var numbers: [String] = []
    public var tokenLists: [String] = []
    public var numberLists: [String] = []
    public var separator = " "
    public var missing = Missing.refuse
    public var split = Split.leaveOneOut
    public var validationShare = 0.1
    public var testShare = 0.1

    public init() {}

    /// No data: for methods that do without where none are named.
    static var none: InteractionDataRecipe {
        var recipe = InteractionDataRecipe()
        recipe.source = ""
        return recipe
    }

    public static let fields = [
        RecipeField(
            "source",
            "built-in (clicks of the feed world); FOLDER/NAME of RecBole's atomic files, or FOLDER where they have its name; "
                + "a .csv, .tsv or .jsonl file; or a set below WALLFACER_DATA, such as s3rec-sequences/LastFM."),
        RecipeField("user", "The column of users."),
        RecipeField("item", "The column of items."),
        RecipeField("time", "The column of times; \"\" for the order of the file."),
        RecipeField("rating", "A column of ratings or clicks; \"\" where every row is an interaction."),
        RecipeField("minimumRating", "Rows with at least this rating are interactions."),
        RecipeField(
            "leastUserRows",
            "Users with fewer rows are left out, and items with fewer than leastItemRows, again and again until all that "
                + "are left have as many (rows that are interactions; of models of features all); 0 leaves nobody out.",
            range: .between(0, 1_000_000_000)),
        RecipeField("leastItemRows", "As leastUserRows, of items.", range: .between(0, 1_000_000_000)),
        RecipeField("tokens", "Further columns of names in CSV and JSONL; atomic files declare theirs."),
        RecipeField("numbers", "Further columns of numbers in CSV and JSONL."),
        RecipeField(
            "tokenLists", "Further columns with any number of names in a cell, such as tags, in CSV and JSONL."),
        RecipeField("numberLists", "Further columns with several numbers in a cell in CSV and JSONL."),
        RecipeField("separator", "What stands between the values of such cells: one ASCII character, in quotes."),
        RecipeField(
            "missing",
            "refuse (an error), or fill: an empty cell is the mean of a number, an unknown name, a label that does not "
                + "train. Users, items, times and ratings are never filled."),
        RecipeField("split", "leave-one-out or by-time."),
        RecipeField(
            "validationShare", "Of the rows, split by time; training stops by what it measures on them.",
            range: .above(0, to: 0.5)),
        RecipeField("testShare", "Of the rows, split by time.", range: .above(0, to: 0.5)),
    ]
}

/// Interactions as they were read.
struct InteractionTables {
    /// Nil where the source has sequences only.
    let rows: FeatureTable?
    let users: FeatureTable?
    let items: FeatureTable?
    /// Of sources that are sequences.
    let sequences: InteractionLog?
    let name: String
}

extension InteractionDataRecipe {
    /// Opens the source.
    /// - Parameters:
    ///   - labels: columns that are read as numbers beside the declared ones.
    ///   - others: columns that are read as names beside the declared ones.
    /// - Throws: `InteractionError`, `CorpusError`, ``RecommendationDataError``.
    func tables(
        numbers labels: [String] = [], tokens others: [String] = [], seed: UInt64 = 0
    ) throws -> InteractionTables {
        let keys = [("user", user), ("item", item), ("time", time), ("rating", rating)].filter { !$0.1.isEmpty }
        func missing(_ file: String, _ column: String, _ found: [String]) -> RecommendationDataError {
            .missingColumn(
                file: file, column: column, field: keys.first { $0.1 == column }?.0 ?? "features or labels",
                found: found)
        }
        let tables: InteractionTables
        do {
            tables = try opened(numbers: labels, tokens: others, seed: seed)
        } catch InteractionError.missingColumn(let file, let column, let found) {
            throw missing(file, column, found)
        }
        // Atomic files declare what they have.
        if let rows = tables.rows {
            for column in keys.map(\.1) + labels + others.filter({ !$0.isEmpty })
            where !rows.columnNames.contains(column) {
                throw missing(rows.name, column, rows.columnNames)
            }
        }
        return tables
    }

    private func opened(numbers labels: [String], tokens others: [String], seed: UInt64) throws -> InteractionTables {
        if source == "built-in" { return try BuiltInInteractions.tables(seed: seed) }
        let parts = source.split(separator: "/", maxSplits: 1).map(String.init)
        if parts.count == 2, parts[0] == Self.sequenceSet,
            let folder = DataDirectory().folder(dataSet: Self.sequenceSet)
        {
            let set = try UserSequenceSet(folder: folder, name: parts[1])
            return InteractionTables(rows: nil, users: nil, items: nil, sequences: set.log, name: parts[1])
        }
        let given = Self.given(source)
        let inDataSets = DataDirectory().folders.map { $0.appending(path: source) }
        // A folder holds the atomic files of its own name, as RecBole keeps data sets.
        let bases = ([given] + inDataSets).flatMap { [$0, $0.appending(path: $0.lastPathComponent)] }
        if let base = bases.first(where: Self.isAtomic) {
            let files = try AtomicFiles(
                folder: base.deletingLastPathComponent(), name: base.lastPathComponent, missing: missing.rule,
                keys: [user, item, time, rating], separator: separatorScalar ?? " ")
            return InteractionTables(
                rows: files.interactions, users: files.users, items: files.items, sequences: nil,
                name: base.lastPathComponent)
        }
        guard let file = ([given] + inDataSets).first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw RecommendationDataError.noSource(source)
        }
        let name = file.lastPathComponent
        if (try? file.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true {
            throw RecommendationDataError.isFolder(file.path)
        }
        let plain = [".gz", ".xz"].reduce(name) { $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0 }
        var declared: [FeatureField] = []
        func declare(_ names: [String], _ kind: FeatureKind, _ missing: MissingRule = .refuse) {
            for name in names where !name.isEmpty && !declared.contains(where: { $0.name == name }) {
                declared.append(FeatureField(name, kind, missing: missing, separator: separatorScalar ?? " "))
            }
        }
        declare([user, item], .token)
        declare([time], .time)
        declare([rating], .float)
        declare(tokens + others, .token, missing.rule)
        declare(numbers + labels, .float, missing.rule)
        declare(tokenLists, .tokenSequence, missing.rule)
        declare(numberLists, .floatSequence, missing.rule)
        let table: FeatureTable
        switch URL(fileURLWithPath: plain).pathExtension {
        case "csv": table = try .read(file, layout: .commaSeparated, fields: declared)
        case "tsv": table = try .read(file, layout: .tabSeparated, fields: declared)
        case "jsonl": table = try .readLines(file, fields: declared)
        default: throw RecommendationDataError.unknownFormat(file.path)
        }
        return InteractionTables(rows: table, users: nil, items: nil, sequences: nil, name: name)
    }

    /// With the whole path of a source that stands under the working folder: what is trained is measured from elsewhere.
    var located: InteractionDataRecipe {
        let given = Self.given(source)
        let isThere = Self.isAtomic(given) || FileManager.default.fileExists(atPath: given.path)
        guard source != "built-in", !source.isEmpty, !source.hasPrefix("\(Self.sequenceSet)/"), isThere else {
            return self
        }
        var located = self
        located.source = given.standardizedFileURL.path
        return located
    }

    private static func given(_ source: String) -> URL {
        URL(fileURLWithPath: (source as NSString).expandingTildeInPath)
    }

    private static func isAtomic(_ base: URL) -> Bool {
        ["", ".gz"].contains { FileManager.default.fileExists(atPath: base.path + ".inter" + $0) }
    }

    private static let sequenceSet = "s3rec-sequences"

    private var separatorScalar: Unicode.Scalar? {
        let scalars = separator.unicodeScalars
        return scalars.count == 1 ? scalars.first.flatMap { $0.isASCII ? $0 : nil } : nil
    }

    /// - Parameter path: where this recipe stands in another one.
    func problems(at path: String) -> [RecipeProblem] {
        var problems: [RecipeProblem] = []
        if separatorScalar == nil {
            problems.append(
                RecipeProblem(
                    "\(path).separator", found: separator.debugDescription, allowed: "one ASCII character, in quotes"))
        }
        if user == item {
            problems.append(RecipeProblem("\(path).item", found: item, allowed: "another column than user"))
        }
        var kinds: [String: String] = [:]
        for (kind, names) in [
            ("tokens", tokens), ("numbers", numbers), ("tokenLists", tokenLists), ("numberLists", numberLists),
        ] {
            for name in Set(names).sorted() {
                if let earlier = kinds.updateValue(kind, forKey: name) {
                    problems.append(
                        RecipeProblem("\(path).\(kind)", found: name, allowed: "columns that are not in \(earlier)"))
                }
            }
        }
        return problems
    }

    /// What the parts of a file follow from: with others, rows that a model was trained on would be held out.
    var splitSettings: [String] {
        let shares = split == .byTime ? ["validationShare \(validationShare)", "testShare \(testShare)"] : []
        let liked = rating.isEmpty ? ["no rating"] : ["rating \(rating)", "minimumRating \(minimumRating)"]
        return ["split \(split.rawValue)"] + shares + [time.isEmpty ? "the order of the file" : "time \(time)"] + liked
            + ["leastUserRows \(leastUserRows)", "leastItemRows \(leastItemRows)"]
    }
}

/// What is wrong with the data that a recipe names.
public enum RecommendationDataError: Error, Equatable, CustomStringConvertible {
    case noSource(String)
    case unknownFormat(String)
    case isFolder(String)
    /// - Parameter field: which setting of the recipe names the column.
    case missingColumn(file: String, column: String, field: String, found: [String])
    case noTable(String)
    case noRows(source: String, part: String)
    case noneRated(source: String, column: String, minimum: Double, highest: Double)
    /// - Parameter rows: how many there were.
    case allLeftOut(source: String, leastUserRows: Int, leastItemRows: Int, rows: Int)

    public var description: String {
        switch self {
        case .noSource(let name):
            "source \(name.debugDescription): no atomic files (NAME.inter), .csv, .tsv or .jsonl file, or set below "
                + "WALLFACER_DATA of this name"
        case .unknownFormat(let path): "\(path): allowed are .csv, .tsv and .jsonl (also .gz and .xz)"
        case .isFolder(let path):
            "\(path): is a folder without atomic files of its name (NAME/NAME.inter); others are named FOLDER/NAME"
        case .missingColumn(let file, let column, let field, let found):
            "\(file): column \"\(column)\" is missing, which the recipe names under \(field); the file has "
                + found.listed()
                + (field == "time" ? ". \"\" in place of the name takes the order of the file" : "")
        case .noTable(let name): "\(name) holds sequences of items only; a model of features needs a table with labels"
        case .noneRated(let source, let column, let minimum, let highest):
            "\(source): no row has a \(column) of at least \(minimum) (data.minimumRating); the highest is \(highest)"
        case .allLeftOut(let source, let leastUserRows, let leastItemRows, let rows):
            "\(source): none of \(rows) rows is left where users have at least \(leastUserRows) rows (leastUserRows) and "
                + "items at least \(leastItemRows) (leastItemRows); smaller numbers leave more, 0 all"
        case .noRows(let source, let part):
            "\(source): the \(part) part has no rows; split leave-one-out needs a user with three, by-time needs shares "
                + "above 0 (validationShare, testShare) and rows of different times"
        }
    }
}
