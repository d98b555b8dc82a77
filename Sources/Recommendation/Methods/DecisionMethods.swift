public import Tensors
public import Training

/// A model that learns what to show from what was shown: its data say of every row whether it was liked.
public protocol DecisionSettings: ModelSettings {
    /// Liked items that are read.
    var length: Int { get }
    /// What one list of the log is.
    var cut: FeedbackSource.Cut { get }
}

extension DecisionSettings {
    public static var data: InteractionDataRecipe {
        var data = InteractionDataRecipe()
        data.rating = "click"
        return data
    }

    public var cut: FeedbackSource.Cut { .rows(1) }
}

/// A method that learns decisions from logged lists.
public protocol DecisionMethod: InteractionMethod
where Configuration: DecisionSettings, Network: WindowRecommender, Source == FeedbackSource {}

extension DecisionMethod {
    public static func source(
        _ configuration: Configuration, data: FeedbackData, rowsPerBatch: Int, seed: UInt64
    ) throws -> FeedbackSource {
        try FeedbackSource(
            data, cut: configuration.cut, length: configuration.length, rowsPerBatch: rowsPerBatch, seed: seed)
    }
}

/// Settings of a model that acts among vectors of items, which are learned before it and stay as they are.
public protocol VectorSettings: DecisionSettings {
    var dimensions: Int { get }
    /// Passes in which they are learned, at most.
    var vectorEpochs: Int { get }
}

extension DecisionMethod where Configuration: VectorSettings {
    public static func vectors(
        _ configuration: Configuration, data: FeedbackData, seed: UInt64
    ) throws -> ItemVectors? {
        try .learned(
            from: data.split, dimensions: configuration.dimensions, epochs: configuration.vectorEpochs, seed: seed)
    }
}

/// `recommend-dqn`: double Q-learning over the catalogue.
public enum DeepQMethod: DecisionMethod {
    public typealias Configuration = DeepQRecommender.Configuration
    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-dqn"
    public static let summary = "Q-learning over the catalogue from logged clicks (double DQN)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> DeepQRecommender { DeepQRecommender(configuration, itemCount: known.itemCount, from: source) }
}

/// `recommend-cql`: the same with a penalty on what the log does not show.
public enum ConservativeQMethod: DecisionMethod {
    /// ``DeepQRecommender/Configuration`` with the penalty.
    public struct Configuration: DecisionSettings {
        public var network: DeepQRecommender.Configuration

        public init() {
            network = DeepQRecommender.Configuration()
            network.conservatism = 1
        }

        public var length: Int { network.length }
        public static let fields = DeepQRecommender.Configuration.fields

        public init(from decoder: any Decoder) throws { network = try DeepQRecommender.Configuration(from: decoder) }
        public func encode(to encoder: any Encoder) throws { try network.encode(to: encoder) }
    }

    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-cql"
    public static let summary = "Q-learning from logged clicks that values what the log lacks below it (CQL)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> DeepQRecommender { DeepQRecommender(configuration.network, itemCount: known.itemCount, from: source) }
}

/// `recommend-slateq`: values of lists by what is chosen from them.
public enum SlateQMethod: DecisionMethod {
    public typealias Configuration = SlateQRecommender.Configuration
    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-slateq"
    public static let summary = "Values of whole lists by what users choose from them, from logged lists (SlateQ)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> SlateQRecommender { SlateQRecommender(configuration, itemCount: known.itemCount, from: source) }
}

/// `recommend-ddpg`: a deterministic policy over item vectors with one critic.
public enum DeterministicPolicyMethod: DecisionMethod {
    public typealias Configuration = ProtoItemRecommender.Configuration
    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-ddpg"
    public static let summary =
        "A policy answers with a proto-item, a critic ranks its neighbours (DDPG, Wolpertinger)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> ProtoItemRecommender {
        ProtoItemRecommender(configuration, vectors: known.vectors(configuration.dimensions), from: source)
    }
}

/// `recommend-td3`: the same with two critics, smoothed targets and a late actor.
public enum TwinDelayedMethod: DecisionMethod {
    /// ``ProtoItemRecommender/Configuration/twinDelayed``.
    public struct Configuration: VectorSettings {
        public var network = ProtoItemRecommender.Configuration.twinDelayed

        public init() {}

        public var length: Int { network.length }
        public var dimensions: Int { network.dimensions }
        public var vectorEpochs: Int { network.vectorEpochs }
        public static let fields = ProtoItemRecommender.Configuration.fields

