import Foundation

/// How a user chooses at most one item of a slate, as in RecSim.
public enum SlateChoice: Sendable, Hashable {
    /// `p_i` in proportion to `exp(x_i)`, no click to `exp(noClick)`.
    case multinomialLogit(noClick: Float)
    /// `p_i` in proportion to `x_i - floor`, no click to `noClick - floor`; scores below the floor count as the floor.
    case proportional(floor: Float, noClick: Float)
    /// Items are looked at in order, each with probability `attention`; a seen item is clicked with probability
    /// `scale * exp(x_i)`; the first click ends the slate.
    case exponentialCascade(attention: Float, scale: Float)
    /// As above with `scale * (x_i - floor)`.
    case proportionalCascade(attention: Float, scale: Float, floor: Float)

    /// Probabilities of clicking each position, and of no click last; they sum to 1.
    public func probabilities(_ scores: [Float]) -> [Float] {
        switch self {
        case .multinomialLogit(let noClick):
            let highest = max(noClick, scores.max() ?? noClick)
            return normalized(scores.map { expf($0 - highest) } + [expf(noClick - highest)])
        case .proportional(let floor, let noClick):
            return normalized(scores.map { max(0, $0 - floor) } + [max(0, noClick - floor)])
        case .exponentialCascade(let attention, let scale):
            return cascade(scores.map { attention * min(1, scale * expf($0)) })
        case .proportionalCascade(let attention, let scale, let floor):
            return cascade(scores.map { attention * min(1, max(0, scale * ($0 - floor))) })
        }
    }

    /// The chosen position for a number in [0, 1); nil for no click.
    public func choose(_ scores: [Float], luck: Float) -> Int? {
        var rest = luck
        for (position, probability) in probabilities(scores).enumerated() {
            if rest < probability { return position < scores.count ? position : nil }
            rest -= probability
        }
        return nil
    }

    private func normalized(_ weights: [Float]) -> [Float] {
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return [Float](repeating: 0, count: weights.count - 1) + [1] }
        return weights.map { $0 / sum }
    }

    private func cascade(_ clicks: [Float]) -> [Float] {
        var reached: Float = 1
        var result: [Float] = []
        for click in clicks {
            result.append(reached * click)
            reached *= 1 - click
        }
        return result + [reached]
    }
}
