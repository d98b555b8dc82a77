import CKernels
import Testing

typealias Options = TestDecoder.Options

/// One decoder for each trait of the families; texts reach past the span that attention is split into.
let familyOptions: [Options] = [
    Options(name: "llama"),
    Options(name: "llama, neighbouring pairs, own head", rotaryPairs: WF_ROTARY_NEIGHBOURS, tied: false),
    Options(name: "qwen 2: biases, one key-value head", keyValueHeads: 1, biases: true),
    Options(
        name: "qwen 3: head norms, wide heads", headDimensions: 32, rotaryDimensions: 32, headNorms: true, tied: false),
    Options(
        name: "gemma: windows, two tables, post-norms, GELU, caps", headNorms: true, postNorms: true,
        activation: WF_ACTIVATION_GELU_TANH, windows: [9, 0, 130], rotaryTables: [1, 0, 1], attentionSoftCap: 5,
        logitSoftCap: 3, embeddingScale: 8),
    Options(name: "part of a head rotated", headDimensions: 24, rotaryDimensions: 12),
    Options(name: "no rotation, as many key-value heads as heads", keyValueHeads: 4, rotaryDimensions: 0),
    Options(name: "Q4_1 in f32", kind: WF_MATRIX_Q4_1),
    Options(name: "Q8_0 in f32", kind: WF_MATRIX_Q8_0),
    Options(name: "bf16", kind: WF_MATRIX_BF16),
]

private func text(_ count: Int, seed: UInt64 = 8) -> [Int] {
    var numbers = Numbers(seed: seed)
    return (0..<count).map { _ in Int.random(in: 0..<TestDecoder.vocabulary, using: &numbers) }
}

extension KernelTests {
    @Suite("Decoder step")
    struct DecoderStep {
        @Test("Equals the plain computation at every level, for every family", arguments: familyOptions)
        func families(options: Options) throws {
            let model = try TestDecoder(options)
            let tokens = text(150)
            var numbers = Numbers(seed: 2)
            let scales = numbers.floats(tokens.count, 0.9...1.5)
            let expected = model.reference(tokens, queryScales: scales).logits
            let pool = try Pool(threads: 2)
            for level in levels {
                let session = try DecoderSession(model, pool: pool)
                let found = at(level) { session.run(tokens, queryScales: scales) }
                for position in tokens.indices {
                    let error = relativeError(found[position], expected[position])
                    #expect(error < 2e-5, "\(level), position \(position)")
                }
            }
        }

        @Test("Levels agree on 8-bit arithmetic within its own rounding", arguments: quantisedKinds)
        func integerSteps(kind: wf_matrix_kind) throws {
            let options = Options(name: "", kind: kind, arithmetic: WF_ARITHMETIC_INT8)
            let model = try TestDecoder(options)
            let tokens = text(40)
            let exact = model.reference(tokens, queryScales: [Float](repeating: 1, count: 40)).logits
            for level in levels {
                let found = try at(level) { try DecoderSession(model).run(tokens) }
                let errors = tokens.indices.map { relativeError(found[$0], exact[$0]) }
                #expect(errors.max()! < 0.25 && errors.reduce(0, +) / 40 < 0.08, "\(level): \(errors.max()!)")
            }
        }

        @Test("Rows of different length decode as each alone, bit for bit, on any number of threads")
        func rowsAreIndependent() throws {
            for arithmetic in [WF_ARITHMETIC_F32, WF_ARITHMETIC_INT8] {
                let options = Options(name: "", windows: [0, 20, 0], kind: WF_MATRIX_Q4_1, arithmetic: arithmetic)
                let model = try TestDecoder(options)
                let texts = [
                    text(3, seed: 1), text(140, seed: 2), text(17, seed: 3), text(1, seed: 4), text(60, seed: 5),
                ]
                let alone = try texts.map { try DecoderSession(model).run($0).last! }
                for threads: Int32 in [1, 3] {
                    let session = try DecoderSession(model, caches: 5, pool: Pool(threads: threads))
                    for (cache, tokens) in texts.enumerated() { _ = session.run(tokens.dropLast(), cache: cache) }
                    let rows = texts.enumerated().map { cache, tokens in
                        DecoderSession.Row(token: tokens.last!, position: tokens.count - 1, cache: cache)
                    }
                    let together = session.step(rows)
                    #expect(together.status == WF_OK)
                    #expect(together.logits == alone.flatMap { $0 })
                }
            }
        }

        @Test("Consecutive tokens of one text may go together")
        func chunks() throws {
            let model = try TestDecoder(Options(name: "", windows: [0, 3, 0]))
            let tokens = text(24)
            let single = try DecoderSession(model).run(tokens)
            let session = try DecoderSession(model)
            for start in stride(from: 0, to: 24, by: 8) {
                let rows = (start..<start + 8).map { DecoderSession.Row(token: tokens[$0], position: $0) }
                #expect(session.step(rows).logits == single[start..<start + 8].flatMap { $0 })
            }
        }

