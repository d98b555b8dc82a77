import Foundation
import PostTraining
import Testing
import Training

@Suite("Recipes of training methods")
struct TrainingRecipeTests {
    @Test("Patience without evaluations on the way is a problem of the recipe, not nothing")
    func patience() {
        var recipe = PretrainingRecipe()
        recipe.budget.patience = 3
        #expect(recipe.problems().map(\.path) == ["budget.patience"])
        recipe.budget.evaluationInterval = 10
        #expect(recipe.problems().isEmpty)
    }

    @Test(
        "Numbers that no machine can hold are problems of the recipe",
        arguments: [
            "budget.accumulation=9223372036854775807", "budget.rows=9223372036854775807", "budget.epochs=1e300",
            "budget.length=9223372036854775807", "budget.tokens=9223372036854775807",
            "characters=9223372036854775807", "shape.maximumPositions=9223372036854775807",
            "shape.feedForwardDimensions=9223372036854775807",
        ])
    func hugeNumbers(value: String) throws {
        var document = RecipeDocument()
        try document.set(value)
        #expect(throws: RecipeError.self) { try ContinualPretraining.settings(document) }
    }

    @Test("A shape that cannot be trained in this machine's memory is refused before it is made")
    func hugeShape() {
        var recipe = PretrainingRecipe()
        #expect(recipe.problems().isEmpty)
        recipe.shape.layers = 256
        recipe.shape.hiddenDimensions = 65_536
        recipe.shape.feedForwardDimensions = 1_048_576
        #expect(recipe.problems().map(\.path) == ["shape"])
        recipe.model = "another"
        #expect(recipe.problems().isEmpty)
    }

    @Test("Every recipe in the folder is valid for its method, and every field of a recipe is described")
    func recipes() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Recipes")
        var methods: [String: Int] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".yaml") {
            let document = try RecipeDocument(file: folder.appending(path: name))
            methods[document.method ?? "none", default: 0] += 1
            switch document.method {
            case SupervisedFineTuning.name: try SupervisedFineTuning.validate(document)
            case ContinualPretraining.name: try ContinualPretraining.validate(document)
            default: break
            }
        }
        #expect(methods["sft", default: 0] >= 2)
        #expect(methods["pretrain", default: 0] >= 2)
        let optional = Set(BudgetRecipe.optionalFields.map { "budget.\($0)" })
        let tuning = try RecipeText.undocumentedFields(
            of: SupervisedFineTuningRecipe.self, optional: optional.union(["data.heldOut"]))
        #expect(tuning.missing == [] && tuning.unknown == [])
        let pretraining = try RecipeText.undocumentedFields(
            of: PretrainingRecipe.self, optional: optional.union(["model"]))
        #expect(pretraining.missing == [] && pretraining.unknown == [])
    }
}
