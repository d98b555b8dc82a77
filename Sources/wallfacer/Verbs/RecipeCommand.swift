import ArgumentParser
import Experiments
import Foundation
import Studies
import Training

struct RecipeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe",
        abstract: "Recipes: the settings of a training in one YAML file.",
        discussion: """
              wallfacer recipe list
              wallfacer recipe copy sft --output mine.yaml    every field with its meaning
              wallfacer recipe validate mine.yaml
              wallfacer train sft --recipe mine.yaml

            Keys that a recipe leaves out keep their published defaults; unknown keys are errors.
            """,
        subcommands: [List.self, Copy.self, Validate.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The methods' own recipes, and those that come with the sources.")

        @OptionGroup var output: OutputOptions

        func run() throws {
            let defaults = MethodList.all.map { RecipeRow(recipe: $0.name, method: $0.name, what: $0.summary) }
            let files = try RecipeFolder.names.map { name in
                let document = try RecipeDocument(file: RecipeFolder.file(name))
                return RecipeRow(
                    recipe: name, method: document.method ?? "", what: RecipeFolder.url.path + "/\(name).yaml")
            }
            let rows = defaults + files.filter { file in !defaults.contains { $0.recipe == file.recipe } }
            var table = Table("", columns: ["recipe", "method", "what"])
            for row in rows { table.append([.text(row.recipe), .text(row.method), .text(row.what)]) }
            try output.write(rows, tables: [table])
        }
    }

    struct Copy: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a recipe out, to be edited.",
            discussion: "A method's name gives its defaults with the meaning, unit and source of every field.")

        @Argument(help: "A name from `wallfacer recipe list`.")
        var name: String

        @Option(help: ArgumentHelp("Where to; standard output if not said.", valueName: "file"))
        var output: String?

        @Flag(help: "Replace a file that is there.")
        var force = false

        func run() throws {
            let text = try text()
            guard let output else { return try StandardOutput.write(text) }
            if !force, FileManager.default.fileExists(atPath: (output as NSString).expandingTildeInPath) {
                throw Failure("\(output): is there already; --force replaces it")
            }
            try OutputFile.write(Data(text.utf8), to: output)
        }

        private func text() throws -> String {
            if let method = MethodList.all.first(where: { $0.name == name }) { return try method.commentedRecipe() }
            guard RecipeFolder.names.contains(name) else {
                let names = MethodList.names + RecipeFolder.names.filter { !MethodList.names.contains($0) }
                throw Failure.badUsage("recipe \(name): there is none; there are \(names.joined(separator: ", "))")
            }
            return try InputText.read(file: RecipeFolder.file(name).path)
        }
    }

    struct Validate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a recipe without training: every mistake with its line.")

        @Argument(help: "The recipe.")
        var file: String

        @Option(help: ArgumentHelp("What it is for, if the file does not say.", valueName: "name"))
        var method: String?

        func run() throws {
            let document = try RecipeDocument(file: RecipeFolder.file(file))
            guard let name = method ?? document.method else {
                throw Failure("\(file): does not say its method; add a line `method: NAME`, or give --method")
            }
            try MethodList.named(name).validate(document)
            try StandardOutput.line("\(file): a valid recipe for \(name)")
        }
    }
}

/// A row of `recipe list --json`.
private struct RecipeRow: Encodable {
    let recipe: String
    let method: String
    let what: String
}