        @Test("Stopping after a layer and going on later is the whole step; the residual stream is the reference's")
        func layersInParts() throws {
            let model = try TestDecoder(Options(name: ""))
            let tokens = text(6)
            let whole = try DecoderSession(model).run(tokens)
            let residuals = model.reference(tokens, queryScales: [Float](repeating: 1, count: 6)).residuals
            let session = try DecoderSession(model)
            var early: [[Float]] = []
            for (position, token) in tokens.enumerated() {
                let first = session.step([.init(token: token, position: position)], layers: 0..<2)
                #expect(relativeError(first.residual, residuals[position][1]) < 1e-5)
                early.append(first.residual)
            }
            for position in tokens.indices {
                let rest = session.step([.init(token: 0, position: position)], layers: 2..<3, hidden: early[position])
                #expect(rest.logits == whole[position])
                #expect(relativeError(rest.residual, residuals[position][2]) < 1e-5)
            }
        }

        @Test("A rolled-back cache gives the same logits again")
        func rollBack() throws {
            let model = try TestDecoder(Options(name: ""))
            let session = try DecoderSession(model)
            let tokens = text(20)
            let first = session.run(tokens)
            _ = session.step([.init(token: 1, position: 12)])
            for position in 12..<20 {
                #expect(session.step([.init(token: tokens[position], position: position)]).logits == first[position])
            }
        }

        @Test("Tokens, positions and rows out of range are refused and change nothing")
        func refusals() throws {
            let model = try TestDecoder(Options(name: ""))
            let session = try DecoderSession(model, capacity: 4, maximumRows: 2)
            let row = DecoderSession.Row(token: 5, position: 0)
            let before = session.step([row]).logits
            func status(_ rows: [DecoderSession.Row], layers: Range<Int> = 0..<3) -> wf_status {
                session.step(rows, layers: layers).status
            }
            #expect(status([.init(token: -1, position: 1)]) == WF_TOKEN_OUT_OF_RANGE)
            #expect(status([.init(token: 83, position: 1)]) == WF_TOKEN_OUT_OF_RANGE)
            #expect(status([.init(token: 0, position: -1)]) == WF_POSITION_OUT_OF_RANGE)
            #expect(status([.init(token: 0, position: 4)]) == WF_POSITION_OUT_OF_RANGE)
            #expect(status([row, row, row]) == WF_TOO_MANY_ROWS)
            #expect(status([]) == WF_TOO_MANY_ROWS)
            #expect(status([row], layers: 0..<4) == WF_INVALID_SHAPE)
            #expect(session.step([row]).logits == before)
            #expect(String(cString: wf_status_text(WF_TOKEN_OUT_OF_RANGE)) == "a token is outside the vocabulary")
        }

        @Test("Matrices that do not fit the shape are refused")
        func shapes() throws {
            let matrix = try Matrix(WF_MATRIX_F32, rows: 8, columns: 8)
            let narrow = try Matrix(WF_MATRIX_F32, rows: 8, columns: 4)
            let ones = [Float](repeating: 1, count: 8)
            var shape = wf_decoder_shape(
                layers: 1, dimensions: 8, heads: 2, key_value_heads: 2, head_dimensions: 4, feed_forward: 8,
                vocabulary: 8, rotary_dimensions: 4, rotary_tables: 1, rotary_pairs: WF_ROTARY_HALVES,
                activation: WF_ACTIVATION_SILU, epsilon: 1e-6, attention_scale: 0.5, attention_soft_cap: 0,
                logit_soft_cap: 0, embedding_scale: 1)
            func status(down: OpaquePointer?, window: Int32 = 0, table: Int32 = 0) -> wf_status {
                ones.withUnsafeBufferPointer { ones in
                    var layer = wf_decoder_layer()
                    layer.query = matrix.pointer
                    layer.key = matrix.pointer
                    layer.value = matrix.pointer
                    layer.output = matrix.pointer
                    layer.gate = matrix.pointer
                    layer.up = matrix.pointer
                    layer.down = down
                    layer.attention_norm = ones.baseAddress
                    layer.feed_forward_norm = ones.baseAddress
                    layer.window = window
                    layer.rotary_table = table
                    var status = WF_OK
                    let decoder = wf_decoder_create(
                        &shape, &layer, matrix.pointer, ones.baseAddress!, nil, 1, nil, &status)
                    #expect((decoder != nil) == (status == WF_OK))
                    wf_decoder_destroy(decoder)
                    return status
                }
            }
            #expect(status(down: matrix.pointer) == WF_OK)
            #expect(status(down: narrow.pointer) == WF_INVALID_SHAPE)
            #expect(status(down: nil) == WF_INVALID_SHAPE)
            #expect(status(down: matrix.pointer, window: -1) == WF_INVALID_SHAPE)
            #expect(status(down: matrix.pointer, table: 1) == WF_INVALID_SHAPE)
            shape.key_value_heads = 0
            #expect(status(down: matrix.pointer) == WF_INVALID_SHAPE)
            shape.key_value_heads = 2
            shape.rotary_dimensions = 6
            #expect(status(down: matrix.pointer) == WF_INVALID_SHAPE)
        }
    }
}
