import LanguageModel
public import Layers
import Tensors
public import Training

/// The optimiser of a recipe.
public struct OptimizerRecipe: Codable, Sendable, Equatable {
    public enum Kind: String, Codable, Sendable, CaseIterable { case adamw, muon, sgd }

    public var kind = Kind.adamw
    public var learningRate = 3e-4
    public var schedule = LearningRateSchedule.Decay.cosine
    public var warmUpShare = 0.01
    public var finalShare = 0.0
    public var weightDecay = 0.1
    public var beta1 = 0.9
    public var beta2 = 0.95
    public var epsilon = 1e-8
    public var maximumGradientNorm = 1.0

    public init() {}

    public static let fields = [
        RecipeField("kind", "adamw; muon for matrices with adamw for the rest; sgd with momentum 0.9."),
        RecipeField("learningRate", "The highest step size.", range: .above(0)),
        RecipeField("schedule", "The course after the warm-up: constant, linear or cosine."),
        RecipeField("warmUpShare", "The share of the steps in which the rate rises.", range: .between(0, 1)),
        RecipeField("finalShare", "The rate at the end as a share of the highest.", range: .between(0, 1)),
        RecipeField("weightDecay", "Of matrices; vectors never decay.", range: .atLeast(0)),
        RecipeField("beta1", "Decay of the mean of gradients.", range: .from(0, below: 1)),
        RecipeField("beta2", "Decay of the mean of squared gradients.", range: .from(0, below: 1)),
        RecipeField("epsilon", "Keeps the denominator from 0.", range: .above(0)),
        RecipeField("maximumGradientNorm", "Longer gradients are shortened to this.", range: .above(0)),
    ]

    public func optimizer(for parameters: [NamedParameter]) -> any Optimizer {
        let groups = ParameterGroup.standard(parameters, weightDecay: weightDecay)
        switch kind {
        case .adamw: return AdamW(groups, beta1: beta1, beta2: beta2, epsilon: epsilon)
        case .muon: return Muon(groups, beta1: beta1, beta2: beta2, epsilon: epsilon)
        case .sgd: return SGD(groups, momentum: 0.9)
        }
    }

    public func schedule(steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(
            peak: learningRate, warmUpSteps: Int((warmUpShare * Double(steps)).rounded(.up)), totalSteps: steps,
            decay: schedule, finalShare: finalShare)
    }
}

/// How much is trained, in which portions, and what happens on the way.
public struct BudgetRecipe: Codable, Sendable, Equatable {
    public var epochs = 5.0
    public var tokens: Int?
    public var seconds: Double?
    public var length = 512
    public var rows = 4
    public var accumulation = 1
    public var packs = true
    public var evaluationInterval: Int?
    public var heldOutTexts = 32
    public var checkpointInterval: Int? = 100
    public var patience: Int?
    public var recomputesActivations = false

    public init() {}

    public static let fields = [
        RecipeField(
            "epochs", "Passes over the training data; of several sources, the first.", range: .above(0, to: 1e6)),
        RecipeField(
            "tokens", "Instead of whole passes: the step that reaches so many is the last.", unit: "tokens",
            range: .between(1, 1e15)),
        RecipeField("seconds", "Stops earlier after this time.", unit: "seconds", range: .above(0)),
        RecipeField(
            "length", "The longest text, and the length of a packed row.", unit: "tokens",
            range: .between(8, 1_048_576)),
        RecipeField("rows", "Rows computed at once.", range: .between(1, 65_536)),
        RecipeField("accumulation", "Batches whose gradients make one step.", range: .between(1, 1_000_000)),
        RecipeField("packs", "Several short texts share a row; attention stays inside each."),
        RecipeField("evaluationInterval", "Steps between evaluations; none: at the end.", range: .between(1, 1e9)),
        RecipeField(
            "heldOutTexts", "Measured on the way and at the end; `evaluate` takes all.", range: .between(0, 1e9)),
        RecipeField("checkpointInterval", "Steps between checkpoints.", range: .between(1, 1e9)),
        RecipeField("patience", "Evaluations without improvement before the run ends.", range: .between(1, 1e9)),
        RecipeField("recomputesActivations", "Less memory for about a third more time."),
    ]

    /// Fields that may be without a value.
    public static let optionalFields: Set<String> = ["tokens", "seconds", "evaluationInterval", "patience"]

