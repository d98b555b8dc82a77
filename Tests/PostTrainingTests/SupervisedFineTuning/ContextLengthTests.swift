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
            let base = try BaseModel.tiny()
            var configuration = base.decoder.configuration
            configuration.maximumPositions = 96
            try BaseModel(
                name: base.name, path: base.path,
                decoder: TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: 3)),
                tokenizer: base.tokenizer, template: base.template, specialTokens: base.specialTokens,
                fingerprint: base.fingerprint
            ).write(to: folder.appending(path: "base"))
            let line = """
                {"messages": [{"role": "user", "content": "a"}, \
                {"role": "assistant", "content": "\(String(repeating: "b", count: 200))"}]}
                """
            let chats = folder.appending(path: "chats.jsonl")
            try Data(Array(repeating: line, count: 5).joined(separator: "\n").utf8).write(to: chats)
            var settings = SupervisedFineTuningRecipe()
            settings.model = folder.appending(path: "base").path
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
            _ = try await TensorActor.run { try SupervisedFineTuning.train(recipe, in: ready) }
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
