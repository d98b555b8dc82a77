import Corpora
import Evaluation
import Foundation
import LanguageModel
import Layers
import PostTraining
import Testing
import Training
import Worlds

@Suite("Supervised fine-tuning", .serialized)
struct FineTuningTests {
    @Test("Fine-tuning with an adapter lowers the loss of held-out support conversations and saves the adapter alone")
    func fineTuning() async throws {
        try await withTemporaryFolder { folder in
            try BaseModel.write(to: folder.appending(path: "base"))
            var settings = SupervisedFineTuningRecipe()
            settings.model = folder.appending(path: "base").path
            settings.adapter.rank = 8
            settings.adapter.alpha = 32
            settings.optimizer.learningRate = 2e-2
            settings.budget.length = 256
            settings.budget.rows = 4
            settings.budget.tokens = 8_000
            settings.budget.heldOutTexts = 8
            settings.precision = .f32
            let recipe = settings
            let corpus = SupportRenderer.reading.corpus(train: 40, validation: 8, test: 4)
            var session = TrainingSession(output: folder.appending(path: "tuned"))
            session.showsProgress = false
            let quiet = session
            let (trained, before, loss, after) = try await TensorActor.run {
                let model = try BaseModel.load(URL(fileURLWithPath: recipe.model), precision: .f32)
                let data = ConversationData(corpus)
                let template = try #require(data.template)
                @TensorActor func perplexity(_ model: BaseModel) throws -> Double {
                    try SupervisedFineTuning.perplexity(model, data.measured, template: template, source: "test")
                        .perplexity
                }
                let before = try perplexity(model)
                let trained = try SupervisedFineTuning.train(model, on: data, recipe, in: quiet)
                let loss = try perplexity(model)
                let loaded = try BaseModel.load(trained.folder, precision: .f32)
                return (trained, before, loss, try perplexity(loaded))
            }
            #expect(trained.outcome.reason == .tokens || trained.outcome.reason == .steps)
            // The base is random and frozen; its adapter can still learn which bytes are common.
            #expect(loss < before * 0.95)
            #expect(after == loss)
            let names = try FileManager.default.contentsOfDirectory(atPath: trained.folder.path).sorted()
            #expect(
                names == ["adapter_config.json", "adapter_model.safetensors", "chat_template.jinja", "manifest.json"])
            let manifest = try ArtefactManifest.read(from: trained.folder)
            #expect(manifest.kind == "sft")
            #expect(manifest.base?.name == recipe.model)

            // What was trained without a system turn is talked to without one.
            let template = try await TensorActor.run { try BaseModel.load(trained.folder, precision: .f32).template }
            #expect(template == SupportDialogueFormat.template)

            // A damaged adapter is noticed before anything is computed.
            let weights = trained.folder.appending(path: "adapter_model.safetensors")
            let sound = try Data(contentsOf: weights)
            var damaged = sound
            damaged[sound.count - 1] ^= 1
            try damaged.write(to: weights)
            await #expect(throws: ArtefactError.self) {
                try await TensorActor.run { _ = try BaseModel.load(trained.folder, precision: .f32) }
            }
            try sound.write(to: weights)

