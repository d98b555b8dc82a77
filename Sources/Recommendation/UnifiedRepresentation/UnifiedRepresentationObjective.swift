public import Tensors

/// The two terms that shape the unified space beside the classification of pairs.
public enum UnifiedRepresentationObjective {
    /// Distributional variance in the Hilbert space of a Gaussian kernel (Muandet et al. 2013), the alignment term:
    ///
    /// `V = Σ_p (P-1)/(P² n_p²) Σ_{i,j ∈ p} k(x_i, x_j) - Σ_{p≠q} 1/(P² n_p n_q) Σ_{i ∈ p, j ∈ q} k(x_i, x_j)`,
    ///
    /// which is `(1/P) Σ_p |μ_p - μ̄|²` for the mean embeddings μ_p. The second sum runs over both orders of p and q (the
    /// released code has each pair once, at half the weight).
    ///
    /// - Parameters:
    ///   - samples: of each type, `[n_p, dimensions]`, n_p above 0.
    ///   - bandwidth: see ``UnifiedRepresentationConfiguration/Bandwidth``.
    /// - Returns: a number from 0 up, in a tensor of shape `[]`; 0 for one type.
    public static func distributionalVariance(
        _ samples: [Tensor], bandwidth: UnifiedRepresentationConfiguration.Bandwidth = .unit
    ) -> Tensor {
        let kernel = gaussianKernel(Tensor.concatenated(samples), bandwidth: bandwidth)
        return (kernel * varianceWeights(samples.map { $0.size(0) })).sum()
    }

    /// `k(x_i, x_j)` for all rows, `[n, n]`.
    static func gaussianKernel(
        _ x: Tensor, bandwidth: UnifiedRepresentationConfiguration.Bandwidth
    ) -> Tensor {
        let squares = x.squared().sum(along: 1, keepingAxes: true)
        let distances = (squares + squares.transposed() - 2 * x.matmul(x.transposed())).clamped(from: 0)
        switch bandwidth {
        case .unit: return (distances * -0.5).exponential()
        case .adaptive:
            let scale = distances.detached().mean().clamped(from: 1e-12)
            return (-distances / scale).exponential()
        }
    }

    /// What each kernel value weighs in V, `[n, n]`: `(P-1)/(P² n_p²)` inside a type, `-1/(P² n_p n_q)` across.
    private static func varianceWeights(_ counts: [Int]) -> Tensor {
        let types = Double(counts.count)
        // As an outer product with a correction on the diagonal blocks: -1/(P n_p) · 1/(P n_q), plus 1/(P n_p²) inside.
        let shares = counts.flatMap { [Float](repeating: Float(1 / (types * Double($0))), count: $0) }
        let owners = counts.enumerated().flatMap { [Float](repeating: Float($0), count: $1) }
        let share = Tensor(shares)
        let owner = Tensor(owners)
        let same = owner.expanded(axis: 1).isEqual(to: owner.expanded(axis: 0)).cast(to: .float32)
        return share.outer(share) * (types * same - 1)
    }

    /// The topology term of one type: the root mean square difference between the Gram matrices of the raw features and
    /// of the unified representations, each over its width less 1:
    ///
    /// `|R Rᵀ/(w_r - 1) - X Xᵀ/(w_x - 1)|_F / n`.
    ///
    /// The released loss is this divided by `4 n`. No gradient passes into the raw features: with registered embeddings
    /// the target would otherwise move towards the map.
    /// - Parameters:
    ///   - raw: `[n, w_r]`.
    ///   - unified: `[n, w_x]`.
    /// - Returns: shape `[]`.
    public static func topologyLoss(raw: Tensor, unified: Tensor) -> Tensor {
        let target = gram(raw.detached())
        // The small addend keeps the root's gradient finite where both are equal.
        return ((target - gram(unified)).squared().mean() + 1e-12).squareRoot()
    }

    private static func gram(_ x: Tensor) -> Tensor {
        x.matmul(x.transposed()) * (1 / Double(max(1, x.size(1) - 1)))
    }
}
