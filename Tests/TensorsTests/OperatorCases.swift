import Tensors

/// What one case of the recorded operators computes from the inputs of that name.
struct OperatorCase {
    /// Inputs whose gradients are recorded too.
    let differentiated: [String]
    let compute: (Inputs) -> [Tensor]

    init(_ differentiated: String, _ compute: @escaping (Inputs) -> Tensor) {
        self.differentiated = differentiated.split(separator: " ").map(String.init)
        self.compute = { [compute($0)] }
    }

    init(several differentiated: String, _ compute: @escaping (Inputs) -> [Tensor]) {
        self.differentiated = differentiated.split(separator: " ").map(String.init)
        self.compute = compute
    }

    /// The recorded inputs by name.
    @dynamicMemberLookup
    struct Inputs {
        var tensors: [String: Tensor]
        subscript(dynamicMember name: String) -> Tensor {
            guard let tensor = tensors[name] else { fatalError("no input \(name)") }
            return tensor
        }
    }

    /// By the names of Scripts/fixtures/operators.py.
    nonisolated(unsafe) static let all: [String: OperatorCase] = elementwise.merging(
        comparisons, uniquingKeysWith: { $1 }
    )
    .merging(reductions, uniquingKeysWith: { $1 }).merging(shapes, uniquingKeysWith: { $1 })
    .merging(indices, uniquingKeysWith: { $1 }).merging(products, uniquingKeysWith: { $1 })
    .merging(networks, uniquingKeysWith: { $1 }).merging(inPlace, uniquingKeysWith: { $1 })

    nonisolated(unsafe) private static let elementwise: [String: OperatorCase] = [
        "add": .init("a b") { $0.a + $0.b },
        "addBroadcast": .init("a v") { $0.a + $0.v },
        "addScalar": .init("a") { 1.5 + $0.a },
        "subtract": .init("a b") { $0.a - $0.b },
        "subtractScalar": .init("a") { $0.a - 1.5 },
        "scalarSubtract": .init("a") { 1.5 - $0.a },
        "multiply": .init("a b") { $0.a * $0.b },
        "multiplyScalar": .init("a") { $0.a * -2.5 },
        "divide": .init("a p") { $0.a / $0.p },
        "divideScalar": .init("a") { $0.a / 4 },
        "scalarDivide": .init("p") { 3 / $0.p },
        "negate": .init("a") { -$0.a },
        "power": .init("p") { $0.p.power(2.5) },
        "exponential": .init("a") { $0.a.exponential() },
        "exponentialMinusOne": .init("a") { $0.a.exponentialMinusOne() },
        "logarithm": .init("p") { $0.p.logarithm() },
        "logarithmOfOnePlus": .init("p") { $0.p.logarithmOfOnePlus() },
        "squareRoot": .init("p") { $0.p.squareRoot() },
        "reciprocalSquareRoot": .init("p") { $0.p.reciprocalSquareRoot() },
        "reciprocal": .init("p") { $0.p.reciprocal() },
        "squared": .init("a") { $0.a.squared() },
        "absolute": .init("a") { $0.a.absolute() },
        "sign": .init("") { $0.a.sign() },
        "sine": .init("a") { $0.a.sine() },
        "cosine": .init("a") { $0.a.cosine() },
        "tanh": .init("a") { $0.a.tanh() },
        "sigmoid": .init("a") { $0.a.sigmoid() },
        "logSigmoid": .init("a") { $0.a.logSigmoid() },
        "softplus": .init("a") { $0.a.softplus() },
        "relu": .init("a") { $0.a.relu() },
        "leakyRelu": .init("a") { $0.a.leakyRelu(slope: 0.2) },
        "elu": .init("a") { $0.a.elu() },
        "gelu": .init("a") { $0.a.gelu() },
        "geluApproximate": .init("a") { $0.a.gelu(approximate: true) },
        "silu": .init("a") { $0.a.silu() },
        "siluGated": .init("a b") { $0.a.siluGated($0.b) },
        "errorFunction": .init("a") { $0.a.errorFunction() },
        "floored": .init("") { $0.a.floored() },
        "ceiled": .init("") { $0.a.ceiled() },
        "rounded": .init("") { $0.a.rounded() },
        "remainder": .init("") { $0.numbers.remainder(dividingBy: 5) },
        "floorDivided": .init("") { $0.numbers.floorDivided(by: 5) },
        "clamped": .init("a") { $0.a.clamped(from: -0.5, to: 0.7) },
        "clampedBelow": .init("a") { $0.a.clamped(from: 0.1) },
        "minimumOfTwo": .init("a b") { $0.a.minimum($0.b) },
        "maximumOfTwo": .init("a b") { $0.a.maximum($0.b) },
        "interpolated": .init("a b") { $0.a.interpolated(to: $0.b, weight: 0.3) },
    ]

