import Corpora
public import Evaluation
public import Foundation
public import LanguageModel
public import Layers
import Tensors
public import Training

/// Settings of `sft`. The defaults are those of Qwen's published fine-tuning script with LoRA; the Qwen report's own
/// fine-tuning (all weights, 2e-6, constant after a long warm-up) is the recipe `sft-full`.
public struct SupervisedFineTuningRecipe: Recipe, Equatable {
    public var model = ""
    public var data = ConversationDataRecipe()
    public var adapter = AdapterRecipe()
    public var optimizer = OptimizerRecipe()
    public var budget = BudgetRecipe()
    public var lossPolicy = ChatTemplate.LossPolicy.assistant
    public var precision = Precision.auto
    public var seed = 0

    public init() {}

    public static let fields =
        [
            RecipeField("model", "A folder, a GGUF file, or the name of a model of `wallfacer models list`."),
            RecipeField(
                "lossPolicy",
                "assistant: the assistant's words and the end of its turn; qwenReleased: also the marks of every turn.",
                source: "the report masks system and user; the released script keeps the marks"),
            RecipeField("precision", "Of products: auto, f32 or bf16."),
            RecipeField("seed", "Of order, adapters and dropout.", range: .atLeast(0)),
        ] + ConversationDataRecipe.fields.nested(in: "data") + AdapterRecipe.fields.nested(in: "adapter")
        + OptimizerRecipe.fields.nested(in: "optimizer") + BudgetRecipe.fields.nested(in: "budget")

    public func problems() -> [RecipeProblem] {
        adapter.problems(at: "adapter") + budget.problems(at: "budget")
    }
}

/// Supervised fine-tuning on conversations, of all weights or of a low-rank adapter.
public enum SupervisedFineTuning: Method {
    public static let name = "sft"
    public static let summary = "Teaches a model to answer as the assistant of given conversations does."

    @TensorActor
    public static func train(_ settings: SupervisedFineTuningRecipe, in session: TrainingSession) throws
        -> TrainedArtefact
    {
        let model = try session.loadModel(settings.model, precision: settings.precision)
        let data = try ConversationData.load(settings.data, seed: UInt64(settings.seed))
        return try train(model, on: data, settings, in: session)
    }

    /// Trains a loaded model; afterwards its adapter or weights are the trained ones.
    @TensorActor
    public static func train(
        _ model: BaseModel, on data: ConversationData, _ settings: SupervisedFineTuningRecipe,
        in session: TrainingSession
    ) throws -> TrainedArtefact {
        session.say("data: \(data.origin), \(data.train.count) conversations")
        let template = try (data.template ?? model.requireTemplate()).with(settings.lossPolicy)
        let budget = settings.budget
        // Positions beyond the model's context are none that it knows, and `evaluate` has none of them.
        let length = min(budget.length, model.decoder.configuration.maximumPositions)
        func sequences(_ examples: [ChatExample], _ part: String) throws -> [TokenSequence] {
            try ConversationData.sequences(
                examples, template: template, tokenizer: model.tokenizer, length: length,
                source: "\(data.origin), \(part)", say: session.say)
        }
        if data.heldOut.isEmpty { session.say("no held-out conversations: nothing is measured on the way") }
        let train = try sequences(data.train, "train")
        let source = try budget.source(
            [(train, 1)], seed: UInt64(settings.seed), padding: model.tokenizer.padding ?? 0)
        let limits = budget.limits(
            tokensPerPass: source.tokensPerPass, batchesPerPass: source.batchesPerPass, optimizer: settings.optimizer)
        let dropout = try settings.adapter.prepare(model.decoder, seed: UInt64(settings.seed))
        let learner = LanguageModelLearner(
            model.decoder, heldOut: try sequences(Array(data.heldOut.prefix(budget.heldOutTexts)), "held out"),
            recomputesActivations: budget.recomputesActivations, dropoutSource: dropout)
        let job = TrainingSession.Job(
            learner: learner, source: source,
            optimizer: settings.optimizer.optimizer(for: learner.trainedParameters),
            schedule: settings.optimizer.schedule(steps: limits.steps), limits: limits)
        return try session.run(
            Self.self, settings, base: model.base, precision: model.decoder.precision.resolved.rawValue, job: job
        ) { folder in
            try model.writeTrained(settings.adapter, template: data.template, to: folder)
        }
    }

    /// Perplexity of the trained tokens of held-out conversations. Of support conversations: perplexity of the supporters'
    /// words in all test conversations, and accuracy and macro-F1 of the strategy found likeliest, beside the best
    /// text-blind floor.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: SupervisedFineTuningRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        let model = try session.loadModel(artefact.path, precision: settings.precision)
        let data = try ConversationData.load(settings.data, seed: UInt64(settings.seed))
        if let corpus = data.support { return try evaluate(model, on: corpus, in: session) }
        let template = try (data.template ?? model.requireTemplate()).with(settings.lossPolicy)
        let tally = try perplexity(model, data.measured, template: template, source: data.origin)
        let part = settings.data.heldOut == nil ? ", the held-out share that training watched" : ""
        return try MethodEvaluation(perplexity: tally, description: data.origin + part, unit: "conversations")
    }

    @TensorActor
    private static func evaluate(
        _ model: BaseModel, on corpus: SupportCorpus, in session: TrainingSession
    ) throws -> MethodEvaluation {
        let bar = session.showsProgress ? ProgressBar(title: "evaluate", steps: corpus.test.count) : nil
        defer { bar?.finish() }
        let score = try SupportEvaluation(tokenizer: model.tokenizer).score(corpus.test, by: model.decoder) {
            bar?.update(step: $0)
            try Interruption.check()
        }
        let floor = try TextBlindFloors(corpus).best(test: corpus.test.map { $0.strategies.map(\.rawValue) })
        let (perplexity, accuracy, macroF1) = (try score.words.interval(), try score.accuracy(), try score.macroF1())
        return MethodEvaluation(
            description: "\(corpus.origin), test: words of supporters, strategies of \(score.turns) turns by option "
                + "scoring, floors that never read the text; intervals over conversations",
            metrics: [
                "perplexity": perplexity.estimate, "loss": score.words.meanLoss, "tokens": Double(score.words.tokens),
                "strategyAccuracy": accuracy.estimate, "strategyMacroF1": macroF1.estimate,
                "floorAccuracy": floor.accuracy, "floorMacroF1": floor.macroF1,
            ],
            count: score.conversations,
            intervals: [
                "perplexity": perplexity.low...perplexity.high, "strategyAccuracy": accuracy.low...accuracy.high,
                "strategyMacroF1": macroF1.low...macroF1.high,
            ])
    }

    /// Token losses of conversations, one entry each; what is longer than the model's context is cut.
    @TensorActor
    public static func perplexity(
        _ model: BaseModel, _ examples: [ChatExample], template: ChatTemplate, source: String
    ) throws -> PerplexityTally {
        let sequences = try ConversationData.sequences(
            examples, template: template, tokenizer: model.tokenizer,
            length: model.decoder.configuration.maximumPositions, source: source)
        return LanguageModelLearner.perplexity(model.decoder, sequences)
    }
}
