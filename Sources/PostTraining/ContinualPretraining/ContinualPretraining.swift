import Corpora
import Evaluation
public import Foundation
import LanguageModel
public import Layers
import Tensors
public import Training

/// Settings of `pretrain`. The optimiser's defaults are the Qwen report's (AdamW 0.9, 0.95, 1e-8; 3e-4 down to a tenth by
/// cosine; decay 0.1; clipping at 1); sizes are for one machine.
public struct PretrainingRecipe: Recipe, Equatable {
    /// One set of texts with its share of the training tokens.
    public struct Source: Codable, Sendable, Equatable {
        public var source = "built-in"
        public var ratio = 1.0

        public init(_ source: String = "built-in", ratio: Double = 1) {
            self.source = source
            self.ratio = ratio
        }

        /// An element of a list has no default to fall back on; the ratio may be left out all the same.
        public init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            source = try fields.decode(String.self, forKey: .source)
            ratio = try fields.decodeIfPresent(Double.self, forKey: .ratio) ?? 1
        }
    }

    public var model: String?
    public var shape = DecoderShapeRecipe()
    public var data = [Source()]
    public var characters = 2_000_000
    public var heldOutShare = 0.05
    public var adapter = AdapterRecipe()
    public var optimizer = OptimizerRecipe()
    public var budget = BudgetRecipe()
    public var precision = Precision.auto
    public var seed = 0

    public init() {
        adapter.rank = 0
        optimizer.finalShare = 0.1
        budget.epochs = 1
    }

    public static let fields =
        [
            RecipeField(
                "model", "Goes on from this model; none: a new one of the given shape that reads bytes."),
            RecipeField("data", "Sets of texts with their shares."),
            RecipeField(
                "data.*.source", "built-in, english-corpora, a text file, or a folder of .txt files."),
            RecipeField("data.*.ratio", "Share of the training rows, in any unit.", range: .atLeast(0)),
            RecipeField(
                "characters", "Of the built-in tales.", unit: "characters", range: .between(1000, 100_000_000)),
            RecipeField("heldOutShare", "Documents kept for measuring.", range: .from(0, below: 0.5)),
            RecipeField("precision", "Of products: auto, f32 or bf16."),
            RecipeField("seed", "Of weights, order and the split.", range: .atLeast(0)),
        ] + DecoderShapeRecipe.fields.nested(in: "shape") + AdapterRecipe.fields.nested(in: "adapter")
        + OptimizerRecipe.fields.nested(in: "optimizer") + BudgetRecipe.fields.nested(in: "budget")

    public func problems() -> [RecipeProblem] {
        var problems = adapter.problems(at: "adapter") + budget.problems(at: "budget")
        if data.isEmpty || data.allSatisfy({ $0.ratio == 0 }) {
            problems.append(RecipeProblem("data", found: "no source", allowed: "at least one with a ratio above 0"))
        }
        if model == nil, adapter.rank > 0 {
            problems.append(
                RecipeProblem("adapter.rank", found: "\(adapter.rank)", allowed: "0 where no model is given"))
        }
        if model == nil, let problem = shape.problem() { problems.append(problem) }
        if shape.hiddenDimensions % (2 * shape.heads) != 0 {
            problems.append(
                RecipeProblem(
                    "shape.hiddenDimensions", found: "\(shape.hiddenDimensions)",
                    allowed: "a multiple of twice the \(shape.heads) heads"))
        }
        return problems
    }
}

/// The shape of a new decoder.
public struct DecoderShapeRecipe: Codable, Sendable, Equatable {
    public var layers = 4
    public var hiddenDimensions = 128
    public var heads = 4
    public var feedForwardDimensions = 384
    public var maximumPositions = 512

    public init() {}