    nonisolated(unsafe) private static let comparisons: [String: OperatorCase] = [
        "isEqual": .init("") { $0.a.rounded().isEqual(to: $0.b.rounded()) },
        "isEqualScalar": .init("") { $0.numbers.isEqual(to: 3) },
        "isNotEqual": .init("") { $0.a.rounded().isNotEqual(to: $0.b.rounded()) },
        "isNotEqualScalar": .init("") { $0.numbers.isNotEqual(to: 3) },
        "isLess": .init("") { $0.a.isLess(than: $0.b) },
        "isLessScalar": .init("") { $0.a.isLess(than: 0.5) },
        "isLessOrEqual": .init("") { $0.a.rounded().isLessOrEqual(to: $0.b.rounded()) },
        "isGreater": .init("") { $0.a.isGreater(than: $0.b) },
        "isGreaterScalar": .init("") { $0.a.isGreater(than: 0.5) },
        "isGreaterOrEqual": .init("") { $0.a.rounded().isGreaterOrEqual(to: $0.b.rounded()) },
        "isGreaterOrEqualScalar": .init("") { $0.numbers.isGreaterOrEqual(to: 3) },
        "not": .init("") { !$0.mask },
        "and": .init("") { $0.mask & $0.a.isGreater(than: 0) },
        "or": .init("") { $0.mask | $0.a.isGreater(than: 0) },
        "isNaN": .init("") { $0.odd.isNaN() },
        "isFinite": .init("") { $0.odd.isFinite() },
        "chosen": .init("a b") { $0.a.chosen(where: $0.mask, otherwise: $0.b) },
        "filled": .init("a") { $0.a.filled(where: $0.mask, with: -7) },
        "selectedWhere": .init("a") { $0.a.selected(where: $0.mask) },
        "nonzeroIndices": .init("") { $0.mask.nonzeroIndices() },
    ]

    nonisolated(unsafe) private static let reductions: [String: OperatorCase] = [
        "sum": .init("a") { $0.a.sum() },
        "sumAlong": .init("x") { $0.x.sum(along: 0, 2) },
        "sumKeeping": .init("x") { $0.x.sum(along: 1, keepingAxes: true) },
        "mean": .init("a") { $0.a.mean() },
        "meanAlong": .init("x") { $0.x.mean(along: -1, 0) },
        "variance": .init("x") { $0.x.variance(along: -1) },
        "variancePopulation": .init("x") { $0.x.variance(along: 0, 1, correction: 0, keepingAxes: true) },
        "standardDeviation": .init("x") { $0.x.standardDeviation(along: 1) },
        "maximum": .init("a") { $0.a.maximum() },
        "minimum": .init("a") { $0.a.minimum() },
        "maximumAlong": .init("x") { $0.x.maximum(along: 1) },
        "minimumAlong": .init("x") { $0.x.minimum(along: -1, keepingAxes: true) },
        "maximumAndIndex": .init(several: "x") {
            let (values, indices) = $0.x.maximumAndIndex(along: 2)
            return [values, indices]
        },
        "indexOfMaximum": .init("") { $0.x.indexOfMaximum(along: 1) },
        "indexOfMinimum": .init("") { $0.x.indexOfMinimum(along: -1, keepingAxes: true) },
        "product": .init("v") { $0.v.product() },
        "logSumExp": .init("x") { $0.x.logSumExp(along: 1) },
        "norm": .init("a") { $0.a.norm() },
        "normAlong": .init("x") { $0.x.norm(along: 1, keepingAxes: true) },
        "cumulativeSum": .init("x") { $0.x.cumulativeSum(along: 1) },
        "cumulativeProduct": .init("x") { $0.x.cumulativeProduct(along: 2) },
        "top": .init(several: "x") {
            let (values, indices) = $0.x.top(2)
            return [values, indices]
        },
        "topSmallest": .init(several: "x") {
            let (values, indices) = $0.x.top(2, along: 1, largest: false)
            return [values, indices]
        },
        "sorted": .init(several: "x") {
            let (values, indices) = $0.x.sorted(along: 1, descending: true)
            return [values, indices]
        },
        "sortedIndices": .init("") { $0.x.sortedIndices() },
        "counts": .init("") { $0.small.counts(minimumLength: 6) },
        "unique": .init(several: "") {
            let (values, inverse) = $0.small.unique()
            return [values, inverse]
        },
    ]

