import Corpora
import Evaluation
import Foundation
public import Training
import Worlds

/// Where the rows of a training come from.
public struct CellDataRecipe: Sendable, Codable, Equatable {
    /// `regions` for the built-in simulator, or a CSV or JSONL file with a row for each shown item.
    public var source = "regions"
    /// Requests of the simulator.
    public var requests = 40_000
    public var cellColumn = "cell"
    public var labelColumn = "label"
    public var categoryColumns: [String] = []
    public var numberColumns: [String] = []
    /// The region of a row's cell, for cells with few rows.
    public var regionColumn: String?
    public var heldOutShare = 0.1

    public init() {}

    public static let fields = [
        RecipeField("source", "regions: the built-in simulator; or a CSV or JSONL file, a row for each shown item."),
        RecipeField("requests", "Of the simulator.", range: .between(1_000, 10_000_000)),
        RecipeField("cellColumn", "Names the area of a row: a city, a geohash, an area with a time of the day."),
        RecipeField("labelColumn", "1 where the item was taken, else 0."),
        RecipeField("categoryColumns", "Columns of words."),
        RecipeField("numberColumns", "Columns of numbers; they are scaled."),
        RecipeField("regionColumn", "A larger area around the cell; none: one region for all."),
        RecipeField("heldOutShare", "The share of rows that is held out.", range: .above(0, to: 0.5)),
    ]
}

/// Rows of cells and the names of the cells.
struct CellSource {
    let data: CellData
    let cells: [String]
    let origin: String
    /// How a file's columns became numbers; empty for the simulator.
    var encoding = CellEncoding()

    /// - Throws: ``CellDataError``, ``RecommendationError``, `InteractionError`, `CorpusError`, `WorldError`.
    static func load(_ recipe: CellDataRecipe, seed: UInt64) throws -> CellSource {
        recipe.source == "regions" ? try simulated(recipe, seed: seed) : try read(recipe, seed: seed)
    }

    private static func simulated(_ recipe: CellDataRecipe, seed: UInt64) throws -> CellSource {
        let world = try RegionWorld(seed: seed)
        let log = RegionLog(world: world, requests: 0..<recipe.requests, stream: 1)
        let rows = try FeatureRows(regions: log, world: world)
        let width = world.configuration.gridWidth
        let cells = 0..<world.configuration.cellCount
        return CellSource(
            data: try CellData(
                rows, heldOutRows: heldOut(rows.count, recipe, seed), regions: FeatureRows.blocks(of: world),
                positions: cells.map { SIMD2(Double($0 % width), Double($0 / width)) }, seed: seed),
            cells: cells.map(String.init), origin: "the simulated regions (\(recipe.requests) requests)")
    }

    private static func heldOut(_ count: Int, _ recipe: CellDataRecipe, _ seed: UInt64) -> Set<Int> {
        var generator = SeededGenerator(seed: seed).split("held out")
        return Set(generator.shuffled(0..<count).prefix(max(1, Int(recipe.heldOutShare * Double(count)))))
    }

