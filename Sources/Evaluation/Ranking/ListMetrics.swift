/// What a set of recommended lists looks like, and what they earned.
public enum ListMetrics {
    /// Distinct items over all lists (KuaiSim counts them per batch).
    public static func distinctItems(_ lists: [[Int32]]) -> Int {
        var seen = Set<Int32>()
        for list in lists { seen.formUnion(list) }
        return seen.count
    }

    /// Distinct recommended items over the catalogue.
    public static func coverage(_ lists: [[Int32]], catalogue: Int) -> Double? {
        catalogue > 0 ? Double(distinctItems(lists)) / Double(catalogue) : nil
    }

    /// Gini coefficient of exposure over the whole catalogue: 0 = all items shown equally often, towards 1 = one item.
    public static func exposureGini(_ lists: [[Int32]], catalogue: Int) -> Double? {
        guard catalogue > 0 else { return nil }
        var counts = [Double](repeating: 0, count: catalogue)
        for list in lists { for item in list { counts[Int(item)] += 1 } }
        return gini(counts)
    }

    /// `sum (2i - n - 1) x_i / (n sum x)` over ascending `x`; `nil` when the sum is 0.
    public static func gini(_ values: [Double]) -> Double? {
        let sum = values.reduce(0, +)
        guard sum > 0 else { return nil }
        let n = Double(values.count)
        var weighted = 0.0
        for (index, value) in values.sorted().enumerated() { weighted += (2 * Double(index + 1) - n - 1) * value }
        return weighted / (n * sum)
    }

    /// Intra-list diversity: 1 - mean pairwise cosine of the list's items. `nil` for fewer than two items.
    ///
    /// - Parameters:
    ///   - list: the items, as rows of `vectors`.
    ///   - vectors: item vectors, row by row. A zero vector has cosine 0.
    ///   - dimensions: length of a vector.
    public static func intraListDiversity(_ list: [Int32], vectors: [Float], dimensions: Int) -> Double? {
        guard list.count > 1 else { return nil }
        var sum = 0.0
        for first in list.indices {
            for second in list.indices where second > first {
                sum += cosine(vectors, Int(list[first]) * dimensions, Int(list[second]) * dimensions, dimensions)
            }
        }
        return 1 - sum / Double(list.count * (list.count - 1) / 2)
    }

    /// Mean item reward of each slate, then mean and maximum over requests (L-reward).
    public static func listReward(_ rewards: [[Double]]) -> (mean: Double, maximum: Double)? {
        let means = rewards.filter { !$0.isEmpty }.map { $0.reduce(0, +) / Double($0.count) }
        guard let maximum = means.max() else { return nil }
        return (means.reduce(0, +) / Double(means.count), maximum)
    }

    /// nDCG with the item's reward as its gain (R-NDCG of KuaiSim): the ideal is the list's own best order.
    public static func rewardDiscountedGain(_ rewards: [Double]) -> Double? {
        RankingMetrics.valueDiscountedGain(
            predicted: rewards.indices.map { -Double($0) }, realised: rewards, k: rewards.count)
    }

    /// Rewards weighted by `1 / rank` and averaged over the list's positions (R-MRR of KuaiSim).
    public static func rewardReciprocalRank(_ rewards: [Double]) -> Double? {
        guard !rewards.isEmpty else { return nil }
        var sum = 0.0
        for (index, reward) in rewards.enumerated() { sum += reward / Double(index + 1) }
        return sum / Double(rewards.count)
    }

    /// `sum_k discount^k r_k` (LIRD).
    public static func discountedReward(_ rewards: [Double], discount: Double) -> Double {
        var weight = 1.0
        var sum = 0.0
        for reward in rewards {
            sum += weight * reward
            weight *= discount
        }
        return sum
    }

    private static func cosine(_ vectors: [Float], _ first: Int, _ second: Int, _ dimensions: Int) -> Double {
        var product = 0.0
        var firstSquares = 0.0
        var secondSquares = 0.0
        for axis in 0..<dimensions {
            let a = Double(vectors[first + axis])
            let b = Double(vectors[second + axis])
            product += a * b
            firstSquares += a * a
            secondSquares += b * b
        }
        let norms = (firstSquares * secondSquares).squareRoot()
        return norms > 0 ? product / norms : 0
    }
}
