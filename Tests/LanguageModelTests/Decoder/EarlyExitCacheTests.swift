import LanguageModel
import Layers
import Tensors
import Testing

@Suite("Cache after an early exit")
struct EarlyExitCacheTests {
    static var decoder: TransformerDecoder {
        DecoderFixtures.tiny {
            $0.layers = 4
            $0.layerWindows = [nil, 5, nil, 5]
        }
    }

    static func exit(_ cache: KeyValueCache, _ layers: Range<Int>, rowLengths: [Int]? = nil) -> DecoderPass {
        var pass = DecoderPass(cache: cache)
        pass.layers = layers
        pass.skipsFinalNorm = true
        pass.rowLengths = rowLengths
        return pass
    }

    /// The keys and values of every layer and the next logits are those of a full pass over each row alone.
    private func check(_ cache: KeyValueCache, holds rows: [[Int]]) {
        let decoder = Self.decoder
        #expect(cache.lengths == rows.map(\.count))
        #expect(cache.completeLayers == 4)
        let next = DecoderFixtures.tokens([rows.count, 1], seed: 77)
        let logits = decoder(next, DecoderPass(cache: cache))
        for (row, tokens) in rows.enumerated() {
            let alone = KeyValueCache(decoder.configuration)
            _ = decoder(Tensor(tokens, shape: [1, tokens.count]), DecoderPass(cache: alone))
            for layer in 0..<4 {
                for (one, other) in [(cache.keys, alone.keys), (cache.values, alone.values)] {
                    #expect(
                        one[layer].slice(row..<row + 1, along: 0).slice(0..<tokens.count, along: 2).isClose(
                            to: other[layer].slice(0..<tokens.count, along: 2), absoluteTolerance: 1e-4))
                }
            }
            let expected = decoder(next.slice(row..<row + 1, along: 0), DecoderPass(cache: alone))
            #expect(logits.slice(row..<row + 1, along: 0).isClose(to: expected, absoluteTolerance: 1e-4))
        }
        cache.rollBack(to: rows.map(\.count))
    }

    @Test("What is resumed at once is the full pass, and tokens count once", arguments: 1...3)
    func resumed(layers: Int) throws {
        let decoder = Self.decoder
        let text = DecoderFixtures.tokens([1, 12]).integers
        try withoutGradients {
            let cache = KeyValueCache(decoder.configuration, capacity: 2)
            var exits: [Tensor] = []
            // A prompt, then token by token.
            for range in [0..<7, 7..<8, 8..<9, 9..<12] {
                exits.append(
                    decoder.hiddenStates(
                        Tensor(Array(text[range]), shape: [1, range.count]), Self.exit(cache, 0..<layers)))
            }
            #expect(cache.lengths == [12] && cache.completeLayers == layers)
            var whole: [Tensor] = []
            var pass = DecoderPass()
            pass.observe = { hidden, _ in whole.append(hidden) }
            let tokens = Tensor(text, shape: [1, 12])
            let plain = decoder.hiddenStates(tokens, pass)
            #expect(Tensor.concatenated(exits, along: 1).isClose(to: whole[layers - 1], absoluteTolerance: 1e-4))
            let resumed = try #require(decoder.resume(cache))
            #expect(resumed.counts == [12])
            #expect(resumed.hidden.isClose(to: plain, absoluteTolerance: 1e-4))
            check(cache, holds: [text])
            #expect(decoder.resume(cache) == nil)
        }
    }

    @Test("The caller's own hidden states resume as well as those that the cache keeps")
    func ownStates() {
        let decoder = Self.decoder
        let tokens = DecoderFixtures.tokens([2, 6])
        withoutGradients {
            let cache = KeyValueCache(decoder.configuration, rows: 2)
            let middle = decoder.hiddenStates(tokens, Self.exit(cache, 0..<2))
            var upper = DecoderPass(cache: cache)
            upper.layers = 2..<4
            upper.hidden = middle
            let logits = decoder(tokens, upper)
            #expect(logits.isClose(to: decoder(tokens), absoluteTolerance: 1e-4))
            check(cache, holds: (0..<2).map { tokens.select($0, along: 0).integers })
        }
    }

    @Test("Rows of different length, two exits one above the other, then full tokens", arguments: [[1, 3], [2, 3]])
    func uneven(exits: [Int]) {
        let decoder = Self.decoder
        var rows = [DecoderFixtures.tokens([4], seed: 1).integers, DecoderFixtures.tokens([9], seed: 2).integers]
        withoutGradients {
            let cache = KeyValueCache(decoder.configuration, rows: 2, capacity: 3)
            func read(_ new: [[Int]], _ layers: Range<Int>) {
                let time = new.map(\.count).max()!
                let ids = new.flatMap { $0 + Array(repeating: 0, count: time - $0.count) }
                _ = decoder.hiddenStates(
                    Tensor(ids, shape: [2, time]), Self.exit(cache, layers, rowLengths: new.map(\.count)))
            }
            read(rows, 0..<exits[0])
            for step in 0..<3 {
                // The second row ends earlier.
                let new = [[step + 5], step < 1 ? [step + 9] : []]
                read(new, 0..<exits[0])
                for row in 0..<2 { rows[row] += new[row] }
            }
            decoder.resume(cache, through: exits[1])
            #expect(cache.completeLayers == exits[1])
            read([[3], [4]], 0..<exits[1])
            for row in 0..<2 { rows[row].append(3 + row) }
            let resumed = decoder.resume(cache)
            #expect(resumed?.counts == [8, 11])
            check(cache, holds: rows)
        }
    }

    @Test(
        "Tokens that left at different layers are gathered on the way up, in one call or in steps",
        arguments: [[3, 1], [3, 2, 1], [2, 1, 1], [4, 3, 1]], [nil, 2, 3])
    func exitsAtDifferentLayers(exits: [Int], step: Int?) throws {
        let decoder = Self.decoder
        var rows: [[Int]] = [[], []]
        try withoutGradients {
            let cache = KeyValueCache(decoder.configuration, rows: 2, capacity: 3)
            for (index, layers) in exits.enumerated() {
                let new = [5 - index, 2 + index].enumerated().map {
                    DecoderFixtures.tokens([$1], seed: UInt64(10 * index + $0)).integers
                }
                let time = new.map(\.count).max()!
                let ids = new.flatMap { $0 + Array(repeating: 0, count: time - $0.count) }
                _ = decoder.hiddenStates(
                    Tensor(ids, shape: [2, time]), Self.exit(cache, 0..<layers, rowLengths: new.map(\.count)))
                for row in 0..<2 { rows[row] += new[row] }
            }
            #expect(cache.completeLayers == exits.last)
            if let step {
                decoder.resume(cache, through: step)
                #expect(cache.completeLayers >= step)
            }
            var mapped = 0
            var pass = DecoderPass()
            pass.mapHidden = { hidden in
                mapped += 1
                return hidden
            }
            let resumed = try #require(decoder.resume(cache, pass))
            // Hidden states are mapped once, at the end.
            #expect(mapped == 1)
            let whole = decoder.hiddenStates(Tensor(rows[0], shape: [1, rows[0].count]))
            let count = resumed.counts[0]
            #expect(
                resumed.hidden.slice(0..<1, along: 0).slice(0..<count, along: 1).isClose(
                    to: whole.slice(rows[0].count - count..<rows[0].count, along: 1), absoluteTolerance: 1e-4))
            check(cache, holds: rows)
        }
    }

    @Test("Writing over a cache with layers left out is refused, where these would have to run")
    func unfinished() throws {
        let decoder = Self.decoder
        let cache = KeyValueCache(decoder.configuration)
        _ = withoutGradients { decoder.hiddenStates(DecoderFixtures.tokens([1, 6]), Self.exit(cache, 0..<2)) }
        let options = GenerationOptions(maximumTokens: 3)
        for head in [nil, LanguageHead(copying: decoder, layer: 3, hasNorm: true)] {
            #expect(throws: GenerationError.unfinishedCache(layers: 2, depth: 4)) {
                try decoder.write(after: [[1]], options: options, head: head, DecoderPass(cache: cache))
            }
        }
        #expect(cache.lengths == [6])
        let low = LanguageHead(copying: decoder, layer: 1, hasNorm: true)
        let written = try decoder.write(after: [[1]], options: options, head: low, DecoderPass(cache: cache))
        #expect(written[0].tokens.count == 3)
        withoutGradients { _ = decoder.resume(cache) }
        #expect(cache.completeLayers == 4 && cache.lengths == [9])
    }

    @Test("Rolled back and forked before it is resumed, a cache holds what is left", arguments: 1...3)
    func rollBackAndFork(layers: Int) {
        let decoder = Self.decoder
        let text = DecoderFixtures.tokens([1, 10]).integers
        withoutGradients {
            let cache = KeyValueCache(decoder.configuration, capacity: 4)
            _ = decoder(Tensor(Array(text[..<3]), shape: [1, 3]), DecoderPass(cache: cache))
            _ = decoder.hiddenStates(Tensor(Array(text[3...]), shape: [1, 7]), Self.exit(cache, 0..<layers))
            let fork = cache.fork(rows: 2)
            cache.rollBack(to: 6)
            #expect(decoder.resume(cache)?.counts == [3])
            check(cache, holds: [Array(text[..<6])])
            // Below what the upper layers have seen.
            let short = fork.fork()
            short.rollBack(to: [2, 5])
            #expect(decoder.resume(short)?.counts == [0, 2])
            check(short, holds: [Array(text[..<2]), Array(text[..<5])])
            #expect(decoder.resume(fork)?.counts == [7, 7])
            check(fork, holds: [text, text])
        }
    }

    @Test("The kernels refuse a cache with layers left out, and go on when they have been resumed")
    func stepEngine() throws {
        let decoder = Self.decoder
        let parameters = Dictionary(uniqueKeysWithValues: decoder.parameters.map { ($0.name, $0.tensor) })
        let engine = try StepEngine(decoder.configuration, isExact: true, threads: 1) { parameters[$0]! }
        let cache = KeyValueCache(decoder.configuration)
        let tokens = DecoderFixtures.tokens([1, 6])
        _ = withoutGradients { decoder.hiddenStates(tokens, Self.exit(cache, 0..<2)) }
        #expect(throws: GenerationError.unfinishedCache(layers: 2, depth: 4)) { try engine.read([1], into: cache) }
        withoutGradients { _ = decoder.resume(cache) }
        let logits = try engine.read([1], into: cache)
        let whole = withoutGradients { decoder(.concatenated([tokens, Tensor([1], shape: [1, 1])], along: 1)) }
        #expect(Tensor(logits).isClose(to: whole.select(0, along: 0).select(-1, along: 0), absoluteTolerance: 1e-3))
    }
}
