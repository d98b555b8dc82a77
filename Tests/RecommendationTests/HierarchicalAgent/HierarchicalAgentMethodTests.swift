import Foundation
import Recommendation
import Testing
import Training
import Worlds

@Suite("The method hierarchical-agent", .serialized)
struct HierarchicalAgentMethodTests {
    /// Small enough for a test, large enough to learn what is popular.
    static var recipe: HierarchicalAgentRecipe {
        var recipe = HierarchicalAgentRecipe()
        recipe.items = 60
        recipe.training.logUsers = 32
        recipe.training.trainingUsers = 32
        recipe.training.measuredUsers = 64
        recipe.training.warmUpdates = 60
        recipe.training.episodes = 1
        recipe.training.episodeUsers = 32
        recipe.training.updatesPerEpisode = 4
        recipe.training.batchSessions = 32
        return recipe
    }

    @Test("It trains, writes an artefact, and the loaded artefact earns the same clicks", .timeLimit(.minutes(2)))
    func trainAndEvaluate() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "wallfacer-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try RunStore(file: folder.appending(path: "runs.sqlite"))
        var session = TrainingSession(output: folder.appending(path: "agent"), store: store)
        session.showsProgress = false
        let quiet = session
        let recipe = Self.recipe
        let trained = try await TensorActor.run { try HierarchicalAgentMethod.train(recipe, in: quiet) }
        let clicks = try #require(trained.metrics["clicksPerUser"])
        let manifest = try ArtefactManifest.read(from: trained.folder)
        try manifest.verify(in: trained.folder)
        #expect(manifest.kind == "hierarchical-agent" && manifest.base == nil)
        #expect(try store.run(try #require(trained.runID)).status == .done)

        let evaluation = try await TensorActor.run {
            try HierarchicalAgentMethod.evaluate(trained.folder, recipe: nil, in: quiet)
        }
        #expect(evaluation.metrics["clicksPerUser"] == clicks)
        #expect(evaluation.count == 64)

        // A session to resume has nothing to go on from: the run is short and keeps no checkpoint.
        var again = session
        again.resumes = true
        let resuming = again
        await #expect(throws: TrainingError.noCheckpoint(folder: session.checkpoint.path)) {
            try await TensorActor.run { _ = try HierarchicalAgentMethod.train(recipe, in: resuming) }
        }
        // Another catalogue does not fit the file.
        var other = recipe
        other.agent.hidden = 16
        let misfit = other
        await #expect(throws: RecommendationError.self) {
            try await TensorActor.run {
                _ = try HierarchicalAgentMethod.evaluate(trained.folder, with: misfit, in: quiet)
            }
        }
    }

    @Test("Every field of the recipe is described, and what does not fit together is named")
    func recipeFields() throws {
        let described = try RecipeText.undocumentedFields(of: HierarchicalAgentRecipe.self)
        #expect(described.missing == [] && described.unknown == [])
        var recipe = HierarchicalAgentRecipe()
        #expect(recipe.problems().isEmpty)
        recipe.training.trainingUsers = 10
        #expect(recipe.problems().map(\.path) == ["training.trainingUsers"])
    }

    @Test("The recipe in the folder is valid")
    func recipeFile() throws {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let document = try RecipeDocument(file: root.appending(path: "Recipes/hierarchical-agent.yaml"))
        #expect(document.method == HierarchicalAgentMethod.name)
        try HierarchicalAgentMethod.validate(document)
    }
}
