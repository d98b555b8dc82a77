import ArgumentParser
import Foundation
import Layers
import Training

/// A recipe as the user gives it: a file, with single values laid over it.
struct RecipeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A recipe; all defaults if not said.", valueName: "file"))
    var recipe: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Lays one value over the recipe, such as optimizer.learningRate=1e-4; may be repeated.",
            valueName: "key=value"))
    var values: [String] = []

    /// - Parameter stored: what holds where no file is given.
    /// - Throws: `RecipeError`.
    func document(stored: RecipeDocument = RecipeDocument()) throws -> RecipeDocument {
        var document = try recipe.map { try RecipeDocument(file: RecipeFolder.file($0)) } ?? stored
        for value in values { try document.set(value) }
        return document
    }
}

/// The recipes that come with the sources.
enum RecipeFolder {
    /// Beside the sources that this tool was built from.
    static let url = URL(fileURLWithPath: #filePath).appending(path: "../../../../Recipes").standardizedFileURL

    /// Without their ending.
    static var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return files.filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }.sorted()
    }

    /// A path, or the name of a recipe that comes with the sources.
    static func file(_ name: String) -> URL {
        if !name.contains("/"), !FileManager.default.fileExists(atPath: name), names.contains(name) {
            return url.appending(path: name + ending)
        }
        return URL(fileURLWithPath: (name as NSString).expandingTildeInPath)
    }

    private static let ending = ".yaml"
}

extension Method {
    /// The precision that a recipe asks for, as it will be used; nil for a method whose recipe has none.
    static func precision(_ document: RecipeDocument) throws -> Precision? {
        let lines = try RecipeText.plain(settings(document), method: name).split(separator: "\n")
        let prefix = "precision: "
        return lines.first { $0.hasPrefix(prefix) }
            .flatMap { Precision(rawValue: String($0.dropFirst(prefix.count))) }?.resolved
    }
}
