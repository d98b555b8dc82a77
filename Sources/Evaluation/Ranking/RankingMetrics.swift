import Foundation

/// Metrics of one ranked list, from the zero-based positions at which its relevant items stand.
///
/// `hits` is ascending and holds only positions of relevant items; `relevantCount` counts all relevant items of the
/// user, found or not. A user without relevant items has no value (`nil`): averages skip that user.
public enum RankingMetrics {
    /// 1 when at least one relevant item stands in the first `k`, else 0.
    public static func hitRate(hits: [Int], relevantCount: Int, k: Int) -> Double? {
        guard relevantCount > 0 else { return nil }
        return (hits.first ?? Int.max) < k ? 1 : 0
    }

    /// Relevant items in the first `k` over all relevant items.
    public static func recall(hits: [Int], relevantCount: Int, k: Int) -> Double? {
        guard relevantCount > 0 else { return nil }
        return Double(hits.count { $0 < k }) / Double(relevantCount)
    }

    /// Relevant items in the first `k` over `k`.
    public static func precision(hits: [Int], relevantCount: Int, k: Int) -> Double? {
        guard relevantCount > 0, k > 0 else { return nil }
        return Double(hits.count { $0 < k }) / Double(k)
    }

    /// `DCG/IDCG` with gain 1 and discount `log2(rank + 1)`; the ideal order is truncated at `k`.
    public static func discountedGain(hits: [Int], relevantCount: Int, k: Int) -> Double? {
        guard relevantCount > 0, k > 0 else { return nil }
        var gain = 0.0
        for hit in hits where hit < k { gain += 1 / log2(Double(hit) + 2) }
        var ideal = 0.0
        for rank in 0..<min(k, relevantCount) { ideal += 1 / log2(Double(rank) + 2) }
        return gain / ideal
    }

    /// `1 / rank` of the first relevant item, 0 beyond `k`.
    public static func reciprocalRank(hits: [Int], relevantCount: Int, k: Int) -> Double? {
        guard relevantCount > 0 else { return nil }
        guard let first = hits.first, first < k else { return 0 }
        return 1 / Double(first + 1)
    }

    /// Mean of the precisions at each relevant position, over `min(k, relevantCount)`.
    public static func averagePrecision(hits: [Int], relevantCount: Int, k: Int) -> Double? {
        guard relevantCount > 0, k > 0 else { return nil }
        var sum = 0.0
        for (found, hit) in hits.enumerated() where hit < k { sum += Double(found + 1) / Double(hit + 1) }
        return sum / Double(min(k, relevantCount))
    }

    /// Graded nDCG@k: `DCG = sum (2^rel - 1) / log2(rank + 1)` over the ideal order truncated at `k`.
    ///
    /// - Parameters:
    ///   - ranked: relevances in the order of the list.
    ///   - all: relevances of every candidate, in any order; the ranked list itself when it holds all of them.
    ///   - k: length of the list that counts.
    public static func gradedDiscountedGain(ranked: [Double], all: [Double]? = nil, k: Int) -> Double? {
        let ideal = discountedSum((all ?? ranked).sorted(by: >), k: k)
        guard ideal > 0 else { return nil }
        return discountedSum(ranked, k: k) / ideal
    }

    /// nDCG@k of `predicted` against `realised` values: items are ordered by prediction (ties: lower realised value
    /// first) and the realised value itself is the gain. Used for lifetime values, which `2^rel` would overflow.
    public static func valueDiscountedGain(predicted: [Double], realised: [Double], k: Int) -> Double? {
        precondition(predicted.count == realised.count, "predicted and realised differ in length")
        let order = predicted.indices.sorted {
            predicted[$0] != predicted[$1] ? predicted[$0] > predicted[$1] : realised[$0] < realised[$1]
        }
        var gain = 0.0
        for (rank, index) in order.prefix(k).enumerated() { gain += realised[index] / log2(Double(rank) + 2) }
        var ideal = 0.0
        for (rank, value) in realised.sorted(by: >).prefix(k).enumerated() { ideal += value / log2(Double(rank) + 2) }
        return ideal > 0 ? gain / ideal : nil
    }

    private static func discountedSum(_ relevances: [Double], k: Int) -> Double {
        var sum = 0.0
        for (rank, relevance) in relevances.prefix(k).enumerated() {
            sum += (exp2(relevance) - 1) / log2(Double(rank) + 2)
        }
        return sum
    }
}