    nonisolated(unsafe) private static let shapes: [String: OperatorCase] = [
        "reshaped": .init("x") { $0.x.reshaped(4, -1) },
        "permuted": .init("x") { $0.x.permuted(2, 0, 1) },
        "transposed": .init("x") { $0.x.transposed() },
        "transposedAxes": .init("x") { $0.x.transposed(0, 2) },
        "expandedAxis": .init("a") { $0.a.expanded(axis: 1) },
        "squeezedAxis": .init("x") { $0.x.slice(0..<1, along: 0).squeezed(axis: 0) },
        "broadcast": .init("v") { $0.v.broadcast(to: [3, 4]) },
        "flattened": .init("x") { $0.x.flattened(from: 1) },
        "slice": .init("x") { $0.x.slice(1..<3, along: 1) },
        "strided": .init("x") { $0.x.strided(along: 2, from: 1, by: 2) },
        "select": .init("x") { $0.x.select(-1, along: 1) },
        "split": .init(several: "x") { $0.x.split(sizes: [1, 3], along: 2) },
        "chunks": .init(several: "x") { $0.x.chunks(2, along: 2) },
        "concatenated": .init("a b") { .concatenated([$0.a, $0.b], along: 1) },
        "stacked": .init("a b") { .stacked([$0.a, $0.b], along: 1) },
        "tiled": .init("a") { $0.a.tiled([2, 1]) },
        "repeatedEach": .init("a") { $0.a.repeatedEach(3, along: 0) },
        "flipped": .init("x") { $0.x.flipped(along: 1) },
        "rolled": .init("x") { $0.x.rolled(by: -1, along: 2) },
        "lowerTriangle": .init("a") { $0.a.lowerTriangle(offset: -1) },
        "upperTriangle": .init("a") { $0.a.upperTriangle(offset: 1) },
        "diagonal": .init("s") { $0.s.diagonal() },
        "windows": .init("x") { $0.x.windows(along: 2, size: 3, step: 1) },
        "padded": .init("x") { $0.x.padded(along: 1, before: 2, after: 1, with: 0.5) },
        "paddedFromEnd": .init("x") { $0.x.padded(along: -1, before: 1, after: 2) },
        "copied": .init("a") { $0.a.copy() },
        "castToDouble": .init("a") { $0.a.cast(to: .float64) },
        "castToHalf": .init("a") { $0.a.cast(to: .bfloat16) },
        "castToInteger": .init("") { ($0.a * 3).cast(to: .int64) },
        "oneHot": .init("") { $0.classes.oneHot(5) },
        "range": .init("") { _ in .range(3..<12, step: 4) },
        "identity": .init("") { _ in .identity(3) },
        "full": .init("") { _ in .full([2, 3], 1.25) },
        "zeros": .init("") { _ in .zeros([2, 0, 3]) },
        "onesLike": .init("") { .ones(like: $0.a) },
    ]

    nonisolated(unsafe) private static let indices: [String: OperatorCase] = [
        "gather": .init("a") { $0.a.gather($0.places, along: 1) },
        "selectedRows": .init("a") { $0.a.selected($0.rows, along: 0) },
        "tableRows": .init("a") { $0.a.rows($0.rows) },
        "indexed": .init("a") { $0.a.indexed($0.rows, $0.columns) },
        "scatterAdded": .init("a source") { $0.a.scatterAdded($0.source, at: $0.places, along: 1) },
        "scattered": .init("a source") { $0.a.scattered($0.source, at: $0.places, along: 1) },
        "indexAdded": .init("a slices") { $0.a.indexAdded($0.slices, at: $0.rows, along: 0) },
    ]