        public init(from decoder: any Decoder) throws {
            network = try ProtoItemRecommender.Configuration(from: decoder)
        }
        public func encode(to encoder: any Encoder) throws { try network.encode(to: encoder) }
    }

    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-td3"
    public static let summary = "The same with two critics, smoothed targets and a late actor (TD3)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> ProtoItemRecommender {
        try DeterministicPolicyMethod.network(configuration.network, known: known, from: source)
    }
}

/// `recommend-lird`: a policy that answers with a list.
public enum ListPolicyMethod: DecisionMethod {
    public typealias Configuration = ListPolicyRecommender.Configuration
    public typealias Settings = InteractionRecipe<Configuration>

    public static let name = "recommend-lird"
    public static let summary = "A policy answers with a list, one weight vector for each of its places (LIRD)."

    public static func network(
        _ configuration: Configuration, known: KnownEntities, from source: RandomSource
    ) throws -> ListPolicyRecommender {
        ListPolicyRecommender(configuration, vectors: known.vectors(configuration.dimensions), from: source)
    }
}

extension KnownEntities {
    /// The learned vectors, or places that a file fills.
    func vectors(_ dimensions: Int) -> ItemVectors {
        vectors ?? ItemVectors(itemCount: itemCount, dimensions: dimensions)
    }
}

private let dimensionsField = RecipeField("dimensions", "Of item vectors.", range: .between(1, 4096))
private let hiddenField = RecipeField("hidden", "Units of recurrent and hidden layers.", range: .between(1, 4096))
private let windowField = RecipeField(
    "length", "The newest liked items that are read.", range: .between(1, 4096), source: "published 12")
private let discountField = RecipeField(
    "discount", "γ, from one list of the log to the next.", range: .from(0, below: 1))
private let followRateField = RecipeField("followRate", "τ of target networks.", range: .above(0, to: 1))
private let actorRateShareField = RecipeField(
    "actorRateShare", "The actor's learning rate for one of the critic's.", range: .above(0))
private let anchorField = RecipeField(
    "anchor", "Pull of the policy to liked items; 0: it climbs the critic alone.", range: .atLeast(0))
private let vectorEpochsField = RecipeField(
    "vectorEpochs", "Passes in which item vectors are learned beforehand, at most.", range: .between(1, 1_000_000))

extension DeepQRecommender.Configuration: DecisionSettings {
    public static let fields = [
        dimensionsField, hiddenField, windowField, discountField, followRateField,
        RecipeField("isDouble", "The online network chooses, the target network values."),
        RecipeField("conservatism", "α: values of what the log lacks are pushed below it; 0: not.", range: .atLeast(0)),
    ]
}

extension SlateQRecommender.Configuration: DecisionSettings {
    public static let fields = [
        dimensionsField, hiddenField, windowField, discountField, followRateField,
        RecipeField(
            "listLength", "The longest list: rows of a user at one time were shown together.",
            range: .between(1, 1_000)),
        RecipeField("target", "best: of the catalogue; logged: what was shown next."),
    ]
    public var cut: FeedbackSource.Cut { .requests(atMost: listLength) }
}

extension ProtoItemRecommender.Configuration: VectorSettings {
    public static let fields = [
        dimensionsField, hiddenField, windowField, discountField, followRateField, actorRateShareField,
        RecipeField("critics", "1 (DDPG) or 2 (TD3): the smaller value counts.", range: .between(1, 2)),
        RecipeField("actorDelay", "Critic steps for one of the actor.", range: .between(1, 1_000)),
        RecipeField("smoothing", "Noise on target actions, in units of a coordinate.", range: .atLeast(0)),
        RecipeField("smoothingBound", "The noise is cut to this.", range: .atLeast(0)),
        RecipeField(
            "neighbours", "Nearest items that the critic ranks; 0: distance alone.", range: .between(0, 1_000_000)),
        anchorField, vectorEpochsField,
    ]
}

extension ListPolicyRecommender.Configuration: VectorSettings {
    public static let fields = [
        dimensionsField, hiddenField,
        RecipeField("criticHidden", "Of the layers of the critic.", range: .between(1, 16_384)), windowField,
        RecipeField("listLength", "Places of a list.", range: .between(1, 1_000), source: "published 4"),
        discountField,
        RecipeField("positionDiscount", "Γ, within a list.", range: .between(0, 1), source: "published 0.9"),
        followRateField, actorRateShareField, anchorField, vectorEpochsField,
    ]
    public var cut: FeedbackSource.Cut { .rows(listLength) }
}