    /// The problems of these settings in a recipe that holds them under `name`.
    func problems(at name: String) -> [RecipeProblem] {
        guard patience != nil, evaluationInterval == nil else { return [] }
        return [
            RecipeProblem(
                "\(name).patience", found: "no \(name).evaluationInterval",
                allowed: "with \(name).evaluationInterval only: nothing is evaluated on the way without it")
        ]
    }

    /// The limits of a run over rows with `tokensPerPass` tokens in `batchesPerPass` batches.
    func limits(tokensPerPass: Int, batchesPerPass: Int, optimizer: OptimizerRecipe) -> TrainingLimits {
        let stepsPerPass = max(1, (batchesPerPass + accumulation - 1) / accumulation)
        let tokensPerStep = Double(tokensPerPass) / (Double(batchesPerPass) / Double(accumulation))
        let steps =
            tokens.map { Int((Double($0) / max(1, tokensPerStep)).rounded(.up)) }
            ?? Int((epochs * Double(stepsPerPass)).rounded(.up))
        var limits = TrainingLimits(steps: max(1, steps))
        limits.tokens = tokens
        limits.seconds = seconds
        limits.accumulation = accumulation
        limits.maximumGradientNorm = optimizer.maximumGradientNorm
        limits.evaluationInterval = evaluationInterval
        limits.checkpointInterval = checkpointInterval
        limits.patience = patience
        limits.keepsBest = patience != nil
        return limits
    }
}

/// A low-rank adapter in place of training all weights.
public struct AdapterRecipe: Codable, Sendable, Equatable {
    /// 0 trains all weights.
    public var rank = 64
    public var alpha = 16.0
    public var dropout = 0.05
    public var targets = TransformerDecoder.adapterTargets.sorted()

    public init() {}

    public static let fields = [
        RecipeField(
            "rank", "Of the change to each weight; 0 trains the weights themselves.", range: .between(0, 4096),
            source: "Qwen's fine-tuning script"),
        RecipeField(
            "alpha", "The change is scaled by alpha / rank.", range: .above(0), source: "Qwen's fine-tuning script"),
        RecipeField(
            "dropout", "Share of the adapter's inputs that are zeroed.", range: .from(0, below: 1),
            source: "Qwen's fine-tuning script"),
        RecipeField(
            "targets", "Projections that get an adapter.",
            source: "Qwen's fine-tuning script adapts c_attn, c_proj, w1 and w2, which are these"),
    ]

    /// The problems of these settings in a recipe that holds them under `name`.
    func problems(at name: String) -> [RecipeProblem] {
        let allowed = TransformerDecoder.adapterTargets.sorted()
        let unknown = targets.filter { !allowed.contains($0) }
        if rank > 0, targets.isEmpty {
            return [RecipeProblem("\(name).targets", found: "none", allowed: allowed.joined(separator: ", "))]
        }
        return unknown.map { RecipeProblem("\(name).targets", found: $0, allowed: allowed.joined(separator: ", ")) }
    }

    /// Makes the parameters of a model trainable: those of adapters, or all of them. A model that was opened with an
    /// adapter goes on with it; where all weights train, the adapter is merged into them first.
    /// - Returns: the generator of the adapters, whose state belongs into checkpoints.
    /// - Throws: ``TrainingDataError/otherAdapter(found:)`` where the model's adapter has another shape.
    func prepare(_ decoder: TransformerDecoder, seed: UInt64) throws -> RandomSource? {
        guard rank > 0 else {
            decoder.mergeAdapters()
            decoder.train()
            return nil
        }
        let adapted = decoder.linears.filter { $0.layer.adapter != nil }
        let names = Set(adapted.map { String($0.path.split(separator: ".").last ?? "") })
        if let earlier = adapted.first?.layer.adapter,
            names != Set(targets) || earlier.rank != rank || earlier.alpha != alpha
        {
            throw TrainingDataError.otherAdapter(
                found: "rank \(earlier.rank), alpha \(earlier.alpha), targets \(names.sorted().joined(separator: ", "))"
            )
        }
        let learned = decoder.parameters.filter { $0.name.contains(".lora_") }
        let source = RandomSource(seed: seed)
        decoder.attachAdapters(rank: rank, alpha: alpha, dropout: dropout, targets: Set(targets), from: source)
        if !learned.isEmpty {
            // Both lists are in the order of the layers.
            for (parameter, value) in zip(decoder.trainableParameters, learned) {
                parameter.tensor.assign(value.tensor.detached())
            }
        }
        return source
    }
}