    private static func read(_ recipe: CellDataRecipe, seed: UInt64) throws -> CellSource {
        let file = URL(fileURLWithPath: recipe.source)
        var fields = [FeatureField(recipe.cellColumn, .token), FeatureField(recipe.labelColumn, .float)]
        fields += recipe.categoryColumns.map { FeatureField($0, .token) }
        fields += recipe.numberColumns.map { FeatureField($0, .float) }
        if let region = recipe.regionColumn { fields.append(FeatureField(region, .token)) }
        let table =
            file.pathExtension == "jsonl"
            ? try FeatureTable.readLines(file, fields: fields)
            : try FeatureTable.read(file, layout: .commaSeparated, fields: fields)
        let (cells, names) = try table.tokens(recipe.cellColumn)
        guard names.count > 1 else { throw CellDataError.oneCell(file: table.name, column: recipe.cellColumn) }
        let labels = try table.numbers(recipe.labelColumn)
        if let row = labels.firstIndex(where: { $0 != 0 && $0 != 1 }) {
            throw CellDataError.notALabel(
                file: table.name, column: recipe.labelColumn, row: row + 1, found: labels[row])
        }
        let apart = heldOut(table.rowCount, recipe, seed)
        let categories = try recipe.categoryColumns.map { try table.tokens($0) }
        let columns = try recipe.numberColumns.map { try table.numbers($0) }
        let scales = columns.map { NumberScale($0, except: apart) }
        let numbers = zip(columns, scales).map { column, scale in column.map(scale.scaled) }
        guard !categories.isEmpty || !numbers.isEmpty else { throw CellDataError.noFeatures(file: table.name) }
        var regions = [Int](repeating: 0, count: names.count)
        if let column = recipe.regionColumn {
            let values = try table.tokens(column).values
            for (cell, region) in zip(cells, values) { regions[Int(cell)] = Int(region) }
        }
        let schema = FeatureSchema(
            categories: zip(recipe.categoryColumns, categories).map { .init($0, count: $1.vocabulary.count + 1) },
            numbers: recipe.numberColumns, domainCount: names.count)
        var rows = FeatureRows(schema: schema)
        for row in 0..<table.rowCount {
            try rows.append(
                categories: categories.map { $0.values[row] + 1 }, numbers: numbers.map { $0[row] },
                labels: [Float(labels[row])], domain: Int(cells[row]))
        }
        return CellSource(
            data: try CellData(rows, heldOutRows: apart, regions: regions, seed: seed), cells: names.tokens,
            origin: table.name, encoding: CellEncoding(words: categories.map(\.vocabulary.tokens), scales: scales))
    }
}

/// What the words and numbers of a file mean to a model that was trained on them.
struct CellEncoding: Codable, Equatable {
    /// Of each column of words, in the order of their indices from 1.
    var words: [[String]] = []
    var scales: [NumberScale] = []
}

/// Mean and deviation of a column of numbers, of the rows that train.
struct NumberScale: Codable, Equatable {
    let mean: Double
    /// 0 where all rows have the same number.
    let deviation: Double

    init(_ values: [Double], except heldOut: Set<Int>) {
        let summary = Summary(values.indices.filter { !heldOut.contains($0) }.map { values[$0] })
        (mean, deviation) = (summary.mean, summary.standardDeviation > 1e-9 ? summary.standardDeviation : 0)
    }

    func scaled(_ value: Double) -> Float { deviation > 0 ? Float((value - mean) / deviation) : 0 }
}

extension FeatureRows {
    /// A log of the region world: the time of the day, the world's features as numbers, the cell as domain.
    init(regions log: RegionLog, world: RegionWorld) throws {
        let width = log.featureCount
        self.init(
            schema: FeatureSchema(
                categories: [.init("time", count: world.configuration.timeBins + 1)],
                numbers: (0..<width).map { "x\($0)" }, domainCount: world.configuration.cellCount))
        for row in 0..<log.rowCount {
            try append(
                categories: [log.timeBins[row] + 1],
                numbers: Array(log.features[(row * width)..<((row + 1) * width)]), labels: [log.clicks[row] ? 1 : 0],
                domain: Int(log.cells[row]))
        }
    }

    /// Blocks of five by five cells as regions.
    static func blocks(of world: RegionWorld) -> [Int] {
        let width = world.configuration.gridWidth
        let blocks = (width + 4) / 5
        return (0..<world.configuration.cellCount).map { ($0 / width / 5) * blocks + $0 % width / 5 }
    }
}

/// What is wrong with rows of cells.
public enum CellDataError: Error, Equatable, CustomStringConvertible {
    case notALabel(file: String, column: String, row: Int, found: Double)
    case oneCell(file: String, column: String)
    case noFeatures(file: String)
    case otherData(file: String, cells: Int, expected: Int)
    case damagedModel(file: String, reason: String)

    public var description: String {
        switch self {
        case .notALabel(let file, let column, let row, let found):
            "\(file), row \(row): \(column) is \(found), allowed: 0 or 1"
        case .oneCell(let file, let column): "\(file): \(column) names fewer than 2 cells; there is nothing to group"
        case .noFeatures(let file):
            "\(file): no features; name columns in data.categoryColumns or data.numberColumns"
        case .otherData(let file, let cells, let expected):
            "\(file): its \(cells) cells, its columns or its training rows are not those that the model was trained with "
                + "(\(expected) cells)"
        case .damagedModel(let file, let reason): "\(file): \(reason)"
        }
    }
}
