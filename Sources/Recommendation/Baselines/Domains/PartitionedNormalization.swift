public import Layers
public import Tensors

/// Batch normalisation with the moments of each domain (Sheng et al. 2021, eq. 3-4):
/// `z' = γ γ_p (z - μ_p) / √(σ_p² + ε) + β + β_p`.
public final class PartitionedNormalization: Layer {
    public var scale: Tensor  // γ: [dimensions]
    public var shift: Tensor  // β: [dimensions]
    public var domainScales: Tensor  // γ_p - 1: [domains, dimensions]
    public var domainShifts: Tensor  // β_p: [domains, dimensions]
    public let means: Tensor  // running, [domains, dimensions]
    public let variances: Tensor  // running, [domains, dimensions]
    public let momentum: Double
    public let epsilon: Double
    /// Fewer rows are normalised with the running moments of their domain: their own say too little.
    public let smallestBatch: Int

    public init(
        domains: Int, dimensions: Int, momentum: Double = 0.1, epsilon: Double = 1e-5, smallestBatch: Int = 2
    ) {
        scale = .ones([dimensions])
        shift = .zeros([dimensions])
        domainScales = .zeros([domains, dimensions])
        domainShifts = .zeros([domains, dimensions])
        means = .zeros([domains, dimensions])
        variances = .ones([domains, dimensions])
        self.momentum = momentum
        self.epsilon = epsilon
        self.smallestBatch = max(2, smallestBatch)
    }

    /// - Parameter x: `[rows, dimensions]`, all of one domain. While gradients are recorded, at least ``smallestBatch`` rows
    ///   are normalised with their own moments; fewer with the running ones, which they move by less. Without gradients a
    ///   domain that has never moved its moments takes those of the others together.
    public func callAsFunction(_ x: Tensor, domain: Int) -> Tensor {
        var mean = means.select(domain, along: 0)
        var variance = variances.select(domain, along: 0)
        let rows = x.size(0)
        if !Tensor.recordsGradients, let pooled = pooledMoments(unless: domain) { (mean, variance) = pooled }
        if Tensor.recordsGradients, rows > 1 {
            let own = (mean: x.mean(along: 0), variance: x.variance(along: 0, correction: 0))
            let momentum = momentum * min(1, Double(rows) / Double(smallestBatch))
            mean.moveTowards(own.mean.detached(), weight: momentum)
            let unbiased = withoutGradients { own.variance.detached() * (Double(rows) / Double(rows - 1)) }
            variance.moveTowards(unbiased, weight: momentum)
            if rows >= smallestBatch { (mean, variance) = own }
        }
        let factor = scale * (domainScales.select(domain, along: 0) + 1) * (variance + epsilon).reciprocalSquareRoot()
        return (x - mean) * factor + (shift + domainShifts.select(domain, along: 0))
    }

    /// The moments of all domains that have any, each with one share: the mean of their means, and the mean of their
    /// variances plus the variance of their means.
    /// - Returns: nil where `domain` has moments of its own, or no domain has.
    private func pooledMoments(unless domain: Int) -> (mean: Tensor, variance: Tensor)? {
        func isUnmoved(_ domain: Int) -> Bool {
            means.select(domain, along: 0).floats.allSatisfy { $0 == 0 }
                && variances.select(domain, along: 0).floats.allSatisfy { $0 == 1 }
        }
        guard isUnmoved(domain) else { return nil }
        let known = (0..<means.size(0)).filter { !isUnmoved($0) }
        guard !known.isEmpty else { return nil }
        let places = Tensor(known)
        let (all, spreads) = (means.selected(places, along: 0), variances.selected(places, along: 0))
        return (all.mean(along: 0), spreads.mean(along: 0) + all.variance(along: 0, correction: 0))
    }

    public func buffers(_ path: ParameterPath) -> [NamedParameter] {
        [
            NamedParameter(name: (path / "means").name, tensor: means),
            NamedParameter(name: (path / "variances").name, tensor: variances),
        ]
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        visit(path / "scale", &scale)
        visit(path / "shift", &shift)
        visit(path / "domainScales", &domainScales)
        visit(path / "domainShifts", &domainShifts)
    }
}
