public import Layers
public import Tensors

/// Numbers read from hidden states by one linear map without a bias, in f32: a value or a reward (one label), or the
/// logits of a text's class. Its parameter is `score.weight`, as in transformers' sequence classification.
public final class ScalarHead: Network {
    public let score: Linear

    static let weightName = "score.weight"

    /// Weights from N(0, `standardDeviation`²); 0 makes a value head that starts at 0.
    public init(dimensions: Int, labels: Int = 1, standardDeviation: Double = 0.02, from source: RandomSource) {
        score = Linear(
            inputDimensions: dimensions, outputDimensions: labels, standardDeviation: standardDeviation, from: source)
    }

    private init(weight: Tensor) { score = Linear(weight: weight) }

    public var labels: Int { score.outputDimensions }

    /// - Parameter hidden: `[..., dimensions]` after the final norm.
    /// - Returns: `[..., labels]` in f32.
    public func callAsFunction(_ hidden: Tensor) -> Tensor { score(hidden.cast(to: .float32)) }

    /// At the last real token of each row.
    /// - Parameters:
    ///   - hidden: `[batch, time, dimensions]`, rows padded on the right.
    ///   - rowLengths: real tokens of each row, at least 1.
    /// - Returns: `[batch, labels]` in f32.
    public func callAsFunction(_ hidden: Tensor, rowLengths: [Int]) -> Tensor {
        precondition(
            rowLengths.count == hidden.size(0) && rowLengths.allSatisfy { (1...hidden.size(1)).contains($0) },
            "rows of \(rowLengths) tokens in hidden states \(hidden.shape)")
        return self(at: rowLengths.map { $0 - 1 }, in: hidden)
    }

    /// At the last occurrence of a token in each row: the end of a turn, or a token made for the purpose.
    /// - Parameters:
    ///   - hidden: `[batch, time, dimensions]`.
    ///   - tokens: `[batch, time]`, the tokens that were read.
    /// - Returns: `[batch, labels]` in f32.
    /// - Throws: ``ScalarHeadError/noEnd(row:token:)``.
    public func callAsFunction(_ hidden: Tensor, atLast token: TokenID, of tokens: Tensor) throws -> Tensor {
        let (time, ids) = (tokens.size(1), tokens.integers)
        let places = try (0..<tokens.size(0)).map { row in
            guard let place = ids[row * time..<(row + 1) * time].lastIndex(of: Int(token)) else {
                throw ScalarHeadError.noEnd(row: row, token: token)
            }
            return place - row * time
        }
        return self(at: places, in: hidden)
    }

    private func callAsFunction(at places: [Int], in hidden: Tensor) -> Tensor {
        let (batch, time, dimensions) = (hidden.size(0), hidden.size(1), hidden.size(2))
        let rows = Tensor(places.enumerated().map { Int64($0 * time + $1) })
        return self(hidden.reshaped(batch * time, dimensions).selected(rows, along: 0))
    }

    public func copy() -> ScalarHead {
        ScalarHead(weight: score.weight.detached().copy().requiringGradient(score.weight.requiresGradient))
    }

    public func visitParameters(_ path: ParameterPath, _ visit: ParameterVisitor) {
        score.visitParameters(path / "score", visit)
    }

    // MARK: Files

    /// Writes `score.weight` to a safetensors file.
    /// - Throws: `WeightFileError`.
    public func save(to path: String) throws {
        try TensorArchive.write(parameters.map { ($0.name, $0.tensor) }, to: path)
    }

    /// Reads `score.weight`, beside which other tensors do not matter.
    /// - Parameters:
    ///   - path: a safetensors file or a model's folder, as
    ///     ``TransformerDecoder/save(to:dtype:tokens:classifier:)`` and transformers write them.
    ///   - dimensions: of the decoder that the head is for.
    /// - Throws: `WeightFileError`, also where the weight is absent or for another width.
    public static func load(_ path: String, dimensions: Int) throws -> ScalarHead {
        guard case .safetensors(let file, _) = try ModelFiles(path: path) else {
            throw WeightFileError.missingTensors(file: path, tensors: [weightName], from: "a scalar head")
        }
        let stored = try file.hasSuffix(".json") ? StoredTensors(index: file) : StoredTensors(safetensors: file)
        guard let found = try stored.description(of: weightName) else {
            throw WeightFileError.missingTensors(file: file, tensors: [weightName], from: "a scalar head")
        }
        guard found.shape.count == 2, found.shape[0] > 0, found.shape[1] == dimensions else {
            throw WeightFileError.shapeMismatch(
                file: found.file, tensor: weightName, found: found.shape,
                expected: [found.shape.first ?? 1, dimensions], from: "the decoder's width \(dimensions)")
        }
        var values = [Float](repeating: 0, count: found.shape[0] * dimensions)
        try stored.withUnsafeBytes(of: weightName) { bytes in
            values.withUnsafeMutableBufferPointer { found.format.dequantize(bytes, into: $0) }
        }
        return ScalarHead(weight: Tensor(values, shape: found.shape))
    }
}

/// Why a row has no number.
public enum ScalarHeadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The row does not hold the token at which it is to be read.
    case noEnd(row: Int, token: TokenID)

    public var description: String {
        switch self {
        case .noEnd(let row, let token):
            "Row \(row) does not hold token \(token), at which it is read; allowed: rows that hold it."
        }
    }
}
