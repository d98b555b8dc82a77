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

    public func problems() -> [RecipeProblem] { adapter.problems(at: "adapter") }
}

/// Supervised fine-tuning on conversations, of all weights or of a low-rank adapter.
public enum SupervisedFineTuning: Method {
    public static let name = "sft"
    public static let summary = "Teaches a model to answer as the assistant of given conversations does."
    public static let studies = ["qwen-alignment"]

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
        func sequences(_ examples: [ChatExample], _ part: String) throws -> [TokenSequence] {
            try ConversationData.sequences(
                examples, template: template, tokenizer: model.tokenizer, length: budget.length,
                source: "\(data.origin), \(part)")
        }
        let train = try sequences(data.train, "train")
        let source = try budget.source(
            [(train, 1)], seed: UInt64(settings.seed), padding: model.tokenizer.padding ?? 0)
        let limits = budget.limits(
            tokensPerPass: source.tokensPerPass, batchesPerPass: source.batchesPerPass, optimizer: settings.optimizer)
        let dropout = settings.adapter.prepare(model.decoder, seed: UInt64(settings.seed))
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
            try model.writeTrained(settings.adapter, to: folder)
        }
    }

    /// Perplexity of the trained tokens of held-out conversations; of support conversations, of the supporter's words.
    @TensorActor
    public static func evaluate(
        _ artefact: URL, with settings: SupervisedFineTuningRecipe, in session: TrainingSession
    ) throws -> MethodEvaluation {
        let model = try session.loadModel(artefact.path, precision: settings.precision)
        let data = try ConversationData.load(settings.data, seed: UInt64(settings.seed))
        let template = try (data.template ?? model.requireTemplate()).with(settings.lossPolicy)
        let tally = try perplexity(model, data.measured, template: template, source: data.origin)
        return try MethodEvaluation(perplexity: tally, description: data.origin, unit: "conversations")
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