            // Another base under the same path is noticed.
            try await TensorActor.run { try BaseModel.tiny(seed: 99).write(to: folder.appending(path: "base")) }
            let error = await #expect(throws: ArtefactError.self) {
                try await TensorActor.run { _ = try BaseModel.load(trained.folder, precision: .f32) }
            }
            #expect("\(try #require(error))".contains("made from"))
        }
    }

    @Test("Training on goes on with the adapter, or merges it where all weights train; another shape is refused")
    func trainingOn() async throws {
        try await withTemporaryFolder { folder in
            try BaseModel.write(to: folder.appending(path: "base"))
            var settings = SupervisedFineTuningRecipe()
            settings.model = folder.appending(path: "base").path
            settings.adapter.rank = 4
            settings.adapter.dropout = 0
            settings.optimizer.learningRate = 1e-2
            settings.optimizer.schedule = .constant
            settings.budget.length = 256
            settings.budget.tokens = 2_000
            settings.budget.heldOutTexts = 4
            settings.precision = .f32
            let first = settings
            let corpus = SupportRenderer.reading.corpus(train: 12, validation: 4, test: 2)
            let data = ConversationData(corpus)
            let template = try #require(data.template)
            func train(_ recipe: SupervisedFineTuningRecipe, _ name: String) async throws -> URL {
                var session = TrainingSession(output: folder.appending(path: name))
                session.showsProgress = false
                let quiet = session
                return try await TensorActor.run {
                    let model = try BaseModel.load(URL(fileURLWithPath: recipe.model), precision: .f32)
                    return try SupervisedFineTuning.train(model, on: data, recipe, in: quiet).folder
                }
            }
            func perplexity(_ path: URL) async throws -> Double {
                try await TensorActor.run {
                    try SupervisedFineTuning.perplexity(
                        BaseModel.load(path, precision: .f32), data.measured, template: template, source: "test"
                    ).perplexity
                }
            }
            let once = try await train(first, "once")
            // A rate of next to nothing: what was learned before is all there is.
            var second = first
            second.model = once.path
            second.optimizer.learningRate = 1e-12
            let twice = try await train(second, "twice")
            let (before, after) = (try await perplexity(once), try await perplexity(twice))
            #expect(before < 0.98 * (try await perplexity(URL(fileURLWithPath: first.model))))
            #expect(abs(after - before) < 1e-4 * before)
            #expect(try ArtefactManifest.read(from: twice).base == ArtefactManifest.read(from: once).base)

            var whole = second
            whole.adapter.rank = 0
            let merged = try await train(whole, "whole")
            #expect(!AdapterFile.isPresent(in: merged))
            #expect(abs(try await perplexity(merged) - before) < 1e-4 * before)

            var other = second
            other.adapter.rank = 8
            let misfit = other
            await #expect(throws: TrainingDataError.self) { _ = try await train(misfit, "other") }
        }
    }

    @Test("Evaluation of support conversations scores words and strategies of all test conversations beside the floor")
    func supportEvaluation() async throws {
        try await withTemporaryFolder { folder in
            try BaseModel.write(to: folder.appending(path: "base"))
            // Three parts in the layout of the data set, of few conversations.
            let corpus = SupportRenderer.reading.corpus(train: 12, validation: 2, test: 3)
            let data = folder.appending(path: "data")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            for (name, part) in [("train", corpus.train), ("valid", corpus.validation), ("test", corpus.test)] {
                let lines = try part.map { try String(decoding: encoder.encode(Record($0)), as: UTF8.self) }
                try Data(lines.joined(separator: "\n").utf8).write(to: data.appending(path: "\(name).jsonl"))
            }
            var settings = SupervisedFineTuningRecipe()
            settings.data.train = data.path
            settings.precision = .f32
            let recipe = settings
            var session = TrainingSession(output: folder.appending(path: "out"))
            session.showsProgress = false
            let quiet = session
            let model = folder.appending(path: "base")
            let evaluation = try await TensorActor.run {
                try SupervisedFineTuning.evaluate(model, with: recipe, in: quiet)
            }
            #expect(evaluation.count == corpus.test.count)
            let floor = try TextBlindFloors(corpus).best(test: corpus.test.map { $0.strategies.map(\.rawValue) })
            #expect(evaluation.metrics["floorAccuracy"] == floor.accuracy)
            #expect(evaluation.metrics["floorMacroF1"] == floor.macroF1)
            let accuracy = try #require(evaluation.metrics["strategyAccuracy"])
            // A random model knows nothing of strategies.
            #expect(accuracy < floor.accuracy)
            #expect(try #require(evaluation.intervals["strategyAccuracy"]).contains(accuracy))
            #expect(evaluation.intervals["strategyMacroF1"] != nil && evaluation.intervals["perplexity"] != nil)
        }
    }

    /// A conversation as a line of the data set.
    private struct Record: Encodable {
        struct Turn: Encodable {
            let speaker: String
            let text: String
            let strategy: String?
        }

        let situation: String
        let problemType: String
        let emotionType: String
        let dialog: [Turn]

        init(_ conversation: SupportConversation) {
            situation = conversation.situation
            problemType = conversation.problem
            emotionType = conversation.emotion
            dialog = conversation.turns.map {
                Turn(speaker: $0.speaker == .seeker ? "usr" : "sys", text: $0.text, strategy: $0.strategy?.name)
            }
        }
    }

    @Test("Conversations that are cut or left out are counted aloud")
    func cutConversations() throws {
        let long = String(repeating: "x", count: 200)
        let examples = [
            ChatExample(messages: [Message(.user, "a"), Message(.assistant, "b")]),
            ChatExample(messages: [Message(.user, "a"), Message(.assistant, long)]),
            ChatExample(messages: [Message(.user, long), Message(.assistant, "b")]),
        ]
        var said: [String] = []
        let sequences = try ConversationData.sequences(
            examples, template: .chatML(), tokenizer: ByteTokenizer.make(), length: 100, source: "chats"
        ) { said.append($0) }
        #expect(sequences.count == 2)
        #expect(
            said == [
                "chats: 2 of 3 conversations are cut after 100 tokens; 1 have no trained token before the cut and are "
                    + "left out"
            ])
    }
}
