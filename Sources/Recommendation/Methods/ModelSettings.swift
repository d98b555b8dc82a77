public import Training

/// The configuration of a model as a part of a recipe.
public protocol ModelSettings: Codable, Sendable, Equatable {
    init()
    static var fields: [RecipeField] { get }
    /// What the recipe's data and fitting are where nothing else is said.
    static var data: InteractionDataRecipe { get }
    static var fitting: FittingOptions { get }
}

extension ModelSettings {
    public static var data: InteractionDataRecipe { InteractionDataRecipe() }
    public static var fitting: FittingOptions { FittingOptions() }
}

extension FittingOptions {
    public static let fields = [
        RecipeField("learningRate", "Of AdamW, constant.", range: .above(0)),
        RecipeField("weightDecay", "Of tables and matrices; vectors never decay.", range: .atLeast(0)),
        RecipeField("beta1", "Decay of the mean of gradients.", range: .from(0, below: 1)),
        RecipeField("beta2", "Decay of the mean of squared gradients.", range: .from(0, below: 1)),
        RecipeField("epochs", "Passes over the training part.", range: .between(1, 1_000_000)),
        RecipeField("patience", "Evaluations without improvement before training ends.", range: .atLeast(1)),
        RecipeField("rowsPerBatch", "Examples of a step.", range: .between(2, 1_000_000_000)),
        RecipeField("maximumGradientNorm", "Longer gradients are shortened to this.", range: .above(0)),
    ]
}

private let dropoutField = RecipeField(
    "dropout", "Share of activations that are zeroed while training.", range: .from(0, below: 1))
private let dimensionsField = RecipeField("dimensions", "Of embeddings.", range: .between(1, 4096))
private let widthsField = layersField("widths", "Of the layers of the tower.")
private func layersField(_ name: String, _ description: String) -> RecipeField {
    RecipeField(name, description, range: .between(1, 16_384))
}
private let lengthField = RecipeField(
    "length", "The newest items of a history that are read.", range: .between(1, 4096))

extension MatrixFactorization.Configuration: ModelSettings {
    public static let fields = [
        RecipeField("objective", "pairs: BPR; ratings: squared error."), dimensionsField,
        RecipeField("regularization", "Of the vectors in a batch.", range: .atLeast(0)),
        RecipeField("hasBiases", "Whether items (and users) have a bias."),
    ]
}

extension SelfAttentiveSequence.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, RecipeField("layers", "Blocks of attention.", range: .between(1, 64)),
        RecipeField("heads", "Of attention; divides the dimensions.", range: .between(1, 64)),
        RecipeField("innerDimensions", "Of the second part of a block.", range: .between(1, 16_384)), lengthField,
        dropoutField, RecipeField("activation", "relu or gelu."),
        RecipeField("normalization", "beforeQueries (the paper's code) or afterResidual (BERT, RecBole)."),
        RecipeField("epsilon", "Of layer normalisation.", range: .above(0)),
        RecipeField("objective", "binary (the paper) or crossEntropy (RecBole)."),
    ]
}

extension RecurrentSequence.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, RecipeField("hiddenDimensions", "Of the unit.", range: .between(1, 16_384)), lengthField,
        dropoutField, RecipeField("objective", "bprMax, top1 or crossEntropy."),
        RecipeField("regularization", "Of scores in BPR-max.", range: .atLeast(0)),
    ]
}

/// Logistic regression has crosses and nothing else.
public struct LogisticRegressionSettings: ModelSettings {
    /// Pairs of categories, such as `user × item.genre`, as `[[user, item.genre]]`.
    public var crosses: [FieldCrosses.Pair] = []

    public init() {}
    public static let fields = [
        RecipeField("crosses", "Pairs of categories with a weight for each pair of values.")
    ]
}

extension WideAndDeep.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, widthsField, dropoutField,
        RecipeField("crosses", "Pairs of categories of the wide part."),
    ]
}

extension DeepFM.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, widthsField, dropoutField,
        RecipeField("hasTower", "false: the factorisation machine alone."),
    ]
}

extension DeepInterestNetwork.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, RecipeField("pooling", "target (DIN) or mean."),
        layersField("attentionWidths", "Of the attention unit."), widthsField, dropoutField,
    ]
}

extension MultiGateExperts.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, RecipeField("experts", "Shared by all tasks.", range: .between(1, 256)),
        layersField("expertWidths", "Of the layers of an expert."),
        layersField("gateWidths", "Of the layers of a gate."),
        layersField("towerWidths", "Of the layers of a task's tower."), dropoutField,
    ]
}

extension ProgressiveExtraction.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, RecipeField("levels", "Of extraction.", range: .between(1, 16)),
        RecipeField("ownExperts", "Of each task at each level.", range: .between(1, 64)),
        RecipeField("sharedExperts", "At each level.", range: .between(1, 64)),
        layersField("expertWidths", "Of the layers of an expert."),
        layersField("gateWidths", "Of the layers of a gate."),
        layersField("towerWidths", "Of the layers of a task's tower."), dropoutField,
    ]
}

extension StarTopology.Configuration: ModelSettings {
    public static let fields = [
        dimensionsField, widthsField, layersField("auxiliaryWidths", "Of the layers of the auxiliary network."),
        RecipeField(
            "smallestBatch", "Rows of a domain in a batch from which their own moments normalise them.",
            range: .atLeast(2)),
    ]
}
