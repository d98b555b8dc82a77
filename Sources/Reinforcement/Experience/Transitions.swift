public import Tensors

/// Why an episode stopped after a step, if it did.
public enum EpisodeEnd: UInt8, Sendable, CaseIterable {
    /// The episode goes on.
    case none
    /// The world ended: nothing can follow, so nothing is bootstrapped.
    case terminal
    /// The observation ended (step limit, end of the log): the world would have gone on, so the value of the next state
    /// counts in full.
    case truncated
}

/// A batch of steps for learning from values.
public struct Transitions {
    /// `[batch, stateDimensions]`.
    public let states: Tensor
    /// `[batch, actionDimensions]`, or `[batch]` of `int64` where actions are numbered.
    public let actions: Tensor
    /// `[batch]`.
    public let rewards: Tensor
    /// `[batch, stateDimensions]`; what stands in a terminal row does not matter.
    public let nextStates: Tensor
    /// `[batch]`, 0 where the step was terminal, else 1: truncated steps count as steps that go on.
    public let notTerminal: Tensor

    public init(states: Tensor, actions: Tensor, rewards: Tensor, nextStates: Tensor, notTerminal: Tensor) {
        self.states = states
        self.actions = actions
        self.rewards = rewards
        self.nextStates = nextStates
        self.notTerminal = notTerminal
    }

    public var count: Int { rewards.count }
}
