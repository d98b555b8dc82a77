import Foundation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Testing
import Training

@Suite("Models and artefacts that are not sound", .serialized)
struct UnsoundModelTests {
    @Test("A base that is an adapter itself, and a tokenizer with more tokens than embeddings, are refused")
    func damagedModels() async throws {
        try await withTemporaryFolder { folder in
            let base = folder.appending(path: "base")
            try BaseModel.write(to: base)
            let adapter = folder.appending(path: "adapter")
            try FileManager.default.createDirectory(at: adapter, withIntermediateDirectories: true)
            try await TensorActor.run {
                let model = try BaseModel.load(base, precision: .f32)
                var recipe = AdapterRecipe()
                recipe.rank = 2
                model.decoder.attachAdapters(rank: 2, alpha: 16, targets: ["q_proj"], from: RandomSource(seed: 1))
                recipe.targets = ["q_proj"]
                try AdapterFile.write(recipe, of: model, to: adapter)
            }
            let file = adapter.appending(path: "adapter_config.json")
            let text = try String(contentsOf: file, encoding: .utf8)
            try Data(text.replacing(base.standardizedFileURL.path, with: adapter.path).utf8).write(to: file)
            try ArtefactManifest(
                kind: "sft", base: .init(name: "x", fingerprint: "x"), recipe: "", metrics: [:], commit: "",
                filesOf: adapter
            ).write(to: adapter)
            let endless = await #expect(throws: AdapterFileError.self) {
                try await TensorActor.run { _ = try BaseModel.load(adapter, precision: .f32) }
            }
            #expect("\(try #require(endless))".contains("is an adapter, not a model"))

            try await TensorActor.run {
                let configuration = DecoderConfiguration(
                    family: .llama, layers: 1, hiddenDimensions: 16, heads: 2, feedForwardDimensions: 16,
                    vocabularySize: 100)
                try TransformerDecoder(configuration, precision: .f32, from: RandomSource(seed: 1))
                    .save(to: base.path, tokens: SpecialTokens())
            }
            await #expect(throws: GenerationError.vocabularyMismatch(tokenizer: 259, model: 100)) {
                try await TensorActor.run { _ = try BaseModel.load(base, precision: .f32) }
            }
        }
    }

    @Test("A full disk where the artefact goes leaves a checkpoint to go on from")
    func fullDisk() async throws {
        try await withTemporaryFolder { folder in
            var session = TrainingSession(output: folder.appending(path: "out"))
            session.showsProgress = false
            let quiet = session
            await #expect(throws: AtomicDirectoryError.diskFull(path: session.output.path)) {
                try await TensorActor.run {
                    let model = try BaseModel.tiny()
                    model.decoder.train()
                    let learner = LanguageModelLearner(model.decoder)
                    let source = try TokenRowSource(
                        [.init(rows: documents([5, 9]).map { [$0] })], rowsPerBatch: 2, length: 9, seed: 1)
                    let job = TrainingSession.Job(
                        learner: learner, source: source, optimizer: SGD([ParameterGroup(learner.trainedParameters)]),
                        schedule: LearningRateSchedule(peak: 0.1, totalSteps: 3), limits: TrainingLimits(steps: 3))
                    _ = try quiet.run(
                        SupervisedFineTuning.self, SupervisedFineTuningRecipe(), base: nil, precision: "f32", job: job
                    ) { _ in throw WeightFileError.unwritable(file: "model", reason: "No space left on device") }
                }
            }
            #expect(!FileManager.default.fileExists(atPath: session.output.path))
            let state = try String(
                contentsOf: session.checkpoint.appending(path: "state.json"), encoding: .utf8)
            #expect(state.contains("\"step\" : 3"))
        }
    }
}
