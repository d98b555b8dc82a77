import CKernels
import Foundation
import Testing

/// A decoder's shape and weights for tests, with the plain computation that the kernels are compared to: one token
/// after another, in double precision, written from the equations.
final class TestDecoder {
    /// What distinguishes the families.
    struct Options: CustomTestStringConvertible, Sendable {
        var name: String
        var heads = 4
        var keyValueHeads = 2
        var headDimensions = 16
        var rotaryDimensions = 16
        var rotaryPairs = WF_ROTARY_HALVES
        var biases = false
        var headNorms = false
        var postNorms = false
        var activation = WF_ACTIVATION_SILU
        var windows: [Int32] = [0, 0, 0]
        var rotaryTables: [Int32] = [0, 0, 0]
        var attentionSoftCap: Float = 0
        var logitSoftCap: Float = 0
        var embeddingScale: Float = 1
        var tied = true
        var kind = WF_MATRIX_F32
        var arithmetic = WF_ARITHMETIC_F32

        var testDescription: String { name }
    }

    struct Layer {
        var query, key, value, output, gate, up, down: Matrix
        var queryBias, keyBias, valueBias, outputBias: [Float]?
        var attentionNorm, feedForwardNorm: [Float]
        var queryNorm, keyNorm, postAttentionNorm, postFeedForwardNorm: [Float]?
    }

    static let dimensions = 64
    static let feedForward = 96
    static let vocabulary = 83

    let options: Options
    let layers: [Layer]
    let embedding: Matrix
    let head: Matrix?
    let finalNorm: [Float]

    init(_ options: Options, seed: UInt64 = 42) throws {
        self.options = options
        var numbers = Numbers(seed: seed)
        func matrix(_ rows: Int, _ columns: Int) throws -> Matrix {
            try Matrix(
                options.kind, options.arithmetic, rows: rows, columns: columns,
                scale: 2 / Float(columns).squareRoot(), seed: numbers.next())
        }
        func norm(_ count: Int) -> [Float] { numbers.floats(count, 0.5...1.5) }
        let d = TestDecoder.dimensions
        let inner = options.heads * options.headDimensions
        let shared = options.keyValueHeads * options.headDimensions
        layers = try (0..<3).map { _ in
            Layer(
                query: try matrix(inner, d), key: try matrix(shared, d), value: try matrix(shared, d),
                output: try matrix(d, inner), gate: try matrix(TestDecoder.feedForward, d),
                up: try matrix(TestDecoder.feedForward, d), down: try matrix(d, TestDecoder.feedForward),
                queryBias: options.biases ? numbers.floats(inner) : nil,
                keyBias: options.biases ? numbers.floats(shared) : nil,
                valueBias: options.biases ? numbers.floats(shared) : nil,
                outputBias: options.biases ? numbers.floats(d) : nil,
                attentionNorm: norm(d), feedForwardNorm: norm(d),
                queryNorm: options.headNorms ? norm(options.headDimensions) : nil,
                keyNorm: options.headNorms ? norm(options.headDimensions) : nil,
                postAttentionNorm: options.postNorms ? norm(d) : nil,
                postFeedForwardNorm: options.postNorms ? norm(d) : nil)
        }
        embedding = try matrix(TestDecoder.vocabulary, d)
        head = options.tied ? nil : try matrix(TestDecoder.vocabulary, d)
        finalNorm = norm(d)
    }

    var attentionScale: Float { 1 / Float(options.headDimensions).squareRoot() }

    /// The angle of pair `pair` at `position` in one of two tables.
    func angle(table: Int32, position: Int, pair: Int) -> Double {
        let base = table == 0 ? 100.0 : 10000.0
        return Double(position) * pow(base, -2 * Double(pair) / Double(options.rotaryDimensions))
    }

    /// Logits after every token, and the residual stream after every layer of every token.
    func reference(_ tokens: [Int], queryScales: [Float]) -> (logits: [[Float]], residuals: [[[Float]]]) {
        var keys = [[[Double]]](repeating: [], count: layers.count)
        var values = keys
        var logits: [[Float]] = []
        var residuals: [[[Float]]] = []
        for (position, token) in tokens.enumerated() {
            var x = row(embedding, token).map { $0 * Double(options.embeddingScale) }
            residuals.append([])
            for (index, layer) in layers.enumerated() {
                let branch = attention(
                    layer, index, position, normalised(x, layer.attentionNorm), Double(queryScales[position]),
                    &keys[index], &values[index])
                x = sum(x, normalised(branch, layer.postAttentionNorm))
                x = sum(
                    x, normalised(feedForward(layer, normalised(x, layer.feedForwardNorm)), layer.postFeedForwardNorm))
                residuals[position].append(x.map(Float.init))
            }
            let result = product(head ?? embedding, normalised(x, finalNorm))
            logits.append(result.map { Float(capped($0, options.logitSoftCap)) })
        }
        return (logits, residuals)
    }

