import Corpora
import Evaluation
import Experiments
import Foundation
import LanguageModel
import Layers
import PostTraining
import Tensors
import Testing
import Training
import Worlds

@Suite("Methods", .serialized)
struct MethodTests {
    @Test("Pretraining from nothing gets below the unigram entropy of held-out text; the artefact says the same")
    func pretraining() async throws {
        try await withTemporaryFolder { folder in
            var settings = PretrainingRecipe()
            settings.characters = 30_000
            settings.shape.layers = 2
            settings.shape.hiddenDimensions = 64
            settings.shape.feedForwardDimensions = 128
            settings.budget.length = 128
            settings.budget.rows = 4
            settings.budget.epochs = 2
            settings.optimizer.learningRate = 6e-3
            settings.precision = .f32
            let recipe = settings
            let store = try RunStore(file: folder.appending(path: "runs.sqlite"))
            var session = TrainingSession(output: folder.appending(path: "model"), store: store)
            session.showsProgress = false
            let quiet = session
            let trained = try await TensorActor.run { try ContinualPretraining.train(recipe, in: quiet) }
            #expect(trained.outcome.reason == .steps)
            let loss = try #require(trained.metrics["loss"])

            let corpus = BuiltInText.corpus(characters: 30_000)
            #expect(loss < unigramEntropy(train: corpus.train, test: corpus.validation) - 0.1)

            let manifest = try ArtefactManifest.read(from: trained.folder)
            try manifest.verify(in: trained.folder)
            #expect(manifest.kind == "pretrain")
            #expect(manifest.base == nil)
            #expect(!FileManager.default.fileExists(atPath: session.checkpoint.path))
            let run = try store.run(try #require(trained.runID))
            #expect(run.status == .done)
            #expect(run.recipe == manifest.recipe)
            #expect(try store.metrics(run.id, name: "loss").count == trained.outcome.progress.step)

            let evaluation = try await TensorActor.run {
                try ContinualPretraining.evaluate(trained.folder, recipe: nil, in: quiet)
            }
            let measured = try #require(evaluation.metrics["loss"])
            #expect(abs(measured - loss) < 0.2)
            #expect(try #require(evaluation.intervals["perplexity"]).contains(exp(measured)))
        }
    }

    /// Cross-entropy in nats of bytes of `test` under the smoothed byte counts of `train`.
    private func unigramEntropy(train: [TextDocument], test: [TextDocument]) -> Double {
        var counts = [Double](repeating: 1, count: 257)
        for document in train {
            for byte in document.text.utf8 { counts[Int(byte)] += 1 }
            counts[256] += 1
        }
        let total = counts.reduce(0, +)
        var loss = 0.0
        var tokens = 0.0
        for document in test {
            for byte in document.text.utf8.dropFirst() { loss -= log(counts[Int(byte)] / total) }
            loss -= log(counts[256] / total)
            tokens += Double(document.text.utf8.count)
        }
        return loss / tokens
    }

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

    @Test("Patience without evaluations on the way is a problem of the recipe, not nothing")
    func patience() {
        var recipe = PretrainingRecipe()
        recipe.budget.patience = 3
        #expect(recipe.problems().map(\.path) == ["budget.patience"])
        recipe.budget.evaluationInterval = 10
        #expect(recipe.problems().isEmpty)
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

    @Test("Any text file can be trained on: line ends of Windows, one long line, a few hundred characters")
    func plainTexts() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "book.txt")
            let words = (0..<120).map { "word\($0)" }
            for text in [words.joined(separator: "\r\n\r\n"), words.joined(separator: " ")] {
                try Data(text.utf8).write(to: file)
                let corpus = try TextSource.corpus(file.path, PretrainingRecipe())
                let documents = corpus.train + corpus.validation + corpus.test
                #expect(!corpus.train.isEmpty && !corpus.validation.isEmpty && !corpus.test.isEmpty)
                let found = documents.flatMap { $0.text.split(whereSeparator: \.isWhitespace).map(String.init) }
                #expect(found.sorted() == words.sorted())
            }
            try Data("too short".utf8).write(to: file)
            #expect(throws: TrainingDataError.self) { try TextSource.corpus(file.path, PretrainingRecipe()) }
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