    public static let fields = [
        RecipeField("layers", "Of a new model.", range: .between(1, 256)),
        RecipeField("hiddenDimensions", "Width of its hidden states.", range: .between(2, 65_536)),
        RecipeField("heads", "Of its attention.", range: .between(1, 1024)),
        RecipeField(
            "feedForwardDimensions", "Width of one branch of a feed-forward block.", range: .between(1, 1_048_576)),
        RecipeField("maximumPositions", "Its context.", unit: "tokens", range: .between(8, 1_048_576)),
    ]

    /// Weights, gradients and the two moments of AdamW, 4 bytes each.
    private static let bytesPerParameter = 16

    /// A shape whose training cannot fit into this machine's memory is refused before anything is allocated.
    func problem() -> RecipeProblem? {
        let perLayer = 4 * hiddenDimensions * hiddenDimensions + 3 * hiddenDimensions * feedForwardDimensions
        let parameters = layers * perLayer
        let memory = ProcessInfo.processInfo.physicalMemory
        guard UInt64(parameters) > memory / UInt64(Self.bytesPerParameter) else { return nil }
        return RecipeProblem(
            "shape", found: "\(parameters / 1_000_000) million parameters",
            allowed: "what can be trained in \(memory >> 30) GiB of memory at \(Self.bytesPerParameter) bytes each")
    }

    func configuration(vocabularySize: Int) -> DecoderConfiguration {
        var configuration = DecoderConfiguration(
            family: .llama, layers: layers, hiddenDimensions: hiddenDimensions, heads: heads,
            feedForwardDimensions: feedForwardDimensions, vocabularySize: vocabularySize)
        configuration.isEmbeddingTied = true
        configuration.maximumPositions = maximumPositions
        return configuration
    }
}

/// Next-token prediction on plain text, from new weights or from those of a model.
public enum ContinualPretraining: Method {
    public static let name = "pretrain"
    public static let summary = "Predicts the next token of plain text, from new weights or on from a model's."
    public static let studies = ["qwen-context"]

    @TensorActor
    public static func train(_ settings: PretrainingRecipe, in session: TrainingSession) throws -> TrainedArtefact {
        let model = try model(settings, in: session)
        let seed = UInt64(settings.seed)
        let parts = try settings.data.map { try TextSource.corpus($0.source, settings) }
        session.say("data: " + parts.map(\.origin).joined(separator: ", "))
        let texts = zip(parts, settings.data).filter { $1.ratio > 0 }.map {
            (sequences: sequences($0.train, model.tokenizer), ratio: $1.ratio)
        }
        let source = try settings.budget.source(texts, seed: seed, padding: model.tokenizer.padding ?? 0)
        let limits = settings.budget.limits(
            tokensPerPass: source.tokensPerPass, batchesPerPass: source.batchesPerPass, optimizer: settings.optimizer)
        let dropout = try settings.adapter.prepare(model.decoder, seed: seed)
        let heldOut = parts.flatMap { sequences($0.validation, model.tokenizer).prefix(settings.budget.heldOutTexts) }
            .flatMap { $0.pieces(of: settings.budget.length) }
        let learner = LanguageModelLearner(
            model.decoder, heldOut: heldOut, recomputesActivations: settings.budget.recomputesActivations,
            dropoutSource: dropout)
        let job = TrainingSession.Job(
            learner: learner, source: source, optimizer: settings.optimizer.optimizer(for: learner.trainedParameters),
            schedule: settings.optimizer.schedule(steps: limits.steps), limits: limits)
        return try session.run(
            Self.self, settings, base: settings.model == nil ? nil : model.base,
            precision: model.decoder.precision.resolved.rawValue, job: job
        ) { try model.writeTrained(settings.adapter, to: $0) }
    }