    private func attention(
        _ layer: Layer, _ index: Int, _ position: Int, _ x: [Double], _ queryScale: Double,
        _ keys: inout [[Double]], _ values: inout [[Double]]
    ) -> [Double] {
        let size = options.headDimensions
        let query = heads(product(layer.query, x), layer.queryBias, layer.queryNorm, index, position)
        keys.append(heads(product(layer.key, x), layer.keyBias, layer.keyNorm, index, position))
        values.append(sum(product(layer.value, x), layer.valueBias))
        let window = Int(options.windows[index])
        let first = window > 0 ? max(0, position - window + 1) : 0
        var joined: [Double] = []
        for head in 0..<options.heads {
            let shared = head / (options.heads / options.keyValueHeads) * size
            let scores = (first...position).map { past in
                let products = (0..<size).map { query[head * size + $0] * keys[past][shared + $0] }
                return capped(
                    products.reduce(0, +) * Double(attentionScale) * queryScale, options.attentionSoftCap)
            }
            let largest = scores.max()!
            let weights = scores.map { exp($0 - largest) }
            let total = weights.reduce(0, +)
            for element in 0..<size {
                let terms = weights.indices.map { weights[$0] * values[first + $0][shared + element] }
                joined.append(terms.reduce(0, +) / total)
            }
        }
        return sum(product(layer.output, joined), layer.outputBias)
    }

    private func feedForward(_ layer: Layer, _ x: [Double]) -> [Double] {
        let gate = product(layer.gate, x)
        let up = product(layer.up, x)
        let hidden = zip(gate, up).map { gate, up in
            if options.activation == WF_ACTIVATION_SILU { return gate / (1 + exp(-gate)) * up }
            return 0.5 * gate * (1 + tanh((2 / Double.pi).squareRoot() * (gate + 0.044715 * gate * gate * gate))) * up
        }
        return product(layer.down, hidden)
    }

    /// Bias, norm and rotation of all heads.
    private func heads(_ x: [Double], _ bias: [Float]?, _ norm: [Float]?, _ index: Int, _ position: Int) -> [Double] {
        let size = options.headDimensions
        let pairs = options.rotaryDimensions / 2
        var result: [Double] = []
        let biased = sum(x, bias)
        for start in stride(from: 0, to: x.count, by: size) {
            var head = normalised(Array(biased[start..<start + size]), norm)
            for pair in 0..<pairs {
                let turn = angle(table: options.rotaryTables[index], position: position, pair: pair)
                let halves = options.rotaryPairs == WF_ROTARY_HALVES
                let (i, j) = halves ? (pair, pair + pairs) : (2 * pair, 2 * pair + 1)
                (head[i], head[j]) = (
                    head[i] * cos(turn) - head[j] * sin(turn), head[j] * cos(turn) + head[i] * sin(turn)
                )
            }
            result += head
        }
        return result
    }

    private func row(_ matrix: Matrix, _ index: Int) -> [Double] {
        matrix.expanded[index * matrix.columns..<(index + 1) * matrix.columns].map(Double.init)
    }

    private func product(_ matrix: Matrix, _ x: [Double]) -> [Double] {
        matrix.expanded.withUnsafeBufferPointer { weights in
            (0..<matrix.rows).map { row in
                var sum = 0.0
                for column in 0..<matrix.columns { sum += Double(weights[row * matrix.columns + column]) * x[column] }
                return sum
            }
        }
    }

    private func normalised(_ x: [Double], _ weight: [Float]?) -> [Double] {
        guard let weight else { return x }
        let square = x.map { $0 * $0 }.reduce(0, +) / Double(x.count)
        let factor = 1 / (square + 1e-6).squareRoot()
        return zip(x, weight).map { $0 * factor * Double($1) }
    }

    private func sum(_ x: [Double], _ y: [Double]) -> [Double] { zip(x, y).map { $0 + $1 } }

    private func sum(_ x: [Double], _ y: [Float]?) -> [Double] { y.map { zip(x, $0).map { $0 + Double($1) } } ?? x }

    private func capped(_ x: Double, _ cap: Float) -> Double { cap > 0 ? Double(cap) * tanh(x / Double(cap)) : x }
}
