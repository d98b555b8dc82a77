public import Tensors

/// Muon (Jordan et al. 2024): the momentum of a matrix, made orthogonal by Newton-Schulz iterations; every other
/// parameter goes to ``AdamW``.
///
/// `b = μ b + (1 - μ) g`, `u = NS(g + μ (b - g))`, `p = p (1 - η λ) - η s u`. The scale `s = 0.2 √max(rows, columns)`
/// gives an update the size of AdamW's, so both share one learning rate (Liu et al. 2025, "Muon is scalable for LLM
/// training", §2.2).
public final class Muon: Optimizer {
    /// How the size of an update follows from the shape of its matrix.
    public enum Scale: String, Sendable, Codable, CaseIterable {
        /// `0.2 √max(rows, columns)`.
        case likeAdamW
        /// `√max(1, rows / columns)`, as first published.
        case original

        func factor(rows: Int, columns: Int) -> Double {
            switch self {
            case .likeAdamW: 0.2 * Double(max(rows, columns)).squareRoot()
            case .original: max(1, Double(rows) / Double(columns)).squareRoot()
            }
        }
    }

    public let momentum: Double
    public let scale: Scale
    /// The type of the iterations.
    public let iterationType: DType

    private let matrices: [ParameterGroup]
    private let buffers: [[Tensor]]
    private let others: AdamW

    /// Quintic coefficients with the steepest slope at 0 (Jordan et al. 2024); five iterations.
    private static let coefficients = (3.4445, -4.7750, 2.0315)
    private static let iterations = 5
    private static let smallestNorm = 1e-7
    /// `beta * input + alpha * (left @ right)`, rounded once.
    private static let addedProduct = Operator("addmm")

    /// - Parameter isHidden: says which matrices are made orthogonal. Embeddings and output heads are no maps between
    ///   hidden states and go to AdamW.
    public init(
        _ groups: [ParameterGroup], momentum: Double = 0.95, scale: Scale = .likeAdamW, beta1: Double = 0.9,
        beta2: Double = 0.95, epsilon: Double = 1e-8, iterationType: DType = .float32,
        where isHidden: (String) -> Bool = Muon.isHiddenMatrix
    ) {
        self.momentum = momentum
        self.scale = scale
        self.iterationType = iterationType
        func part(_ orthogonal: Bool) -> [ParameterGroup] {
            groups.map { group in
                var part = group
                part.parameters = group.parameters.filter {
                    ($0.tensor.rank == 2 && isHidden($0.name)) == orthogonal
                }
                return part
            }.filter { !$0.parameters.isEmpty }
        }
        matrices = part(true)
        buffers = matrices.map { $0.parameters.map { Tensor.zeros(like: $0.tensor.detached()) } }
        others = AdamW(part(false), beta1: beta1, beta2: beta2, epsilon: epsilon)
    }

    /// False for embeddings and heads, by their names in weight files.
    public static func isHiddenMatrix(_ name: String) -> Bool {
        !name.contains("embed") && !name.contains("lm_head") && !name.contains("wte")
    }

    public var groups: [ParameterGroup] { matrices + others.groups }

    public func step(learningRate: Double, gradientScale: Double) {
        withoutGradients {
            for (group, buffers) in zip(matrices, buffers) {
                let rate = learningRate * group.learningRateScale
                for (parameter, buffer) in zip(group.parameters, buffers) {
                    guard var gradient = parameter.tensor.gradient else { continue }
                    if gradientScale != 1 { gradient = gradient * gradientScale }
                    buffer.moveTowards(gradient, weight: 1 - momentum)
                    let update = orthogonalized(gradient + (buffer - gradient) * momentum)
                    let factor = scale.factor(rows: update.size(0), columns: update.size(1))
                    parameter.tensor.scale(by: 1 - rate * group.weightDecay)
                    parameter.tensor.accumulate(update.cast(to: parameter.tensor.dtype), scale: -rate * factor)
                }
            }
        }
        others.step(learningRate: learningRate, gradientScale: gradientScale)
    }

    /// A matrix with the singular vectors of `matrix` and singular values near 1: `X ← a X + (b X Xᵀ + c (X Xᵀ)²) X`.
    private func orthogonalized(_ matrix: Tensor) -> Tensor {
        let isTall = matrix.size(0) > matrix.size(1)
        let (a, b, c) = Self.coefficients
        var x = matrix.cast(to: iterationType)
        if isTall { x = x.transposed() }
        x = x / x.norm().clamped(from: Self.smallestNorm)
        for _ in 0..<Self.iterations {
            let gram = x.matmul(x.transposed())
            let update = Self.addedProduct(gram, gram, gram, b, c)
            x = Self.addedProduct(x, update, x, a, 1.0)
        }
        return isTall ? x.transposed() : x
    }

    public var state: [NamedParameter] {
        zip(matrices, buffers).flatMap { group, buffers in
            zip(group.parameters, buffers).map { NamedParameter(name: "\($0.name).momentum", tensor: $1) }
        } + others.state
    }
}
