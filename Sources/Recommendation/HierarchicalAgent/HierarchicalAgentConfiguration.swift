/// Sizes and rates of the two-level agent.
///
/// The paper's own values could not be read. Where the author's earlier code (one agent with a delayed critic) has a
/// value, it stands in the comment; the study's page says which search the defaults come from.
public struct HierarchicalAgentConfiguration: Sendable, Equatable, Codable {
    /// What the upper level hands down.
    public enum Option: String, Sendable, Codable, CaseIterable {
        case learned
        /// Zeros: an ablation in which the lower level is alone.
        case constant
    }

    public var option = Option.learned
    /// Units of both GRUs. Earlier code: 100, and 12 in the cloud.
    public var hidden = 32
    public var headHidden = 64
    /// Of clicks in logs, before anything is learned from rewards.
    public var warmUpRate = 2e-3
    /// Earlier code: critic 1e-3, actor 1e-4.
    public var lowerCriticRate = 2e-3
    public var lowerActorRate = 2e-3
    public var upperCriticRate = 1e-3
    public var upperActorRate = 5e-4
    /// τ of the target networks. Earlier code: 0.001.
    public var followRate = 0.03
    /// γ_L, from view to view; the session's end is terminal for the lower level.
    public var lowerDiscount = 0.97
    /// γ_H for every day between two sessions.
    public var dailyDiscount = 0.97
    /// λ of traced returns within a session; 0 is the one-step target.
    public var trace = 0.0
    /// Session ends that the upper level's returns are read across before a value stands for the rest; 1 is the one-step
    /// target.
    public var sessionsAhead = 3
    /// β, clicks that a return is worth beside the clicks it brings.
    public var returnReward = 5.0
    /// λ, the pull of proto-items to executed items, and of options to those that were played.
    public var lowerAnchor = 0.0
    public var upperAnchor = 0.02
    /// How far the lower level may go from the option, relative to the option's length.
    public var lowerFreedom = 1.0
    /// n_L / n_H.
    public var lowerUpdatesPerUpper = 1
    /// Critic steps for one of the lower actor.
    public var actorDelay = 2
    /// The share of the rounds in which the upper actor stays as it was warmed up.
    public var frozenShare = 0.2

    public init() {}
}
