import CKernels
import Foundation
import Tensors

/// A decoder that reads and writes text token by token, in C kernels: no gradients, weights as small as their files.
///
/// Blocks of 4 and 8 bits are used as they are stored. Without `isExact` their products quantise activations to 8 bits and
/// other weights are rounded to bf16; with it every product is that of the dequantised weights in f32. An engine has
/// working memory of its own, so it does one thing at a time.
public final class StepEngine {
    public let configuration: DecoderConfiguration
    /// The most tokens of one step; longer texts are read in pieces.
    public let maximumRows: Int
    /// Bytes of weights that one step reads.
    public let weightBytes: Int
    private let decoder: OpaquePointer
    private let head: KernelMatrix
    /// What the decoder borrows.
    private let matrices: [KernelMatrix]
    private let pool: KernelPool
    private let tables: RotaryTables

    /// Reads the weights of a stored model.
    /// - Parameters:
    ///   - isExact: computes in f32.
    ///   - threads: how many threads share the work; physical cores are the best choice.
    /// - Throws: `WeightFileError`; `GenerationError` for parts that the kernels lack and for want of memory.
    public convenience init(
        _ source: WeightSource, isExact: Bool = false, maximumRows: Int = 64, threads: Int = Runtime.threadCount
    ) throws {
        try self.init(source.configuration, maximumRows: maximumRows, threads: threads) { name in
            try KernelMatrix.load(name, from: source, isExact: isExact)
        } vector: { name in
            try source.values(of: name)
        }
    }

    /// Takes over the weights of a decoder under their canonical names (``DecoderConfiguration/weights``), as they are now.
    /// - Parameter parameter: the tensor of a name, of any floating type.
    /// - Throws: `GenerationError`; what `parameter` throws.
    public convenience init(
        _ configuration: DecoderConfiguration, isExact: Bool = false, maximumRows: Int = 64,
        threads: Int = Runtime.threadCount, parameter: @escaping (String) throws -> Tensor
    ) throws {
        try self.init(configuration, maximumRows: maximumRows, threads: threads) { name in
            let tensor = try parameter(name)
            return try KernelMatrix.rounding(
                tensor.floats, rows: tensor.size(0), columns: tensor.size(1), isExact: isExact)
        } vector: { name in
            try parameter(name).floats
        }
    }

    private init(
        _ configuration: DecoderConfiguration, maximumRows: Int, threads: Int,
        matrix: @escaping (String) throws -> KernelMatrix, vector: @escaping (String) throws -> [Float]
    ) throws {
        if configuration.hasFeedForwardBiases {
            throw GenerationError.unsupported("its feed-forward block has biases")
        }
        self.configuration = configuration
        self.maximumRows = maximumRows
        tables = RotaryTables(configuration)
        pool = try KernelPool(threads: threads)
        var assembly = DecoderAssembly(configuration, matrix: matrix, vector: vector)
        defer { assembly.releaseVectors() }
        // The kernels read matrices in this order, and memory that lies in it is read ahead.
        var layers: [wf_decoder_layer] = []
        for layer in 0..<configuration.layers {
            layers.append(try assembly.layer(layer, table: tables.table(layer: layer)))
        }
        let finalNorm = try assembly.norm("model.norm.weight")
        let embedding = try assembly.matrix("model.embed_tokens.weight")
        head = configuration.isEmbeddingTied ? embedding : try assembly.matrix("lm_head.weight")
        matrices = assembly.matrices
        weightBytes = matrices.reduce(0) { $0 + $1.byteCount } - (head === embedding ? 0 : embedding.byteCount)
        var shape = configuration.kernelShape(rotaryTables: tables.count)
        var status = WF_OK
        guard
            let created = wf_decoder_create(
                &shape, layers, embedding.pointer, finalNorm!, head === embedding ? nil : head.pointer,
                Int32(clamping: maximumRows), pool.pointer, &status)
        else {
            throw GenerationError(status)
        }
        decoder = created
    }

    deinit { wf_decoder_destroy(decoder) }

    /// One token of a step: where it goes on.
    public struct Row {
        public var token: TokenID
        public var cache: KeyValueCache
        /// The row of the cache.
        public var row: Int

        public init(_ token: TokenID, _ cache: KeyValueCache, row: Int = 0) {
            self.token = token
            self.cache = cache
            self.row = row
        }
    }

    /// Which logits of a text are wanted.
    public enum Wanted: Sendable { case none, last, all }

    /// Reads one token each of several texts, of any lengths.
    /// - Parameter rows: at most ``maximumRows``, all of different cache rows.
    /// - Returns: the logits of the next tokens, `[rows × vocabularySize]`.
    /// - Throws: `GenerationError`.
    public func step(_ rows: [Row]) throws -> [Float] {
        for row in rows {
            try check(row.cache)
            row.cache.reserve(1)
        }
        let logits = try run(
            rows, positions: rows.map { $0.cache.lengths[$0.row] },
            rotaryLengths: rows.map { Self.rotaryLength($0.cache, $0.row) ?? 1 }, wanted: .all)
        for row in rows { row.cache.advance(row: row.row, by: 1) }
        return logits
    }

