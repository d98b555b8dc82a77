import Foundation

/// The learning rate of every step: a linear rise, then a constant, linear or cosine course to the last step.
public struct LearningRateSchedule: Sendable, Equatable, Codable {
    /// The course after the warm-up.
    public enum Decay: String, Sendable, Codable, CaseIterable {
        case constant, linear, cosine
    }

    /// The highest rate.
    public var peak: Double
    public var warmUpSteps: Int
    public var totalSteps: Int
    public var decay: Decay
    /// The rate at the end as a share of the peak; constants stay at the peak.
    public var finalShare: Double

    public init(
        peak: Double, warmUpSteps: Int = 0, totalSteps: Int, decay: Decay = .cosine, finalShare: Double = 0
    ) {
        self.peak = peak
        self.warmUpSteps = warmUpSteps
        self.totalSteps = totalSteps
        self.decay = decay
        self.finalShare = finalShare
    }

    /// The rate of a step; steps count from 1, and step `warmUpSteps` is the first at the peak. Steps after the last keep
    /// its rate.
    public func rate(atStep step: Int) -> Double {
        if step < warmUpSteps { return peak * Double(step) / Double(warmUpSteps) }
        let start = max(1, warmUpSteps)
        let progress = min(1, max(0, Double(step - start) / Double(max(1, totalSteps - start))))
        let share =
            switch decay {
            case .constant: 1.0
            case .linear: 1 - progress
            case .cosine: 0.5 * (1 + cos(.pi * progress))
            }
        return decay == .constant ? peak : peak * (finalShare + (1 - finalShare) * share)
    }
}
