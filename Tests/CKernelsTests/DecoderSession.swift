import CKernels
import Foundation
import Testing

/// The decoder under test with caches of its own.
final class DecoderSession {
    /// One token to decode: where, and in which of the caches.
    struct Row {
        var token: Int
        var position: Int
        var cache = 0
        var queryScale: Float = 1
    }

    let model: TestDecoder
    let capacity: Int
    private let pool: Pool?
    private let decoder: OpaquePointer
    private var views: [wf_cache_view] = []
    private var allocations: [UnsafeMutablePointer<Float>] = []
    private var lists: [UnsafeMutablePointer<UnsafeMutablePointer<Float>>] = []

    init(_ model: TestDecoder, caches: Int = 1, capacity: Int = 320, maximumRows: Int32 = 8, pool: Pool? = nil) throws {
        self.model = model
        self.capacity = capacity
        self.pool = pool
        let options = model.options
        var shape = wf_decoder_shape()
        shape.layers = Int32(model.layers.count)
        shape.dimensions = Int32(TestDecoder.dimensions)
        shape.heads = Int32(options.heads)
        shape.key_value_heads = Int32(options.keyValueHeads)
        shape.head_dimensions = Int32(options.headDimensions)
        shape.feed_forward = Int32(TestDecoder.feedForward)
        shape.vocabulary = Int32(TestDecoder.vocabulary)
        shape.rotary_dimensions = Int32(options.rotaryDimensions)
        shape.rotary_tables = 2
        shape.rotary_pairs = options.rotaryPairs
        shape.activation = options.activation
        shape.epsilon = 1e-6
        shape.attention_scale = model.attentionScale
        shape.attention_soft_cap = options.attentionSoftCap
        shape.logit_soft_cap = options.logitSoftCap
        shape.embedding_scale = options.embeddingScale

        var vectors: [UnsafeMutablePointer<Float>] = []
        defer { vectors.forEach { $0.deallocate() } }
        func copied(_ values: [Float]?) -> UnsafePointer<Float>? {
            guard let values else { return nil }
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
            pointer.initialize(from: values, count: values.count)
            vectors.append(pointer)
            return UnsafePointer(pointer)
        }
        let layers = model.layers.enumerated().map { index, layer in
            wf_decoder_layer(
                query: layer.query.pointer, key: layer.key.pointer, value: layer.value.pointer,
                output: layer.output.pointer, gate: layer.gate.pointer, up: layer.up.pointer, down: layer.down.pointer,
                query_bias: copied(layer.queryBias), key_bias: copied(layer.keyBias),
                value_bias: copied(layer.valueBias), output_bias: copied(layer.outputBias),
                attention_norm: copied(layer.attentionNorm), query_norm: copied(layer.queryNorm),
                key_norm: copied(layer.keyNorm), post_attention_norm: copied(layer.postAttentionNorm),
                feed_forward_norm: copied(layer.feedForwardNorm),
                post_feed_forward_norm: copied(layer.postFeedForwardNorm),
                window: options.windows[index], rotary_table: options.rotaryTables[index])
        }
        var status = WF_OK
        let created = wf_decoder_create(
            &shape, layers, model.embedding.pointer, model.finalNorm, model.head?.pointer, maximumRows, pool?.pointer,
            &status)
        #expect(status == WF_OK)
        decoder = try #require(created)

        let count = options.keyValueHeads * capacity * options.headDimensions
        func buffers() -> UnsafeMutablePointer<UnsafeMutablePointer<Float>> {
            let list = UnsafeMutablePointer<UnsafeMutablePointer<Float>>.allocate(capacity: model.layers.count)
            for layer in model.layers.indices {
                let buffer = UnsafeMutablePointer<Float>.allocate(capacity: count)
                // What was never written must never be read.
                buffer.initialize(repeating: .nan, count: count)
                allocations.append(buffer)
                (list + layer).initialize(to: buffer)
            }
            lists.append(list)
            return list
        }
        for _ in 0..<caches {
            views.append(wf_cache_view(keys: buffers(), values: buffers(), capacity: Int64(capacity)))
        }
    }

    deinit {
        wf_decoder_destroy(decoder)
        allocations.forEach { $0.deallocate() }
        lists.forEach { $0.deallocate() }
    }

    /// Runs one step.
    /// - Parameter hidden: `[rows][dimensions]` to start from in place of the tokens.
    func step(
        _ rows: [Row], layers: Range<Int> = 0..<3, hidden: [Float]? = nil
    ) -> (status: wf_status, residual: [Float], hidden: [Float], logits: [Float]) {
        let pairs = model.options.rotaryDimensions / 2
        var cosines: [Float] = []
        var sines: [Float] = []
        for table in Int32(0)..<2 {
            for row in rows {
                for pair in 0..<pairs {
                    let angle = model.angle(table: table, position: row.position, pair: pair)
                    cosines.append(Float(cos(angle)))
                    sines.append(Float(sin(angle)))
                }
            }
        }
        let tokens = rows.map { Int32($0.token) }
        let positions = rows.map { Int32($0.position) }
        let scales = rows.map { $0.queryScale }
        let caches = rows.map { views[$0.cache] }
        var residual = [Float](repeating: .nan, count: rows.count * TestDecoder.dimensions)
        var normalised = residual
        var logits = [Float](repeating: .nan, count: rows.count * TestDecoder.vocabulary)
        let status = tokens.withUnsafeBufferPointer { tokens in
            positions.withUnsafeBufferPointer { positions in
                scales.withUnsafeBufferPointer { scales in
                    caches.withUnsafeBufferPointer { caches in
                        cosines.withUnsafeBufferPointer { cosines in
                            sines.withUnsafeBufferPointer { sines in
                                (hidden ?? []).withUnsafeBufferPointer { start in
                                    var input = wf_decoder_input(
                                        rows: Int32(rows.count), tokens: tokens.baseAddress,
                                        positions: positions.baseAddress, caches: caches.baseAddress,
                                        cosines: cosines.baseAddress, sines: sines.baseAddress,
                                        query_scales: scales.baseAddress,
                                        hidden: hidden == nil ? nil : start.baseAddress,
                                        first_layer: Int32(layers.lowerBound), last_layer: Int32(layers.upperBound))
                                    return residual.withUnsafeMutableBufferPointer { residual in
                                        normalised.withUnsafeMutableBufferPointer { normalised in
                                            logits.withUnsafeMutableBufferPointer { logits in
                                                var output = wf_decoder_output(
                                                    residual: residual.baseAddress, hidden: normalised.baseAddress,
                                                    logits: logits.baseAddress)
                                                return wf_decoder_step(decoder, &input, &output)
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        return (status, residual, normalised, logits)
    }

    /// Feeds a text token by token.
    /// - Returns: the logits after every token.
    func run(_ tokens: [Int], cache: Int = 0, queryScales: [Float]? = nil) -> [[Float]] {
        tokens.enumerated().map { position, token in
            let row = Row(token: token, position: position, cache: cache, queryScale: queryScales?[position] ?? 1)
            let result = step([row])
            #expect(result.status == WF_OK)
            return result.logits
        }
    }
}