    /// Reads tokens that go on from what a row of a cache holds.
    ///
    /// Frequencies that depend on the length are chosen for the first text that a cache is given, and then stay.
    /// - Parameter shouldContinue: asked before every piece; when it says no, `CancellationError` is thrown.
    /// - Returns: logits `[vocabularySize]` for `.last`, `[tokens × vocabularySize]` for `.all`.
    /// - Throws: `GenerationError`, `CancellationError`; the cache then holds what it held before.
    @discardableResult
    public func read(
        _ tokens: [TokenID], into cache: KeyValueCache, row: Int = 0, wanted: Wanted = .last,
        while shouldContinue: () -> Bool = { true }
    ) throws -> [Float] {
        guard !tokens.isEmpty else { throw GenerationError.emptyPrompt }
        try check(cache)
        cache.reserve(tokens.count)
        let before = cache.lengths[row]
        let rotaryLength = Self.rotaryLength(cache, row) ?? before + tokens.count
        var logits: [Float] = []
        for start in stride(from: 0, to: tokens.count, by: maximumRows) {
            guard shouldContinue() else { throw CancellationError() }
            let piece = start..<min(start + maximumRows, tokens.count)
            logits += try run(
                tokens[piece].map { Row($0, cache, row: row) }, positions: piece.map { before + $0 },
                rotaryLengths: Array(repeating: rotaryLength, count: piece.count),
                wanted: wanted == .last && piece.upperBound < tokens.count ? .none : wanted)
        }
        cache.advance(row: row, by: tokens.count)
        return logits
    }

    private func check(_ cache: KeyValueCache) throws {
        guard cache.completeLayers == configuration.layers else {
            throw GenerationError.unfinishedCache(layers: cache.completeLayers, depth: configuration.layers)
        }
    }

    private static func rotaryLength(_ cache: KeyValueCache, _ row: Int) -> Int? {
        guard let length = cache.prefilledLengths?[row], length > 0 else { return nil }
        return length
    }

    private func run(_ rows: [Row], positions: [Int], rotaryLengths: [Int], wanted: Wanted) throws -> [Float] {
        let vocabulary = configuration.vocabularySize
        for row in rows where row.token < 0 || row.token >= vocabulary {
            throw GenerationError.tokenOutOfRange(row.token, vocabulary: vocabulary)
        }
        let rotation = tables.rotation(positions: positions, lengths: rotaryLengths)
        let tokens = rows.map(\.token)
        let places = positions.map { Int32(clamping: $0) }
        let addresses = CacheAddresses(rows)
        var input = wf_decoder_input()
        input.rows = Int32(clamping: rows.count)
        input.last_layer = Int32(configuration.layers)
        let count = wanted == .all ? rows.count * vocabulary : wanted == .last ? vocabulary : 0
        let width = configuration.hiddenDimensions
        var hidden = [Float](repeating: 0, count: wanted == .last ? rows.count * width : 0)
        var status = WF_OK
        var logits = [Float](unsafeUninitializedCapacity: count) { logits, initialized in
            initialized = count
            tokens.withUnsafeBufferPointer { tokens in
                places.withUnsafeBufferPointer { places in
                    rotation.withUnsafePointers { cosines, sines, scales in
                        hidden.withUnsafeMutableBufferPointer { hidden in
                            input.tokens = tokens.baseAddress
                            input.positions = places.baseAddress
                            input.caches = UnsafePointer(addresses.views)
                            input.cosines = cosines
                            input.sines = sines
                            input.query_scales = scales
                            var output = wf_decoder_output(
                                residual: nil, hidden: wanted == .last ? hidden.baseAddress : nil,
                                logits: wanted == .all ? logits.baseAddress : nil)
                            status = wf_decoder_step(decoder, &input, &output)
                            guard status == WF_OK, wanted == .last else { return }
                            let last = hidden.baseAddress! + (rows.count - 1) * width
                            status = wf_matrix_vector(head.pointer, last, 1, logits.baseAddress!, pool.pointer)
                        }
                    }
                }
            }
        }
        withExtendedLifetime((rows, addresses)) {}
        guard status == WF_OK else { throw GenerationError(status) }
        if wanted == .last, let cap = configuration.finalLogitSoftCap.map(Float.init) {
            for index in logits.indices { logits[index] = cap * tanh(logits[index] / cap) }
        }
        return logits
    }
}

extension GenerationError {
    init(_ status: wf_status) {
        self = status == WF_OUT_OF_MEMORY ? .outOfMemory : .kernel(String(cString: wf_status_text(status)))
    }
}