    nonisolated(unsafe) private static let products: [String: OperatorCase] = [
        "matmul": .init("a m") { $0.a.matmul($0.m) },
        "matmulBatched": .init("x y") { $0.x.matmul($0.y) },
        "dot": .init("v") { $0.v.dot($0.v.flipped(along: 0)) },
        "outer": .init("v u") { $0.v.outer($0.u) },
        "einsum": .init("x y") { .einsum("bij,bjk->ki", $0.x, $0.y) },
        "solved": .init("s a") { $0.s.solved($0.a) },
        "inverse": .init("s") { $0.s.inverse() },
        "linear": .init("x w c") { $0.x.linear($0.w, $0.c) },
        "linearLarge": .init("wide map offsets") { $0.wide.linear($0.map, $0.offsets) },
        "linearLargeNoBias": .init("wide map") { $0.wide.linear($0.map) },
        "convolved1D": .init("sound filter1") { $0.sound.convolved1D($0.filter1, stride: 2, padding: 1) },
        "convolved2D": .init("image filter2 filterBias") {
            $0.image.convolved2D($0.filter2, bias: $0.filterBias, stride: 2, padding: 1)
        },
    ]

    nonisolated(unsafe) private static let networks: [String: OperatorCase] = [
        "softmax": .init("x") { $0.x.softmax(along: 1) },
        "logSoftmax": .init("x") { $0.x.logSoftmax() },
        "crossEntropy": .init("a") { $0.a.crossEntropy($0.classes) },
        "crossEntropyEach": .init("a") { $0.a.crossEntropy($0.gaps, reduction: .none) },
        "crossEntropySum": .init("a") { $0.a.crossEntropy($0.gaps, smoothing: 0.1, reduction: .sum) },
        "crossEntropyIgnoring": .init("a") { $0.a.crossEntropy($0.classes, ignoring: 3) },
        "binaryCrossEntropy": .init("a") { $0.a.binaryCrossEntropy($0.q) },
        "binaryCrossEntropyEach": .init("a") { $0.a.binaryCrossEntropy($0.q, reduction: .none) },
        "meanSquaredError": .init("a b") { $0.a.meanSquaredError($0.b) },
        "smoothL1": .init("a b") { $0.a.smoothL1($0.b, beta: 0.4) },
        "cosineSimilarity": .init("a b") { $0.a.cosineSimilarity($0.b) },
        "layerNormalized": .init("x v p") {
            $0.x.layerNormalized(weight: $0.v, bias: $0.p.select(0, along: 0), epsilon: 1e-5)
        },
        "rmsNormalized": .init("x v") { $0.x.rmsNormalized(weight: $0.v, epsilon: 1e-5) },
        "attention": .init("queries keys values") {
            $0.queries.attention(keys: $0.keys, values: $0.values, scale: 0.7)
        },
        "attentionCausal": .init("queries keys values") {
            $0.queries.attention(keys: $0.keys, values: $0.values, causal: true)
        },
        "attentionMasked": .init("queries keys values") {
            $0.queries.attention(keys: $0.keys, values: $0.values, mask: $0.visible)
        },
    ]

    nonisolated(unsafe) private static let inPlace: [String: OperatorCase] = [
        "accumulated": .init("") { inputs in written(inputs.a) { $0.accumulate(inputs.b, scale: -0.5) } },
        "scaled": .init("") { inputs in written(inputs.a) { $0.scale(by: 1.75) } },
        "movedTowards": .init("") { inputs in written(inputs.a) { $0.moveTowards(inputs.b, weight: 0.1) } },
        "globalNorm": .init("") { Tensor(Float(Tensor.globalNorm([$0.a, $0.m]))) },
    ]

    private static func written(_ tensor: Tensor, _ write: (Tensor) -> Void) -> Tensor {
        let copy = tensor.copy()
        write(copy)
        return copy
    }
}
