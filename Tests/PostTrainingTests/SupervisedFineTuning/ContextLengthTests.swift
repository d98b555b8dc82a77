import Foundation
import LanguageModel
import Layers
import PostTraining
import Synchronization
import Tensors
import Testing
import Training

@Suite struct ContextLengthTests {
    @Test("Conversations are cut at the model's context, however long the recipe's rows are")
    func cut() async throws {
        try await withTemporaryFolder { folder in
            let line = """
                {"messages": [{"role": "user", "content": "a"}, \
                {"role": "assistant", "content": "\(String(repeating: "b", count: 200))"}]}
                """
            let chats = folder.appending(path: "chats.jsonl")
            try Data(Array(repeating: line, count: 5).joined(separator: "\n").utf8).write(to: chats)
            var settings = SupervisedFineTuningRecipe()
            settings.data.train = chats.path
            settings.budget.length = 512
            settings.budget.rows = 1
            settings.budget.tokens = 400
            settings.precision = .f32
            let recipe = settings
            let said = Said()
            var session = TrainingSession(output: folder.appending(path: "tuned"))
            session.showsProgress = false
            session.say = { said.add($0) }
            let ready = session
            try await TensorActor.run {
                let tiny = try BaseModel.tiny()
                var configuration = tiny.decoder.configuration
                configuration.maximumPositions = 96
                let model = BaseModel(
                    name: tiny.name, path: tiny.path,
                    decoder: TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: 3)),
                    tokenizer: tiny.tokenizer, template: tiny.template, specialTokens: tiny.specialTokens,
                    fingerprint: tiny.fingerprint)
                let data = try ConversationData.load(recipe.data, seed: 0)
                _ = try SupervisedFineTuning.train(model, on: data, recipe, in: ready)
            }
            let cuts = said.lines.filter { $0.contains("conversations are cut") }
            #expect(!cuts.isEmpty && cuts.allSatisfy { $0.hasSuffix("conversations are cut after 96 tokens") })
        }
    }

    /// What a session says.
    private final class Said: Sendable {
        private let kept = Mutex<[String]>([])
        var lines: [String] { kept.withLock { $0 } }
        func add(_ line: String) { kept.withLock { $0.append(line) } }
    }
}
