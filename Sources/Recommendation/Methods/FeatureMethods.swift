public import Tensors
import Training

/// `recommend-lr`: logistic regression.
public enum LogisticRegressionMethod: FeatureMethod {
    public typealias Configuration = LogisticRegressionSettings
    public typealias Settings = FeatureRecipe<Configuration>

    public static let name = "recommend-lr"
    public static let summary = "Logistic regression on fields and crosses of fields."

    public static func network(
        _ configuration: LogisticRegressionSettings, schema: FeatureSchema, from source: RandomSource
    ) throws -> LogisticRegression {
        try LogisticRegression(schema, crosses: configuration.crosses, from: source)
    }
}

/// `recommend-wide-deep`: a linear model and a tower.
public enum WideAndDeepMethod: FeatureMethod {
    public typealias Configuration = WideAndDeep.Configuration
    public typealias Settings = FeatureRecipe<Configuration>

    public static let name = "recommend-wide-deep"
    public static let summary = "A linear model of fields and crosses beside a tower on embeddings (Wide & Deep)."

    public static func network(
        _ configuration: WideAndDeep.Configuration, schema: FeatureSchema, from source: RandomSource
    ) throws -> WideAndDeep { try WideAndDeep(schema, configuration, from: source) }
}

/// `recommend-deepfm`: a factorisation machine and a tower.
public enum DeepFMMethod: FeatureMethod {
    public typealias Configuration = DeepFM.Configuration
    public typealias Settings = FeatureRecipe<Configuration>

    public static let name = "recommend-deepfm"
    public static let summary = "A factorisation machine and a tower on the same embeddings (DeepFM)."

    public static func network(
        _ configuration: DeepFM.Configuration, schema: FeatureSchema, from source: RandomSource
    ) throws -> DeepFM { DeepFM(schema, configuration, from: source) }
}

/// `recommend-din`: attention from the target to the history.
public enum DeepInterestNetworkMethod: FeatureMethod {
    public typealias Configuration = DeepInterestNetwork.Configuration
    public typealias Settings = FeatureRecipe<Configuration>

    public static let name = "recommend-din"
    public static let summary = "The history is pooled by its relation to the target item (DIN)."

    public static func network(
        _ configuration: DeepInterestNetwork.Configuration, schema: FeatureSchema, from source: RandomSource
    ) throws -> DeepInterestNetwork { try DeepInterestNetwork(schema, configuration, from: source) }
}

/// `recommend-mmoe`: shared experts with a gate for each task.
public enum MultiGateExpertsMethod: FeatureMethod {
    public typealias Configuration = MultiGateExperts.Configuration
    public typealias Settings = FeatureRecipe<Configuration>

    public static let name = "recommend-mmoe"
    public static let summary = "Shared experts, mixed by one gate for each task (MMoE)."

    public static func network(
        _ configuration: MultiGateExperts.Configuration, schema: FeatureSchema, from source: RandomSource
    ) throws -> MultiGateExperts { MultiGateExperts(schema, configuration, from: source) }
}

/// `recommend-ple`: levels of shared and own experts.
public enum ProgressiveExtractionMethod: FeatureMethod {
    public typealias Configuration = ProgressiveExtraction.Configuration
    public typealias Settings = FeatureRecipe<Configuration>

    public static let name = "recommend-ple"
    public static let summary = "Levels of experts, some of each task and some shared (PLE)."

    public static func network(
        _ configuration: ProgressiveExtraction.Configuration, schema: FeatureSchema, from source: RandomSource
    ) throws -> ProgressiveExtraction { ProgressiveExtraction(schema, configuration, from: source) }
}

/// `recommend-star`: a network for each domain around a shared one.
public enum StarTopologyMethod: FeatureMethod {
    public typealias Configuration = StarTopology.Configuration
    public typealias Settings = FeatureRecipe<Configuration>

    public static let name = "recommend-star"
    public static let summary = "Weights of each domain times shared ones, normalised by domain (STAR)."
    public static var separatesDomains: Bool { true }

    public static func network(
        _ configuration: StarTopology.Configuration, schema: FeatureSchema, from source: RandomSource
    ) throws -> StarTopology { StarTopology(schema, configuration, from: source) }
}