    /// Perplexity of test documents, cut into rows of the training length.
    @TensorActor
    public static func evaluate(_ artefact: URL, with settings: PretrainingRecipe, in session: TrainingSession) throws
        -> MethodEvaluation
    {
        let model = try session.loadModel(artefact.path, precision: settings.precision)
        let parts = try settings.data.map { try TextSource.corpus($0.source, settings) }
        let test = parts.flatMap { sequences($0.test, model.tokenizer) }
            .flatMap { $0.pieces(of: settings.budget.length) }
        return try MethodEvaluation(
            perplexity: LanguageModelLearner.perplexity(model.decoder, test),
            description: parts.map(\.origin).joined(separator: ", "), unit: "rows")
    }

    @TensorActor
    private static func model(_ settings: PretrainingRecipe, in session: TrainingSession) throws -> BaseModel {
        if let name = settings.model { return try session.loadModel(name, precision: settings.precision) }
        let tokenizer = try ByteTokenizer.make()
        let configuration = settings.shape.configuration(vocabularySize: tokenizer.vocabularySize)
        let decoder = TransformerDecoder(
            configuration, precision: settings.precision, from: RandomSource(seed: UInt64(settings.seed)))
        let end = tokenizer.endOfSequence.map { [Int($0)] } ?? []
        return BaseModel(
            name: "new", path: session.output, decoder: decoder, tokenizer: tokenizer, template: nil,
            specialTokens: SpecialTokens(ends: end), fingerprint: "")
    }

    /// A document ends with the token that says so; the first token is predicted where the family begins with one.
    static func sequences(_ documents: [TextDocument], _ tokenizer: Tokenizer) -> [TokenSequence] {
        documents.map { document in
            var tokens = tokenizer.encode(document.text)
            if tokenizer.addsBeginningOfSequence, let beginning = tokenizer.beginningOfSequence {
                tokens.insert(beginning, at: 0)
            }
            if let end = tokenizer.endOfSequence { tokens.append(end) }
            return TokenSequence(tokens)
        }
    }
}

/// Plain text by the name that a recipe gives.
package enum TextSource {
    package static func corpus(_ name: String, _ settings: PretrainingRecipe) throws -> TextCorpus {
        let seed = UInt64(settings.seed)
        switch name {
        case "built-in": return BuiltInText.corpus(characters: settings.characters, seed: seed)
        case EnglishCorpus.dataSet:
            let directory = DataDirectory()
            let present = EnglishCorpus.allCases.filter { $0.isPresent(in: directory) }
            return try EnglishCorpus.corpus(present.isEmpty ? EnglishCorpus.allCases : present, in: directory)
        default: return try files(name, heldOut: settings.heldOutShare, seed: seed)
        }
    }

    /// A text file, which is cut into documents at line ends, or a folder with a document a file.
    private static func files(_ path: String, heldOut: Double, seed: UInt64) throws -> TextCorpus {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw TrainingDataError.unknownSource(path, reason: "no such file or folder")
        }
        func text(_ file: String) throws -> String {
            guard let data = FileManager.default.contents(atPath: file),
                let text = String(validating: data, as: UTF8.self)
            else { throw TrainingDataError.unknownSource(file, reason: "no UTF-8 text") }
            return text
        }
        var documents: [TextDocument] = []
        if isFolder.boolValue {
            let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".txt") }
            documents = try names.sorted().map { TextDocument(name: $0, text: try text("\(path)/\($0)")) }
        } else {
            // A short text is cut finer, so that each part of the split gets some of it.
            let whole = try text(path)
            documents = TextDocument.sections(
                of: whole, name: "part", characters: min(4_000, max(100, whole.utf8.count / 40)))
        }
        documents.removeAll { $0.text.allSatisfy(\.isWhitespace) }
        guard documents.count >= 3 else {
            throw TrainingDataError.unknownSource(
                path,
                reason: isFolder.boolValue
                    ? "\(documents.count) texts (.txt); at least 3 are needed, one each to train, watch and test"
                    : "too short to be split into parts to train, watch and test; some hundred characters are needed")
        }
        return TextCorpus(
            splitting: documents, heldOut: heldOut, seed: seed, origin: URL(fileURLWithPath: path).lastPathComponent)
    }
}
