public import Evaluation

/// Noise on actions while experience is gathered: its mean is 0, its size is in units of the action.
public protocol ExplorationNoise: Sendable {
    /// The noise of the next step of every action: `count` numbers.
    mutating func next(_ count: Int) -> [Float]
    /// Forgets what it carries from step to step, at the start of an episode.
    mutating func reset()
}

/// Independent normal noise (Fujimoto et al. 2018 found nothing better).
public struct GaussianNoise: ExplorationNoise {
    public var standardDeviation: Float
    private var generator: SeededGenerator

    public init(standardDeviation: Float, generator: SeededGenerator) {
        self.standardDeviation = standardDeviation
        self.generator = generator
    }

    public mutating func next(_ count: Int) -> [Float] {
        (0..<count).map { _ in standardDeviation * Float(generator.normal()) }
    }

    public mutating func reset() {}
}

/// Noise that wanders around 0 (Uhlenbeck & Ornstein 1930; Lillicrap et al. 2016):
/// `x ← x - θ x + σ ε`; its standard deviation settles at `σ / √(1 - (1 - θ)²)`.
public struct OrnsteinUhlenbeckNoise: ExplorationNoise {
    public let pull: Float
    public let step: Float
    private var values: [Float] = []
    private var generator: SeededGenerator

    /// - Parameters:
    ///   - pull: θ, the share of the noise that a step takes away.
    ///   - step: σ, the standard deviation of what a step adds.
    public init(pull: Float = 0.15, step: Float = 0.2, generator: SeededGenerator) {
        self.pull = pull
        self.step = step
        self.generator = generator
    }

    public mutating func next(_ count: Int) -> [Float] {
        if values.count != count { values = [Float](repeating: 0, count: count) }
        for index in values.indices { values[index] += -pull * values[index] + step * Float(generator.normal()) }
        return values
    }

    public mutating func reset() { values = [] }
}
