import Evaluation
import Foundation

/// The ranking that mixes a click-rate score with an item's own score (the paper's dual-rank; the form is our
/// reconstruction):
///
/// `y = y_ctr^(1-α_i) · y_rl^α_i`, `α_i = α_max · clip((Q_i - Q_5%) / (Q_95% - Q_5%), 0, 1)`:
/// the more the critic expects of an item, the more its own score counts.
public enum DualRank {
    /// - Parameters:
    ///   - clickRates: of the items of one request, above 0.
    ///   - scores: of the same items, of any scale: the item with the r-th highest score is given the r-th highest click
    ///     rate as its y_rl, so that both factors have one scale.
    ///   - values: what the critic expects of each item.
    ///   - maximumWeight: α_max, 0 to 1. With 0 the order is that of the click rates.
    /// - Returns: scores to sort by.
    public static func scores(
        clickRates: [Double], scores: [Double], values: [Double], maximumWeight: Double
    ) -> [Double] {
        let weights = weights(values, maximum: maximumWeight)
        let calibrated = calibrate(scores, to: clickRates)
        return clickRates.indices.map {
            exp((1 - weights[$0]) * log(max(clickRates[$0], 1e-9)) + weights[$0] * log(max(calibrated[$0], 1e-9)))
        }
    }

    /// α of each item; the maximum for all where all values are equal.
    package static func weights(_ values: [Double], maximum: Double) -> [Double] {
        let sorted = values.sorted()
        guard let lowest = sorted.first else { return [] }
        func quantile(_ share: Double) -> Double { sorted[Int((share * Double(sorted.count - 1)).rounded())] }
        let (low, high) = (quantile(0.05), quantile(0.95))
        guard high > low, lowest.isFinite else { return values.map { _ in maximum } }
        return values.map { maximum * min(1, max(0, ($0 - low) / (high - low))) }
    }

    package static func calibrate(_ scores: [Double], to clickRates: [Double]) -> [Double] {
        let rates = clickRates.sorted(by: >)
        let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
        var result = clickRates
        for (rank, index) in order.enumerated() { result[index] = rates[rank] }
        return result
    }
}
